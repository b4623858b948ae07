package spltest

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// Where a behaviour is documented, in Splunk's manuals of version 10.0, and one
// by a client of Splunk's.
const (
	refSearch   = "Search Reference, search"
	refNot      = "Search Manual, Difference between NOT and !="
	refWild     = "Search Manual, Wildcards"
	refWhere    = "Search Reference, where"
	refBoolean  = "Search Manual, Boolean expressions with logical operators"
	refTypes    = "Search Manual, Types of expressions"
	refCompare  = "Search Reference, Comparison and Conditional functions"
	refMulti    = "Search Reference, Multivalue eval functions"
	refStats    = "Search Reference, stats"
	refEvents   = "Search Reference, eventstats"
	refRegex    = "Search Reference, regex"
	refTime     = "Search Reference, Time modifiers"
	refSpath    = "Search Reference, spath"
	refText     = "Search Reference, Text functions"
	refJSON     = "Search Reference, JSON functions"
	refSort     = "Search Reference, sort"
	refDedup    = "Search Reference, dedup"
	refFill     = "Search Reference, fillnull"
	refMacro    = "Knowledge Manager Manual, Define search macros in Settings"
	refConfl    = "the searches in Confluent's own example of audit logs in Splunk"
	refEval     = "Search Reference, eval"
	refDate     = "Search Reference, Date and time format variables"
	refTimechrt = "Search Reference, timechart"
)

// documented are the events that the searches of the table look at, by name.
func documented() []Event {
	at := time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)
	var out []Event
	for i, raw := range []string{
		`{"n":"a","user":"Alice","code":400,"tags":["red","Blue"],"ip":"10.10.10.12","ok":false,"nil":null,"empty":"","obj":{"x":1}}`,
		`{"n":"b","user":"bob","code":404,"tags":["red"],"ip":"50.10.10.17","ok":true,"path":"C:\\temp","num":"1.0"}`,
		`{"n":"c","user":"Carol's \"x\" | y","code":1000,"ip":"2001:db8::1","list":[{"k":1,"v":"p"},{"k":2,"v":"q"}],"star":"a*b","num":"1"}`,
		`{"n":"d","code":99,"word":"the failed login","m":[["x"],["y","z"]],"dotted.name":"v"}`,
	} {
		out = append(out, Event{
			Raw: []byte(raw), Time: at.Add(-time.Duration(i) * time.Hour), IndexTime: at.Add(time.Duration(i) * time.Minute),
			Index: "main", Sourcetype: "confluent:auditlog",
		})
	}
	return out
}

func run(t *testing.T, search string) ([]Row, error) {
	t.Helper()
	return Run(search, documented(), Options{
		Now:    time.Date(2026, 11, 23, 10, 30, 0, 0, time.UTC),
		Macros: map[string]Macro{"bobs": {Definition: "user=bob"}, "by(1)": {Args: []string{"who"}, Definition: "user=$who$"}},
	})
}

func TestDocumentedSearches(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ search, want, source string }{
		{`user=alice`, "a", refSearch},
		{`user="ALICE"`, "a", refSearch},
		{`User=alice`, "", "Search Manual, Use fields to retrieve events: names of fields have case"},
		{`user=CASE(alice)`, "", refSearch},
		{`user=CASE(Alice)`, "a", refSearch},
		{`code=40*`, "ab", refSearch},
		{`code IN (40*, 99)`, "abd", refSearch},
		{`code IN("400", "1000")`, "ac", refSearch},
		{`NOT code IN (400, 404)`, "cd", refSearch},
		{`num=1`, "c", refSearch + `: "1" does not match "1.0"`},
		{`code>400`, "bc", refSearch + ": numbers by number"},
		{`code>=400 code<1000`, "ab", refSearch},
		{`user>"Bz"`, "bc", refSearch + ": texts by lexicographical order, capitals first"},
		{`user!=bob`, "ac", refNot + ": the field must be there"},
		{`NOT user=bob`, "acd", refNot},
		{`user!=*`, "", refSearch},
		{`NOT user=*`, "d", refSearch},
		{`ip="10.10.10.0/24"`, "a", refSearch + ", CIDR matching"},
		{`ip="2001:db8::/32"`, "c", refSearch},
		{`tags{}=blue`, "a", "Search Manual, Evaluate and manipulate fields with multiple values: any of the values"},
		{`tags{}=red tags{}=blue`, "a", "as above"},
		{`tags=red`, "", refSpath},
		{`list{}.v=q`, "c", refSpath},
		{`m{}{}=z`, "d", refSpath},
		{`ok="false"`, "a", refConfl},
		{`obj=*`, "", refSpath},
		{`obj.x=1`, "a", refSpath},
		{`dotted.name=v`, "d", refSpath},
		{`user=bob OR user=alice code=404`, "b", refBoolean + ": OR before AND"},
		{`(user=bob OR user=alice) AND NOT code=404`, "a", refBoolean},
		{`NOT user=bob OR code=404`, "abcd", refBoolean + ": NOT before OR"},
		{`failed login`, "d", refSearch},
		{`"failed login"`, "d", refSearch},
		{`"login failed"`, "", refSearch + ": a phrase keeps its order"},
		{`fail`, "", "Search Manual, Use CASE and TERM: a word is a whole one"},
		{`fail*`, "d", refWild},
		{`FAILED`, "d", refSearch},
		{`user="Carol's \"x\" | y"`, "c", refSearch + ", Quotes and escaping"},
		{`user="*\"x\"*"`, "c", refSearch},
		{`user="Carol's \"x\" \| y"`, "c", refSearch},
		{`path="C:\\temp"`, "b", refSearch},
		{`star="a*b"`, "c", refWild},
		{`user="*"`, "abc", refWild},
		{`* | search user=bob`, "b", refSearch},
		{"`bobs`", "b", refMacro},
		{"`by(\"alice\")` ```the first```", "a", refMacro},
		{`index=main sourcetype="confluent:auditlog" user=bob`, "b", refSearch},
		{`index=other user=bob`, "", refSearch},
		{`earliest=-80m`, "a", refTime + ": without latest until now"},
		{`earliest=-90m@h`, "ab", refTime},
		{`earliest=-2h@h latest=@h`, "bc", refTime + ": latest is not included"},
		{`_index_earliest=10:00`, "error", refTime},
		{`_index_earliest=1795428120 _index_latest=1795428180`, "c", refTime},
		{`_index_earliest=-28m`, "cd", refTime},
		{`* | regex user="^A"`, "a", refRegex + ": with case, not anchored"},
		{`* | regex user="l"`, "ac", refRegex},
		{`* | where user="Alice"`, "a", refWhere},
		{`* | where user="alice"`, "", refWhere + ": with case"},
		{`* | where user="A*"`, "", refWhere + ": only like knows wildcards"},
		{`* | where like(user, "A%")`, "a", refCompare},
		{`* | where user LIKE "_ob"`, "b", refCompare},
		{`* | where NOT user="bob"`, "ac", refWhere + ": true only; what is asked of null is null"},
		{`* | where user!="bob"`, "ac", refWhere},
		{`* | where isnull(user)`, "d", refCompare},
		{`* | where isnull(user) OR user="bob"`, "bd", refWhere},
		{`* | where code=400 OR code=404 AND user="x"`, "a", refBoolean + ": AND before OR"},
		{`* | where code=400 XOR ok="true"`, "ab", refBoolean},
		{`* | where 'obj.x'=1`, "a", refWhere + ": single quotation marks name a field"},
		{`* | where code/4=100`, "a", refWhere},
		{`* | where match(user, "^[a-z]")`, "b", refCompare},
		{`* | where match(ip, "^\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}$")`, "ab", refCompare},
		{`* | where path="C:\\temp"`, "b", refTypes},
		{`* | where cidrmatch("10.10.10.0/24", ip)`, "a", refCompare},
		{`* | where cidrmatch("2001:db8::/32", ip)`, "c", refCompare},
		{`* | where user IN ("bob", "Alice")`, "ab", refCompare},
		{`* | where in(user, "bob", "x")`, "b", refCompare},
		{`* | where mvcount('tags{}')=2`, "a", refMulti},
		{`* | where isnull(mvcount('tags{}'))`, "cd", refMulti},
		{`* | where mvcount(mvfilter('tags{}'="Blue"))>0`, "a", refMulti},
		{`* | where isnotnull(mvfilter(!match('tags{}', "red")))`, "a", refMulti},
		{`* | where mvindex('tags{}', -1)="red"`, "b", refMulti},
		{`* | where mvjoin('tags{}', ";")="red;Blue"`, "a", refMulti},
		{`* | where mvfind('tags{}', "B")=1`, "a", refMulti},
		{`* | where coalesce(user, n)="d"`, "d", refCompare},
		{`* | where nullif(user, "bob")=user`, "ac", refCompare},
		{`* | where if(user="bob", 1, 0)=0`, "acd", refCompare + ": null is not true"},
		{`* | where case(code<100, "low", true(), "high")="low"`, "d", refCompare},
		{`* | where lower(user)="alice"`, "a", refText},
		{`* | where len(user)=3`, "b", refText},
		{`* | where substr(user, 1, 2)="bo"`, "b", refText},
		{`* | where substr(user, -3)="ice"`, "a", refText},
		{`* | where replace(user, "^(.)ob$", "\1ill")="bill"`, "b", refText},
		{`* | where tonumber(num)=1`, "bc", refEval},
		{`* | where user . "!" = "bob!"`, "b", refEval},
		{`* | where json_extract(_raw, "obj.x")=1`, "a", refJSON},
		{`* | where json_extract(_raw, "list{1}.v")="q"`, "c", refJSON},
		{`* | where mvcount(json_array_to_mv(json_extract(_raw, "tags")))=2`, "a", refJSON},
		{`* | where strftime(_time, "%H:%M %w")="09:00 1"`, "b", refDate},
		{`* | where relative_time(now(), "-1h@h")=_time`, "b", refDate},
		{`* | where relative_time(_time, "@d+10h")=_time`, "a", refDate},
		{`* | eval user=mvmap('tags{}', upper('tags{}')) | search user=RED | where mvcount(user)=1`, "b", refMulti},
		{`* | eval x=mvappend("red", 'tags{}') | where mvcount(x)>mvcount(mvdedup(x))`, "ab", refMulti},
		{`* | fillnull value=none user | search user=none`, "d", refFill},
		{`* | dedup ok`, "ab", refDedup + ": rows without the field go"},
		{`* | sort code | head 2`, "da", refSort + ": numbers by number"},
		{`* | sort - code | tail 1`, "d", refSort},
		{`* | sort 0 user | head 3`, "acb", refSort + ": capitals first, rows without the field last"},
		{`* | eventstats count by ok | where count=1`, "ab", refEvents},
		{`* | mvexpand tags{} | search tags{}=Blue`, "a", "Search Reference, mvexpand"},
		{`* | rex field=user "^(?<first>\w)o" | search first=b`, "b", "Search Reference, rex"},
		{`* | rename tags{} AS t | where mvcount(t)=2`, "a", "Search Reference, rename"},
		{`nil="null"`, "a", "Splunk's users: a null of JSON is the text null"},
		{`empty=""`, "a", refSearch},
	} {
		rows, err := run(t, tt.search)
		if tt.want == "error" {
			if err == nil {
				t.Errorf("%s: no error", tt.search)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", tt.search, err)
			continue
		}
		got := ""
		for _, r := range rows {
			got += strings.Join(r["n"], "+")
		}
		if !strings.Contains(tt.search, "sort") {
			letters := strings.Split(got, "")
			slices.Sort(letters)
			got = strings.Join(letters, "")
		}
		if got != tt.want {
			t.Errorf("%s found %q, want %q (%s)", tt.search, got, tt.want, tt.source)
		}
	}
}

func TestDocumentedResults(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		search string
		want   []Row
		source string
	}{
		{`user=nobody | stats count`, []Row{{"count": {"0"}}}, refStats + ": one row without by"},
		{`user=nobody | stats count by n`, []Row{}, refStats},
		{`* | stats count by tags{}`, []Row{{"tags{}": {"Blue"}, "count": {"1"}}, {"tags{}": {"red"}, "count": {"2"}}}, refStats + ": a row for each value"},
		{
			`* | stats dc(tags{}) as d, count(tags{}) as c, values(tags{}) as v`,
			[]Row{{"d": {"2"}, "c": {"3"}, "v": {"Blue", "red"}}},
			"Search Reference, Multivalue stats and chart functions: distinct, in lexicographical order",
		},
		{`* | stats min(code) max(code) sum(code) as s`, []Row{{"min(code)": {"99"}, "max(code)": {"1000"}, "s": {"1903"}}}, "Search Reference, Aggregate functions: numbers by number"},
		{`code<1000 | stats avg(code) as a stdev(code) as s`, []Row{{"a": {"301"}, "s": {"174.94856"}}}, "Search Reference, Aggregate functions: of a sample"},
		{`* | stats count(eval(code>400)) as n`, []Row{{"n": {"2"}}}, refStats},
		{`* | stats earliest(n) as e latest(n) as l`, []Row{{"e": {"d"}, "l": {"a"}}}, "Search Reference, Time functions"},
		{`n=a OR n=b | stats count by _time | bin span=1d _time | table _time`, []Row{{"_time": {"1795392000"}}, {"_time": {"1795392000"}}}, "Search Reference, bin"},
		{`earliest=-3h@h latest=@h | timechart span=1h count`, []Row{
			{"_time": {"1795417200"}, "count": {"1"}}, {"_time": {"1795420800"}, "count": {"1"}}, {"_time": {"1795424400"}, "count": {"1"}},
		}, refTimechrt},
		{`earliest=-5h@h latest=-3h@h | timechart span=1h count`, []Row{{"_time": {"1795410000"}, "count": {"0"}}, {"_time": {"1795413600"}, "count": {"0"}}}, refTimechrt + ": a bin without events counts 0"},
		{`* | sort code | streamstats count sum(code) as s | where count=2 | table s`, []Row{{"s": {"499"}}}, "Search Reference, streamstats"},
		{`earliest=-3h@h latest=@h n=b | addinfo | table info_*`, []Row{{"info_min_time": {"1795417200"}, "info_max_time": {"1795428000"}, "info_search_time": {"1795429800"}}}, "Search Reference, addinfo"},
		{`user=bob | stats count | search *`, []Row{{"count": {"1"}}}, refWild + ": a star alone asks for everything"},
		{`n=a | fields - _* | fields user, ta*`, []Row{{"user": {"Alice"}, "tags{}": {"red", "Blue"}}}, "Search Reference, fields"},
		{`n=a | eval x=1/3 | eval y=round(x, 2), z=floor(7.9), w=2.0, s="7"+1 | table x y z w s`, []Row{{"x": {"0.3333333333333333"}, "y": {"0.33"}, "z": {"7"}, "w": {"2"}, "s": {"8"}}}, refEval},
	} {
		got, err := run(t, tt.search)
		if err != nil {
			t.Errorf("%s: %v", tt.search, err)
			continue
		}
		for _, r := range got {
			if s := r["s"]; len(s) == 1 && strings.HasPrefix(s[0], "174.948") {
				s[0] = s[0][:9]
			}
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (%s): -want +got\n%s", tt.search, tt.source, diff)
		}
	}
}

// TestRefuses holds that nothing of a search is passed over in silence, and
// that what Splunk does not document has no answer.
func TestRefuses(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		search       string
		undocumented bool
	}{
		{`* | lookup x y`, false},
		{`* | tstats count`, false},
		{`| makeresults`, false},
		{"`unknown`", false},
		{`user='bob'`, true},
		{`user=a\*b`, true},
		{`star="a\*b"`, true},
		{`tags{}!=red`, true},
		{`user==bob`, false},
		{`user=AND`, false},
		{`(user=bob`, false},
		{`user="bob`, false},
		{`NOT earliest=-1h`, true},
		{`user=bob OR earliest=-1h`, true},
		{`user=[search x]`, true},
		{`* | where data.user="x"`, true},
		{`* | where 'tags{}'="red"`, true},
		{`* | where match('tags{}', "red")`, true},
		{`* | where lower('tags{}')="red"`, true},
		{`* | where num="1"`, true},
		{`* | where user>1`, true},
		{`* | where user`, false},
		{`* | where unknown(user)`, false},
		{`* | where user="bob" and code=1`, false},
		{`* | where like(path, "a\%")`, true},
		{`* | where match(user, "(?=x)")`, false},
		{`* | eval x=isnull(user)`, false},
		{`* | eval a.b=1`, false},
		{`* | stats percentile(code)`, false},
		{`* | stats count as`, false},
		{`* | head limit=3`, false},
		{`* | where user="x" |`, false},
		{`* | stats count | search word`, true},
		{`* | stats count by tags{} | eventstats latest(count) as x`, true},
	} {
		_, err := run(t, tt.search)
		if err == nil {
			t.Errorf("%s: no error", tt.search)
		} else if got := errors.Is(err, ErrUndocumented); got != tt.undocumented {
			t.Errorf("%s: undocumented is %v, want %v: %v", tt.search, got, tt.undocumented, err)
		}
	}
}

// TestCutoff holds the default of limits.conf, [spath] extraction_cutoff.
func TestCutoff(t *testing.T) {
	t.Parallel()
	event := []Event{{Raw: []byte(`{"a":"x","pad":"` + strings.Repeat("y", 5000) + `","b":"x"}`)}}
	for _, tt := range []struct {
		search string
		cutoff int
		want   int
	}{{"a=x", 5000, 1}, {"b=x", 5000, 0}, {"pad=*", 5000, 0}, {"b=x", 0, 1}, {"b=x", 6000, 1}} {
		rows, err := Run(tt.search, event, Options{Cutoff: tt.cutoff})
		if err != nil || len(rows) != tt.want {
			t.Errorf("%s with the cut at %d: %d rows, %v; want %d", tt.search, tt.cutoff, len(rows), err, tt.want)
		}
	}
}

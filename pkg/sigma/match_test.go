package sigma

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const nested = `{
  "time": "2026-02-22T03:25:53.854Z",
  "data": {
    "methodName": "kafka.CreateTopics",
    "granted": false, "grantedText": "false", "nothing": null, "empty": "",
    "port": 9092, "share": -1.5e1, "portText": "9092", "big": 1e400,
    "ip": "192.0.2.41", "ip6": "2001:DB8::1", "mapped": "::ffff:192.0.2.41", "listener": "192.0.2.41:9092", "loop": "::1",
    "path": "C:\\temp\\*\u00e9", "lines": "one\nTWO", "street": "Stra\u00dfe \u2126",
    "requestId": ["a1", "B2", 3, null, true],
    "none": [],
    "clientAddress": [{"ip": "10.1.2.3"}, {"ip": "198.51.100.7", "port": 1}],
    "cloudResources": [
      {"scope": {"resources": [{"type": "ORGANIZATION", "resourceId": "org-1"}, {"type": "ENVIRONMENT", "resourceId": "env-1"}]}, "resource": {"type": "TOPIC", "resourceId": "orders"}},
      {"scope": {"resources": [{"type": "ENVIRONMENT", "resourceId": "env-2"}]}, "resource": {"type": "TOPIC", "resourceId": "payments"}}
    ],
    "matrix": [["x", ["y"]], [{"z": 1}]],
    "retention.ms": "604800000", "config": {"a.b": {"c": "dotted"}},
    "na\u006de": "escaped name", "back\\slash": "b",
    "new\nline": "n", "smile": "\ud83d\ude00b", "half": "\ud83d\u0041",
    "twice": "first", "twice": "second", "copy": "ORG-1"
  }
}`

// TestTests asks every kind of question of one event.
func TestTests(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, field string // as in YAML
		want        bool
	}{
		{"text", "data.methodName: kafka.CreateTopics", true},
		{"text, other case", "data.methodName: KAFKA.createtopics", true},
		{"text, part of it", "data.methodName: kafka.Create", false},
		{"text, longer", "data.methodName: kafka.CreateTopicss", false},
		{"list", "data.methodName: [DeleteTopics, kafka.CreateTopics]", true},
		{"list, none of it", "data.methodName: [DeleteTopics, CreateTopics]", false},
		{"the field's name has a case", "data.methodname: kafka.CreateTopics", false},
		{"top level", "time|startswith: '2026-02-22T'", true},

		{"boolean", "data.granted: false", true},
		{"boolean, other", "data.granted: true", false},
		{"boolean by its text", "data.granted: 'FALSE'", true},
		{"text by a boolean", "data.grantedText: false", true},
		{"number", "data.port: 9092", true},
		{"number by its text", "data.port: '9092'", true},
		{"text by a number", "data.portText: 9092", true},
		{"number is not rounded", "data.port: 9092.0", false},
		{"number as it is written", "data.share: -1.5e1", true},
		{"number, wildcard", "data.port: 90*", true},

		{"empty", "data.empty: ''", true},
		{"empty, not null", "data.nothing: ''", false},
		{"empty, not absent", "data.absent: ''", false},
		{"null", "data.nothing: null", true},
		{"null, empty text", "data.empty: null", false},
		{"null, absent", "data.absent: null", true},
		{"null, absent below a text", "data.methodName.x: null", true},
		{"null, an object is there", "data.config: null", false},
		{"null in an array", "data.requestId{}: null", true},
		{"null is not the text", "data.nothing: 'null'", false},
		{"null is not like anything", "data.nothing: '*'", false},
		{"exists", "data.methodName|exists: true", true},
		{"exists, not", "data.methodName|exists: false", false},
		{"exists, absent", "data.absent|exists: false", true},
		{"exists, null", "data.nothing|exists: true", true},
		{"exists, object", "data.config|exists: true", true},
		{"exists, array", "data.none|exists: true", true},
		{"exists, element", "data.none{}|exists: true", false},

		{"star", "data.methodName: 'kafka.*topics'", true},
		{"star, middle twice", "data.methodName: '*a*e*o*'", true},
		{"star, overlap", "data.methodName: 'kafka.Create*eTopics'", false},
		{"star alone", "data.empty: '*'", true},
		{"star, any kind", "data.granted: 'f*'", true},
		{"question mark", "data.methodName: 'kafka?CreateTopics'", true},
		{"question mark is a character, not a byte", "data.street: 'stra?e ?'", true},
		{"question mark needs one", "data.methodName: 'kafka.CreateTopics?'", false},
		{"question mark behind a star", "data.methodName: '*topic?'", true},
		{"question marks behind a star are characters", "data.smile: '*??b*'", false},
		{"question mark, a surrogate pair", "data.smile: '?b'", true},
		{"half of a surrogate pair", "data.half: \"\ufffdA\"", true},
		{"escaped star", `data.path: 'c:\temp\\\*é'`, true},
		{"escaped backslash, then a star", `data.path: 'c:\temp\\*'`, true},
		{"escaped star is no wildcard", `data.methodName: 'kafka.\*'`, false},
		{"double backslash", `data.path|startswith: 'c:\\temp\\'`, true},
		{"unicode, other case", "data.street|contains: 'STRAßE'", true},
		{"unicode, simple folding only", "data.street|contains: strasse", false},
		{"unicode, the ohm sign is an omega", "data.street|endswith: 'ω'", true},

		{"contains", "data.methodName|contains: CREATE", true},
		{"contains, not", "data.methodName|contains: Delete", false},
		{"contains with a wildcard", "data.methodName|contains: 'k*a.c?e'", true},
		{"contains, list", "data.methodName|contains: [Delete, topics]", true},
		{"contains, all", "data.methodName|contains|all: [Create, topics]", true},
		{"contains, not all", "data.methodName|contains|all: [Create, Delete]", false},
		{"startswith", "data.methodName|startswith: Kafka.", true},
		{"startswith, not", "data.methodName|startswith: afka.", false},
		{"endswith", "data.methodName|endswith: topics", true},
		{"endswith, not", "data.methodName|endswith: topic", false},
		{"cased", "data.methodName|cased: kafka.CreateTopics", true},
		{"cased, other case", "data.methodName|cased: kafka.createTopics", false},
		{"cased contains", "data.methodName|contains|cased: Create", true},
		{"cased contains, other case", "data.methodName|contains|cased: create", false},
		{"cased, list, escapes", "data.street|cased: [x, 'Straße \u2126']", true},

		{"re", "data.methodName|re: '^kafka\\.\\w+s$'", true},
		{"re is not anchored", "data.methodName|re: eTop", true},
		{"re has a case", "data.methodName|re: etop", false},
		{"re, i", "data.methodName|re|i: etop", true},
		{"re, m", "data.lines|re|m: '^TWO$'", true},
		{"re without m", "data.lines|re: '^TWO$'", false},
		{"re, s", "data.lines|re|s: 'e.T'", true},
		{"re without s", "data.lines|re: 'e.T'", false},
		{"re, all flags", "data.lines|re|i|m|s: 'ONE.^two$'", true},
		{"re, text without escapes", `data.path|re: '\\temp\\\*é$'`, true},
		{"re, all", "data.methodName|re|all: ['^kafka', 'Topics$']", true},
		{"re, number", "data.port|re: '^9'", true},

		{"cidr", "data.ip|cidr: 192.0.2.0/24", true},
		{"cidr, list", "data.ip|cidr: [10.0.0.0/8, 192.0.2.41/32]", true},
		{"cidr, outside", "data.ip|cidr: 198.51.100.0/24", false},
		{"cidr, IPv6", "data.ip6|cidr: 2001:db8::/32", true},
		{"cidr, IPv4 is not IPv6", "data.ip|cidr: '::/0'", false},
		{"cidr, IPv4 within IPv6", "data.mapped|cidr: 192.0.2.0/24", true},
		{"cidr, IPv6 in short", "data.loop|cidr: '::1/128'", true},
		{"cidr, with a port is no address", "data.listener|cidr: 192.0.2.0/24", false},
		{"cidr, text", "data.methodName|cidr: 0.0.0.0/0", false},
		{"cidr, array", "data.clientAddress{}.ip|cidr: 198.51.100.0/24", true},

		{"gt", "data.port|gt: 9091", true},
		{"gt, same", "data.port|gt: 9092", false},
		{"gte, same", "data.port|gte: 9092", true},
		{"lt", "data.share|lt: -14.9", true},
		{"lte", "data.share|lte: -15", true},
		{"lt, text that is a number", "data.portText|lt: 1e4", true},
		{"gt, text", "data.methodName|gt: 0", false},
		{"gt, null", "data.nothing|gte: 0", false},
		{"gt, too big", "data.big|gt: 5", true},

		{"fieldref", "data.portText|fieldref: data.port", true},
		{"fieldref, not", "data.portText|fieldref: data.share", false},
		{"fieldref, absent", "data.absent|fieldref: data.gone", false},
		{"fieldref, other case, array", "data.copy|fieldref: data.cloudResources{}.scope.resources{}.resourceId", true},
		{"fieldref, cased", "data.copy|fieldref|cased: data.cloudResources{}.scope.resources{}.resourceId", false},

		{"array, an element", "data.requestId{}: b2", true},
		{"array, a number in it", "data.requestId{}: 3", true},
		{"array, without braces", "data.requestId: b2", false},
		{"no array, with braces", "data.methodName{}: kafka.CreateTopics", false},
		{"array, all by several elements", "data.requestId{}|all: [a1, b2, true]", true},
		{"array, not all", "data.requestId{}|all: [a1, c3]", false},
		{"array of objects", "data.cloudResources{}.resource.resourceId: payments", true},
		{"arrays in objects in arrays", "data.cloudResources{}.scope.resources{}.resourceId: env-2", true},
		{"arrays in objects in arrays, one pair of braces missing", "data.cloudResources{}.scope.resources.resourceId: env-2", false},
		{"array of arrays", "data.matrix{}{}: x", true},
		{"array of arrays, deeper", "data.matrix{}{}{}: y", true},
		{"array of arrays, too deep", "data.matrix{}{}: y", false},
		{"array of arrays, object in it", "data.matrix{}{}.z: 1", true},
		{"object is no text", "data.config: '*'", false},
		{"empty array", "data.none{}: '*'", false},

		{"name with a dot", "data.retention.ms: 604800000", true},
		{"name with a dot, in the middle", "data.config.a.b.c: dotted", true},
		{"name with an escape", "data.name: escaped name", true},
		{"name with a backslash", `data.back\slash: b`, true},
		{"name with a backslash is none with an escape", `data.new\nline: n`, false},
		{"name with a line end", `"data.new\nline": n`, true},
		{"twice, the first", "data.twice: first", true},
		{"twice, the second", "data.twice: second", true},
		{"twice, both", "data.twice|all: [first, second]", true},
	}
	var rules []string
	for _, test := range tests {
		rules = append(rules, fmt.Sprintf("title: %q\nlogsource: {product: confluent}\ndetection:\n  selection:\n    %s\n  condition: selection\n", test.name, test.field))
	}
	// One set for all: what one rule asks must not disturb another.
	m := compileText(t, strings.Join(rules, "---\n")).NewMatcher()
	got := slices.Clone(m.Match([]byte(nested)))
	for i, test := range tests {
		if slices.Contains(got, i) != test.want {
			t.Errorf("%s: %s: got %t, want %t", test.name, test.field, !test.want, test.want)
		}
	}
	if hits := m.Match([]byte(`{"data":{}}`)); slices.Contains(hits, 0) {
		t.Error("an answer is kept for the next event")
	}
	if again := m.Match([]byte(nested)); !slices.Equal(again, got) {
		t.Errorf("the same event again: %v, want %v", again, got)
	}
}

// TestDetections joins questions by searches and conditions.
func TestDetections(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, detection string
		want            bool
	}{
		{"map, all of it", "s: {data.port: 9092, data.granted: false}\n  condition: s", true},
		{"map, not all of it", "s: {data.port: 9092, data.granted: true}\n  condition: s", false},
		{"list of maps", "s: [{data.port: 1}, {data.granted: false}]\n  condition: s", true},
		{"list of maps, none", "s: [{data.port: 1}, {data.granted: true}]\n  condition: s", false},
		{"keywords", "s: [nowhere, env-2]\n  condition: s", true},
		{"keywords, part of a value", "s: [ayment]\n  condition: s", true},
		{"keywords, a name", "s: [cloudresources]\n  condition: s", true},
		{"keywords, escaped in the event", "s: ['straße ω']\n  condition: s", true},
		{"keywords, wildcard within one value", "s: ['kafka*topics']\n  condition: s", true},
		{"keywords, wildcard over two values", "s: ['env-1*env-2']\n  condition: s", false},
		{"keywords, number", "s: [9092]\n  condition: s", true},
		{"keywords, none", "s: [nowhere]\n  condition: s", false},
		{"keywords, JSON's own marks", "s: ['\":\"']\n  condition: s", false},
		{"keywords, null has no text", "s: ['null']\n  condition: s", false},
		{"keyword alone", "s: env-2\n  condition: s", true},
		{"keywords, all", "s: {'|all': [env-1, env-2]}\n  condition: s", true},
		{"keywords, not all", "s: {'|all': [env-1, env-3]}\n  condition: s", false},
		{"keywords, cased", "s: {'|cased': ENV-1}\n  condition: s", false},
		{"keywords, re", "s: {'|re': '^env-\\d$'}\n  condition: s", true},
		{"keywords beside maps, by keyword", "s: [env-2, {data.port: 1}]\n  condition: s", true},
		{"keywords beside maps, by map", "s: [nowhere, {data.port: 9092}]\n  condition: s", true},

		{"and", "a: {data.port: 9092}\n  b: {data.granted: true}\n  condition: a and b", false},
		{"or", "a: {data.port: 9092}\n  b: {data.granted: true}\n  condition: a or b", true},
		{"not", "a: {data.port: 9092}\n  condition: not a", false},
		{"not not", "a: {data.port: 9092}\n  condition: not not a", true},
		{"not of a list negates the whole", "a: {'data.requestId{}': a1}\n  condition: not a", false},
		{"words in capitals", "a: {data.port: 9092}\n  b: {data.granted: true}\n  condition: a AND NOT b", true},
		{"and before or", "t: {data.port: 9092}\n  f: {data.port: 1}\n  condition: t or t and f", true},
		{"and before or, left", "t: {data.port: 9092}\n  f: {data.port: 1}\n  condition: f and t or t", true},
		{"parentheses", "t: {data.port: 9092}\n  f: {data.port: 1}\n  condition: (t or t) and f", false},
		{"not before and", "t: {data.port: 9092}\n  f: {data.port: 1}\n  condition: not f and f", false},
		{"not of parentheses", "t: {data.port: 9092}\n  f: {data.port: 1}\n  condition: not (f and f)", true},
		{"not before 1 of", "t: {data.port: 9092}\n  f1: {data.port: 1}\n  condition: t and not 1 of f*", true},
		{"1 of them", "t: {data.port: 9092}\n  f: {data.port: 1}\n  condition: 1 of them", true},
		{"all of them", "t: {data.port: 9092}\n  f: {data.port: 1}\n  condition: all of them", false},
		{"all of them, but not the hidden", "t: {data.port: 9092}\n  _f: {data.port: 1}\n  condition: all of them", true},
		{"1 of a pattern", "sel_1: {data.port: 1}\n  sel_2: {data.port: 9092}\n  x: {data.port: 1}\n  condition: 1 of sel_*", true},
		{"all of a pattern", "sel_1: {data.port: 9092}\n  sel_2: {data.granted: false}\n  x: {data.port: 1}\n  condition: all of sel*", true},
		{"a pattern with a star in front", "sel_1: {data.port: 9092}\n  x_2: {data.port: 1}\n  condition: all of *_1", true},
		{"a pattern leaves out the hidden", "_f: {data.port: 1}\n  t: {data.port: 9092}\n  condition: all of *", true},
		{"a pattern that names the hidden", "_f: {data.port: 1}\n  t: {data.port: 9092}\n  condition: 1 of _*", false},
		{"list of conditions", "t: {data.port: 9092}\n  f: {data.port: 1}\n  condition: [f, t]", true},
		{"condition over two lines", "t: {data.port: 9092}\n  f: {data.port: 1}\n  condition: >\n    t and\n    not f", true},
	}
	for _, test := range tests {
		m := compileText(t, "title: x\nlogsource: {product: confluent}\ndetection:\n  "+test.detection+"\n").NewMatcher()
		if got := len(m.Match([]byte(nested))) > 0; got != test.want {
			t.Errorf("%s: got %t, want %t", test.name, got, test.want)
		}
	}
}

func TestValues(t *testing.T) {
	t.Parallel()
	tests := []struct {
		path, want string
	}{
		{"data.methodName", `"kafka.CreateTopics"`},
		{"data.twice", `"first" "second"`},
		{"data.requestId{}", `"a1" "B2" 3 null true`},
		{"data.none{}", ""},
		{"data.none", "[]"},
		{"data.cloudResources{}.resource.resourceId", `"orders" "payments"`},
		{"data.cloudResources{}.resource", `{"type": "TOPIC", "resourceId": "orders"} {"type": "TOPIC", "resourceId": "payments"}`},
		{"data.matrix{}{}", `"x" ["y"] {"z": 1}`},
		{"data.path", `"C:\\temp\\*\u00e9"`},
		{"data.share", "-1.5e1"},
	}
	var paths []Path
	for _, test := range tests {
		path, err := ParsePath(test.path)
		if err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
	}
	set, err := Compile(nil, paths...)
	if err != nil {
		t.Fatal(err)
	}
	m := set.NewMatcher()
	if hits := m.Match([]byte(nested)); len(hits) > 0 {
		t.Errorf("no rule, and %v match", hits)
	}
	for i, test := range tests {
		id, ok := set.PathID(paths[i])
		if !ok {
			t.Fatalf("%s is not in the set", test.path)
		}
		var got []string
		for _, v := range m.Values(id) {
			got = append(got, nested[v.Start:v.End])
		}
		if diff := cmp.Diff(test.want, strings.Join(got, " ")); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", test.path, diff)
		}
	}
	id, _ := set.PathID(paths[8])
	if got := string(m.AppendText(nil, m.Values(id)[0])); got != `C:\temp\*é` {
		t.Errorf("the text of data.path is %q", got)
	}
	m.Match([]byte(`{}`))
	if left := m.Values(id); len(left) > 0 {
		t.Errorf("values of the event before: %v", left)
	}
}

// TestKeywordsInPlainEvents asks where no escape forces the long way.
func TestKeywordsInPlainEvents(t *testing.T) {
	t.Parallel()
	const event = `{"data":{"methodName":"kafka.CreateTopics","port":9092,"id":"zzENV-1"}}`
	tests := []struct {
		keyword string
		want    bool
	}{
		{"CREATETOPICS", true},
		{"createtopic", true},
		{"env-1", true},
		{"zEnv", true},
		{"cased:ENV-1", true},
		{"cased:env-1", false},
		{"zenv-2", false},
		{"evil", false},
		{"METHODNAME", true},
		{"909?", true},
		{"90?92", false},
		{"*", true},
		{"?", true},
		{"kafka*topics", true},
		{"kafka*9092", false},
		{"topics\",\"port", false},
		{"\u212aafka", true},
		{"caf\u00e9", false},
		{"zzENV-1\"}}x", false},
	}
	for _, test := range tests {
		text := fmt.Sprintf("title: x\nlogsource: {}\ndetection: {s: [%q], condition: s}\n", test.keyword)
		if keyword, cased := strings.CutPrefix(test.keyword, "cased:"); cased {
			text = fmt.Sprintf("title: x\nlogsource: {}\ndetection: {s: {'|cased': %q}, condition: s}\n", keyword)
		}
		m := compileText(t, text).NewMatcher()
		if got := len(m.Match([]byte(event))) > 0; got != test.want {
			t.Errorf("%s: got %t, want %t", test.keyword, got, test.want)
		}
	}
}

func TestMatchAllocatesNothing(t *testing.T) { // not parallel: AllocsPerRun counts for the whole process
	if testing.Short() {
		t.Skip("under the race detector, which -short goes with, the pools of regexp drop what they hold at random")
	}
	m := compileText(t, tenRules).NewMatcher()
	names, values := compactEvents(t)
	for _, text := range []string{"192.0.2.41:9092", "/192.0.2.41", "", "10.1", "999.1.1.1", "Stra\\u00dfe@EXAMPLE.com"} {
		names = append(names, text)
		values = append(values, []byte(`{"data":{"methodName":"GetX","authenticationInfo":{"principal":{"email":"`+text+`@example.com"}},"requestMetadata":{"clientAddress":[{"ip":"`+text+`"}]}}}`))
	}
	matched := 0
	for i, event := range values {
		matched += len(m.Match(event))
		if n := testing.AllocsPerRun(10, func() { m.Match(event) }); n > 0 {
			t.Errorf("%s: %v allocations", names[i], n)
		}
	}
	if matched == 0 {
		t.Error("no event matches a rule")
	}
}

// TestOutsizeEventLeavesNothing: what one event of many values or long texts
// takes is not kept for good.
func TestOutsizeEventLeavesNothing(t *testing.T) {
	t.Parallel()
	m := compileText(t, "title: x\nlogsource: {}\ndetection:\n  s: {'a{}': none, b: none}\n  condition: 1 of s\n").NewMatcher()
	path, err := ParsePath("a{}")
	if err != nil {
		t.Fatal(err)
	}
	f := NewFinder([]Path{path})
	outsize := []byte(`{"a":["\u0041` + strings.Repeat("x", 200_000) + `"` + strings.Repeat(",1", 5000) + `]}`)
	for _, event := range [][]byte{outsize, []byte(`{"a":[2]}`)} {
		m.Match(event)
		f.Find(event)
	}
	if got := f.Values(0); len(got) != 1 || cap(got) > keptValues {
		t.Errorf("the finder has %d values and room for %d", len(got), cap(got))
	}
	if got := m.values[0]; len(got) != 1 || cap(got) > keptValues {
		t.Errorf("the matcher has %d values and room for %d", len(got), cap(got))
	}
	if got := cap(m.decoded) + cap(m.folded); got > keptText {
		t.Errorf("the matcher keeps %d bytes of text", got)
	}
}

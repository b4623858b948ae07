package splunkapp

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// keyList is what Splunk's specification of a .conf file names: stanza heads
// and keys, as patterns, and the keys of heads without a placeholder.
type keyList struct {
	heads []*regexp.Regexp
	keys  []*regexp.Regexp
	below map[string][]string
}

func readKeys(t *testing.T, name string) keyList {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "..", "testdata", "splunk-conf-keys", name+".txt"))
	if err != nil {
		t.Fatal(err)
	}
	list := keyList{below: map[string][]string{}}
	head := ""
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "[") {
			head = strings.Trim(line, "[]")
			list.heads = append(list.heads, placeholders(head))
			continue
		}
		list.keys = append(list.keys, placeholders(line))
		list.below[head] = append(list.below[head], line)
	}
	return list
}

// placeholders makes a pattern of a name with <…> and *.
func placeholders(name string) *regexp.Regexp {
	text := regexp.MustCompile(`<[^>]*>|\\\*|\*`).ReplaceAllString(regexp.QuoteMeta(name), `.+`)
	return regexp.MustCompile(`^` + text + `$`)
}

// confStanza is a stanza as Splunk reads it.
type confStanza struct {
	name string
	keys []string
	of   map[string]string
}

// readConf reads a .conf file: a backslash at the end of a line joins it to the
// next one.
func readConf(text string) (all []confStanza, err error) {
	seen := map[string]bool{}
	for line := range strings.SplitSeq(strings.ReplaceAll(text, "\\\n", "\x00"), "\n") {
		line = strings.ReplaceAll(line, "\x00", "\n")
		switch key, value, ok := strings.Cut(line, "="); {
		case strings.TrimSpace(line) == "" || strings.HasPrefix(line, "#"):
		case strings.HasPrefix(line, "["):
			name := strings.TrimSuffix(strings.TrimPrefix(line, "["), "]")
			if seen[name] {
				return nil, fmt.Errorf("[%s] is there twice", name)
			}
			seen[name] = true
			all = append(all, confStanza{name: name, of: map[string]string{}})
		case !ok || len(all) == 0:
			return nil, fmt.Errorf("%q is neither a stanza nor a key in one", line)
		default:
			s := &all[len(all)-1]
			key = strings.TrimSpace(key)
			if _, twice := s.of[key]; twice {
				return nil, fmt.Errorf("[%s] has %s twice", s.name, key)
			}
			s.keys = append(s.keys, key)
			s.of[key] = strings.TrimSpace(value)
		}
	}
	return all, nil
}

// checkKeys tells which stanzas and keys Splunk does not know.
func checkKeys(list keyList, file string, stanzas []confStanza) (findings []string) {
	matches := func(patterns []*regexp.Regexp, text string) bool {
		return slices.ContainsFunc(patterns, func(p *regexp.Regexp) bool { return p.MatchString(text) })
	}
	for _, s := range stanzas {
		if !matches(list.heads, s.name) && file != "default.meta" { // it names kinds of objects, and lists only two
			findings = append(findings, fmt.Sprintf("%s: no stanza [%s]", file, s.name))
		}
		for _, key := range s.keys {
			known := matches(list.keys, key)
			// Below a head of its own a key must be one of that head.
			// The list names a key once, and version stands below [id] there.
			if of, ok := list.below[s.name]; ok && file == "app" && s.name+" "+key != "launcher version" {
				known = slices.Contains(of, key)
			}
			if file == "tags" {
				known = regexp.MustCompile(`^[a-z_]+$`).MatchString(key)
			}
			if !known {
				findings = append(findings, fmt.Sprintf("%s: [%s] %s", file, s.name, key))
			}
		}
	}
	return findings
}

// checkActions tells which parameters of e-mails Splunk does not know: the
// placeholder action.<name>.<parameter> would let all pass.
func checkActions(saved, actions keyList, stanzas []confStanza) (findings []string) {
	for _, s := range stanzas {
		for _, key := range s.keys {
			parameter, ok := strings.CutPrefix(key, "action.email.")
			if ok && !slices.Contains(saved.below["<stanza name>"], key) && !slices.Contains(actions.below["email"], parameter) {
				findings = append(findings, fmt.Sprintf("[%s] %s", s.name, key))
			}
			if parameter, ok := strings.CutPrefix(key, "action.webhook."); ok && parameter != "param.url" && !slices.Contains(actions.below["webhook"], parameter) {
				findings = append(findings, fmt.Sprintf("[%s] %s", s.name, key))
			}
		}
	}
	return findings
}

// valueRule is what a key may have.
type valueRule struct{ key, value *regexp.Regexp }

// valueRules are for keys that Splunk restricts, written as file, stanza and
// key. The first one that fits counts.
func valueRules() (rules []valueRule) {
	const (
		flag = `^[01]$`
		when = `^([-+]?\d+[smhdw])?(@[smhdw])?$|^now$|^$`
	)
	for _, r := range [][2]string{
		{`^savedsearches \S.* (disabled|enableSched|realtime_schedule|alert\.suppress|alert\.digest_mode|is_visible)$`, flag},
		{`^savedsearches \S.* action\.[a-z_]+$`, flag},
		{`^savedsearches \S.* action\.email\.(inline|sendresults|sendcsv|sendpdf|include\.[a-z_]+)$`, flag},
		{`^savedsearches \S.* action\.email\.format$`, `^(plain|table|csv|html|raw)$`},
		{`^savedsearches \S.* action\.email\.(to|cc)$`, `^[^ ,@]+@[^ ,@]+(, ?[^ ,@]+@[^ ,@]+)*$`},
		{`^savedsearches \S.* alert\.track$`, `^(auto|true|false|0|1)$`},
		{`^savedsearches \S.* alert\.severity$`, `^[1-6]$`},
		{`^savedsearches \S.* alert\.(suppress\.period|expires)$`, `^[1-9]\d*[smhd]$`},
		{`^savedsearches \S.* cron_schedule$`, `^(\*|[0-9*/,-]+)( (\*|[0-9*/,-]+)){4}$`},
		{`^savedsearches \S.* counttype$`, `^(number of (events|hosts|sources)|always|custom)$`},
		{`^savedsearches \S.* relation$`, `^(greater than|less than|equal to|not equal to|drops by|rises by)$`},
		{`^savedsearches \S.* quantity$`, `^\d+$`},
		{`^savedsearches \S.* dispatch\.(earliest_time|latest_time|index_earliest|index_latest)$`, when},
		{`^savedsearches \S.* (description|search|alert\.suppress\.fields)$`, `\S`},
		{`^macros \S+ iseval$`, flag},
		{`^macros \S+ definition$`, `\S`},
		{`^props \S+ KV_MODE$`, `^(none|auto|auto_escaped|multi|multi:[a-z]+|json|xml)$`},
		{`^props \S+ (AUTO_KV_JSON|SHOULD_LINEMERGE|EVENT_BREAKER_ENABLE|pulldown_type)$`, `^(true|false)$`},
		{`^props \S+ (TRUNCATE|MAX_TIMESTAMP_LOOKAHEAD)$`, `^\d+$`},
		{`^props \S+ (EVENT|LINE)_BREAKER$`, `\(.+\)`},
		{`^props \S+ EVAL-.+$`, `\S`},
		{`^eventtypes \S+ search$`, `^[^|\[\]]+$`},
		{`^tags \S+ \S+$`, `^(enabled|disabled)$`},
		{`^transforms \S+ case_sensitive_match$`, `^(true|false)$`},
		{`^transforms \S+ max_matches$`, `^[1-9]\d*$`},
		{`^app (install|package|ui) (is_configured|check_for_updates|is_visible)$`, flag},
		{`^app install build$`, `^[1-9]\d*$`},
		{`^app ui label$`, `^.{5,80}$`},
	} {
		rules = append(rules, valueRule{regexp.MustCompile(r[0]), regexp.MustCompile(r[1])})
	}
	return rules
}

func checkValues(file string, stanzas []confStanza) (findings []string) {
	rules := valueRules()
	for _, s := range stanzas {
		for _, key := range s.keys {
			for _, rule := range rules {
				if !rule.key.MatchString(file + " " + s.name + " " + key) {
					continue
				}
				if !rule.value.MatchString(s.of[key]) {
					findings = append(findings, fmt.Sprintf("%s: [%s] %s = %s", file, s.name, key, s.of[key]))
				}
				break
			}
		}
		if s.of["alert.suppress"] == "1" && (s.of["alert.suppress.period"] == "" || s.of["alert.digest_mode"] == "0" && s.of["alert.suppress.fields"] == "") {
			findings = append(findings, fmt.Sprintf("%s: [%s] is suppressed, but not for how long, or for single rows and by no field", file, s.name))
		}
		if s.of["enableSched"] == "1" && (s.of["cron_schedule"] == "" || s.of["dispatch.earliest_time"] == "" || s.of["dispatch.latest_time"] == "") {
			findings = append(findings, fmt.Sprintf("%s: [%s] runs without a schedule or a window", file, s.name))
		}
		if strings.HasPrefix(s.of["dispatch.earliest_time"], "rt") || strings.HasPrefix(s.of["dispatch.latest_time"], "rt") {
			findings = append(findings, fmt.Sprintf("%s: [%s] is a real-time search", file, s.name))
		}
	}
	return findings
}

// TestSplunkKnowsEveryKey holds every configuration file of the app to Splunk's
// specification files.
func TestSplunkKnowsEveryKey(t *testing.T) {
	t.Parallel()
	for name, settings := range map[string]string{"as it comes": "", "with everything": everything} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := build(t, settings)
			files, keys := 0, 0
			for _, f := range p.Files {
				file, ok := strings.CutSuffix(path.Base(f.Path), ".conf")
				if !ok && file != "default.meta" {
					continue
				}
				stanzas, err := readConf(string(f.Data))
				if err != nil {
					t.Errorf("%s: %v", f.Path, err)
					continue
				}
				list := readKeys(t, file)
				findings := append(checkKeys(list, file, stanzas), checkValues(file, stanzas)...)
				if file == "savedsearches" {
					findings = append(findings, checkActions(list, readKeys(t, "alert_actions"), stanzas)...)
				}
				for _, finding := range findings {
					t.Error(finding)
				}
				files++
				for _, s := range stanzas {
					keys += len(s.keys)
				}
			}
			if files != 8 || keys < 500 {
				t.Errorf("%d files with %d keys were looked at; want all 8", files, keys)
			}
		})
	}
}

// TestKeyCheckFinds tries the check itself on mistakes.
func TestKeyCheckFinds(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ file, text, want string }{
		{"savedsearches", "[a]\ncron_shedule = * * * * *", "savedsearches: [a] cron_shedule"},
		{"savedsearches", "[a]\nrealtime_schedule = false", "savedsearches: [a] realtime_schedule = false"},
		{"savedsearches", "[a]\ncron_schedule = 0 0 * * MON", "savedsearches: [a] cron_schedule = 0 0 * * MON"},
		{"savedsearches", "[a]\nrelation = more than", "savedsearches: [a] relation = more than"},
		{"savedsearches", "[a]\naction.email.too = a@b", "[a] action.email.too"},
		{"savedsearches", "[a]\naction.webhook.param.uri = a", "[a] action.webhook.param.uri"},
		{"savedsearches", "[a]\nalert.suppress = 1\nalert.suppress.period = 1h\nalert.digest_mode = 0", "savedsearches: [a] is suppressed, but not for how long, or for single rows and by no field"},
		{"savedsearches", "[a]\nenableSched = 1", "savedsearches: [a] runs without a schedule or a window"},
		{"props", "[a]\nKV_MODES = json", "props: [a] KV_MODES"},
		{"props", "[a]\nKV_MODE = JSON", "props: [a] KV_MODE = JSON"},
		{"app", "[install]\nlabel = x", "app: [install] label"},
		{"app", "[instal]\nbuild = 1", "app: no stanza [instal]"},
		{"eventtypes", "[a]\nsearch = a | stats count", "eventtypes: [a] search = a | stats count"},
		{"tags", "[eventtype=a]\nchange = on", "tags: [eventtype=a] change = on"},
		{"macros", "[a]\ndefinitions = x", "macros: [a] definitions"},
		{"transforms", "[a]\nfile = x", "transforms: [a] file"},
		{"savedsearches", "[a]\nsearch = x\\\ny\ndisabled = 1", ""},
	} {
		stanzas, err := readConf(tt.text)
		if err != nil {
			t.Errorf("%s: %v", tt.text, err)
			continue
		}
		list := readKeys(t, tt.file)
		got := append(checkKeys(list, tt.file, stanzas), checkValues(tt.file, stanzas)...)
		if tt.file == "savedsearches" {
			got = append(got, checkActions(list, readKeys(t, "alert_actions"), stanzas)...)
		}
		var want []string
		if tt.want != "" {
			want = []string{tt.want}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s %q (-want +got):\n%s", tt.file, tt.text, diff)
		}
	}
	for _, bad := range []string{"key = 1", "[a]\nb = 1\nb = 2", "[a]\n[a]", "[a]\nb"} {
		if _, err := readConf(bad); err == nil {
			t.Errorf("%q is read without an error", bad)
		}
	}
}

// TestLookupFits holds what props.conf, transforms.conf and the lookup's table
// say of each other together.
func TestLookupFits(t *testing.T) {
	t.Parallel()
	p := build(t, "")
	transforms, err := readConf(string(p.file(t, "default/transforms.conf")))
	if err != nil {
		t.Fatal(err)
	}
	columns := strings.Split(strings.SplitN(string(p.file(t, "lookups/"+transforms[0].of["filename"])), "\n", 2)[0], ",")
	props, err := readConf(string(p.file(t, "default/props.conf")))
	if err != nil {
		t.Fatal(err)
	}
	audit := props[slices.IndexFunc(props, func(s confStanza) bool { return s.name == "confluent:auditlog" })]
	if audit.name != props[len(props)-1].name {
		t.Fatal("the calculated fields stand below another stanza than that of the audit events")
	}
	lookup := audit.of["LOOKUP-confluent_audit_methods"]
	name, rest, _ := strings.Cut(lookup, " ")
	input, output, ok := strings.Cut(rest, " OUTPUT ")
	if name != transforms[0].name || !ok {
		t.Fatalf("LOOKUP is %q", lookup)
	}
	for _, pair := range append(strings.Split(output, ", "), input) {
		column, field, ok := strings.Cut(pair, " AS ")
		if !ok || !slices.Contains(columns, column) {
			t.Errorf("the lookup has no column for %q", pair)
		}
		// Lookups come after calculated fields: the input may be one, an output must not.
		if _, calculated := audit.of["EVAL-"+field]; calculated != (pair == input) {
			t.Errorf("%s is a calculated field: %t", field, calculated)
		}
	}
	for _, double := range []string{"INDEXED_EXTRACTIONS", "TIMESTAMP_FIELDS"} {
		if _, there := audit.of[double]; there {
			t.Errorf("%s is set: fields would be extracted twice", double)
		}
	}
	for _, kept := range []string{"EVAL-source", "EVAL-host", "EVAL-sourcetype", "EVAL-index"} {
		if _, there := audit.of[kept]; there {
			t.Errorf("%s takes a field of Splunk's away", kept)
		}
	}
}

// TestTagsHaveEventTypes holds that a tag is put on something that is there.
func TestTagsHaveEventTypes(t *testing.T) {
	t.Parallel()
	p := build(t, "")
	var names [2][]string
	for i, file := range []string{"default/eventtypes.conf", "default/tags.conf"} {
		stanzas, err := readConf(string(p.file(t, file)))
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range stanzas {
			names[i] = append(names[i], strings.TrimPrefix(s.name, "eventtype="))
		}
	}
	if diff := cmp.Diff(names[0], names[1]); diff != "" {
		t.Errorf("event types and tags (-types +tags):\n%s", diff)
	}
}

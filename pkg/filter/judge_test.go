package filter

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"auditlog-forwarder/pkg/audit"
	"auditlog-forwarder/pkg/creds"
	"auditlog-forwarder/pkg/forwarder"
)

// rule writes one rule with a method to match.
func rule(title, method, ours string) string {
	return fmt.Sprintf("title: %s\nlogsource: {product: confluent}\ndetection:\n  sel: {data.methodName: '%s'}\n  condition: sel\n%s: %s\n", title, method, Member, ours)
}

// withRules makes a filter of rule texts, one file each.
func withRules(t testing.TB, cfg Config, texts ...string) *Filter {
	t.Helper()
	dir := t.TempDir()
	for i, text := range texts {
		file := filepath.Join(dir, fmt.Sprintf("%02d.yml", i))
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		cfg.Rules = append(cfg.Rules, file)
	}
	if errs := cfg.Validate(); len(errs) > 0 {
		t.Fatal(errs)
	}
	f, err := New(cfg, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// judged is what a judge makes of a value, as text.
func judged(t testing.TB, j forwarder.Judge, value string) string {
	t.Helper()
	ev, err := audit.ReadEvent([]byte(value))
	if err != nil {
		t.Fatal(err)
	}
	v := j.Judge(&audit.Record{Value: []byte(value)}, &ev)
	var words []string
	if v.Rule != "" && v.Summary == nil {
		return "dropped by " + v.Rule
	}
	if v.Summary != nil {
		words = append(words, fmt.Sprintf("summed up by %s: id %s, %s", v.Rule, v.Summary.ID, v.Summary.Values))
	}
	if ev.Route != nil {
		words = append(words, fmt.Sprintf("to %v", *ev.Route))
	}
	if v.Value != nil {
		words = append(words, "as "+string(v.Value))
	}
	return strings.Join(words, "; ")
}

// TestPrecedence: what docs/filters.md says of rules that match the same event.
func TestPrecedence(t *testing.T) {
	t.Parallel()
	const event = `{"id":"1","data":{"methodName":"m","a":"x","b":["y","z"]}}`
	const (
		drop   = `{action: drop}`
		keep   = `{action: keep}`
		sum    = `{action: summarise, summarise: {by: [data.a, 'data.b{}', data.none]}}`
		toI    = `{action: route, route: {index: i, host: h1}}`
		toJ    = `{action: route, route: {index: j, source: s}}`
		hide   = `{action: redact, redact: {fields: [data.a], with: R}}`
		hide2  = `{action: redact, redact: {fields: [data.a, 'data.b{}'], with: Q}}`
		hidden = `{"id":"1","data":{"methodName":"m","a":"R","b":["y","z"]}}`
		both   = `{"id":"1","data":{"methodName":"m","a":"R","b":["Q","Q"]}}`
	)
	for _, tc := range []struct {
		name  string
		rules []string // two of them: method and action
		drops []string
		want  string
	}{
		{"none matches", []string{"n", drop}, nil, ""},
		{"drop", []string{"m", drop}, nil, "dropped by 0"},
		{"the first of two drops", []string{"n", drop, "m", drop, "m", drop}, nil, "dropped by 1"},
		{"drop before keep", []string{"m", drop, "m", keep}, nil, "dropped by 0"},
		{"keep before drop", []string{"m", keep, "m", drop}, nil, ""},
		{"keep before summarise", []string{"m", keep, "m", sum}, nil, ""},
		{"summarise before drop", []string{"m", sum, "m", drop}, nil, `summed up by 0: id "1", ["x" ["y","z"] ]`},
		{"drop before summarise", []string{"m", drop, "m", sum}, nil, "dropped by 0"},
		{"summarise before keep", []string{"m", sum, "m", keep}, nil, `summed up by 0: id "1", ["x" ["y","z"] ]`},
		{"the first to set a member", []string{"m", toI, "m", toJ}, nil, "to {i s  h1}"},
		{"the other way round", []string{"m", toJ, "m", toI}, nil, "to {j s  h1}"},
		{"keep ends routing", []string{"m", toI, "m", keep, "m", toJ}, nil, "to {i   h1}"},
		{"redactions add up, the first counts", []string{"m", hide, "m", hide2}, nil, "as " + both},
		{"redacted and routed later", []string{"m", hide, "m", toI}, nil, "to {i   h1}; as " + hidden},
		{"routed and redacted later", []string{"m", toI, "m", hide}, nil, "to {i   h1}; as " + hidden},
		{"keep ends no redaction", []string{"m", hide, "m", keep, "m", hide2}, nil, "as " + both},
		{"drop hides nothing for the next", []string{"m", hide, "m", drop}, nil, "dropped by 1"},
		{"a summary of what is hidden", []string{"m", hide, "m", sum}, nil, `summed up by 1: id "1", ["R" ["y","z"] ]; as ` + hidden},
		{"hidden behind a summary", []string{"m", sum, "m", toI, "m", hide}, nil, `summed up by 0: id "1", ["R" ["y","z"] ]; as ` + hidden},
		{"hidden behind a keep, and no more than that", []string{"m", keep, "m", toI, "m", drop, "m", hide}, []string{"m"}, "as " + hidden},
		{"should a summary not be made", []string{"m", toI, "m", sum}, nil, `summed up by 1: id "1", ["x" ["y","z"] ]; to {i   h1}`},
		{"drop_methods alone", nil, []string{"m"}, "dropped by drop_methods:m"},
		{"another of drop_methods", nil, []string{"mm"}, ""},
		{"drop_methods behind the rules", []string{"m", toI}, []string{"m"}, "dropped by drop_methods:m"},
		{"keep before drop_methods", []string{"m", keep}, []string{"m"}, ""},
		{"drop before drop_methods", []string{"m", drop}, []string{"m"}, "dropped by 0"},
		{"summarise before drop_methods", []string{"m", sum}, []string{"m"}, `summed up by 0: id "1", ["x" ["y","z"] ]`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			var texts []string
			for i := 0; i < len(tc.rules); i += 2 {
				texts = append(texts, rule(fmt.Sprint(`"`, i/2, `"`), tc.rules[i], tc.rules[i+1]))
			}
			j := withRules(t, Config{DropMethods: tc.drops}, texts...).Judge()
			for range 2 { // nothing is left of the call before
				if diff := cmp.Diff(tc.want, judged(t, j, event)); diff != "" {
					t.Error(diff)
				}
				if got := judged(t, j, `{"data":{"methodName":"else","a":"x"}}`); got != "" {
					t.Errorf("an event that no rule matches: %s", got)
				}
			}
		})
	}
}

// TestHashIsTheSameEverywhere: two filters with one key write the same, and one
// with another key does not.
func TestHashIsTheSameEverywhere(t *testing.T) {
	t.Parallel()
	text := rule("r", "m", "{action: redact, redact: {fields: [a, n, z, none], with: hash}}")
	write := func(key string) string {
		j := withRules(t, Config{HashKey: creds.NewSecret(key)}, text).Judge()
		return judged(t, j, `{"a":"x","n":7,"z":null,"data":{"methodName":"m"}}`)
	}
	a, b, c := write("0123456789abcdef"), write("0123456789abcdef"), write("0123456789abcdeX")
	if a != b || a == c {
		t.Errorf("%s\n%s\n%s\nthe first two must be the same, the third not", a, b, c)
	}
	want := fmt.Sprintf(`as {"a":%s,"n":%s,"z":null,"data":{"methodName":"m"}}`, hashOf("0123456789abcdef", "x"), hashOf("0123456789abcdef", "7"))
	if a != want {
		t.Errorf("got  %s\nwant %s", a, want)
	}
}

// TestNoEventNoRule: where any text may come, rules see events alone.
func TestNoEventNoRule(t *testing.T) {
	t.Parallel()
	f := withRules(t, Config{}, rule("r", "m", "{action: drop}"))
	f.anyText = true
	j := f.Judge()
	const event = `{"data":{"methodName":"m"}}`
	for value, want := range map[string]string{event: "r", event + "x": "", event + event: "", "text": "", "[" + event + "]": "", "": ""} {
		if v := j.Judge(&audit.Record{Value: []byte(value)}, &audit.Event{}); v.Rule != want {
			t.Errorf("%q: rule %q, want %q", value, v.Rule, want)
		}
	}
}

// TestDroppedLeavesNothing: what was to be hidden in an event that is dropped is
// nothing to the next one.
func TestDroppedLeavesNothing(t *testing.T) {
	t.Parallel()
	j := withRules(t, Config{}, rule("hide", "*", "{action: redact, redact: {fields: a}}"), rule("drop", "m", "{action: drop}")).Judge()
	if got := judged(t, j, `{"a":"x","data":{"methodName":"m"}}`); got != "dropped by drop" {
		t.Error(got)
	}
	if got := judged(t, j, `{"data":{"methodName":"n"},"a":"x"}`); got != `as {"data":{"methodName":"n"},"a":"REDACTED"}` {
		t.Error(got)
	}
}

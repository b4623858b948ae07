package filter

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"auditlog-forwarder/pkg/creds"
)

// TestMistakes: every mistake is told with its place, all at once.
func TestMistakes(t *testing.T) {
	t.Parallel()
	const head = "title: t\nlogsource: {product: confluent}\ndetection:\n  sel: {a: b}\n  condition: sel\n" // five lines
	for _, tc := range []struct {
		name, text string
		want       []string
	}{
		{"no member", head, []string{`1:1: the rule "t" does not say what it does; add the member auditlog-forwarder with an action: drop, keep, route, redact or summarise`}},
		{"a misspelt member", head + "auditlog-forwader:\n  action: drop\n", []string{
			`1:1: the rule "t" does not say what it does; add the member auditlog-forwarder with an action: drop, keep, route, redact or summarise`,
			`7:3: unknown member "auditlog-forwader"; did you mean auditlog-forwarder?`,
		}},
		{"no mapping", head + "auditlog-forwarder: drop\n", []string{`6:21: auditlog-forwarder is not a mapping; it has action, route, redact, summarise`}},
		{"no action", head + "auditlog-forwarder: {}\n", []string{`6:21: auditlog-forwarder has no action; allowed are drop, keep, route, redact, summarise`}},
		{"an unknown action", head + "auditlog-forwarder: {action: summarize}\n", []string{`6:30: unknown action "summarize"; did you mean summarise?`}},
		{"a far action", head + "auditlog-forwarder: {action: explode}\n", []string{`6:30: unknown action "explode"; allowed are drop, keep, route, redact, summarise`}},
		{"an unknown key", head + "auditlog-forwarder:\n  action: drop\n  rout: {index: a}\n", []string{`8:3: unknown key "rout"; did you mean route?`}},
		{"twice", head + "auditlog-forwarder:\n  action: drop\n  action: keep\n", []string{`8:3: action is given twice`}},
		{"settings of another action", head + "auditlog-forwarder:\n  action: drop\n  route: {index: a}\n", []string{`8:3: route has no effect, since the action is drop; remove it, or write two rules`}},
		{"no settings", head + "auditlog-forwarder:\n  action: redact\n", []string{`7:3: the action redact needs the member redact beside it, with fields, with`}},
		{"an empty route", head + "auditlog-forwarder:\n  action: route\n  route: {}\n", []string{`8:10: route sets nothing; it has index, source, sourcetype, host`}},
		{"a bad route", head + "auditlog-forwarder:\n  action: route\n  route: {index: \"\", hos: h}\n", []string{
			`8:18: index is empty, longer than 1024 bytes, or holds a control character`, `8:22: unknown key "hos"; did you mean host?`,
		}},
		{"no fields", head + "auditlog-forwarder:\n  action: redact\n  redact: {with: x}\n", []string{`8:3: redact has no fields; give a list of paths such as data.authenticationInfo.principal`}},
		{"bad fields", head + "auditlog-forwarder:\n  action: redact\n  redact: {fields: [a, a, 'b..c', [d]], with: [x]}\n", []string{
			`8:24: fields: a is given twice`, `8:27: fields: field "b..c" has an empty name between its dots`,
			`8:35: fields: no path; write it as Splunk does, such as data.cloudResources{}.resource.resourceId`, `8:47: with is no text`,
		}},
		{"a window of its own", head + "auditlog-forwarder:\n  action: summarise\n  summarise: {by: a, every: 1m}\n", []string{
			`8:22: every is the same for all rules; set summaries.every in the configuration`,
		}},
		{"in the detection and in the action", strings.Replace(head, "sel: {a: b}", "sel: {a|containz: b}", 1) + "auditlog-forwarder: {action: drob}\n", []string{
			"4:9: ", `6:30: unknown action "drob"; did you mean drop?`,
		}},
		{"no title", strings.Replace(head, "title: t", "title: ''", 1) + "auditlog-forwarder: {action: drop}\n", []string{`1:8: the title is empty; rules are told apart by it`}},
		{"a title of drop_methods", strings.Replace(head, "title: t", "title: drop_methods:m", 1) + "auditlog-forwarder: {action: drop}\n", []string{
			`1:1: the title "drop_methods:m" begins as the names under which filter.drop_methods are counted; give it another one`,
		}},
		{"the same title", head + "auditlog-forwarder: {action: drop}\n---\n" + head + "auditlog-forwarder: {action: keep}\n", []string{
			`8: the title "t" is that of FILE:1 as well, and rules are counted by it; give one another title, or name the file once`,
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "rules.yml")
			if err := os.WriteFile(file, []byte(tc.text), 0o600); err != nil {
				t.Fatal(err)
			}
			cfg := DefaultConfig()
			cfg.Rules = []string{file}
			errs := cfg.Validate()
			if _, err := New(cfg, Options{}); err == nil {
				t.Error("New takes it")
			}
			got, want := []string{}, []string{}
			for i, err := range errs {
				line := strings.ReplaceAll(strings.TrimPrefix(err.Error(), "rules: "+file+":"), file, "FILE")
				if i < len(tc.want) && strings.HasSuffix(tc.want[i], ": ") { // its text is sigma's
					line = line[:min(len(line), len(tc.want[i]))]
				}
				got = append(got, line)
			}
			if diff := cmp.Diff(append(want, tc.want...), got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestSources(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, text := range map[string]string{"b.yml": rule("b", "m", "{action: drop}"), "a.yml": rule("a", "m", "{action: keep}"), "h.txt": rule("h", "m", "{action: redact, redact: {fields: a, with: hash}}")} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, tc := range []struct {
		name  string
		cfg   Config
		names []string // of the rules
		want  string   // of the mistakes
	}{
		{"nothing", Config{}, nil, ""},
		{"a pattern, in the order of names", Config{Rules: []string{"DIR/*.yml"}}, []string{"a", "b"}, ""},
		{"the order of the list", Config{Rules: []string{"DIR/b.yml", "DIR/a.yml"}}, []string{"b", "a"}, ""},
		{"presets", Config{Rules: []string{"preset:keep-security", "preset:noise-authorize"}}, []string{"keep-security-failures", "keep-security-routine", "noise-authorize"}, ""},
		{"a misspelt preset", Config{Rules: []string{"preset:noise-autorize"}}, nil, `rules: unknown preset "noise-autorize"; did you mean noise-authorize?`},
		{"a preset without its prefix", Config{Rules: []string{"keep-security"}}, nil, "rules: keep-security is no file; a preset is named preset:keep-security"},
		{"no such file", Config{Rules: []string{"DIR/none.yml"}}, nil, "rules: read the rules: stat DIR/none.yml: no such file or directory"},
		{"no file matches", Config{Rules: []string{"DIR/*.none"}}, nil, `rules: "DIR/*.none" matches no file; name files that are there, or remove it`},
		{"a folder", Config{Rules: []string{"DIR"}}, nil, "rules: read the rules: DIR is a folder; name the files in it: DIR/*.yml"},
		{"twice", Config{Rules: []string{"DIR/a.yml", "DIR/a.yml"}}, []string{"a"}, `rules: DIR/a.yml:1: the title "a" is that of DIR/a.yml:1 as well, and rules are counted by it; give one another title, or name the file once`},
		{"a hash without a key", Config{Rules: []string{"DIR/h.txt"}}, []string{"h"}, `hash_key: missing; set filter.hash_key_file, since the rule "h" redacts by hash`},
		{"a hash with one", Config{Rules: []string{"DIR/h.txt"}, HashKey: creds.NewSecret("0123456789abcdef")}, []string{"h"}, ""},
		{"a short key", Config{HashKey: creds.NewSecret("0123456789abcde")}, nil, "hash_key: shorter than 16 bytes, so that it can be guessed and the hashes be undone; make one with openssl rand -hex 32"},
		{"all mistakes at once", Config{Rules: []string{"DIR/none.yml", "preset:x"}, DropMethods: []string{""}}, nil, "drop_methods: \"\" is not a method name; give names such as mds.Authorize\n" +
			"rules: read the rules: stat DIR/none.yml: no such file or directory\nrules: unknown preset \"x\"; there are keep-security, noise-authorize"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			cfg := tc.cfg
			cfg.Rules = nil
			for _, r := range tc.cfg.Rules {
				cfg.Rules = append(cfg.Rules, strings.ReplaceAll(r, "DIR", dir))
			}
			got := ""
			if err := errors.Join(cfg.Validate()...); err != nil {
				got = strings.ReplaceAll(err.Error(), dir, "DIR")
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Error(diff)
			}
			f, _ := compile(cfg)
			var names []string
			for _, r := range f.rules {
				names = append(names, r.Name)
			}
			if diff := cmp.Diff(tc.names, names); diff != "" {
				t.Error(diff)
			}
		})
	}
}

package alerts_test

import (
	"bufio"
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"auditlog-forwarder/pkg/alerts"
)

// readConf reads a .conf file as Splunk does: a line that ends with a backslash
// goes on in the next one.
func readConf(t *testing.T, text string) (stanzas []alerts.Stanza) {
	t.Helper()
	for lines := bufio.NewScanner(strings.NewReader(text)); lines.Scan(); {
		line := lines.Text()
		for strings.HasSuffix(line, `\`) && lines.Scan() {
			line = strings.TrimSuffix(line, `\`) + "\n" + lines.Text()
		}
		if name, ok := strings.CutPrefix(line, "["); ok && strings.HasSuffix(name, "]") && !strings.Contains(name, "\n") {
			stanzas = append(stanzas, alerts.Stanza{Name: strings.TrimSuffix(name, "]")})
			continue
		}
		key, value, ok := strings.Cut(line, "=")
		if !ok {
			if strings.TrimSpace(line) != "" {
				t.Fatalf("line %q is neither stanza nor key", line)
			}
			continue
		}
		last := &stanzas[len(stanzas)-1]
		last.Settings = append(last.Settings, alerts.Setting{Key: strings.TrimSpace(key), Value: strings.TrimSpace(value)})
	}
	return stanzas
}

func TestConfReadsBack(t *testing.T) {
	t.Parallel()
	c := load(t, "", alerts.Builtin)
	odd := alerts.Stanza{Name: `a "b" #c (50%)`, Settings: []alerts.Setting{
		{Key: "search", Value: "a\n| b \\\" = c\n\n# d\n[e] \\ f"}, {Key: "empty", Value: ""}, {Key: "action.x.param.y", Value: "ü=1"},
	}}
	for _, want := range [][]alerts.Stanza{c.SavedSearches(), c.Macros(), {odd}} {
		if diff := cmp.Diff(want, readConf(t, conf(t, want))); diff != "" {
			t.Error(diff)
		}
	}
}

func TestConfRefuses(t *testing.T) {
	t.Parallel()
	one := func(key, value string) []alerts.Stanza {
		return []alerts.Stanza{{Name: "s", Settings: []alerts.Setting{{Key: key, Value: value}}}}
	}
	for _, tt := range []struct {
		name    string
		stanzas []alerts.Stanza
	}{
		{"a bracket in a name", []alerts.Stanza{{Name: "a]"}}},
		{"a line end in a name", []alerts.Stanza{{Name: "a\nb"}}},
		{"no name", []alerts.Stanza{{}}},
		{"a backslash at the end", one("k", `a\`)},
		{"a backslash at a line's end", one("k", "a\\\nb")},
		{"a carriage return", one("k", "a\r\nb")},
		{"blanks at the end", one("k", "a ")},
		{"a line end at the end", one("k", "a\n")},
		{"no key", one("", "a")},
		{"a comment as key", one("#k", "a")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var b bytes.Buffer
			if err := alerts.WriteConf(&b, tt.stanzas); err == nil {
				t.Errorf("no error, and %q", b.String())
			}
		})
	}
}

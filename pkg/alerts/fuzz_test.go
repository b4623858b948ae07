package alerts

import (
	"io"
	"os"
	"path/filepath"
	"testing"
)

// FuzzLoad reads any rules and settings. What it takes can be written.
func FuzzLoad(f *testing.F) {
	rules, err := os.ReadFile(filepath.Join("testdata", "conditions.yml"))
	if err != nil {
		f.Fatal(err)
	}
	settings, err := os.ReadFile(filepath.Join("testdata", "settings.yaml"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(rules, settings)
	f.Add([]byte("title: a\nalert: {every: *x}\nexamples: [*x]\n"), []byte("alerts: {a: &x {only: *x}}\n"))
	f.Add([]byte("{}\n---\n[]\n---\n"), []byte("? [a]\n: b\n"))
	f.Fuzz(func(t *testing.T, rules, settings []byte) {
		l := newLoader()
		l.rules(text{file: "rules.yml", data: rules})
		l.readSettings(&reader{file: "settings.yaml"}, settings)
		c, err := l.finish()
		if err != nil {
			return
		}
		for _, stanzas := range [][]Stanza{c.SavedSearches(), c.Macros()} {
			if err := WriteConf(io.Discard, stanzas); err != nil {
				t.Error(err)
			}
		}
	})
}

package auditgen

import (
	"bytes"
	"io/fs"
	"math/rand/v2"
	"regexp"
	"testing"
	"time"

	"auditlog-forwarder/testdata/events"
)

// TestTemplatesNameOnlyTheCast holds that no id, address or mail of the
// templates comes out of the generator as it is: each is cast or fresh.
func TestTemplatesNameOnlyTheCast(t *testing.T) {
	t.Parallel()
	files, err := fs.Glob(events.FS, "*.json")
	if err != nil {
		t.Fatal(err)
	}
	g, err := New(99)
	if err != nil {
		t.Fatal(err)
	}
	// Addresses of the customer's own configuration, and a person who is only
	// ever created, stay as they are.
	stays := map[string]bool{
		"192.0.2.0": true, "198.51.100.0": true, "ines.haller@example.com": true,
		"vpc-0aa11bb22cc33dd44": true, "vpce-0c4e7a1d92b35f680": true,
	}
	identifiers := regexp.MustCompile(`\b(?:org|env|lkc|lsrc|lksqlc|lfcp|lcc|n|op|group|pool|u|sa|i|rb|ccp|peer|pla|ipf|ipg|usmkc|vpc|vpce)-[0-9A-Za-z]*[0-9][0-9A-Za-z]*\b` +
		`|\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b|\b[0-9a-f]{32}\b|\b(?:\d+\.){3}\d+\b|2001:db8:\w*::\w+|\b[a-z.]+@example\.com\b|\b[A-Z2-7]{16}\b`)
	rng := rand.NewPCG(1, 1)
	var everything []byte
	for _, f := range files {
		text, err := fs.ReadFile(events.FS, f)
		if err != nil {
			t.Fatal(err)
		}
		everything = append(everything, text...)
		tmpl, err := compile(text)
		if err != nil {
			t.Fatalf("%s: %v", f, err)
		}
		g.scene.set(rng, g.org, time.Unix(1_800_000_000, 0))
		out := g.play(nil, tmpl)
		for _, id := range identifiers.FindAll(text, -1) {
			if bytes.Contains(out, id) && !stays[string(id)] {
				t.Errorf("%s: %s is neither in the cast nor replaced", f, id)
			}
		}
	}
	for _, p := range cast() {
		if !bytes.Contains(everything, []byte(p.name)) {
			t.Errorf("%s of the cast appears in no event", p.name)
		}
	}
}

// TestEveryPartHasAName holds that no part of the cast is forgotten in name.
func TestEveryPartHasAName(t *testing.T) {
	t.Parallel()
	g, err := New(1)
	if err != nil {
		t.Fatal(err)
	}
	g.scene.set(g.rng, g.org, time.Unix(0, 0))
	for _, p := range cast() {
		got := g.play(nil, template{{slot: p.kind}})
		if len(got) == 0 || string(got) == p.name {
			t.Errorf("%s is played as %q", p.name, got)
		}
	}
}

func TestTimeLayout(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ text, want string }{
		{"2026-01-02T03:04:05Z", "2006-01-02T15:04:05Z"},
		{"2026-01-02T03:04:05.678Z", "2006-01-02T15:04:05.000Z"},
		{"2026-01-02T03:04:05.678901234Z", "2006-01-02T15:04:05.000000000Z"},
		{"2026-01-02T03:04:05+01:00", ""},
		{"+999999999-12-31T23:59:59.999999999-18:00", ""},
	} {
		if got, ok := timeLayout(tt.text); got != tt.want || ok != (tt.want != "") {
			t.Errorf("timeLayout(%q) = %q, %v; want %q", tt.text, got, ok, tt.want)
		}
	}
}

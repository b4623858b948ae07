package main

import (
	"bytes"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"auditlog-forwarder/pkg/audit/auditgen"
)

func TestShorten(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, json string
		width      int
		lines      int
		want       []string
	}{
		{"fits", `{"a":1,"b":[true]}`, 20, 1, []string{`{"a":1,"b":[true]}`}},
		{"breaks between members", `{"a":1,"b":[true]}`, 10, 3, []string{`{"a":1,`, `"b":[true]`, `}`}},
		{"longest goes first", `{"a":1,"long":"xxxxxxxxxx","b":2}`, 20, 1, []string{`{"a":1,…"b":2}`}},
		{"neighbours make one gap", `{"a":1,"l":"xxxxxxxxxx","m":"xxxxxxxxx","b":2}`, 20, 1, []string{`{"a":1,…"b":2}`}},
		{"an emptied object goes", `{"a":1,"o":{"l":"xxxxxxxxxx"},"b":2}`, 20, 1, []string{`{"a":1,…"b":2}`}},
		{"brackets in strings", `{"a":"}],{[\"","b":2}`, 30, 1, []string{`{"a":"}],{[\"","b":2}`}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tc.want, shorten([]byte(tc.json), tc.width, tc.lines)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestShortenGenerated holds for every event that brackets stay balanced, no
// member is cut, and lines keep to the width.
func TestShortenGenerated(t *testing.T) {
	t.Parallel()
	const width, lines = 70, 4
	gen, err := auditgen.New(3)
	if err != nil {
		t.Fatal(err)
	}
	for range 500 {
		event := gen.Next(nil, time.Unix(1_800_000_000, 0))
		whole := map[string]bool{}
		for _, piece := range split(event) {
			whole[piece] = true
		}
		got := shorten(event, width, lines)
		for _, line := range got {
			if utf8.RuneCountInString(line) > width {
				t.Fatalf("longer than %d: %s", width, line)
			}
		}
		if len(got) > lines {
			t.Fatalf("%d lines of %s", len(got), event)
		}
		depth := 0
		for _, part := range strings.Split(strings.Join(got, ""), gap) {
			for _, piece := range split([]byte(part)) {
				if !whole[piece] {
					t.Fatalf("%s is no piece of %s", piece, event)
				}
				if opens(piece) {
					depth++
				}
				if closes(piece) {
					depth--
				}
			}
		}
		if depth != 0 {
			t.Fatalf("brackets are left open: %s", got)
		}
	}
}

// TestLiveScreen plays a terminal: what the log says comes above the status
// line, which is drawn again.
func TestLiveScreen(t *testing.T) {
	t.Parallel()
	var buf bytes.Buffer
	s := newScreen(&buf, false)
	s.live = true
	s.show("one", plain, "ready")
	s.warn("something")
	s.show("two", plain, "ready")
	s.settle()
	s.say("done")
	want := "   one  ready" + "\r\x1b[K" + "   something\n" + "   one  ready" + "\r\x1b[K" + "   two  ready" + "\n" + "   done\n"
	if diff := cmp.Diff(want, buf.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

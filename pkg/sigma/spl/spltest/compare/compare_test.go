package main

import (
	"slices"
	"strings"
	"testing"

	"auditlog-forwarder/pkg/sigma"
	"auditlog-forwarder/pkg/sigma/spl/spltest"
)

// TestSearchesFindWhatTheStreamFinds holds every rule of the catalogue, of the
// presets and of the probes against the corpus.
func TestSearchesFindWhatTheStreamFinds(t *testing.T) {
	t.Parallel()
	list, err := rules()
	if err != nil {
		t.Fatal(err)
	}
	events, err := numbered()
	if err != nil {
		t.Fatal(err)
	}
	searched := spltest.Load(events, 0)
	for _, r := range list {
		own, err := ours(r)
		if err != nil {
			t.Fatalf("%s: %v", r.Title, err)
		}
		c, err := compareOne(r, own, events, searched)
		if err != nil {
			t.Fatalf("%s: %v", r.Title, err)
		}
		for _, err := range c.wrong {
			t.Error(err)
		}
		if n := count(c.ours); n == len(events) || n == 0 && !strings.HasPrefix(r.Title, "probe") {
			t.Errorf("%s: its search finds %d of %d events, which proves nothing", r.Title, n, len(events))
		}
	}
}

// TestDifferenceIsSeen holds that a wrong search is told from a right one.
func TestDifferenceIsSeen(t *testing.T) {
	t.Parallel()
	list, err := rules()
	if err != nil {
		t.Fatal(err)
	}
	list = slices.DeleteFunc(list, func(r *sigma.Rule) bool { return r.Title != "CC cluster deletion" })
	if len(list) != 1 {
		t.Fatalf("%d rules of that title", len(list))
	}
	own, err := ours(list[0])
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := compareAll(&out, list, map[string]string{list[0].ID: own}); err != nil {
		t.Errorf("our own search differs from itself: %v", err)
	}
	oneSpelling := map[string]string{list[0].ID: `data.methodName="DeleteKafkaCluster"`}
	if err := compareAll(&out, list, oneSpelling); err == nil || !strings.Contains(err.Error(), "our search says true") {
		t.Errorf("a search of one spelling only: %v", err)
	}
	if err := compareAll(&out, list, nil); err == nil || !strings.Contains(err.Error(), "pySigma made no search") {
		t.Errorf("no search: %v", err)
	}
}

func TestPlain(t *testing.T) {
	t.Parallel()
	got := plain(`(a.b="x" OR "a{}.b" IN ("x", "y\" IN (z)")) | where 'a.b'="q"`, []string{"a.b", "a{}.b"}, map[string]string{"a.b": "f1", "a{}.b": "f2"})
	want := `(f1="x" OR (f2="x" OR f2="y\" IN (z)")) | where 'f1'="q"`
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

package sigma

import (
	"encoding/json"
	"slices"
	"testing"

	"auditlog-forwarder/pkg/audit"
)

// FuzzParse holds that whatever a file has in it is read or refused, and that
// what is read can be compiled and matched.
func FuzzParse(f *testing.F) {
	f.Add([]byte(tenRules))
	f.Add([]byte("title: x\nlogsource: {}\ndetection:\n  s: {'a{}{}.b|re|i': ['x', 1]}\n  condition: [not s, 1 of them and (s or s)]\n"))
	f.Add([]byte("a: &x [*x]\n"))
	f.Fuzz(func(t *testing.T, file []byte) {
		rules, err := Parse("f", file)
		if err != nil {
			return
		}
		set, err := Compile(rules)
		if err != nil {
			t.Fatal(err)
		}
		set.NewMatcher().Match([]byte(nested))
	})
}

// FuzzMatch holds that no event makes the matcher panic, that it finds values
// within the event only, and that it has nothing left of the event before.
func FuzzMatch(f *testing.F) {
	_, values := compactEvents(f)
	for _, v := range values[:20] {
		f.Add(v)
	}
	f.Add([]byte(nested))
	f.Add([]byte(`{"data":{"methodName":"\ud83d\u00e9\`))
	rules, err := Parse("f", []byte(tenRules+`---
title: the rest
logsource: {}
detection:
  words: [kafka, 'a*b', 'é']
  numbers: {a|gt: 5, 'a{}|lt': 1e3, 'b{}{}.c|exists': true, 'a|fieldref': 'b{}', 'b|re|i': 'x+'}
  condition: words or numbers
`))
	if err != nil {
		f.Fatal(err)
	}
	set, err := Compile(rules)
	if err != nil {
		f.Fatal(err)
	}
	var paths []Path
	for _, text := range []string{"a", "a{}.b", "data.methodName", "data.cloudResources.resource{}"} {
		p, err := ParsePath(text)
		if err != nil {
			f.Fatal(err)
		}
		paths = append(paths, p)
	}
	find := NewFinder(paths)
	f.Fuzz(func(t *testing.T, event []byte) {
		m := set.NewMatcher()
		first := slices.Clone(m.Match(event))
		_, notJSON := audit.ReadEvent(event)
		for id := range m.values {
			for _, v := range m.Values(PathID(id)) {
				if raw := event[v.Start:v.End]; notJSON == nil && !json.Valid(raw) {
					t.Fatalf("value %d:%d is no JSON: %q", v.Start, v.End, raw)
				}
				m.AppendText(nil, v)
			}
		}
		find.Find(event)
		for i := range find.values {
			for _, v := range find.Values(i) {
				if raw := event[v.Start:v.End]; notJSON == nil && !json.Valid(raw) {
					t.Fatalf("value %d:%d to be hidden is no JSON: %q", v.Start, v.End, raw)
				}
			}
		}
		m.Match([]byte(nested))
		if again := m.Match(event); !slices.Equal(first, again) {
			t.Fatalf("the same event matches %v, and then %v", first, again)
		}
	})
}

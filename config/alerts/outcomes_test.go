package catalogue_test

import (
	"encoding/json"
	"slices"
	"testing"

	"auditlog-forwarder/pkg/alerts"
	"auditlog-forwarder/pkg/sigma"
)

// TestOutcomes holds that an alert on what was done does not fire for what
// was not: however an event of it says so, it matches no more.
func TestOutcomes(t *testing.T) {
	t.Parallel()
	found := 0
	for _, a := range load(t) {
		if !slices.ContainsFunc(a.Rule.Detection.Searches, func(s *sigma.Search) bool { return s.Name == "failed" }) {
			continue
		}
		set, err := sigma.Compile([]*sigma.Rule{a.Rule})
		if err != nil {
			t.Fatal(err)
		}
		m := set.NewMatcher()
		for _, e := range a.Examples {
			for _, ev := range e.Events {
				if len(m.Match(ev.Body)) == 0 {
					continue
				}
				found++
				for _, outcome := range outcomes(t, ev) {
					if len(m.Match(outcome)) > 0 {
						t.Errorf("%s: %s: it matches what failed or was refused: %s", a.Name, e.Name, outcome)
					}
				}
			}
		}
	}
	if found < 60 {
		t.Errorf("%d events match, want at least 60", found)
	}
}

// outcomes are an event that did not come about, in each way in which events
// of its shape say so.
func outcomes(t *testing.T, ev alerts.ExampleEvent) (texts [][]byte) {
	t.Helper()
	for _, change := range []struct {
		in, snake, name string
		value           any
	}{
		{"result", "result", "status", "FAILURE"},
		{"authorizationInfo", "authorization_info", "result", "DENY"},
		{"authorizationInfo", "authorization_info", "granted", false},
	} {
		var event struct {
			Data map[string]json.RawMessage `json:"data"`
			Type string                     `json:"type"`
		}
		if err := json.Unmarshal(ev.Body, &event); err != nil {
			t.Fatal(err)
		}
		kafka := event.Type == "io.confluent.kafka.server/authorization"
		if kafka != (change.name == "granted") {
			continue // the other shape
		}
		in := change.in
		if _, snake := event.Data["method_name"]; snake {
			in = change.snake
		}
		part := map[string]any{}
		if old := event.Data[in]; old != nil {
			if err := json.Unmarshal(old, &part); err != nil {
				t.Fatal(err)
			}
		}
		part[change.name] = change.value
		text, err := json.Marshal(part)
		if err != nil {
			t.Fatal(err)
		}
		event.Data[in] = text
		whole, err := json.Marshal(map[string]any{"type": event.Type, "data": event.Data})
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, whole)
	}
	return texts
}

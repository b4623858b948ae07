package firing

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"auditlog-forwarder/pkg/alerts"
)

// Outcome is what an alert makes of one of its examples.
type Outcome struct {
	Example *alerts.Example
	Firings []Firing
}

// Right tells whether the alert does what the example says.
func (o Outcome) Right() bool { return (len(o.Firings) > 0) == o.Example.Fires }

// TryExamples runs an alert over its examples, each by itself.
func TryExamples(a *alerts.Alert, subjects []alerts.Subject) ([]Outcome, error) {
	var outcomes []Outcome
	for i := range a.Examples {
		example := &a.Examples[i]
		fired, err := tryExample(a, example, subjects)
		if err != nil {
			return nil, fmt.Errorf("alert %q, example %q (line %d): %w", a.Name, example.Name, example.Line, err)
		}
		outcomes = append(outcomes, Outcome{Example: example, Firings: fired})
	}
	return outcomes, nil
}

// tryExample runs an alert until all that its events can do to it is done. Windows
// begin with the minute of the first event, so that no burst is cut in two by the time at which a
// saved search happens to run. An alert on absence is asked by the runs between the
// first event and the last, of whatever kind: behind the last there is never one.
func tryExample(a *alerts.Alert, example *alerts.Example, subjects []alerts.Subject) (fired []Firing, err error) {
	events, err := Expand(example)
	if err != nil || len(events) == 0 {
		return nil, err
	}
	first, last := events[0].Time, events[0].Time
	for _, ev := range events {
		if ev.Time.Before(first) {
			first = ev.Time
		}
		if ev.Time.After(last) {
			last = ev.Time
		}
	}
	e, err := New([]*alerts.Alert{a}, subjects, Options{Align: first.Truncate(time.Minute), Since: first})
	if err != nil {
		return nil, err
	}
	for _, ev := range events {
		e.Add(ev)
	}
	if a.Condition.Absent == nil {
		last = last.Add(a.LookBack + a.Every)
	}
	e.Advance(last, func(f Firing) { fired = append(fired, f) })
	return fired, nil
}

// Expand makes the events of an example: those that are repeated are there as often,
// apart by their time, with the values that they are to have in turn.
func Expand(example *alerts.Example) ([]Event, error) {
	var events []Event
	for i, ev := range example.Events {
		all, err := expand(ev)
		if err != nil {
			return nil, fmt.Errorf("event %d: %w", i+1, err)
		}
		events = append(events, all...)
	}
	return events, nil
}

func expand(ev alerts.ExampleEvent) ([]Event, error) {
	decoder := json.NewDecoder(bytes.NewReader(ev.Body))
	decoder.UseNumber()
	var body map[string]any
	if err := decoder.Decode(&body); err != nil {
		return nil, fmt.Errorf("read it as a JSON object: %w", err)
	}
	text, _ := body["time"].(string)
	first, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return nil, fmt.Errorf("read its time %q: give it one as in RFC 3339", text)
	}
	if ev.Repeat <= 1 && len(ev.Vary) == 0 {
		return []Event{{Body: ev.Body, Time: first}}, nil
	}
	events := make([]Event, 0, max(1, ev.Repeat))
	id, hasID := body["id"].(string)
	for n := range max(1, ev.Repeat) {
		at := first.Add(time.Duration(n) * ev.Apart)
		body["time"] = at.UTC().Format(time.RFC3339Nano)
		if hasID && n > 0 {
			body["id"] = fmt.Sprintf("%s-%d", id, n+1)
		}
		for _, v := range ev.Vary {
			if len(v.Values) == 0 {
				continue
			}
			if !put(body, strings.Split(v.Path.String(), "."), v.Values[n%len(v.Values)]) {
				return nil, fmt.Errorf("vary: %s is not in the event; put a value there", v.Path)
			}
		}
		text, err := json.Marshal(body)
		if err != nil {
			return nil, fmt.Errorf("write it as JSON: %w", err)
		}
		events = append(events, Event{Body: text, Time: at})
	}
	return events, nil
}

// put sets the value at a path, in the first element where there are many, and tells
// whether there was one. A name may have dots in it.
func put(in any, path []string, text string) bool {
	for n := len(path); n > 0; n-- {
		object, ok := in.(map[string]any)
		if !ok {
			return false
		}
		name := strings.Join(path[:n], ".")
		plain := strings.TrimRight(name, "{}")
		value, has := object[plain]
		if !has {
			continue
		}
		set := func(v any) { object[plain] = v }
		for range strings.Count(name[len(plain):], "{}") {
			list, isList := value.([]any)
			if !isList || len(list) == 0 {
				return false
			}
			value, set = list[0], func(v any) { list[0] = v }
		}
		if n < len(path) {
			return put(value, path[n:], text)
		}
		switch value.(type) {
		case json.Number:
			set(json.Number(text))
		case bool:
			set(text == "true")
		default:
			set(text)
		}
		return true
	}
	return false
}

package firing_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"auditlog-forwarder/pkg/alerts"
	"auditlog-forwarder/pkg/alerts/firing"
)

// TestTrial: what a report tells of alerts, whatever the order of the events.
func TestTrial(t *testing.T) {
	t.Parallel()
	named := func(name string, change func(a *alerts.Alert)) *alerts.Alert {
		a := alert(t, change)
		a.Name, a.Rule.Level = name, "low"
		return a
	}
	list := []*alerts.Alert{
		named("each", func(a *alerts.Alert) { a.Message = "{principal}" }),
		named("kept silent", func(a *alerts.Alert) {
			a.Suppress = alerts.Suppress{For: 4 * 24 * time.Hour, By: []string{"source_ip"}}
		}),
		named("new", func(a *alerts.Alert) {
			a.Condition.New = &alerts.New{By: []string{"principal"}, Within: 30 * 24 * time.Hour, Count: 1}
		}),
		named("heart", func(a *alerts.Alert) {
			a.Source, a.Condition.Absent = alerts.Heartbeat, &alerts.Absent{For: time.Hour}
		}),
		named("long silence", func(a *alerts.Alert) { a.Condition.Absent = &alerts.Absent{For: 7 * 24 * time.Hour} }),
	}
	trial, err := firing.NewTrial(list, subjects(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, ev := range []struct {
		hours int
		who   string
	}{{47, "b"}, {0, "a"}, {1, "b"}, {1, "a"}, {2, "c"}} {
		trial.Add(firing.Event{Time: day().Add(time.Duration(ev.hours) * time.Hour), Body: fmt.Appendf(nil, `{"m":"x","who":%q,"from":[{"ip":"192.0.2.1"}]}`, ev.who)})
	}
	r := trial.Report(2, time.Time{}, day().Add(48*time.Hour))
	float := func(f float64) *float64 { return &f }
	want := []*firing.Verdict{
		{
			// The two of an hour are one message.
			Judged: true, Matched: 5, Fired: 4, Rows: 5, PerDay: float(2), MoreGroups: 1,
			Groups: []*firing.GroupCount{
				{Subjects: map[string]string{"principal": "a"}, Rows: 2, Events: 2, Message: "a"},
				{Subjects: map[string]string{"principal": "b"}, Rows: 2, Events: 2, Message: "b"},
			},
		},
		{
			Judged: true, Matched: 5, Fired: 1, Rows: 1, Suppressed: 4, PerDay: float(0.5),
			Groups: []*firing.GroupCount{{Subjects: map[string]string{"source_ip": "192.0.2.1"}, Rows: 1, Events: 1}},
		},
		{
			Judged: true, Matched: 5, Fired: 3, Rows: 3, PerDay: float(1.5), MoreGroups: 1,
			Groups: []*firing.GroupCount{
				{Subjects: map[string]string{"principal": "a"}, Rows: 1, Events: 1},
				{Subjects: map[string]string{"principal": "b"}, Rows: 1, Events: 1},
			},
			Notes: []string{"the events span 2d of the 30d that it looks back: more is new in them than will be"},
		},
		{PerDay: float(0), Groups: []*firing.GroupCount{}, Notes: []string{"not judged: it looks at the forwarder's heartbeats, and there is none among the events; the audit topic has none"}},
		{PerDay: float(0), Groups: []*firing.GroupCount{}, Matched: 5, Notes: []string{"not judged: the events span 2d, and a silence of 7d is looked for each 1h"}},
	}
	ignored := cmp.Options{
		cmpopts.IgnoreUnexported(firing.Verdict{}, firing.GroupCount{}),
		cmpopts.IgnoreFields(firing.Verdict{}, "Alert", "Level", "Days", "First", "Last"),
		cmpopts.IgnoreFields(firing.GroupCount{}, "First", "Last", "Sample"),
		cmpopts.EquateApprox(0, 1e-9),
	}
	if diff := cmp.Diff(want, r.Alerts, ignored); diff != "" {
		t.Error(diff)
	}
	if r.Events != 5 || r.Fired != 8 || !r.First.Equal(day()) || !r.Last.Equal(day().Add(47*time.Hour)) {
		t.Errorf("%d events, %d messages, from %s to %s", r.Events, r.Fired, r.First, r.Last)
	}
	var days int64
	for _, n := range r.Alerts[0].Days {
		days += n
	}
	if days != r.Alerts[0].Fired {
		t.Errorf("%d messages by day, want %d: %v", days, r.Alerts[0].Fired, r.Alerts[0].Days)
	}
}

// TestTrialSince: where nothing came from a time on, that is a part of the day, and of
// the silence.
func TestTrialSince(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		since  time.Time
		judged bool
		fired  int64
		perDay float64
	}{
		{"not known", time.Time{}, false, 0, 24},
		{"a day before", day().Add(-23 * time.Hour), true, 1, 1},
		{"less than a run needs", day().Add(-19*time.Hour - 30*time.Minute), false, 0, 1.17},
		{"behind the first", day().Add(30 * time.Minute), false, 0, 24},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			list := []*alerts.Alert{alert(t, nil), alert(t, func(a *alerts.Alert) {
				a.Condition.Absent, a.Suppress.For = &alerts.Absent{For: 20 * time.Hour}, 24*time.Hour
			})}
			trial, err := firing.NewTrial(list, subjects(t))
			if err != nil {
				t.Fatal(err)
			}
			trial.Add(firing.Event{Time: day(), Body: []byte(`{"m":"x"}`)})
			r := trial.Report(1, tt.since, day().Add(time.Hour))
			each, silence := r.Alerts[0], r.Alerts[1]
			if each.Fired != 1 || *each.PerDay != tt.perDay || silence.Judged != tt.judged || silence.Fired != tt.fired {
				t.Errorf("%d messages, %v a day, silence judged %t with %d; want %+v", each.Fired, *each.PerDay, silence.Judged, silence.Fired, tt)
			}
		})
	}
}

// TestExpand: what repeat, apart and vary make of an event.
func TestExpand(t *testing.T) {
	t.Parallel()
	body := []byte(`{"id":"i","time":"2026-11-02T01:00:00+01:00","n":[1,{"a.b":true}],"list":[{"ip":"x"},{"ip":"y"}]}`)
	vary := func(p string, values ...string) alerts.Variation {
		return alerts.Variation{Path: path(t, p), Values: values}
	}
	got, err := firing.Expand(&alerts.Example{Events: []alerts.ExampleEvent{
		{Body: body},
		{Body: body, Repeat: 3, Apart: time.Minute, Vary: []alerts.Variation{vary("list{}.ip", "p", "q"), vary("n{}", "7", "8", "9")}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		string(body),
		`{"id":"i","list":[{"ip":"p"},{"ip":"y"}],"n":[7,{"a.b":true}],"time":"2026-11-02T00:00:00Z"}`,
		`{"id":"i-2","list":[{"ip":"q"},{"ip":"y"}],"n":[8,{"a.b":true}],"time":"2026-11-02T00:01:00Z"}`,
		`{"id":"i-3","list":[{"ip":"p"},{"ip":"y"}],"n":[9,{"a.b":true}],"time":"2026-11-02T00:02:00Z"}`,
	}
	var texts []string
	for i, ev := range got {
		texts = append(texts, string(ev.Body))
		if at := day().Add(time.Duration(max(0, i-1)) * time.Minute); !ev.Time.Equal(at) {
			t.Errorf("event %d is of %s, want %s", i, ev.Time, at)
		}
	}
	if diff := cmp.Diff(want, texts); diff != "" {
		t.Error(diff)
	}
	for _, wrong := range []alerts.ExampleEvent{
		{Body: []byte(`{}`)},
		{Body: []byte(`{"time":"now"}`)},
		{Body: body, Vary: []alerts.Variation{vary("list.ip", "p")}},
		{Body: body, Vary: []alerts.Variation{vary("absent", "p")}},
	} {
		if _, err := firing.Expand(&alerts.Example{Events: []alerts.ExampleEvent{wrong}}); err == nil {
			t.Errorf("%s, %v: no error", wrong.Body, wrong.Vary)
		}
	}
}

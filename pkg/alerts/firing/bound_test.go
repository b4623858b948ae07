package firing_test

import (
	"fmt"
	"io/fs"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"auditlog-forwarder/pkg/alerts"
	"auditlog-forwarder/pkg/alerts/firing"
	"auditlog-forwarder/pkg/audit"
	"auditlog-forwarder/testdata/events"
)

// TestCells: events over the bound are counted, those of groups that are known are
// still looked at, and room comes back.
func TestCells(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name      string
		condition alerts.Condition
		want      firing.Counts
	}{
		{"groups", alerts.Condition{Threshold: &alerts.Threshold{Count: 2, By: []string{"principal"}}}, firing.Counts{Matched: 10, Over: 3, Fired: 2, Rows: 3}},
		{"single events", alerts.Condition{}, firing.Counts{Matched: 10, Over: 6, Fired: 2, Rows: 4}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			e := evaluator(t, firing.Options{Cells: 2}, alert(t, func(a *alerts.Alert) { a.Condition, a.Show = tt.condition, []string{"principal"} }))
			add := func(minutes int, who string) {
				e.Add(firing.Event{Time: day().Add(time.Duration(minutes) * time.Minute), Body: fmt.Appendf(nil, `{"m":"x","who":%q}`, who)})
			}
			for i, who := range []string{"a", "b", "c", "a", "b", "d"} {
				add(i, who)
			}
			e.Advance(day().Add(2*time.Hour), func(firing.Firing) {})
			for i, who := range []string{"e", "f", "e", "g"} {
				add(180+i, who)
			}
			e.Advance(day().Add(5*time.Hour), func(firing.Firing) {})
			if diff := cmp.Diff(tt.want, e.Counts(0)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestSamples: samples are bytes of their own, and only as many as there is room for.
func TestSamples(t *testing.T) {
	t.Parallel()
	body := []byte(`{"m":"x"}`)
	e := evaluator(t, firing.Options{Samples: 2*len(body) + 1}, alert(t, nil))
	var got []string
	for hour := range 2 {
		for range 3 {
			e.Add(firing.Event{Time: day().Add(time.Duration(hour) * time.Hour), Body: body})
		}
		body[0] = '!'
		e.Advance(day().Add(time.Duration(hour+1)*time.Hour), func(f firing.Firing) { got = append(got, string(f.Sample)) })
		body[0] = '{'
	}
	want := []string{`{"m":"x"}`, `{"m":"x"}`, ""}
	if diff := cmp.Diff(append(want, want...), got); diff != "" {
		t.Error(diff)
	}
}

// TestLate: what no run can count any more is said, not kept.
func TestLate(t *testing.T) {
	t.Parallel()
	e := evaluator(t, firing.Options{}, alert(t, nil))
	e.Advance(day().Add(3*time.Hour), func(firing.Firing) {})
	for _, minutes := range []int{119, 179, 180} {
		e.Add(firing.Event{Time: day().Add(time.Duration(minutes) * time.Minute), Body: []byte(`{"m":"x"}`)})
	}
	e.Advance(day().Add(4*time.Hour), func(firing.Firing) {})
	if diff := cmp.Diff(firing.Counts{Matched: 3, Late: 2, Fired: 1, Rows: 1}, e.Counts(0)); diff != "" {
		t.Error(diff)
	}
}

// TestNoMatchIsFree: an event that matches nothing makes no garbage.
func TestNoMatchIsFree(t *testing.T) {
	e := evaluator(t, firing.Options{}, alert(t, nil), alert(t, func(a *alerts.Alert) {
		a.Condition.Threshold = &alerts.Threshold{Count: 2, By: []string{"principal", "source_ip"}}
	}))
	ev := firing.Event{Time: day(), Body: []byte(`{"m":"y","type":"t","who":{"id":"x"},"from":[{"ip":"192.0.2.1"}]}`)}
	if n := testing.AllocsPerRun(100, func() {
		if e.Add(ev) != 0 {
			t.Error("it matches")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// TestBuiltinIsFree: nor does one that of the whole catalogue only the alert on
// silence counts.
func TestBuiltinIsFree(t *testing.T) {
	e, err := firing.New(builtin(t).Alerts, alerts.Subjects(), firing.Options{})
	if err != nil {
		t.Fatal(err)
	}
	names, err := fs.Glob(events.FS, "*.json")
	if err != nil {
		t.Fatal(err)
	}
	free := 0
	for _, name := range names {
		body, err := events.FS.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		ev := firing.Event{Time: day(), Body: body}
		if e.Add(ev) != 1 {
			continue
		}
		free++
		if n := testing.AllocsPerRun(20, func() { e.Add(ev) }); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
	if free < 10 {
		t.Errorf("%d events of %d match nothing else, too few to say anything", free, len(names))
	}
}

func BenchmarkAdd(b *testing.B) {
	for _, m := range []string{"y", "x"} {
		b.Run("m="+m, func(b *testing.B) {
			e := evaluator(b, firing.Options{}, alert(b, func(a *alerts.Alert) {
				a.Condition.Threshold = &alerts.Threshold{Count: 2, By: []string{"principal", "source_ip"}, Distinct: "credential"}
			}))
			ev := firing.Event{Time: day(), Body: fmt.Appendf(nil, `{"m":%q,"type":"t","who":{"id":"x"},"from":[{"ip":"192.0.2.1"}],"key":"K"}`, m)}
			b.ReportAllocs()
			for b.Loop() {
				e.Add(ev)
			}
		})
	}
}

// BenchmarkBuiltin is what the catalogue costs for an event as most of them are, and
// beside it what reading the event for delivery does.
func BenchmarkBuiltin(b *testing.B) {
	e, err := firing.New(builtin(b).Alerts, alerts.Subjects(), firing.Options{})
	if err != nil {
		b.Fatal(err)
	}
	body, err := events.FS.ReadFile("mds.Authorize.json")
	if err != nil {
		b.Fatal(err)
	}
	for name, do := range map[string]func(){
		"Add":                func() { e.Add(firing.Event{Body: body, Time: day()}) },
		"baseline=ReadEvent": func() { _, err = audit.ReadEvent(body) },
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				do()
			}
		})
	}
	if err != nil {
		b.Fatal(err)
	}
}

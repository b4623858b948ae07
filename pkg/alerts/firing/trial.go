package firing

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"auditlog-forwarder/pkg/alerts"
)

// The bounds of a Trial.
const (
	TrialCells  = 1_000_000 // of an alert; see Options.Cells
	trialGroups = 10_000    // told apart, of an alert
)

// leastSpan is the least time from which a day can be told.
const leastSpan = time.Minute

// Report is what a Trial has found.
type Report struct {
	Events int64 `json:"events"`
	// From and To are between what all events are known: where nothing else is, the
	// first and the last of them.
	From  time.Time `json:"from"`
	To    time.Time `json:"to"`
	First time.Time `json:"first"` // of the index times; zero without any
	Last  time.Time `json:"last"`
	Fired int64     `json:"fired"`
	// PerDay is what a day like that comes to; nil if the events span too little
	// time to tell.
	PerDay *float64   `json:"per_day"`
	Alerts []*Verdict `json:"alerts"` // in the catalogue's order
}

// Verdict is what one alert would have done.
type Verdict struct {
	Alert      string           `json:"alert"`
	Level      string           `json:"level"`
	Judged     bool             `json:"judged"` // else Notes tell why not
	Matched    int64            `json:"matched"`
	Fired      int64            `json:"fired"` // messages: rows of a run are one, unless each is kept silent by itself
	Rows       int64            `json:"rows"`
	Suppressed int64            `json:"suppressed"`
	PerDay     *float64         `json:"per_day"`
	Days       map[string]int64 `json:"days"` // messages by day, in UTC
	First      *time.Time       `json:"first"`
	Last       *time.Time       `json:"last"`
	Groups     []*GroupCount    `json:"groups"`      // those with the most rows first
	MoreGroups int64            `json:"more_groups"` // rows of groups that are not listed
	Notes      []string         `json:"notes,omitempty"`

	groups map[string]*GroupCount
}

// GroupCount is how often an alert would have told of one group.
type GroupCount struct {
	Subjects map[string]string `json:"subjects"`
	Rows     int64             `json:"rows"`
	Events   int64             `json:"events"` // in the windows of the rows
	First    time.Time         `json:"first"`
	Last     time.Time         `json:"last"`
	Message  string            `json:"message"`          // the last one
	Sample   string            `json:"sample,omitempty"` // an event of the last

	sample []byte
}

// Trial tells which alerts would have fired on events that are all there, in any
// order. It belongs to one goroutine.
type Trial struct {
	list      []*alerts.Alert
	evaluator *Evaluator
	report    Report
}

// NewTrial makes a trial of alerts.
func NewTrial(list []*alerts.Alert, subjects []alerts.Subject) (*Trial, error) {
	e, err := New(list, subjects, Options{Cells: TrialCells})
	if err != nil {
		return nil, err
	}
	return &Trial{list: list, evaluator: e, report: Report{Alerts: []*Verdict{}}}, nil
}

// Add takes an event.
func (t *Trial) Add(ev Event) {
	t.evaluator.Add(ev)
	at := ev.Index
	if at.IsZero() {
		at = ev.Time
	}
	at = at.UTC()
	if t.report.Events == 0 || at.Before(t.report.First) {
		t.report.First = at
	}
	if t.report.Events == 0 || at.After(t.report.Last) {
		t.report.Last = at
	}
	t.report.Events++
}

// Report runs the alerts and ends the trial. From since and up to until there was no
// further event; zero are the times of the first and the last one. Of each alert the groups with the most firings
// are listed, at most top.
func (t *Trial) Report(top int, since, until time.Time) Report {
	r := &t.report
	r.From, r.To = r.First, r.Last
	if r.Events > 0 && until.After(r.To) {
		r.To = until
	}
	if r.Events > 0 && !since.IsZero() && since.Before(r.From) {
		r.From = since
		t.evaluator.completeSince(since)
	}
	verdicts := map[*alerts.Alert]*Verdict{}
	for _, a := range t.list {
		v := &Verdict{Alert: a.Name, Level: a.Rule.Level, Judged: true, Days: map[string]int64{}, Groups: []*GroupCount{}, groups: map[string]*GroupCount{}}
		verdicts[a], r.Alerts = v, append(r.Alerts, v)
	}
	t.evaluator.Finish(r.To, func(f Firing) { verdicts[f.Alert].add(f) })
	for i, v := range r.Alerts {
		c := t.evaluator.Counts(i)
		v.Matched, v.Fired, v.Suppressed = c.Matched, c.Fired, c.Suppressed
		v.Rows, v.PerDay, r.Fired = c.Rows, t.perDay(v.Fired), r.Fired+v.Fired
		v.list(top)
		t.note(v, t.list[i], c)
	}
	r.PerDay = t.perDay(r.Fired)
	return *r
}

// perDay is what a number comes to in a day, to two digits.
func (t *Trial) perDay(n int64) *float64 {
	span := t.report.To.Sub(t.report.From)
	if span < leastSpan {
		return nil
	}
	day := math.Round(100*float64(n)*float64(24*time.Hour)/float64(span)) / 100
	return &day
}

func (v *Verdict) add(f Firing) {
	at := f.At
	if v.First == nil {
		v.First = &at
	}
	v.Last = &at
	if !f.Same {
		v.Days[at.Format(time.DateOnly)]++
	}
	about := aboutWhat(f)
	var key strings.Builder
	for _, s := range about {
		fmt.Fprintf(&key, "%d:%s", len(s.Texts[0]), s.Texts[0])
	}
	g := v.groups[key.String()]
	if g == nil {
		if len(v.groups) >= trialGroups {
			v.MoreGroups++
			return
		}
		g = &GroupCount{Subjects: map[string]string{}, First: f.First}
		for _, s := range about {
			g.Subjects[s.Subject] = s.Texts[0]
		}
		v.groups[key.String()] = g
		v.Groups = append(v.Groups, g)
	}
	if f.Sample != nil {
		g.sample = f.Sample
	}
	g.Rows, g.Events, g.Last, g.Message = g.Rows+1, g.Events+f.Count, f.Last, f.Message
}

// aboutWhat are the subjects by which firings are told apart in a report. Alerts
// without a condition have all that they show as a group, which says too much: they
// are told apart by what keeps them silent, or by who did it.
func aboutWhat(f Firing) []Value {
	if f.Alert.Condition != (alerts.Condition{}) {
		return f.Group
	}
	names := f.Alert.Suppress.By
	switch {
	case len(names) > 0:
	case f.Alert.Source == alerts.Heartbeat:
		names = []string{"instance"}
	default:
		names = []string{"principal"}
	}
	return slices.DeleteFunc(slices.Clone(f.Group), func(v Value) bool { return !slices.Contains(names, v.Subject) })
}

// list keeps the groups with the most firings; of those with as many, the first.
func (v *Verdict) list(top int) {
	slices.SortStableFunc(v.Groups, func(a, b *GroupCount) int { return cmp.Compare(b.Rows, a.Rows) })
	for _, g := range v.Groups[min(top, len(v.Groups)):] {
		v.MoreGroups += g.Rows
	}
	v.Groups = v.Groups[:min(top, len(v.Groups))]
	for _, g := range v.Groups {
		g.Sample = string(g.sample)
	}
}

// note tells what the verdict leaves open.
func (t *Trial) note(v *Verdict, a *alerts.Alert, c Counts) {
	say := func(format string, args ...any) { v.Notes = append(v.Notes, fmt.Sprintf(format, args...)) }
	if !t.evaluator.seen[a.Source] {
		v.Judged = false
		if a.Source == alerts.Heartbeat {
			say("not judged: it looks at the forwarder's heartbeats, and there is none among the events; the audit topic has none")
		} else {
			say("not judged: there is no audit event")
		}
		return
	}
	span, back := t.report.To.Sub(t.report.From), time.Duration(0)
	switch cond := a.Condition; {
	case cond.New != nil:
		if back = cond.New.Within; span < back {
			say("the events span %s of the %s that it looks back: more is new in them than will be", text(span), text(back))
		}
	case cond.Spike != nil:
		if back = cond.Spike.Over; span < back {
			say("the events span %s of the %s that it looks back: what came before counts as none, so it fires more easily", text(span), text(back))
		}
	case cond.Absent != nil:
		if back = cond.Absent.For; span < back+a.Every { // else a run has a whole window
			v.Judged = false
			say("not judged: the events span %s, and a silence of %s is looked for each %s", text(span), text(back), text(a.Every))
		}
	}
	if c.Over > 0 {
		say("%d events are not looked at: there are more groups and times than the %d that are kept", c.Over, TrialCells)
	}
}

// text writes a duration without what is zero at its end.
func text(d time.Duration) string {
	if d >= 48*time.Hour {
		return fmt.Sprintf("%.0fd", d.Hours()/24)
	}
	s := d.Round(time.Second).String()
	if rest, ok := strings.CutSuffix(s, "m0s"); ok {
		s = rest + "m"
	}
	if rest, ok := strings.CutSuffix(s, "h0m"); ok {
		s = rest + "h"
	}
	return s
}

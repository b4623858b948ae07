// Package firing tells which alerts fire on events, as the saved searches that
// are made of the same alerts do, in one pass over the events and with bounded
// memory.
//
// An Evaluator takes events with Add, in any order, and runs alerts with
// Advance. The windows of an alert's runs end where those of its saved search do, in
// a Splunk whose scheduler has UTC, and a run counts the events whose index time is
// in its window, the start included and the end not. Where the index time is not
// known, as in a file, the event's own time takes its place. That Splunk looks for no
// event which is older than its index time by more than a week, or is of the future,
// is not asked here.
//
// Counts are kept by cells: stretches of time that divide both Every and the
// windows, so that a run adds up cells and no event is kept. An event that comes
// out of order goes into the cell of its time. If runs that would have counted it
// are over, they are not repeated, as a search is not: what was done before
// Advance is in time, whatever its order.
package firing

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"auditlog-forwarder/pkg/alerts"
	"auditlog-forwarder/pkg/sigma"
)

// The bounds, unless Options says others.
const (
	DefaultCells   = 100_000
	DefaultSamples = 64 << 20
)

// maxValues bounds the values that are kept of a subject that is shown and not
// grouped by, as the searches do.
const maxValues = 10

// Options are an Evaluator's bounds, and how it is used.
type Options struct {
	// Cells is how many cells (for each combination of subjects one in each stretch
	// of time), or events that are alerts by themselves, are kept for an alert at the
	// same time. An event over it is not looked at by that alert and counted in
	// Counts.Over.
	Cells int
	// Samples is how many bytes of events are kept for Firing.Sample, of all
	// alerts together. Over it firings have no sample.
	Samples int
	// AtOnce lets alerts without a condition fire at the index time of their event
	// instead of at the run that finds it.
	AtOnce bool
	// Align is a time at which windows begin, and others end, of all alerts. Zero: they
	// begin when those of the alerts' saved searches do.
	Align time.Time
	// Since is from when on events are complete, so that none before the first one
	// means that there was none. Zero: the first event's index time.
	Since time.Time
}

// Event is an event and its times.
type Event struct {
	Body  []byte    // one JSON object; not kept
	Time  time.Time // the event's own, for working hours
	Index time.Time // when it was indexed, which decides which runs count it; zero: Time
}

// Value is a subject of a firing.
type Value struct {
	Subject string
	Texts   []string // one, unless the alert does not group by the subject; at most ten
}

// Firing is an alert that fires for a group of events.
type Firing struct {
	Alert    *alerts.Alert
	At       time.Time // the end of the run's window; Splunk runs it three minutes later
	Same     bool      // it is told in one message with the firing before it
	Group    []Value   // what the alert groups by; without a condition: all subjects that it names
	Others   []Value   // the other columns of the saved search's result
	Count    int64     // of the events in the window
	Distinct int64     // different values of the threshold's subject; see Evaluator
	First    time.Time // of the events, by their own time
	Last     time.Time
	Sample   []byte // one of the events; nil without one
	Message  string
}

// Counts are what became of the events at one alert.
type Counts struct {
	Matched    int64 // events that the rule matches, outside of working hours
	Late       int64 // of these, those that came too late for any run
	Over       int64 // of these, those for which there was no room
	Fired      int64 // that are not Firing.Same: messages
	Rows       int64 // all
	Suppressed int64 // rows that were kept silent
}

// Evaluator tells which alerts fire. It belongs to one goroutine.
//
// It keeps, for each alert, at most Options.Cells cells of those that runs still
// look at, and in a cell at most a thousand different values for a distinct
// count (or as many as the threshold asks for, if that is more): larger distinct
// counts are told as too small, and never decide otherwise than they should. Of subjects that are
// shown and no group the first ten values in their order are kept.
type Evaluator struct {
	opts  Options
	match *sigma.Matcher
	kind  sigma.PathID
	rules []*state
	seen  [2]bool // events of a source
	since [2]int64
	room  int // bytes left for samples
	text  []byte
	key   []byte
	ends  []int
}

// heartbeatType is the CloudEvents type that tells heartbeats from audit events,
// which Splunk tells apart by sourcetype.
const heartbeatType = "auditlog-forwarder.heartbeat.v1"

// New makes an evaluator of alerts, in whose order firings of the same run come.
// subjects are those that alerts name.
func New(list []*alerts.Alert, subjects []alerts.Subject, opts Options) (*Evaluator, error) {
	if opts.Cells <= 0 {
		opts.Cells = DefaultCells
	}
	if opts.Samples <= 0 {
		opts.Samples = DefaultSamples
	}
	kind, err := sigma.ParsePath("type")
	if err != nil {
		return nil, err
	}
	rules, paths := make([]*sigma.Rule, len(list)), []sigma.Path{kind}
	for i, a := range list {
		rules[i] = a.Rule
	}
	for _, s := range subjects {
		paths = append(paths, s.Paths...)
	}
	set, err := sigma.Compile(rules, paths...)
	if err != nil {
		return nil, fmt.Errorf("compile the rules of the alerts: %w", err)
	}
	e := &Evaluator{opts: opts, match: set.NewMatcher(), room: opts.Samples}
	e.kind, _ = set.PathID(kind)
	if !opts.Since.IsZero() {
		e.seen = [2]bool{true, true}
		e.since = [2]int64{opts.Since.UnixNano(), opts.Since.UnixNano()}
	}
	var errs []error
	for i, a := range list {
		st, err := newState(a, i, set, subjects, opts)
		if err != nil {
			errs = append(errs, fmt.Errorf("alert %q: %w", a.Name, err))
			continue
		}
		e.rules = append(e.rules, st)
	}
	return e, errors.Join(errs...)
}

// Add takes an event, and tells of how many alerts it matches the rule. What it
// makes fire is told by Advance.
func (e *Evaluator) Add(ev Event) (matched int) {
	if ev.Index.IsZero() {
		ev.Index = ev.Time
	}
	hits := e.match.Match(ev.Body) // the slice lasts until the next
	source, index := e.source(), ev.Index.UnixNano()
	if !e.seen[source] || (e.opts.Since.IsZero() && index < e.since[source]) {
		e.seen[source], e.since[source] = true, index
	}
	for _, i := range hits {
		st := e.rules[i]
		if st.alert.Source != source || !st.alert.Hours.Outside(ev.Time) {
			continue
		}
		matched++
		st.counts.Matched++
		e.add(st, &ev)
	}
	return matched
}

// completeSince says that of the logs that there are events of, all are known since then.
func (e *Evaluator) completeSince(at time.Time) {
	for source, since := range e.since {
		e.since[source] = min(since, at.UnixNano())
	}
}

// source tells of which log the last event is.
func (e *Evaluator) source() alerts.Source {
	for _, v := range e.match.Values(e.kind) { // two, if the member is there twice
		e.text = e.match.AppendText(e.text[:0], v)
		if string(e.text) == heartbeatType {
			return alerts.Heartbeat
		}
	}
	return alerts.Audit
}

// Advance runs all alerts up to now, now included, and calls fire for what fires,
// in the order of time.
func (e *Evaluator) Advance(now time.Time, fire func(Firing)) {
	e.advance(func(*state) int64 { return now.UnixNano() }, fire)
}

// Finish runs alerts up to last, the time of the last event, and once more, so that
// every event is looked at. That nothing is behind the last event makes no alert on
// absence fire.
func (e *Evaluator) Finish(last time.Time, fire func(Firing)) {
	e.advance(func(st *state) int64 {
		if st.alert.Condition.Absent != nil {
			return last.UnixNano()
		}
		return floor(last.UnixNano()-st.shift, st.every) + st.every + st.shift
	}, fire)
}

func (e *Evaluator) advance(until func(*state) int64, fire func(Firing)) {
	var all []candidate
	for _, st := range e.rules {
		if st.alert.Condition.Absent != nil {
			all = st.absent(all, until(st), e.seen[st.alert.Source], e.since[st.alert.Source])
		} else {
			all = st.candidates(all, until(st))
		}
	}
	slices.SortStableFunc(all, compare)
	for i := range all {
		c := &all[i]
		if c.st.suppressed(c, e.opts.Cells) {
			c.st.counts.Suppressed++
			continue
		}
		f := c.firing()
		f.Same = len(c.st.alert.Suppress.By) == 0 && c.st.told && c.st.lastTold == c.at
		c.st.told, c.st.lastTold = true, c.at
		c.st.counts.Rows++
		if !f.Same {
			c.st.counts.Fired++
		}
		fire(f)
	}
	for _, st := range e.rules {
		e.room += st.forget(until(st))
	}
}

// Counts are those of the alert of that index.
func (e *Evaluator) Counts(alert int) Counts { return e.rules[alert].counts }

package filter

import (
	"bytes"
	"strings"
	"time"

	"auditlog-forwarder/pkg/audit"
	"auditlog-forwarder/pkg/summary"
)

// Trial counts what rules would do to events. It sends nothing and belongs to
// one goroutine.
type Trial struct {
	judge   *Judge
	maxSize int
	cfg     summary.Config
	windows map[place]*summary.Window
	report  Report
	rows    map[string]*RuleCount
	routes  map[audit.Route]*RouteCount
	show    string
	room    int // for examples
	made    []byte
}

type place struct {
	topic     string
	partition int32
}

// Count is a number of events, and the bytes of their bodies, which is what
// Splunk's licence counts.
type Count struct {
	Events int64 `json:"events"`
	Bytes  int64 `json:"bytes"`
}

func (c *Count) add(bytes int) { c.Events, c.Bytes = c.Events+1, c.Bytes+int64(bytes) }

// Report is what a Trial has found.
type Report struct {
	Read       Count     `json:"read"`
	Sent       Count     `json:"sent"`      // one by one, as they come out of the rules
	Untouched  Count     `json:"untouched"` // those of Sent that no rule applied to
	Redacted   Count     `json:"redacted"`  // those of Sent with values replaced
	Dropped    Count     `json:"dropped"`
	Summarised Count     `json:"summarised"` // counted in Summaries instead
	Summaries  Count     `json:"summaries"`
	NoEvents   Count     `json:"no_events"` // dead letters, before any rule
	First      time.Time `json:"first"`     // of the timestamps; zero without any
	Last       time.Time `json:"last"`

	Rules  []*RuleCount  `json:"rules"` // in their order
	Routes []*RouteCount `json:"routes"`
	// SavedBytes is what Splunk does not get; PerDay is that of a whole day if all
	// days are as these events, and nil if they span too little time to tell.
	SavedBytes int64     `json:"saved_bytes"`
	PerDay     *Day      `json:"per_day"`
	Examples   []Example `json:"examples,omitempty"`
}

// Day is what the events would come to in a day.
type Day struct {
	ReadBytes  int64 `json:"read_bytes"`
	SentBytes  int64 `json:"sent_bytes"`
	SavedBytes int64 `json:"saved_bytes"`
}

// RuleCount is what one rule took effect on.
type RuleCount struct {
	Rule   string `json:"rule"`
	Where  string `json:"where,omitempty"`
	Action Action `json:"action"`
	Count
}

// RouteCount is how many events go to one place.
type RouteCount struct {
	Index      string `json:"index,omitempty"`
	Source     string `json:"source,omitempty"`
	Sourcetype string `json:"sourcetype,omitempty"`
	Host       string `json:"host,omitempty"`
	Count
}

// Example is an event that a rule took effect on.
type Example struct {
	Before string       `json:"before"`
	After  string       `json:"after,omitempty"` // empty: it is not sent by itself
	Route  *audit.Route `json:"route,omitempty"`
	Key    []string     `json:"key,omitempty"` // of its summary: JSON values, empty where there is none
}

// leastSpan is the least time from which a day can be told.
const leastSpan = time.Minute

// TrialOptions are what a Trial needs besides the rules.
type TrialOptions struct {
	Summary      summary.Config
	MaxEventSize int    // larger values are dead letters
	Show         string // the rule of which examples are kept; empty: none
	Examples     int    // at most
}

// NewTrial makes a trial.
func (f *Filter) NewTrial(opts TrialOptions) *Trial {
	t := &Trial{
		judge: f.NewJudge(), maxSize: opts.MaxEventSize, cfg: opts.Summary, windows: map[place]*summary.Window{},
		report: Report{Rules: []*RuleCount{}, Routes: []*RouteCount{}}, // not null in JSON
		rows:   map[string]*RuleCount{}, routes: map[audit.Route]*RouteCount{}, show: opts.Show, room: opts.Examples,
	}
	for _, r := range f.rules {
		t.row(r.Name, r.Where, r.Action)
	}
	return t
}

func (t *Trial) row(name, where string, a Action) *RuleCount {
	row := t.rows[name]
	if row == nil {
		row = &RuleCount{Rule: name, Where: where, Action: a}
		t.rows[name] = row
		t.report.Rules = append(t.report.Rules, row)
	}
	return row
}

// Add tries one record. Records of one partition come in their order. A record
// without a timestamp gets the event's own time.
func (t *Trial) Add(rec audit.Record) {
	t.report.Read.add(len(rec.Value))
	ev, err := audit.ReadEvent(rec.Value)
	noEvent := err != nil && (!t.judge.f.anyText || len(bytes.TrimSpace(rec.Value)) == 0)
	if rec.Timestamp.IsZero() {
		if at, err := time.Parse(time.RFC3339Nano, string(ev.Time)); err == nil {
			rec.Timestamp = at
		}
	}
	t.when(rec.Timestamp)
	win := t.window(&rec)
	if win.Closes(&rec) {
		t.close(win)
	}
	if noEvent || len(rec.Value) > t.maxSize {
		t.report.NoEvents.add(len(rec.Value))
		return
	}
	v := t.judge.Judge(&rec, &ev)
	sent := rec.Value
	switch {
	case v.Summary != nil && win.Add(&rec, v.Summary):
		t.report.Summarised.add(len(rec.Value))
		sent = nil
	case v.Rule != "" && v.Summary == nil:
		t.report.Dropped.add(len(rec.Value))
		sent = nil
	default:
		if v.Value != nil {
			sent = v.Value
			t.report.Redacted.add(len(rec.Value))
		}
		t.report.Sent.add(len(sent))
		t.routed(sent, ev.Route)
	}
	t.applied(&rec, v.Rule, sent)
	if t.shown(v.Rule) {
		t.example(&rec, sent, &ev, v.Summary)
	}
}

// applied counts the event under the rules that took effect.
func (t *Trial) applied(rec *audit.Record, rule string, sent []byte) {
	rules := t.judge.Applied()
	for _, r := range rules {
		t.row(r.Name, r.Where, r.Action).add(len(rec.Value))
	}
	if len(rules) == 0 && rule == "" {
		t.report.Untouched.add(len(sent))
	}
	if strings.HasPrefix(rule, methodRule) {
		t.row(rule, "filter.drop_methods", Drop).add(len(rec.Value))
	}
}

func (t *Trial) routed(body []byte, to *audit.Route) {
	if to == nil {
		return
	}
	row := t.routes[*to]
	if row == nil {
		row = &RouteCount{Index: to.Index, Source: to.Source, Sourcetype: to.Sourcetype, Host: to.Host}
		t.routes[*to] = row
		t.report.Routes = append(t.report.Routes, row)
	}
	row.add(len(body))
}

func (t *Trial) shown(rule string) bool {
	if t.show == "" || t.room == 0 {
		return false
	}
	for _, r := range t.judge.Applied() {
		if r.Name == t.show {
			return true
		}
	}
	return rule == t.show
}

func (t *Trial) example(rec *audit.Record, sent []byte, ev *audit.Event, item *summary.Item) {
	t.room--
	e := Example{Before: string(rec.Value), After: string(sent), Route: ev.Route}
	if item != nil {
		for _, v := range item.Values {
			e.Key = append(e.Key, string(v))
		}
	}
	t.report.Examples = append(t.report.Examples, e)
}

func (t *Trial) when(at time.Time) {
	if at.IsZero() {
		return
	}
	if t.report.First.IsZero() || at.Before(t.report.First) {
		t.report.First = at
	}
	if at.After(t.report.Last) {
		t.report.Last = at
	}
}

func (t *Trial) window(rec *audit.Record) *summary.Window {
	at := place{rec.Topic, rec.Partition}
	win := t.windows[at]
	if win == nil {
		win = summary.NewWindow(t.cfg, rec.Topic, rec.Partition)
		t.windows[at] = win
	}
	return win
}

// close counts the summaries of a window.
func (t *Trial) close(win *summary.Window) {
	for win.Left() {
		var about summary.Made
		t.made, about = win.Append(t.made[:0])
		t.report.Summaries.add(len(t.made))
		t.routed(t.made, about.Route)
	}
	win.Close()
}

// Report ends the trial.
func (t *Trial) Report() Report {
	for _, win := range t.windows {
		t.close(win)
	}
	r := t.report
	after := r.Sent.Bytes + r.Summaries.Bytes
	r.SavedBytes = r.Read.Bytes - r.NoEvents.Bytes - after
	if span := r.Last.Sub(r.First); span >= leastSpan {
		perDay := func(n int64) int64 { return int64(float64(n) * float64(24*time.Hour) / float64(span)) }
		r.PerDay = &Day{ReadBytes: perDay(r.Read.Bytes), SentBytes: perDay(after), SavedBytes: perDay(r.SavedBytes)}
	}
	return r
}

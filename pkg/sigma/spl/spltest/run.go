package spltest

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Event is an event as Splunk has it.
type Event struct {
	Raw             []byte
	Time, IndexTime time.Time

	Index, Sourcetype, Source, Host string
}

// Options are what a search has around it.
type Options struct {
	Macros map[string]Macro // by name, those with arguments as name(2)
	Now    time.Time        // when the search runs; time modifiers count from it

	// The window of a saved search: from Earliest on, before Latest. A zero time
	// is no bound. Modifiers in the search itself go before these.
	Earliest, Latest, IndexEarliest, IndexLatest time.Time

	// Cutoff is how many bytes of an event fields are extracted from: 5000 by
	// Splunk's default, 0 for all.
	Cutoff int
}

// Row is one result: fields and their values. A field without a value is not
// in it.
type Row map[string][]string

// row is a Row on its way through the pipeline.
type row struct {
	fields Row
	at     time.Time // of the event, for earliest, latest and their kin
}

// runner is one run of a search.
type runner struct {
	window window
	rows   []*row

	search searcher
	eval   evaluator
}

// window is the time that a search looks at.
type window struct {
	now                                          time.Time
	earliest, latest, indexEarliest, indexLatest time.Time
	given                                        map[string]bool
}

func (w *window) set(name, modifier string) error {
	t, err := relativeTime(modifier, w.now)
	if err != nil {
		return err
	}
	if w.given[name] {
		return undocumented("%s is there twice", name)
	}
	w.given[name] = true
	switch name {
	case "earliest":
		w.earliest = t
	case "latest":
		w.latest = t
	case "_index_earliest":
		w.indexEarliest = t
	case "_index_latest":
		w.indexLatest = t
	}
	return nil
}

func (w *window) has(e *Event) bool {
	return within(e.Time, w.earliest, w.latest) && within(e.IndexTime, w.indexEarliest, w.indexLatest)
}

func within(t, from, to time.Time) bool {
	return (from.IsZero() || !t.Before(from)) && (to.IsZero() || t.Before(to))
}

// Run runs a search over events and gives its results.
func Run(search string, events []Event, opts Options) ([]Row, error) {
	return Load(events, opts.Cutoff).Run(search, opts)
}

// Loaded are events whose fields are extracted, to be searched many times.
type Loaded struct{ rows []loaded }

type loaded struct {
	event  *Event
	fields Row
}

// Load extracts the fields of events, from the first cutoff bytes of each; 0 is
// from all of them.
func Load(events []Event, cutoff int) *Loaded {
	l := &Loaded{rows: make([]loaded, len(events))}
	for i := range events {
		e := &events[i]
		fields := Row(Extract(e.Raw, cutoff))
		maps.Copy(fields, Row{
			"_raw": {string(e.Raw)}, "_time": {epoch(e.Time)}, "_indextime": {epoch(e.IndexTime.Truncate(time.Second))},
			"index": {e.Index}, "sourcetype": {e.Sourcetype}, "source": {e.Source}, "host": {e.Host},
		})
		l.rows[len(events)-1-i] = loaded{e, fields}
	}
	// Of events of one time, the one that came last is first.
	slices.SortStableFunc(l.rows, func(a, b loaded) int { return b.event.Time.Compare(a.event.Time) })
	return l
}

// Run runs a search. The options' Cutoff is not looked at.
func (l *Loaded) Run(search string, opts Options) ([]Row, error) {
	expanded, err := expand(search, opts.Macros, 0)
	if err != nil {
		return nil, err
	}
	commands, err := pipeline(expanded)
	if err != nil {
		return nil, err
	}
	r := &runner{
		window: window{
			now: opts.Now, earliest: opts.Earliest, latest: opts.Latest,
			indexEarliest: opts.IndexEarliest, indexLatest: opts.IndexLatest, given: map[string]bool{},
		},
		search: searcher{patterns: map[string]*regexp.Regexp{}},
		eval:   evaluator{now: opts.Now, bound: map[string]value{}, patterns: map[string]*regexp.Regexp{}},
	}
	if commands[0] == "" {
		return nil, fmt.Errorf("a search that starts with a pipe is not understood here")
	}
	if err := r.start(strings.TrimPrefix(commands[0], "search "), l.rows); err != nil {
		return nil, err
	}
	for _, c := range commands[1:] {
		if err := r.command(c); err != nil {
			return nil, fmt.Errorf("| %s: %w", c, err)
		}
	}
	out := make([]Row, len(r.rows))
	for i, row := range r.rows {
		out[i] = row.fields
	}
	return out, nil
}

// start runs the search before the first pipe.
func (r *runner) start(expr string, rows []loaded) error {
	node, err := parseSearch(expr, &r.window)
	if err != nil {
		return err
	}
	if r.window.given["earliest"] && !r.window.given["latest"] {
		r.window.latest = r.window.now
	}
	for _, l := range rows {
		if !r.window.has(l.event) {
			continue
		}
		row := &row{at: l.event.Time, fields: l.fields}
		ok, err := r.search.match(node, row)
		if err != nil {
			return err
		}
		if ok {
			row.fields = maps.Clone(l.fields)
			r.rows = append(r.rows, row)
		}
	}
	return nil
}

// command runs one command behind a pipe.
func (r *runner) command(c string) error {
	name, rest, _ := strings.Cut(c, " ")
	if i := strings.IndexAny(name, "\n\t"); i >= 0 {
		name, rest = c[:i], c[i+1:]
	}
	rest = strings.TrimSpace(rest)
	switch name {
	case "search":
		return r.keepSearch(rest)
	case "where":
		return r.keepWhere(rest)
	case "eval":
		return r.evalCommand(rest)
	case "regex":
		return r.regexCommand(rest)
	case "rex":
		return r.rexCommand(rest)
	}
	words, err := argWords(rest)
	if err != nil {
		return err
	}
	switch name {
	case "stats", "eventstats", "streamstats":
		return r.statsCommand(name, words)
	case "timechart":
		return r.timechartCommand(words)
	case "addinfo":
		return r.addinfoCommand(words)
	case "bin", "bucket":
		return r.binCommand(words)
	case "fields", "table":
		return r.fieldsCommand(name, words)
	case "rename":
		return r.renameCommand(words)
	case "sort":
		return r.sortCommand(words)
	case "dedup":
		return r.dedupCommand(words)
	case "fillnull":
		return r.fillnullCommand(words)
	case "head", "tail":
		return r.headCommand(name, words)
	case "mvexpand":
		return r.mvexpandCommand(words)
	}
	return fmt.Errorf("the command %s is not understood here", name)
}

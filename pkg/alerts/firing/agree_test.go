package firing_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"auditlog-forwarder/pkg/alerts"
	"auditlog-forwarder/pkg/alerts/firing"
	"auditlog-forwarder/pkg/sigma/spl/spltest"
)

// lag is how long behind the end of its window Splunk runs a search. That it is what
// the searches have is asked by every comparison.
const lag = 3 * time.Minute

// slow is why -short, and so the race detector, goes without: with it they take ten
// times as long, and no goroutine shares anything.
const slow = "one goroutine works out a lot; make test runs it"

// macros are those of a catalogue, for spltest.
func macros(c *alerts.Catalogue) map[string]spltest.Macro {
	all := map[string]spltest.Macro{}
	for _, s := range c.Macros() {
		all[s.Name] = spltest.Macro{Definition: setting(s, "definition")}
	}
	all[alerts.EventsMacro] = spltest.Macro{Definition: `sourcetype="confluent:auditlog"`}
	all[alerts.HeartbeatsMacro] = spltest.Macro{Definition: `sourcetype="auditlog-forwarder:heartbeat"`}
	return all
}

func setting(s alerts.Stanza, key string) string {
	for _, set := range s.Settings {
		if set.Key == key {
			return set.Value
		}
	}
	return ""
}

// corpus is a copy of the corpus, for the test to change.
func corpus(t *testing.T) []spltest.Event {
	t.Helper()
	events, err := spltest.Corpus()
	if err != nil {
		t.Fatal(err)
	}
	return events
}

// searcher runs saved searches as Splunk's scheduler would.
type searcher struct {
	catalogue *alerts.Catalogue
	macros    map[string]spltest.Macro
}

// run is the saved search of an alert, over events, with a window that ends then.
func (s *searcher) run(t *testing.T, a *alerts.Alert, events *spltest.Loaded, end time.Time) []spltest.Row {
	t.Helper()
	stanzas := (&alerts.Catalogue{Alerts: []*alerts.Alert{a}, Settings: s.catalogue.Settings}).SavedSearches()
	now := end.Add(lag)
	at := func(key string) time.Time {
		text := setting(stanzas[0], key)
		minutes, err := strconv.Atoi(strings.TrimSuffix(text, "m@m"))
		if err != nil {
			t.Fatalf("%s = %q is not understood", key, text)
		}
		return now.Truncate(time.Minute).Add(time.Duration(minutes) * time.Minute)
	}
	rows, err := events.Run(setting(stanzas[0], "search"), spltest.Options{
		Macros: s.macros, Now: now, Earliest: at("dispatch.earliest_time"), Latest: at("dispatch.latest_time"),
		IndexEarliest: at("dispatch.index_earliest"), IndexLatest: at("dispatch.index_latest"),
	})
	if err != nil {
		t.Fatalf("%s: %v", a.Name, err)
	}
	return rows
}

// columns are those that both sides have.
func columns(a *alerts.Alert) []string {
	return slices.DeleteFunc(a.Columns(), func(name string) bool {
		return slices.Contains([]string{"_time", "mean", "deviation", alerts.EventColumn}, name)
	})
}

// ofSearch writes a row of a search, ofStream what the evaluator tells.
func ofSearch(a *alerts.Alert, row spltest.Row) string {
	var parts []string
	for _, name := range columns(a) {
		parts = append(parts, fmt.Sprintf("%s=%q", name, strings.Join(row[name], "|")))
	}
	return strings.Join(parts, " ")
}

func ofStream(a *alerts.Alert, f firing.Firing) string {
	texts := map[string]string{alerts.CountWord: strconv.FormatInt(f.Count, 10), alerts.DistinctWord: strconv.FormatInt(f.Distinct, 10)}
	for _, v := range slices.Concat(f.Group, f.Others) {
		texts[v.Subject] = strings.Join(v.Texts, ", ")
	}
	var parts []string
	for _, name := range columns(a) {
		parts = append(parts, fmt.Sprintf("%s=%q", name, texts[name]))
	}
	return strings.Join(parts, " ")
}

// stream gives the evaluator's rows by the end of their windows. Nothing is
// suppressed: that is of the scheduler, not of a search.
func stream(t *testing.T, a *alerts.Alert, events []spltest.Event, opts firing.Options) map[time.Time][]string {
	t.Helper()
	e, err := firing.New([]*alerts.Alert{a}, alerts.Subjects(), opts)
	if err != nil {
		t.Fatal(err)
	}
	var last time.Time
	for _, ev := range events {
		e.Add(firing.Event{Body: ev.Raw, Time: ev.Time, Index: ev.IndexTime})
		last = later(last, ev.IndexTime)
	}
	all := map[time.Time][]string{}
	e.Finish(last, func(f firing.Firing) { all[f.At] = append(all[f.At], ofStream(a, f)) })
	for _, rows := range all {
		slices.Sort(rows)
	}
	return all
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// agree holds the search against the stream for a run.
func (s *searcher) agree(t *testing.T, a *alerts.Alert, events *spltest.Loaded, end time.Time, want []string) {
	t.Helper()
	var got []string
	for _, row := range s.run(t, a, events, end) {
		got = append(got, ofSearch(a, row))
	}
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s, window to %s: the search finds otherwise than the stream (-): %s", a.Name, end.Format(time.RFC3339), diff)
	}
}

// unsuppressed is a without what the scheduler does with its rows.
func unsuppressed(a *alerts.Alert) *alerts.Alert {
	b := *a
	b.Suppress.For = 0
	return &b
}

// TestSearchesAgreeOnExamples: in every run that looks at an example, each alert's
// saved search has the rows that the evaluator tells.
func TestSearchesAgreeOnExamples(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip(slow)
	}
	c := builtin(t)
	s := &searcher{c, macros(c)}
	for _, a := range c.Alerts {
		t.Run(a.Slug, func(t *testing.T) {
			t.Parallel()
			a := unsuppressed(a)
			for i := range a.Examples {
				expanded, err := firing.Expand(&a.Examples[i])
				if err != nil {
					t.Fatal(err)
				}
				s.example(t, a, expanded)
			}
		})
	}
}

// heavy is from how many events on an example is compared in few of its runs.
const heavy = 500

func (s *searcher) example(t *testing.T, a *alerts.Alert, expanded []firing.Event) {
	t.Helper()
	var events []spltest.Event
	first, last := expanded[0].Time, expanded[0].Time
	for _, ev := range expanded {
		kind := "confluent:auditlog"
		if strings.Contains(string(ev.Body), `"auditlog-forwarder.heartbeat.v1"`) {
			kind = "auditlog-forwarder:heartbeat"
		}
		events = append(events, spltest.Event{Raw: ev.Body, Time: ev.Time, IndexTime: ev.Time, Sourcetype: kind})
		last = later(last, ev.Time)
		if ev.Time.Before(first) {
			first = ev.Time
		}
	}
	start := first.Truncate(time.Minute)
	told, loaded := stream(t, a, events, firing.Options{Align: start, Since: first}), spltest.Load(events, 0)
	runs := 0
	for end := start.Add(a.Every); !end.After(last.Add(a.Every)); end = end.Add(a.Every) {
		if absent := a.Condition.Absent; absent != nil && (end.After(last) || end.Add(-absent.For).Before(first)) {
			continue // not judged
		}
		rows := told[end]
		if runs++; len(rows) == 0 && (runs > 12 || len(events) > heavy && runs > 2) {
			continue
		}
		s.agree(t, a, loaded, end, rows)
	}
}

// TestSearchesAgreeOnCorpus: on every event of the corpus, each alert's search and
// the evaluator say the same: whether it matches, and what its subjects are.
func TestSearchesAgreeOnCorpus(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip(slow)
	}
	c := builtin(t)
	s := &searcher{c, macros(c)}
	events := corpus(t)
	t.Logf("%d events, %d alerts", len(events), len(c.Alerts))
	for i := range events { // all in one window, at their own times of the week
		events[i].IndexTime = spltest.CorpusTime()
	}
	loaded := spltest.Load(events, 0)
	for _, a := range c.Alerts {
		t.Run(a.Slug, func(t *testing.T) {
			t.Parallel()
			a := unsuppressed(a)
			a.Condition, a.LookBack = alerts.Condition{}, a.Every
			end := spltest.CorpusTime().Add(a.Every)
			want := stream(t, a, events, firing.Options{Align: spltest.CorpusTime()})
			if len(want[end]) == 0 {
				t.Errorf("it matches no event of the corpus, not even those of its examples")
			}
			s.agree(t, a, loaded, end, want[end])
		})
	}
}

// TestSearchesAgreeOnConditions: over the corpus as it comes, a minute apart, the runs
// of alerts that count have the groups that the evaluator tells.
func TestSearchesAgreeOnConditions(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip(slow)
	}
	c := builtin(t)
	s := &searcher{c, macros(c)}
	events := corpus(t)
	loaded := spltest.Load(events, 0)
	for _, a := range c.Alerts {
		if a.Condition == (alerts.Condition{}) || a.Condition.Absent != nil {
			continue
		}
		t.Run(a.Slug, func(t *testing.T) {
			t.Parallel()
			a := eager(unsuppressed(a))
			told := stream(t, a, events, firing.Options{})
			var ends []time.Time
			for end := range told {
				ends = append(ends, end)
			}
			slices.SortFunc(ends, time.Time.Compare)
			if len(ends) == 0 {
				t.Error("it fires nowhere in the corpus, even where two are enough")
				return
			}
			for i := range min(3, len(ends)) {
				s.agree(t, a, loaded, ends[i*len(ends)/3], told[ends[i*len(ends)/3]])
			}
		})
	}
}

// eager is a with conditions that a corpus without bursts meets.
func eager(a *alerts.Alert) *alerts.Alert {
	b := *a
	switch c := &b.Condition; {
	case c.Threshold != nil:
		threshold := *c.Threshold
		threshold.Count, threshold.DistinctCount = min(threshold.Count, 2), min(threshold.DistinctCount, 1)
		c.Threshold = &threshold
	case c.New != nil:
		fresh := *c.New
		fresh.Count, fresh.Within = 1, 6*time.Hour
		c.New = &fresh
	case c.Spike != nil:
		spike := *c.Spike
		spike.Count, spike.Deviations = 1, 1
		c.Spike = &spike
	}
	return &b
}

package firing_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"auditlog-forwarder/pkg/sigma/spl/spltest"
)

// TestPastedSearchesAgree: a search to paste finds in a range that ends now what the
// saved search finds in its own, which ends later; both may reckon from that end.
func TestPastedSearchesAgree(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip(slow)
	}
	c := builtin(t)
	s := &searcher{c, macros(c)}
	events := corpus(t)
	end := spltest.CorpusTime().Add(time.Minute)
	for i := range events { // a few to a group in a bin, some of them from before the run
		ago := time.Duration(i%4+1) * time.Minute
		if i%4 == 3 {
			ago = 3 * time.Hour
		}
		events[i].Time, events[i].IndexTime = end.Add(-time.Duration(i%7+1)*time.Minute), end.Add(-ago)
	}
	loaded := spltest.Load(events[:600], 0)
	all := 0
	for _, a := range c.Alerts {
		if a.Condition.New == nil && a.Condition.Spike == nil {
			continue
		}
		a := eager(unsuppressed(a))
		var want, got []string
		for _, row := range s.run(t, a, loaded, end) {
			want = append(want, ofSearch(a, row))
		}
		rows, err := loaded.Run(c.Expanded(a), spltest.Options{
			Now: end.Add(lag), Latest: end.Add(lag), Earliest: end.Add(-24 * time.Hour), IndexLatest: end,
		})
		if err != nil {
			t.Fatalf("%s: %v", a.Name, err)
		}
		for _, row := range rows {
			got = append(got, ofSearch(a, row))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: the search to paste finds otherwise than the saved search (-): %s", a.Name, diff)
		}
		all += len(want)
	}
	if all < 10 {
		t.Errorf("they find %d rows, too few to say anything", all)
	}
}

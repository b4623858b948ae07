package main

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestSummaryBook holds that the documented rule is what counts, and that each
// way to be wrong shows.
func TestSummaryBook(t *testing.T) {
	t.Parallel()
	when := time.UnixMilli(1_000_000).UTC()
	event := func(id string, window, first, last, count int) string {
		samples := []string{`"n0"`, `"n2"`, `"n3"`}[:min(count, 3)]
		return fmt.Sprintf(`{"id":%q,"type":"auditlog-forwarder.summary.v1","time":%q,"data":{"methodName":%q,"authenticationInfo":{"principal":"u"}},`+
			`"summary":{"rule":%q,"count":%d,"first":%q,"last":%q,"partition":0,"window_offset":%d,"first_offset":%d,"last_offset":%d,"bytes":%d,"sample_ids":[%s]}}`,
			id, when.Format(time.RFC3339Nano), noiseMethod, noiseRule, count, when.Format(time.RFC3339Nano), when.Format(time.RFC3339Nano),
			window, first, last, 10*count, strings.Join(samples, ","))
	}
	for _, tc := range []struct {
		name   string
		events []string
		want   string // of the complaints; empty: none
	}{
		{"one", []string{event("a", 0, 0, 3, 3)}, ""},
		{"first early, then whole", []string{event("a", 0, 0, 2, 2), event("a", 0, 0, 3, 3)}, ""},
		{"the early one comes late", []string{event("a", 0, 0, 3, 3), event("a", 0, 0, 2, 2)}, ""},
		{"none", nil, "the summaries count 0, and there were 3"},
		{"some", []string{event("a", 0, 0, 2, 2)}, "the summaries count 2, and there were 3"},
		{"twice under two names", []string{event("a", 0, 0, 3, 3), event("b", 0, 0, 3, 3)}, "the summaries count 6, and there were 3"},
		{"a wrong count", []string{event("a", 0, 0, 3, 2)}, "is wrong"},
		{"two bodies", []string{event("a", 0, 0, 3, 3), event("a", 0, 0, 3, 2)}, "two bodies"},
		{"two windows", []string{event("a", 0, 0, 2, 2), event("a", 0, 0, 3, 3), event("a", 2, 2, 3, 2)}, "two bodies"},
		{"beyond the end", []string{event("a", 0, 0, 9, 3)}, "cannot be"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			l := newLedger(1)
			for o, k := range []kind{noise, good, noise, noise} {
				at := l.produce(0, k, nil)
				if k == noise {
					l.describe(at, noisy{key: "u", id: fmt.Sprintf("n%d", o), bytes: 10, when: when})
				}
			}
			r := &run{ledger: l, plan: plan{Partitions: 1}}
			for _, text := range tc.events {
				s, ok := readSummary([]byte(text))
				if !ok {
					t.Fatalf("no summary: %s", text)
				}
				body := sum([]byte(text))
				q := &request{places: []place{{0, s.Summary.LastOff}}, bodies: []fingerprint{body}, sums: map[int]summaryEvent{0: s}, indexed: 1}
				l.index(q)
			}
			var res result
			r.judgeSummaries(&res, newBlame(r))
			got := strings.Join(l.complaints(), "\n")
			if (tc.want == "") != (got == "") || !strings.Contains(got, tc.want) {
				t.Errorf("complaints %q, want %q", got, tc.want)
			}
		})
	}
}

// TestCovered reads what stands beside an offset.
func TestCovered(t *testing.T) {
	t.Parallel()
	for note, want := range map[string]int64{"": 9, "summary/1 3 1000 5 4 2 abc": 5} {
		if got, err := covered(9, note); got != want || err != nil {
			t.Errorf("%q: %d, %v; want %d", note, got, err, want)
		}
	}
	if _, err := covered(9, "else"); err == nil {
		t.Error("another note was understood")
	}
}

// TestSummaryRepeats holds that the same summary comes again for a cause only.
func TestSummaryRepeats(t *testing.T) {
	t.Parallel()
	for why, fine := range map[cause]bool{becauseKilled: true, "": false} {
		r := &run{ledger: newLedger(1), plan: plan{Second: nobody}}
		from := &incarnation{name: "a-1"}
		if why != "" {
			from.excuse(why)
		}
		newBlame(r).summaryRepeats("a", 3, []*request{{from: from}, {from: &incarnation{name: "a-2"}}})
		if got := len(r.ledger.complaints()) == 0; got != fine {
			t.Errorf("%q: %v", why, r.ledger.complaints())
		}
	}
}

package deadletter

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
)

// pendingMetric returns the figures above 0, or nothing while they are absent.
func pendingMetric(t *testing.T, reg *prometheus.Registry) []string {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]float64{}
	for _, f := range families {
		if f.GetName() != "auditlog_forwarder_dead_letter_pending" {
			continue
		}
		if n := len(f.GetMetric()); n != len(Reasons()) {
			t.Errorf("%d reasons, want all %d", n, len(Reasons()))
		}
		for _, m := range f.GetMetric() {
			if v := m.GetGauge().GetValue(); v != 0 {
				found[m.GetLabel()[0].GetValue()] = v
			}
		}
	}
	var lines []string
	for _, reason := range slices.Sorted(maps.Keys(found)) {
		lines = append(lines, fmt.Sprint(reason, " ", found[reason]))
	}
	return lines
}

// TestPendingMetric: what lies there at the start is counted, what comes is
// added at once, and what a replay and a purge take away is seen in a minute.
func TestPendingMetric(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		cfg := Config{Dir: t.TempDir(), MaxBytes: 1 << 20}
		first, err := Open(cfg, zap.NewNop())
		if err != nil {
			t.Fatal(err)
		}
		put(t, first, sample(0), sample(1), reasoned(2, NotJSON, 9))
		if err := first.Close(); err != nil {
			t.Fatal(err)
		}
		s := open(t, cfg, zap.NewNop())
		reg := prometheus.NewRegistry()
		if err := s.Register(reg); err != nil {
			t.Fatal(err)
		}
		want := func(want ...string) {
			t.Helper()
			if diff := cmp.Diff(want, pendingMetric(t, reg)); diff != "" {
				t.Error(diff)
			}
		}
		want() // it is being counted
		synctest.Wait()
		want("not_json 1", "refused 2")
		put(t, s, sample(3), reasoned(4, BadEnvelope, 9))
		want("bad_envelope 1", "not_json 1", "refused 3")

		if _, err := Replay(t.Context(), cfg.Dir, Filter{IDs: []string{sample(0).ID()}}, deliver, nil); err != nil {
			t.Fatal(err)
		}
		want("bad_envelope 1", "not_json 1", "refused 3") // read too shortly before
		synctest.Wait()
		<-time.After(recountEvery)
		want("bad_envelope 1", "not_json 1", "refused 3")
		synctest.Wait()
		want("bad_envelope 1", "not_json 1", "refused 2")

		if _, err := Replay(t.Context(), cfg.Dir, Filter{IDs: []string{sample(1).ID()}}, deliver, nil); err != nil {
			t.Fatal(err)
		}
		<-time.After(recountEvery)
		want("bad_envelope 1", "not_json 1", "refused 2")
		synctest.Wait()
		want("bad_envelope 1", "not_json 1", "refused 1")

		if _, err := Purge(t.Context(), cfg.Dir, PurgeOptions{Filter: Filter{Reasons: []Reason{NotJSON}}}); err != nil {
			t.Fatal(err)
		}
		<-time.After(recountEvery)
		want("bad_envelope 1", "not_json 1", "refused 1")
		synctest.Wait()
		want("bad_envelope 1", "refused 1")
	})
}

// TestPutWhileCounting: what comes while the files are read is not in what is
// read, and is added to it.
func TestPutWhileCounting(t *testing.T) {
	t.Parallel()
	_, s := filled(t, 0)
	c := &s.census
	c.ended, c.since = make(chan struct{}), map[Reason]int{}
	put(t, s, sample(1), sample(2))
	c.mu.Lock()
	c.ended = nil
	c.take(map[Reason]int{Refused: 5}, c.seen)
	c.mu.Unlock()
	if pending, known := c.count(s); !known || pending[Refused] != 7 {
		t.Errorf("%v, %v", pending, known)
	}
	seen := 0
	if _, err := s.snapshot(func() {}, func(Entry, Status) error {
		seen++
		put(t, s, sample(3))
		return nil
	}); err != nil || seen != 2 {
		t.Errorf("%d read, want those of one moment; %v", seen, err)
	}
}

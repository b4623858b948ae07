package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// post makes a request that indexed all of its events.
func post(l *ledger, places ...place) *request {
	q := &request{places: places, indexed: len(places), status: 200}
	for _, at := range places {
		q.bodies = append(q.bodies, sum([]byte(at.String())))
	}
	l.index(q)
	return q
}

// ledgerOf returns a ledger of one partition with n events.
func ledgerOf(n int) *ledger {
	l := newLedger(1)
	for o := range n {
		l.produce(0, good, []byte(place{0, int64(o)}.String()))
	}
	return l
}

// TestLedgerHoldsBack holds that the event with which a step is due waits
// for the step, and all others too.
func TestLedgerHoldsBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := ledgerOf(4)
		hit := l.arm(2)
		post(l, place{0, 0})
		answered := make(chan int, 3)
		go func() { post(l, place{0, 1}); answered <- 1 }()
		<-hit
		go func() { post(l, place{0, 2}); answered <- 2 }()
		synctest.Wait()
		if unique, _, _ := l.counts(); unique != 2 || len(answered) != 0 {
			t.Errorf("%d events are indexed and %d answered while the step has not begun", unique, len(answered))
		}
		l.release()
		synctest.Wait()
		if unique, _, _ := l.counts(); unique != 3 || len(answered) != 2 {
			t.Errorf("%d events are indexed and %d answered after it", unique, len(answered))
		}
		select {
		case <-l.arm(3):
		default:
			t.Error("a step that is due already does not begin")
		}
		go func() { post(l, place{0, 3}); answered <- 3 }()
		l.letGo()
		synctest.Wait()
		if len(answered) != 3 {
			t.Error("something is held back at the end")
		}
	})
}

func TestLedgerFindsFaults(t *testing.T) {
	t.Parallel()
	l := ledgerOf(3)
	post(l, place{0, 0}, place{0, 3}, place{1, 0})
	q := &request{places: []place{{0, 1}}, bodies: []fingerprint{sum([]byte("another"))}, indexed: 1}
	l.index(q)
	got := strings.Join(l.complaints(), "\n")
	for _, want := range []string{"0/3 was indexed and never produced", "1/0 was indexed and never produced", "0/1 was indexed with another body"} {
		if !strings.Contains(got, want) {
			t.Errorf("nothing says %q:\n%s", want, got)
		}
	}
	if o, found := l.unsettled(0, 0, 3); !found || o != 2 {
		t.Errorf("unsettled: %d, %v; want 2", o, found)
	}
	l.bury(place{0, 2}, nil)
	if o, found := l.unsettled(0, 0, 3); found {
		t.Errorf("%d is unsettled", o)
	}
}

// TestBlame holds that each repeat needs a cause of its own.
func TestBlame(t *testing.T) {
	t.Parallel()
	const heard, lost, killed = "heard", "lost", "killed"
	for _, tc := range []struct {
		name   string
		posts  []string
		faults bool
	}{
		{"once", []string{heard}, false},
		{"twice", []string{heard, heard}, true},
		{"an answer was lost", []string{lost, heard}, false},
		{"only lost answers", []string{lost, lost}, false},
		{"one lost answer, two repeats", []string{lost, heard, heard}, true},
		{"killed", []string{killed, heard}, false},
		{"killed twice", []string{killed, killed, heard}, false},
		{"killed, and again", []string{killed, heard, heard}, true},
		{"killed and lost", []string{killed, lost, heard}, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			l := ledgerOf(1)
			r := &run{ledger: l, plan: plan{MaxEvents: 1, Window: 1, Partitions: 1, Uncommit: 1}}
			b := newBlame(r)
			for _, how := range tc.posts {
				q := post(l, place{0, 0})
				q.from = &incarnation{name: how}
				switch how {
				case lost:
					b.excused[q] = becauseUnheard
				case killed:
					q.from.excuse(becauseKilled)
					b.partitions[q.from] = map[int]bool{0: true}
				}
				r.all = append(r.all, q.from)
			}
			b.repeats(place{0, 0}, l.find(place{0, 0}))
			b.check()
			if got := len(l.complaints()) > 0; got != tc.faults {
				t.Errorf("complaints: %q", l.complaints())
			}
			if want := len(tc.posts) - 1; b.duplicates != want {
				t.Errorf("%d duplicates, want %d", b.duplicates, want)
			}
		})
	}
}

// TestKillHasABound holds that a process that was killed excuses only what
// its window and its bound of uncommitted events allow.
func TestKillHasABound(t *testing.T) {
	t.Parallel()
	const allowed = 2*3*1 + 5
	for _, again := range []int{allowed, allowed + 1} {
		l := ledgerOf(again)
		r := &run{ledger: l, plan: plan{Window: 2, MaxEvents: 3, Partitions: 1, Uncommit: 5}}
		b := newBlame(r)
		dead, next := &incarnation{name: "a-1"}, &incarnation{name: "a-2"}
		dead.excuse(becauseKilled)
		b.partitions[dead] = map[int]bool{0: true}
		r.all = []*incarnation{dead, next}
		for o := range again {
			at := place{0, int64(o)}
			post(l, at).from = dead
			post(l, at).from = next
			b.repeats(at, l.find(at))
		}
		b.check()
		if got, want := len(l.complaints()) > 0, again > allowed; got != want || b.bound() != allowed {
			t.Errorf("%d repeats: bound %d, complaints %q", again, b.bound(), l.complaints())
		}
	}
}

// TestLag holds that a time in which nothing ran is found where it was.
func TestLag(t *testing.T) {
	t.Parallel()
	at := func(s int) time.Time { return time.Unix(int64(s), 0) }
	l := &lag{holes: []hole{{at(10), at(12)}, {at(20), at(21)}}}
	for _, tc := range []struct {
		from, to int
		want     time.Duration
	}{{0, 9, 0}, {0, 11, 2 * time.Second}, {11, 30, 2 * time.Second}, {13, 30, time.Second}, {22, 30, 0}} {
		if got := l.worst(at(tc.from), at(tc.to)); got != tc.want {
			t.Errorf("%d to %d: %s, want %s", tc.from, tc.to, got, tc.want)
		}
	}
}

// TestReadEvents holds this package's own reader of bodies.
func TestReadEvents(t *testing.T) {
	t.Parallel()
	const body = `{"time":1.0,"fields":{"kafka_topic":"t","kafka_partition":"3","kafka_offset":"7"},"event":{"a": 1}}` +
		`{"fields":{"kafka_partition":"0","kafka_offset":"8"},"event":{}}{"fields`
	places, bodies, _ := readEvents("identity", []byte(body))
	if len(places) != 2 || places[0] != (place{3, 7}) || places[1] != (place{0, 8}) || bodies[0] != sum([]byte(`{"a": 1}`)) {
		t.Errorf("got %v, %x", places, bodies)
	}
	if places, _, _ := readEvents("gzip", []byte(body)); len(places) != 0 {
		t.Errorf("what is no gzip holds %v", places)
	}
}

// TestProcess holds the running of a child: its log, its lines, its end.
func TestProcess(t *testing.T) {
	t.Parallel()
	script := writeScript(t, "trap 'exit 3' TERM; echo admin server listens >&2; while :; do sleep 0.1; done")
	p, err := startProcess(t.Context(), script, t.TempDir(), "child", settings{})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.stop(time.Minute); err == nil || !strings.Contains(err.Error(), "exit code 3") {
		t.Errorf("stop: %v", err)
	}
	if _, err := startProcess(t.Context(), script+"-not-there", t.TempDir(), "child", settings{}); err == nil {
		t.Error("what does not exist was started")
	}
}

// writeScript writes a program for the shell.
func writeScript(t *testing.T, text string) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "script")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

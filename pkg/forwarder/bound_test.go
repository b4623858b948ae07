package forwarder

import (
	"context"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.uber.org/zap"

	"auditlog-forwarder/pkg/audit"
	"auditlog-forwarder/pkg/summary"
)

// TestBoundKeepsItsPromises drives lanes that end at an offset through the world
// of TestLaneKeepsItsPromises: what is committed in the end is that very offset,
// nothing at or behind it was sent, and no open batch waited for its linger.
func TestBoundKeepsItsPromises(t *testing.T) {
	t.Parallel()
	lives, owed := 0, 0
	const seeds = 150
	for seed := uint64(0); seed < seeds || owed == 0 && seed < 10*seeds; seed++ {
		synctest.Test(t, func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 11))
			cfg := Config{
				MaxEvents: 1 + r.IntN(40), MaxBytes: 1024 + r.IntN(9000), Linger: 1000 * time.Hour,
				Window: 1 + r.IntN(4), Drain: time.Duration(r.IntN(3000)) * time.Millisecond, MaxUncommitted: r.IntN(30),
			}
			w := newWorld(t, seed, 1+r.IntN(120), cfg.Window)
			f := New(cfg, Options{
				Sink: w, DeadLetters: w, Copy: w, Filter: newNoiseFilter(t, "rules"), MaxEventBytes: 1000,
				Summaries: summary.Config{Every: time.Duration(1+r.IntN(20)) * time.Second, MaxKeys: 1 + r.IntN(8), Samples: 1},
				Log:       zap.NewNop(), Registerer: prometheus.NewRegistry(),
			})
			first, end := w.committed, w.log[len(w.log)-1].Offset+1
			until := first + r.Int64N(end-first+20) // may be where it begins, or behind the log
			began := time.Now()
			for ; (w.committed < until || f.Owes(until, w.summed.committed)) && !t.Failed(); lives++ {
				if w.committed >= until {
					owed++
				}
				w.liveBounded(f, until, lives%2 == 0)
				if lives > seeds*100 {
					t.Fatal("the lanes make no progress")
				}
			}
			if w.committed != max(until, first) {
				t.Errorf("committed %d, the bound is %d", w.committed, until)
			}
			for _, rec := range w.log {
				if rec.Offset < until {
					if isNoise(rec.Value) && !w.covered(&rec) {
						t.Errorf("offset %d is in no summary, the bound is %d", rec.Offset, until)
					}
					continue
				}
				if _, sent := w.accepted[rec.Offset]; sent || isNoise(rec.Value) && w.covered(&rec) {
					t.Errorf("offset %d was sent, the bound is %d", rec.Offset, until)
				}
				if _, dead := w.dead[rec.Offset]; dead {
					t.Errorf("offset %d became a dead letter, the bound is %d", rec.Offset, until)
				}
			}
			if took := time.Since(began); took >= cfg.Linger {
				t.Errorf("it took %s, which is more than the linger", took)
			}
			if sum := f.Totals(); sum.Missing() != 0 || sum.Unsettled != 0 {
				t.Errorf("the accounts do not add up: %+v", sum)
			}
			if held := f.gate.held.Load(); held != 0 {
				t.Errorf("the gate holds %d events and nothing is uncommitted", held)
			}
		})
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
	if lives < 2*seeds {
		t.Errorf("%d lives: too few cuts", lives)
	}
	if owed == 0 {
		t.Error("no life began with all committed and something counted that was not sent")
	}
}

// liveBounded runs one lane until it is done or a random moment cuts it. Where a
// later record tells as well that the last one is gone, Last may be wrong.
func (w *world) liveBounded(f *Forwarder, until int64, gone bool) {
	ctx, cancel := context.WithCancel(w.t.Context())
	defer cancel()
	from, last, later := w.rewind(), w.committed, false
	w.from = w.committed
	for _, rec := range w.log {
		if rec.Offset >= from && rec.Offset < max(until, w.from) {
			last = rec.Offset + 1
		}
		later = later || rec.Offset >= until
	}
	if gone && later {
		last = max(until, w.from)
	}
	in, done, ended := make(chan *audit.Record), make(chan struct{}), make(chan struct{})
	go func() { // the consumer
		for i := range w.log {
			if w.log[i].Offset < from {
				continue
			}
			select {
			case in <- &w.log[i]:
			case <-ctx.Done():
				return
			}
		}
	}()
	claim := Claim{
		Topic: "audit", Partition: 3, Start: from, Committed: w.from, Note: w.summed.committed, Mark: w.mark, HighWater: func() int64 { return until },
		Bound: &Bound{Last: last, Until: until, Done: sync.OnceFunc(func() { close(done) })},
	}
	var committing sync.WaitGroup
	session, endSession := context.WithCancel(w.t.Context())
	pace := time.Duration(1+w.r.IntN(1000)) * time.Millisecond
	lifetime := time.Duration(w.r.IntN(4000)) * time.Millisecond
	committing.Go(func() { w.commits(session, pace, cancel) })
	go func() {
		defer close(ended)
		if err := Run(ctx, f, claim, in, w.read); err != nil {
			w.t.Errorf("the lane ended: %v", err)
		}
	}()
	select {
	case <-done:
		select {
		case <-ended:
			w.t.Error("a lane that is done ended before its claim")
		case <-time.After(time.Minute): // it is quiet
		}
	case <-time.After(lifetime):
	}
	cancel()
	<-ended
	endSession()
	committing.Wait()
	w.commit(w.r.IntN(4) == 0)
	clear(w.since)
}

// TestBoundPassed: a record behind the bound is enough to end a lane that has
// nothing to send.
func TestBoundPassed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, 1, 1)
		w.log[0].Offset = w.committed + 10
		f := New(Config{MaxEvents: 1, MaxBytes: 1024, Linger: time.Hour, Window: 1, Drain: time.Second}, Options{
			Sink: w, DeadLetters: w, MaxEventBytes: 1000, Log: zap.NewNop(), Registerer: prometheus.NewRegistry(),
		})
		in, marked, ended := make(chan *audit.Record, 1), make(chan int64, 1), make(chan struct{})
		in <- &w.log[0]
		until := w.committed + 5
		claim := Claim{
			Start: w.committed, Committed: w.committed, Note: "note", HighWater: func() int64 { return until },
			Mark: func(next int64, note string, done func()) {
				if note != "note" {
					t.Errorf("the note of the bound is %q", note)
				}
				marked <- next
				done()
			},
			Bound: &Bound{Last: until, Until: until},
		}
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			defer close(ended)
			if err := Run(ctx, f, claim, in, w.read); err != nil {
				t.Errorf("the lane ended: %v", err)
			}
		}()
		if got := <-marked; got != until { // a lane that does not mark ends the test as a deadlock
			t.Errorf("marked %d, want %d", got, until)
		}
		cancel()
		<-ended
	})
}

// TestBoundGone: a lane that waits for a record which is gone gives its claim up,
// but not while what it has waited for may still come.
func TestBoundGone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, 10, 1)
		f := New(Config{MaxEvents: 1, MaxBytes: 1024, Linger: time.Hour, Window: 1, Drain: time.Second}, Options{
			Sink: w, DeadLetters: w, Copy: w, Filter: newNoiseFilter(t, "rules"), Summaries: summary.DefaultConfig(), MaxEventBytes: 1000, Log: zap.NewNop(), Registerer: prometheus.NewRegistry(),
		})
		in, gone, ended := make(chan *audit.Record), make(chan struct{}), make(chan struct{})
		from, until := w.committed, w.log[9].Offset+100
		claim := Claim{
			Topic: "audit", Partition: 3, Start: from, Committed: from, Mark: w.mark, HighWater: func() int64 { return until },
			Bound: &Bound{Last: until, Until: until, Gone: gone},
		}
		go func() {
			defer close(ended)
			if err := Run(t.Context(), f, claim, in, w.read); err != nil {
				t.Errorf("the lane ended: %v", err)
			}
		}()
		for i := range w.log {
			gone <- struct{}{}
			in <- &w.log[i]
			<-time.After(time.Minute) // it is settled
			synctest.Wait()
			select {
			case <-ended:
				t.Fatalf("the lane ended after record %d, while records came", i)
			default:
			}
		}
		gone <- struct{}{}
		gone <- struct{}{}
		<-ended
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.marked != w.log[9].Offset+1 {
			t.Errorf("marked %d, want %d: what is gone is not this lane's to pass", w.marked, w.log[9].Offset+1)
		}
	})
}

// TestBoundOwes: a note tells of records that are counted and not sent, and there
// is nothing left to read again: they have expired. The note is renewed, so that
// nobody waits for them.
func TestBoundOwes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, 1, 1)
		f := New(Config{MaxEvents: 1, MaxBytes: 1024, Linger: time.Hour, Window: 1, Drain: time.Second}, Options{
			Sink: w, DeadLetters: w, Filter: newNoiseFilter(t, "rules"), Summaries: summary.DefaultConfig(), MaxEventBytes: 1000, Log: zap.NewNop(), Registerer: prometheus.NewRegistry(),
		})
		until := w.committed + 5
		note := summary.Note{Start: w.committed, End: 1, Sent: w.committed, Seen: 3, Unsent: 3, Rules: summary.Fingerprint("rules", summary.DefaultConfig())}
		if !f.Owes(until, note.String()) || f.Owes(note.Start, note.String()) || f.Owes(until, "summary/") {
			t.Error("Owes does not say what the note does")
		}
		marks := make(chan string, 1)
		claim := Claim{
			Start: until, Committed: until, Note: note.String(), HighWater: func() int64 { return until },
			Mark: func(next int64, note string, done func()) {
				if next != until {
					t.Errorf("marked %d, want %d", next, until)
				}
				marks <- note
				done()
			},
			Bound: &Bound{Last: until, Until: until},
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			if err := Run(ctx, f, claim, make(chan *audit.Record), w.read); err != nil {
				t.Errorf("the lane ended: %v", err)
			}
		}()
		if got := <-marks; f.Owes(until, got) { // a lane that does not mark ends the test as a deadlock
			t.Errorf("the note %q still owes", got)
		}
		if lost := testutil.ToFloat64(f.metrics.unsummarised); lost != 3 {
			t.Errorf("%v records are told as lost, want 3", lost)
		}
		cancel()
		<-ended
	})
}

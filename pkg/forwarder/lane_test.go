package forwarder

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"
	"go.uber.org/zap"

	"auditlog-forwarder/pkg/audit"
	"auditlog-forwarder/pkg/deadletter"
	"auditlog-forwarder/pkg/summary"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// The world of the property test: a partition's log, and a destination and a
// dead-letter store that outlive the lanes. Each record's value names its kind.
type world struct {
	t      *testing.T
	r      *rand.Rand
	log    []audit.Record
	window int

	taken   int    // records read by lanes; each life reads some again
	from    int64  // where this life's records count from
	scratch []byte // what the last record stood in

	mu        sync.Mutex
	accepted  map[int64][]byte
	copies    int // deliveries of events that were there already
	filtered  map[int64]bool
	dead      map[int64]deadletter.Entry
	out       int // batches out
	copied    map[int64]bool
	storeDown int // this many Puts fail
	copyDown  int // this many Copies fail

	marked    int64 // by this life
	committed int64
	news      chan struct{}      // something was marked
	waiting   []markWaiter       // marks of this life that are not committed
	since     map[int64]struct{} // accepted in this life and not committed
	mostSince int                // P7
	again     int                // records that were marked and never committed

	summed summed
}

type markWaiter struct {
	next      int64
	committed func()
}

var kinds = []string{"noise", "noise", "noise", "noise", "noise", "noise", "noise", "good", "good", "good", "good", "filtered", "filtered", "refused", "broken", "tombstone", "empty", "list", "large"}

func newWorld(t *testing.T, seed uint64, records, window int) *world {
	w := &world{
		t: t, r: rand.New(rand.NewPCG(seed, seed)), window: window,
		accepted: map[int64][]byte{}, filtered: map[int64]bool{}, dead: map[int64]deadletter.Entry{},
		copied: map[int64]bool{}, summed: newSummed(), news: make(chan struct{}, 1),
	}
	clock := time.Now()
	offset := w.r.Int64N(1000)
	w.committed, w.marked, w.since = offset, offset, map[int64]struct{}{}
	for range records {
		offset += 1 + max(0, w.r.Int64N(20)-17) // now and then a gap
		kind := kinds[w.r.IntN(len(kinds))]
		rec := audit.Record{Topic: "audit", Partition: 3, Offset: offset, Timestamp: w.stamp(&clock)}
		event := func(pad int) []byte {
			return fmt.Appendf(nil, `{"id":%d,"pad":%q,"data":{"methodName":%q,"who":"w%d"}}`, offset, strings.Repeat("x", pad), kind, w.r.IntN(6))
		}
		switch kind {
		case "broken":
			rec.Value = event(10)[:20]
		case "tombstone":
		case "empty":
			rec.Value = []byte(" ")
		case "list":
			rec.Value = []byte("[1]")
		case "large":
			rec.Value = event(2000)
		default:
			rec.Value = event(w.r.IntN(300))
		}
		if w.r.IntN(3) == 0 {
			rec.Key = fmt.Appendf(nil, "key %d", offset)
			rec.Headers = []audit.Header{{Key: "kind", Value: []byte(kind)}, {Key: "null"}, {Key: "empty", Value: []byte{}}}
		}
		w.log = append(w.log, rec)
	}
	return w
}

// Append implements Sink.
func (w *world) Append(dst []byte, rec *audit.Record, _ audit.Event) ([]byte, int, error) {
	dst = strconv.AppendInt(append(dst, '<'), rec.Offset, 10)
	dst = append(dst, '|')
	at := len(dst)
	return append(append(dst, rec.Value...), '>'), at, nil
}

// Deliver implements Sink: it takes its time, it may take a batch and lose
// the answer, so that all of it comes a second time, and ctx may cut it at any
// point.
func (w *world) Deliver(ctx context.Context, b audit.Batch) ([]audit.Refusal, error) {
	body, ends := b.Body, b.Ends
	w.mu.Lock()
	if w.out++; w.out > w.window {
		w.t.Errorf("P3: %d batches are out, the window is %d", w.out, w.window)
	}
	lost, delay := w.r.IntN(10) == 0, time.Duration(w.r.IntN(2000))*time.Millisecond
	w.mu.Unlock()
	defer func() {
		w.mu.Lock()
		w.out--
		w.mu.Unlock()
	}()
	for {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(delay):
		}
		refused := w.store(body, ends)
		if !lost {
			return refused, nil
		}
		lost = false
	}
}

func (w *world) store(body []byte, ends []int) (refused []audit.Refusal) {
	w.mu.Lock()
	defer w.mu.Unlock()
	start := 0
	for i, end := range ends {
		one := body[start:end]
		start = end
		head, value, ok := bytes.Cut(one[1:len(one)-1], []byte("|"))
		offset, err := strconv.ParseInt(string(head), 10, 64)
		if !ok || err != nil {
			w.t.Errorf("event %d of a batch is not framed: %q", i, one)
			return nil
		}
		if w.summed.is(value) {
			w.since[offset] = struct{}{}
			if w.summed.refused(value) {
				refused = append(refused, audit.Refusal{Index: i, Code: 6, Reply: "no"})
				continue
			}
			w.summed.accept(w.t, value, offset)
			continue
		}
		if bytes.Contains(value, []byte(`"methodName":"refused"`)) {
			refused = append(refused, audit.Refusal{Index: i, Code: 6, Reply: "no"})
			continue
		}
		if _, twice := w.accepted[offset]; twice {
			w.copies++
		}
		w.accepted[offset] = bytes.Clone(value)
		w.since[offset] = struct{}{}
	}
	w.mostSince = max(w.mostSince, len(w.since))
	return refused
}

// Put implements DeadLetters.
func (w *world) Put(entries []deadletter.Entry) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.storeDown > 0 {
		w.storeDown--
		return errors.New("the disk is full")
	}
	for _, e := range entries { // as the real store, it keeps nothing of the caller's
		e.Record.Key, e.Record.Value = bytes.Clone(e.Record.Key), bytes.Clone(e.Record.Value)
		e.Record.Headers = slices.Clone(e.Record.Headers)
		for i, h := range e.Record.Headers {
			e.Record.Headers[i].Value = bytes.Clone(h.Value)
		}
		if w.summed.is(e.Record.Value) {
			w.summed.accept(w.t, e.Record.Value, e.Record.Offset)
			w.summed.dead[e.Record.Offset] = true
			continue
		}
		w.dead[e.Record.Offset] = e
	}
	return nil
}

// Copy implements DeadLetterCopy: it takes its time, and may fail after it has
// taken a part.
func (w *world) Copy(ctx context.Context, entries []deadletter.Entry) error {
	w.mu.Lock()
	delay := time.Duration(w.r.IntN(300)) * time.Millisecond
	w.mu.Unlock()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(delay):
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for i, e := range entries {
		if _, stored := w.dead[e.Record.Offset]; !stored && !w.summed.dead[e.Record.Offset] {
			w.t.Errorf("offset %d is copied before it is stored", e.Record.Offset)
		}
		if w.copyDown > 0 && i == len(entries)/2 {
			w.copyDown--
			return errors.New("the topic is away")
		}
		w.copied[e.Record.Offset] = true
	}
	return nil
}

// dropMethod leaves out the events of a method.
type dropMethod string

func (d dropMethod) Judge() Judge { return dropJudge(d) }

type dropJudge string

func (d dropJudge) Judge(_ *audit.Record, ev *audit.Event) (v Verdict) {
	if string(ev.Method) == string(d) {
		v.Rule = "noise"
	}
	return v
}

// mark checks P1, P2 and P9.
func (w *world) mark(next int64, note string, committed func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	// The same offset again tells of summaries that were sent.
	if next < w.marked || next == w.marked && note == "" && w.summed.note == "" {
		w.t.Errorf("P2: mark %d after %d", next, w.marked)
	}
	w.marked, w.summed.note = next, note
	w.checkNote(next, note)
	select {
	case w.news <- struct{}{}:
	default:
	}
	if committed != nil {
		w.waiting = append(w.waiting, markWaiter{next, committed})
	}
	for _, rec := range w.log {
		if rec.Offset >= next {
			break
		}
		_, accepted := w.accepted[rec.Offset]
		_, dead := w.dead[rec.Offset]
		if filtered := bytes.Contains(rec.Value, []byte(`"methodName":"filtered"`)); !accepted && !dead && !filtered && !isNoise(rec.Value) {
			w.t.Errorf("P1: mark %d passes offset %d, which is nowhere", next, rec.Offset)
		}
		if dead && !w.copied[rec.Offset] {
			w.t.Errorf("P1: mark %d passes the dead letter %d, which was not copied", next, rec.Offset)
		}
	}
}

// commit commits all marks, or, if the session is lost, drops them.
func (w *world) commit(lost bool) {
	w.mu.Lock()
	waiting := w.waiting
	w.waiting = nil
	if lost {
		for _, rec := range w.log {
			if rec.Offset >= w.committed && rec.Offset < w.marked {
				w.again++
			}
		}
		w.marked, w.summed.note = w.committed, w.summed.committed
	}
	w.committed, w.summed.committed = w.marked, w.summed.note
	maps.DeleteFunc(w.since, func(offset int64, _ struct{}) bool { return offset < w.committed })
	w.mu.Unlock()
	for _, m := range waiting {
		m.committed()
	}
}

// quick is a commit's time behind its mark.
const quick = time.Millisecond

// commits is the committer of one life: quick, slow, or silent to the end.
func (w *world) commits(ctx context.Context, pace time.Duration, giveUp func()) {
	limit := time.After(time.Hour)
	for pace > 0 {
		if pace == quick { // it has no need to look a thousand times a second
			select {
			case <-ctx.Done():
				return
			case <-w.news:
			case <-limit:
				w.t.Error("the lane stands still, and all its marks are committed")
				giveUp()
				return
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-limit:
			w.t.Error("the lane stands still, and all its marks are committed")
			giveUp()
			return
		case <-time.After(pace):
			w.commit(false)
		}
	}
}

// live runs one lane from the committed offset until the log is done or a
// random moment cuts it.
func (w *world) live(f *Forwarder, drain time.Duration) {
	ctx, cancel := context.WithCancel(w.t.Context())
	defer cancel()
	in := make(chan *audit.Record)
	// As Sarama does it: an ended session closes the channel as well, soon
	// after; a partition that fails closes the channel alone, and is still ours.
	lost, closed := w.r.IntN(4) > 0, w.r.IntN(2) == 0
	lifetime := time.Duration(w.r.IntN(8000)) * time.Millisecond
	if w.r.IntN(4) == 0 { // long enough for a quiet window to be sent
		lifetime *= 8
	}
	last, from := w.log[len(w.log)-1].Offset, w.rewind()
	w.from = w.committed
	note := w.summed.committed
	pauses := map[int]time.Duration{}
	for range w.r.IntN(8) {
		pauses[w.r.IntN(len(w.log))] = time.Duration(w.r.IntN(15000)) * time.Millisecond
	}
	var ended time.Time
	go func() { // the consumer
		cut := time.After(lifetime)
		defer func() {
			ended = time.Now()
			if lost {
				cancel()
			}
			if closed || !lost {
				close(in)
			}
		}()
		for i := range w.log {
			if w.log[i].Offset < from {
				continue
			}
			select {
			case <-time.After(pauses[i]):
			case <-cut:
				return
			}
			select {
			case in <- &w.log[i]:
			case <-cut:
				return
			}
		}
		<-cut
	}()
	var committing sync.WaitGroup
	session, endSession := context.WithCancel(w.t.Context())
	pace := []time.Duration{0, quick, time.Duration(1 + w.r.IntN(3000*int(time.Millisecond)))}[w.r.IntN(3)]
	if !lost {
		pace = max(pace, time.Second) // a session that lives commits at last
	}
	committing.Go(func() { w.commits(session, pace, cancel) })
	defer func() {
		endSession()
		committing.Wait()
		w.commit(w.r.IntN(4) == 0)
		clear(w.since)
	}()
	claim := Claim{Topic: "audit", Partition: 3, Start: from, Committed: w.from, Note: note, Mark: w.mark, HighWater: func() int64 { return last + 1 }}
	if err := Run(ctx, f, claim, in, w.read); err != nil {
		w.t.Errorf("the lane ended: %v", err)
	}
	if took := time.Since(ended); lost && took > drain {
		w.t.Errorf("P5: the lane returned after %s, the drain is %s", took, drain)
	}
	if w.out != 0 {
		w.t.Errorf("%d batches outlive their lane", w.out)
	}
}

// read hands out a record that is good only until the next one, as promised.
func (w *world) read(m, r *audit.Record) {
	if m.Offset >= w.from {
		w.taken++
	}
	clear(w.scratch)
	w.scratch = append(append(w.scratch[:0], m.Value...), m.Key...)
	*r = *m
	if m.Value != nil {
		r.Value = w.scratch[:len(m.Value)]
	}
	if m.Key != nil {
		r.Key = w.scratch[len(m.Value):]
	}
}

// TestLaneKeepsItsPromises drives lanes through random logs, delays, lost
// answers, full disks and cuts, until each log is done, and holds P1 to P7 and P9.
// Time is virtual.
func TestLaneKeepsItsPromises(t *testing.T) {
	t.Parallel()
	seeds := 300
	if testing.Short() {
		seeds = 60
	}
	copies, lives, repeats, grown := 0, 0, 0, 0
	for seed := range uint64(seeds) {
		synctest.Test(t, func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 7))
			cfg := Config{
				MaxEvents: 1 + r.IntN(20), MaxBytes: 1024 + r.IntN(4000), Linger: time.Duration(1+r.IntN(1500)) * time.Millisecond,
				Window: 1 + r.IntN(4), Drain: time.Duration(r.IntN(3000)) * time.Millisecond, MaxUncommitted: r.IntN(30),
			}
			w := newWorld(t, seed, 150, cfg.Window)
			f := New(cfg, Options{
				Sink: w, DeadLetters: w, Copy: w, Filter: newNoiseFilter(t, "rules"), MaxEventBytes: 1000,
				Summaries: summary.Config{Every: time.Duration(1+r.IntN(20)) * time.Second, MaxKeys: w.maxKeys(), Samples: r.IntN(3)},
				Log:       zap.NewNop(), Registerer: prometheus.NewRegistry(),
			})
			last := w.log[len(w.log)-1].Offset
			for ; (w.committed <= last || !w.allSummed(f)) && !t.Failed(); lives++ {
				if w.r.IntN(3) == 0 {
					w.storeDown, w.copyDown = w.r.IntN(4), w.r.IntN(4)
				}
				w.live(f, cfg.Drain)
				if lives > seeds*200 {
					t.Fatal("the lanes make no progress")
				}
			}
			w.checkEnd(f)
			if bound := cfg.MaxUncommitted + cfg.Window*cfg.MaxEvents; cfg.MaxUncommitted > 0 && w.mostSince > bound {
				t.Errorf("P7: %d events were accepted and not committed, the bound is %d", w.mostSince, bound)
			}
			if held := f.gate.held.Load(); held != 0 {
				t.Errorf("the gate holds %d events and nothing is uncommitted", held)
			}
			copies += w.copies
			repeats += w.summed.repeats
			grown += w.summed.grown
		})
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
	t.Logf("%d lives, %d repeated events, %d repeated summaries, %d of them with more in them", lives, copies, repeats, grown)
	// Without these the test would not have tried what it is for.
	if lives < 2*seeds || copies == 0 || repeats == 0 || grown == 0 {
		t.Errorf("%d lives, %d repeated events, %d repeated summaries (%d grown): too few cuts", lives, copies, repeats, grown)
	}
}

// checkEnd holds P4, P6 and the accounts.
func (w *world) checkEnd(f *Forwarder) {
	for _, rec := range w.log {
		body, accepted := w.accepted[rec.Offset]
		entry, dead := w.dead[rec.Offset]
		want := map[deadletter.Reason]bool{}
		switch {
		case rec.Value == nil:
			want[deadletter.Tombstone] = true
		case len(rec.Value) > 1000:
			want[deadletter.TooLarge] = true
		case string(rec.Value) == " ":
			want[deadletter.Empty] = true
		case rec.Value[len(rec.Value)-1] != '}':
			want[deadletter.NotJSON] = true
		case bytes.Contains(rec.Value, []byte(`:"refused"`)):
			want[deadletter.Refused] = true
		case bytes.Contains(rec.Value, []byte(`:"filtered"`)), isNoise(rec.Value):
			if accepted || dead {
				w.t.Errorf("offset %d should be filtered", rec.Offset)
			}
			continue
		default:
			if dead || !accepted {
				w.t.Errorf("P4: offset %d is lost", rec.Offset)
			}
			if !bytes.Equal(body, rec.Value) {
				w.t.Errorf("P6: offset %d came out as %q, went in as %q", rec.Offset, body, rec.Value)
			}
			continue
		}
		if accepted || !dead || !want[entry.Reason] {
			w.t.Errorf("offset %d: accepted %v, dead %v as %q, want %v", rec.Offset, accepted, dead, entry.Reason, want)
			continue
		}
		got := entry.Record
		if !bytes.Equal(got.Value, rec.Value) || !bytes.Equal(got.Key, rec.Key) || (got.Value == nil) != (rec.Value == nil) ||
			(got.Key == nil) != (rec.Key == nil) || len(got.Headers) != len(rec.Headers) || !got.Timestamp.Equal(rec.Timestamp) {
			w.t.Errorf("offset %d is kept as %+v, was %+v", rec.Offset, got, rec)
		}
		for i := range got.Headers {
			g, want := got.Headers[i], rec.Headers[i]
			if g.Key != want.Key || !bytes.Equal(g.Value, want.Value) || (g.Value == nil) != (want.Value == nil) {
				w.t.Errorf("offset %d: header %d is kept as %+v, was %+v", rec.Offset, i, g, want)
			}
		}
	}
	w.checkCounts(f)
	sum := f.Totals()
	if settled := sum.Accepted + sum.Filtered + sum.DeadLettered - sum.Summaries; settled != int64(len(w.log)+w.again) || sum.Unsettled != 0 {
		w.t.Errorf("the accounts do not add up to %d records: %+v", len(w.log), sum)
	}
	if sum.Read != int64(w.taken) || sum.Missing() != 0 {
		w.t.Errorf("%d records were read, the accounts say %+v", w.taken, sum)
	}
}

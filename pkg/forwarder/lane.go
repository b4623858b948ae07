package forwarder

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"auditlog-forwarder/pkg/audit"
)

// greed is how many records are taken in a row before the lane looks whether
// anything else has happened. Taking one with the full select below costs
// about as much as encoding it.
const greed = 128

// lane runs one claim. Its fields belong to the goroutine in Run, but for the
// atomics, which the gauges read.
type lane struct {
	f     *Forwarder
	claim Claim
	log   *zap.Logger
	count laneCounters
	judge Judge      // nil: everything is sent as it is
	sum   *summaries // nil: nothing is summarised
	noter Noter      // nil: marks have no note but that of sum

	open   *batch   // being filled
	full   bool     // open must go before another record fits
	due    bool     // open has lingered long enough
	fifo   []*batch // sent and not settled, oldest first; at most Window
	spare  []*batch // settled, to be used again
	linger *time.Timer
	done   chan *batch  // batches that have come back; room for the whole window
	barred <-chan none  // closed when the gate opens that holds open up; nil: it does not
	ping   chan none    // taken by a lane that turns; see Forwarder.Stuck
	ev     audit.Event  // that the judge looks at
	sent   audit.Record // what the judge made of a record
	gone   chan none    // closed when the lane has ended
	told   time.Time    // when dead letters were last logged
	untold int          // dead letters since then

	// send lives on for Drain after the claim has ended: ending it gives up
	// what is still out.
	send     context.Context
	giveUp   context.CancelFunc
	lose     func() // starts the drain's clock, once
	stopWait func() bool

	bound bound // see Bound

	next      atomic.Int64 // the next offset to commit; below 0: not known
	oldest    atomic.Int64 // Unix ms of the oldest record that is not settled; 0: none
	inFlight  atomic.Int64 // bytes
	unsettled atomic.Int64 // records read and not settled
	taken     atomic.Int64 // records read
	made      atomic.Int64 // summary events put into batches, and not given up
	keys      atomic.Int64 // of the open window of summaries
	excused   atomic.Bool  // it waits for the dead-letter store or drains, and that is all right
}

type none struct{}

// Run forwards the records that come through in until the partition is lost,
// which ends ctx, or in is closed; read turns what comes through into a
// Record. Then it sends nothing more, waits at most Drain for what is out,
// marks what was settled, and returns. What was read and not marked comes
// again to the partition's next owner.
//
// A closed channel is seen when the lane next reads, which a full window may
// put off; losing the partition must therefore end ctx.
func Run[M any](ctx context.Context, f *Forwarder, claim Claim, in <-chan M, read func(M, *audit.Record)) error {
	l := f.newLane(ctx, claim)
	defer l.close()
	var rec audit.Record
	for {
		if err := l.turn(); err != nil {
			return l.end(err)
		}
		for n := 0; n < greed && l.hungry(); n++ {
			select {
			case m, ok := <-in:
				if !ok {
					return l.end(nil)
				}
				read(m, &rec)
				l.take(&rec)
				continue
			default:
			}
			break
		}
		if ctx.Err() != nil {
			return l.end(nil)
		}
		if l.ready() {
			continue
		}
		// A lane whose window is full, or that waits for commits, does not read
		// beyond its open batch: that is the back-pressure.
		source := in
		if !l.hungry() {
			source = nil
		}
		select {
		case m, ok := <-source:
			if !ok {
				return l.end(nil)
			}
			read(m, &rec)
			l.take(&rec)
		case b := <-l.done:
			l.back(b)
		case <-l.linger.C:
			l.due = true
		case <-l.sum.expired():
			l.sum.due = true
		case <-l.barred:
		case <-l.ping:
		case <-l.bound.gone:
			if l.waitsInVain() {
				return l.end(nil)
			}
		case <-ctx.Done():
			return l.end(nil)
		}
	}
}

func (f *Forwarder) newLane(ctx context.Context, claim Claim) *lane {
	l := &lane{
		f: f, claim: claim,
		log:    f.log.With(zap.String("topic", claim.Topic), zap.Int32("partition", claim.Partition)),
		count:  f.metrics.lane(claim),
		linger: time.NewTimer(time.Hour),
		done:   make(chan *batch, f.cfg.Window),
		ping:   make(chan none),
		gone:   make(chan none),
	}
	if f.opts.Filter != nil {
		l.judge = f.opts.Filter.Judge()
	}
	l.noter, _ = f.opts.Sink.(Noter)
	l.linger.Stop()
	l.next.Store(max(claim.Start, claim.Committed))
	l.send, l.giveUp = context.WithCancel(context.WithoutCancel(ctx))
	l.lose = sync.OnceFunc(func() { time.AfterFunc(f.cfg.Drain, l.giveUp) })
	// The clock starts when the claim ends, also while the lane is busy.
	l.stopWait = context.AfterFunc(ctx, l.lose)
	l.open = l.fresh()
	l.sum = l.newSummaries()
	l.limit()
	f.enter(l)
	return l
}

// hungry reports whether another record may be read.
func (l *lane) hungry() bool {
	return !l.full && !l.bound.over && (l.sum == nil || !l.sum.pouring)
}

// ready reports whether turn has something to do.
func (l *lane) ready() bool {
	return len(l.fifo) > 0 && l.fifo[0].settled || l.mayGo() || l.concluding()
}

// mayGo reports whether the open batch should go, and can.
func (l *lane) mayGo() bool {
	l.barred = nil
	if !l.full && !l.due || len(l.fifo) >= l.f.cfg.Window {
		return false
	}
	l.barred = l.f.gate.barrier()
	return l.barred == nil
}

// turn settles what has come back, in order, and sends the open batch if it
// should go and there is room.
func (l *lane) turn() error {
	for {
		select {
		case b := <-l.done:
			l.back(b)
			continue
		default:
		}
		break
	}
	if err := l.settle(); err != nil {
		return err
	}
	l.sum.turn()
	if l.mayGo() {
		l.dispatch()
		l.sum.turn()
		if err := l.settle(); err != nil {
			return err
		}
	}
	l.conclude()
	return nil
}

// dispatch sends the open batch and opens the next.
func (l *lane) dispatch() {
	b := l.open
	b.note = l.sum.note()
	l.linger.Stop()
	l.full, l.due = false, false
	l.count.read.Add(float64(b.records))
	l.fifo = append(l.fifo, b)
	l.open = l.fresh()
	if len(b.ends) == 0 {
		b.settled = true // nothing to send; it only waits for its turn
		return
	}
	size := int64(len(b.body))
	l.inFlight.Add(size)
	l.f.metrics.sent(b)
	go func() {
		b.refused, b.err = l.f.opts.Sink.Deliver(l.send, audit.Batch{Topic: l.claim.Topic, Partition: l.claim.Partition, Body: b.body, Ends: b.ends, Values: b.values})
		l.inFlight.Add(-size)
		l.done <- b
	}()
}

func (l *lane) back(b *batch) { b.settled = true }

// fresh returns an empty batch.
func (l *lane) fresh() *batch {
	if n := len(l.spare); n > 0 {
		b := l.spare[n-1]
		l.spare = l.spare[:n-1]
		return b
	}
	return &batch{body: make([]byte, 0, l.f.cfg.MaxBytes+slack), filtered: map[string]int{}}
}

// end is the way out: nothing new is sent, what is out has until the drain's
// end, and what was settled by then is marked, in order.
func (l *lane) end(err error) error {
	l.excused.Store(true)
	l.lose()
	for err == nil && len(l.fifo) > 0 {
		if err = l.settle(); err != nil || len(l.fifo) == 0 {
			break
		}
		select {
		case b := <-l.done:
			l.back(b)
		case <-l.send.Done():
			err = l.send.Err()
		}
	}
	// Every sender comes back soon after this, and none may outlive the lane.
	l.giveUp()
	for range l.out() {
		l.back(<-l.done)
	}
	// Some had their answer all the same.
	if last := l.settle(); err == nil {
		err = last
	}
	l.conclude()
	if n := l.unsettled.Load() - l.giveUpMade(); n > 0 {
		l.count.returned(l.open.records+l.sum.holding(), n)
		l.log.Info("records that were read and not settled will be read again", zap.Int64("records", n), zap.Int64("from_offset", l.next.Load()))
	}
	l.unsettled.Store(0)
	if errors.Is(err, context.Canceled) {
		return nil // the drain is over, which is no fault
	}
	return err
}

// out is how many batches have not come back.
func (l *lane) out() (n int) {
	for _, b := range l.fifo {
		if !b.settled {
			n++
		}
	}
	return n
}

func (l *lane) close() {
	if l.untold > 0 {
		l.log.Warn("more records were set aside as dead letters", zap.Int("records", l.untold))
	}
	l.giveUp()
	l.stopWait()
	l.linger.Stop()
	l.sum.stop()
	l.f.leave(l)
	close(l.gone)
}

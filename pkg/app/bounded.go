package app

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"auditlog-forwarder/pkg/kafka"
)

// Bounded makes Run end by itself, when every partition is committed up to its
// target: where the partition ended at the start, or at a point in time. Other
// members may do some of the work. Partitions that come later are left alone.
type Bounded struct {
	Until time.Time // a partition's target is its first record that is as young; zero: its end
	From  time.Time // of a window, to tell where its beginning has expired; zero: it is none
	// Progress is told how many offsets are done, of all; nil: the log is.
	Progress func(done, total int64)
}

// ErrUnfinished says that Run was stopped before its end.
var ErrUnfinished = errors.New("stopped before the end; what was accepted is committed, start it again to go on")

const (
	// boundedPoll is how often the group's offsets are asked for.
	boundedPoll = time.Second
	// boundedLook is how often it is asked whether targets can still be reached.
	boundedLook = 10 * time.Second
	// boundedStall is how long nothing may move while this member has nothing
	// left to do, before it leaves the group to the others, for boundedAway; each
	// time it doubles, up to boundedStallMax.
	boundedStall    = 30 * time.Second
	boundedStallMax = 10 * time.Minute
	boundedAway     = 10 * time.Second
	// othersGrace is more than a lane waits for the record that closes a window of
	// summaries, and than it takes to send that.
	othersGrace = 30 * time.Second
)

// span is what is to be done of a partition.
type span struct {
	from, until int64
	stale       int64 // an offset that was committed for another topic of that name; 0: none
}

// bounded is a Run that ends.
type bounded struct {
	opts  Bounded
	group *kafka.Group
	// owes says that below an offset something is committed and counted, and not
	// sent; see forwarder.Owes.
	owes func(until int64, note string) bool
	// others is how long it takes a member that has such a partition to send it,
	// where nobody disturbs it: each rebalance begins that time anew.
	others time.Duration
	log    *zap.Logger
	spans  map[kafka.TopicPartition]span
	all    []kafka.TopicPartition
	total  int64
	poke   chan struct{} // a lane has ended; has room for one
	busy   atomic.Int64  // lanes that have not
	had    atomic.Bool   // this membership has had a lane
	stall  time.Duration
	began  time.Time
	first  int64     // done when the first round began; below 0: not known
	short  int       // looks in a row that found a target beyond its partition's end
	told   time.Time // when the log was
}

// newBounded fixes the targets.
func newBounded(ctx context.Context, opts Bounded, group *kafka.Group, owes func(int64, string) bool, log *zap.Logger) (_ *bounded, err error) {
	b := &bounded{opts: opts, group: group, owes: owes, log: log, spans: map[kafka.TopicPartition]span{}, poke: make(chan struct{}, 1), first: -1, stall: boundedStall}
	o, err := group.Offsets(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, o.Close()) }()
	if b.all, err = o.Partitions(); err != nil {
		return nil, err
	}
	committed, err := o.Committed(ctx, b.all)
	if err != nil {
		return nil, err
	}
	var cut []string
	for _, p := range b.all {
		l, err := o.Log(p)
		if err != nil {
			return nil, err
		}
		late, err := opts.beginsLate(o, p, l)
		if err != nil {
			return nil, err
		}
		if late != "" {
			cut = append(cut, late)
		}
		s := span{from: committed[p].Offset, until: l.End}
		switch {
		case s.from > l.High: // a member that claims it will begin at the start
			s.from, s.stale = l.Start, s.from
		case s.from == kafka.None:
			if s.from, err = o.First(p, l); err != nil {
				return nil, err
			}
		}
		if !opts.Until.IsZero() {
			if s.until, err = o.At(p, opts.Until); err != nil {
				return nil, err
			}
		}
		s.from = min(max(s.from, l.Start), s.until)
		b.spans[p] = s
		b.total += s.until - s.from
	}
	if len(cut) > 0 {
		log.Warn("partitions begin within the window: what they held before has expired in Kafka, and what of it was in the window is not sent", zap.Strings("partitions", cut))
	}
	log.Info("forwarding up to the targets and then ending", zap.Int("partitions", len(b.all)), zap.Int64("offsets", b.total))
	return b, nil
}

// run forwards until all is committed, or ctx ends.
func (b *bounded) run(ctx context.Context, handle kafka.Handler) error {
	for {
		round, stop := context.WithCancel(ctx)
		var end roundEnd
		var why error
		b.had.Store(false)
		var watching sync.WaitGroup
		watching.Go(func() {
			defer stop()
			end, why = b.watch(round)
		})
		err := b.group.Run(round, handle)
		stop()
		watching.Wait()
		switch {
		case err != nil || why != nil:
			return errors.Join(why, err)
		case end == roundReached:
			return nil
		case ctx.Err() != nil:
			return ErrUnfinished
		}
		b.log.Info("nothing moves, and this member has nothing left to do: leaving the group to the others for a moment")
		b.stall = min(2*b.stall, boundedStallMax)
		select {
		case <-time.After(boundedAway + rand.N(boundedAway)): // not all at the same time
		case <-ctx.Done():
		}
	}
}

// roundEnd is how a membership ends.
type roundEnd int

const (
	roundCut     roundEnd = iota // from outside
	roundReached                 // every target is committed
	roundStalled
)

// watch looks at the group's offsets until every target is committed.
func (b *bounded) watch(ctx context.Context) (_ roundEnd, err error) {
	var o *kafka.Offsets
	leave := func() {
		if o != nil {
			_ = o.Close() // nothing was written that closing could lose
		}
		o = nil
	}
	defer leave()
	tick := time.NewTicker(boundedPoll)
	defer tick.Stop()
	var looked, told time.Time
	moved, before := time.Now(), int64(-1)
	for {
		if o == nil {
			o, err = b.group.Offsets(ctx)
		}
		var done int64
		var open []kafka.TopicPartition
		if err == nil {
			done, open, err = b.look(ctx, o)
		}
		now := time.Now()
		switch {
		case err != nil:
			leave() // credentials may have changed
			if ctx.Err() == nil && now.Sub(told) > time.Minute {
				told = now
				b.log.Warn("the group's offsets could not be asked for; it is tried again", zap.Error(err))
			}
		case len(open) == 0:
			b.tell(b.total)
			b.log.Info("every partition is committed up to its target", zap.Int("partitions", len(b.all)))
			return roundReached, nil
		default:
			if done != before || b.busy.Load() > 0 || !b.had.Load() {
				moved, before = now, done
			}
			b.tell(done)
			if now.Sub(looked) > boundedLook {
				looked = now
				if err := b.reachable(o, open); err != nil {
					return roundCut, err
				}
			}
			patience := b.stall
			if done == b.total { // but for summaries
				patience = max(patience, b.others)
			}
			if now.Sub(moved) > patience {
				return roundStalled, nil
			}
		}
		select {
		case <-tick.C:
		case <-b.poke:
		case <-ctx.Done():
			return roundCut, nil
		}
		err = nil
	}
}

// look returns how much is done, and which partitions are not.
func (b *bounded) look(ctx context.Context, o *kafka.Offsets) (done int64, open []kafka.TopicPartition, err error) {
	committed, err := o.Committed(ctx, b.all)
	if err != nil {
		return 0, nil, err
	}
	for _, p := range b.all {
		s, at := b.spans[p], committed[p].Offset
		if s.stale > 0 && at == s.stale {
			at = kafka.None
		}
		done += min(max(at, s.from), s.until) - s.from
		if at < s.until || b.owes(s.until, committed[p].Note) {
			open = append(open, p)
		}
	}
	return done, open, nil
}

// reachable says which target is beyond its partition's end by now. What cannot
// be asked is none of its business.
func (b *bounded) reachable(o *kafka.Offsets, open []kafka.TopicPartition) error {
	for _, p := range open {
		if l, err := o.Log(p); err == nil && l.End < b.spans[p].until {
			if b.short++; b.short < boundedShort {
				return nil
			}
			return fmt.Errorf("%s ends at offset %d by now, below its target %d, as after deleting and creating a topic; start it again for the present end", p, l.End, b.spans[p].until)
		}
	}
	b.short = 0
	return nil
}

// boundedShort is how often a partition must be found too short: a new leader may
// not know its end yet.
const boundedShort = 3

// boundedTell is how often the log is told.
const boundedTell = 10 * time.Second

// tell is called by the watch only.
func (b *bounded) tell(done int64) {
	if b.opts.Progress != nil {
		b.opts.Progress(done, b.total)
		return
	}
	now := time.Now()
	if b.first < 0 {
		b.began, b.first, b.told = now, done, now
		return
	}
	if now.Sub(b.told) < boundedTell || done == b.total {
		return
	}
	b.told = now
	fields := []zap.Field{zap.Int64("done", done), zap.Int64("of", b.total)}
	if moved := done - b.first; moved > 0 {
		left := time.Duration(float64(now.Sub(b.began)) * float64(b.total-done) / float64(moved))
		fields = append(fields, zap.Duration("left_at_this_pace", left.Round(time.Second)))
	}
	if !b.had.Load() {
		fields = append(fields, zap.String("waiting_for", "partitions; a member that was killed keeps its own for kafka.session_timeout"))
	}
	b.log.Info("on the way to the targets", fields...)
}

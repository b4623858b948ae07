package forwarder

import (
	"fmt"
	"time"

	"github.com/cenkalti/backoff/v5"
	"go.uber.org/zap"

	"auditlog-forwarder/pkg/deadletter"
)

// settle closes the oldest batches that have come back: stores their dead
// letters, then marks. The order is what P1 rests on.
func (l *lane) settle() error {
	for len(l.fifo) > 0 && l.fifo[0].settled {
		b := l.fifo[0]
		if b.err != nil {
			return fmt.Errorf("deliver the records before offset %d: %w", b.next, b.err)
		}
		entries, err := b.entries(l.claim.Topic, l.claim.Partition)
		if err != nil {
			return err
		}
		if err := l.bury(b, entries); err != nil {
			return err
		}
		l.claim.Mark(b.next, l.note(b.next), l.f.gate.hold(len(b.ends)+len(b.dead)))
		l.fifo = append(l.fifo[:0], l.fifo[1:]...)
		l.settled(b, entries)
	}
	return nil
}

// note is what is kept beside a mark.
func (l *lane) note(next int64) string {
	if l.noter == nil {
		return ""
	}
	return l.noter.Note(l.claim.Topic, l.claim.Partition, next)
}

// bury stores dead letters in one place after the other, and waits as long as
// that cannot be done: going on without them would lose them. What the first
// place has is not stored there again because the second fails, not even when
// the lane tries once more at its end.
func (l *lane) bury(b *batch, entries []deadletter.Entry) error {
	if len(entries) == 0 {
		return nil
	}
	if !b.stored {
		if err := l.keep(func() error { return l.f.opts.DeadLetters.Put(entries) }); err != nil {
			return fmt.Errorf("store %d dead letters: %w", len(entries), err)
		}
		b.stored = true
	}
	if l.f.opts.Copy == nil {
		return nil
	}
	// Unlike a write to disk, one over the network may take its time.
	before := l.excused.Swap(true) // a lane that drains stays excused
	defer func() { l.excused.Store(before) }()
	if err := l.keep(func() error { return l.f.opts.Copy.Copy(l.send, entries) }); err != nil {
		return fmt.Errorf("copy %d dead letters: %w", len(entries), err)
	}
	return nil
}

// keep does what put does, again and again if need be, until the drain's end.
func (l *lane) keep(put func() error) error {
	err := put()
	if err == nil {
		return nil
	}
	l.log.Error("dead letters cannot be stored; this partition waits", zap.Error(err))
	l.tell(err)
	defer l.tell(nil)
	before := l.excused.Swap(true)
	defer func() { l.excused.Store(before) }()
	wait := backoff.NewExponentialBackOff()
	wait.MaxInterval = 30 * time.Second
	_, err = backoff.Retry(l.send, func() (struct{}, error) { return struct{}{}, put() },
		backoff.WithBackOff(wait), backoff.WithMaxElapsedTime(0))
	if err == nil {
		l.log.Info("dead letters can be stored again")
	}
	return err
}

func (l *lane) tell(err error) {
	if l.f.opts.OnProblem != nil {
		l.f.opts.OnProblem(err)
	}
}

// settled does the accounts of a marked batch and takes it back.
func (l *lane) settled(b *batch, entries []deadletter.Entry) {
	l.count.settled(b, entries)
	l.report(entries)
	l.unsettled.Add(-int64(b.records))
	l.next.Store(b.next)
	switch {
	case len(l.fifo) > 0:
		l.oldest.Store(l.fifo[0].first.UnixMilli())
	case !l.open.empty():
		l.oldest.Store(l.open.first.UnixMilli())
	default:
		l.oldest.Store(0)
	}
	b.reset(l.f.cfg.MaxBytes)
	l.spare = append(l.spare, b)
}

// reportEvery bounds how often a lane logs its dead letters.
const reportEvery = 10 * time.Second

// report logs dead letters: the first at once, a flood of them in sums.
func (l *lane) report(entries []deadletter.Entry) {
	l.untold += len(entries)
	if l.untold == 0 || time.Since(l.told) < reportEvery {
		return
	}
	if len(entries) > 0 {
		e := entries[len(entries)-1]
		l.log.Warn("records were set aside as dead letters; `deadletter list` shows them",
			zap.Int("records", l.untold), zap.String("last", e.ID()), zap.String("reason", string(e.Reason)),
			zap.String("detail", e.Detail), zap.String("reply", e.Reply))
	} else {
		l.log.Warn("records were set aside as dead letters; `deadletter list` shows them", zap.Int("records", l.untold))
	}
	l.told, l.untold = time.Now(), 0
}

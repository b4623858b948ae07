package forwarder

import (
	"math"

	"auditlog-forwarder/pkg/summary"
)

// Bound ends a lane before the partition does: it sends nothing of what comes
// later, does not wait for a batch to fill up, marks, and is quiet until its
// claim ends.
type Bound struct {
	// Last is behind the last record below Until that will come, or below
	// Claim.Committed, if that is more; a lane that has read it waits for no other.
	// It is not Until, since offsets below that may have no record.
	Last int64
	// Until is marked when all records below it are settled. See Forwarder.Owes for
	// a claim that is committed that far.
	Until int64
	// Gone tells, now and then, that there is no record any more just below Last. A
	// lane that has waited for one since it was told last gives its claim up: the
	// next one will count what expired, and have another Last. Nil: never.
	Gone <-chan struct{}
	// Done is called once: when Until is committed, or will not be any more.
	Done func()
}

// bound is a lane's end. The zero value has none.
type bound struct {
	last   int64
	gone   <-chan struct{}
	told   int64  // records read when Gone told last; below 0: it did not, or the lane was at work
	over   bool   // no other record is taken
	closed bool   // Until is marked
	note   string // of the newest mark
}

// limit sets the lane's end.
func (l *lane) limit() {
	l.bound.last, l.bound.told = math.MaxInt64, -1
	b := l.claim.Bound
	if b == nil {
		return
	}
	l.bound.last, l.bound.gone, l.bound.note = b.Last, b.Gone, l.claim.Note
	mark := l.claim.Mark
	l.claim.Mark = func(next int64, note string, committed func()) {
		l.bound.note = note
		mark(next, note, committed)
	}
	switch {
	case l.sum.owed() && l.claim.Start < b.Last: // what is read again will be sent
	case max(l.claim.Start, l.claim.Committed) >= b.Last || l.claim.Committed >= b.Until:
		if l.sum.owed() {
			l.sum.caughtUp() // there is nothing left to read again
		}
		l.stopTaking()
	}
}

// waitsInVain reports whether nothing has come since Gone told last. What Kafka
// has dropped may still be on its way through the buffers.
func (l *lane) waitsInVain() bool {
	if l.bound.over || len(l.fifo) > 0 || !l.open.empty() {
		l.bound.told = -1
		return false
	}
	before := l.bound.told
	l.bound.told = l.taken.Load()
	return before == l.bound.told
}

// stopTaking has the open batch sent at once, and what is counted for a summary,
// and nothing read any more.
func (l *lane) stopTaking() {
	l.bound.over = true
	if l.sum != nil && l.sum.win.Due() {
		l.sum.due = true
	}
	l.due = l.due || l.open != nil && !l.open.empty()
}

// concluding reports whether all is settled and only the last mark is missing.
func (l *lane) concluding() bool {
	return l.bound.over && !l.bound.closed && len(l.fifo) == 0 && l.open.empty() &&
		(l.sum == nil || !l.sum.due && !l.sum.pouring)
}

// conclude marks the end. What lies between it and the last mark has no records,
// so the last note is as true there.
func (l *lane) conclude() {
	if !l.concluding() {
		return
	}
	l.bound.closed = true
	b := l.claim.Bound
	done := b.Done
	if done == nil {
		done = func() {}
	}
	next, note := max(b.Until, l.next.Load(), l.claim.Committed), l.bound.note
	if l.sum != nil && summary.IsNote(note) {
		note = l.sum.note() // what it told of may have gone
	}
	if next == max(l.next.Load(), l.claim.Committed) && note == l.bound.note {
		done()
		return
	}
	l.claim.Mark(next, note, done)
	l.next.Store(next)
}

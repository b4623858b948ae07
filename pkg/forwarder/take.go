package forwarder

import (
	"bytes"
	"errors"
	"fmt"
	"time"

	"auditlog-forwarder/pkg/audit"
	"auditlog-forwarder/pkg/deadletter"
)

// take puts one record into the open batch, after what it closes.
func (l *lane) take(rec *audit.Record) {
	if rec.Offset < l.claim.Committed {
		l.sum.reread(rec)
		return
	}
	if rec.Offset >= l.bound.last {
		l.sum.caughtUp()
		l.stopTaking() // the record that was to be the last has gone
		return
	}
	l.taken.Add(1)
	l.unsettled.Add(1)
	l.sum.caughtUp()
	if l.sum.closes(rec) {
		return // with rec, as soon as its summaries are in a batch
	}
	l.accept(rec)
}

// accept puts one record into the open batch.
func (l *lane) accept(rec *audit.Record) {
	b := l.open
	if b.empty() {
		b.opened = time.Now()
		l.linger.Reset(l.f.cfg.Linger)
	}
	b.add(rec)
	if l.oldest.Load() == 0 {
		l.oldest.Store(rec.Timestamp.UnixMilli())
	}
	l.sort(b, rec)
	l.fill(b, len(rec.Value))
	if l.sum != nil {
		l.sum.at = b.next
	}
	if rec.Offset+1 >= l.bound.last {
		l.stopTaking()
	}
}

// fill notes whether b is full after an event of size bytes: one more like it
// would not fit. So a full batch never exceeds MaxBytes by more than one event.
func (l *lane) fill(b *batch, size int) {
	if len(b.ends)+len(b.dead) >= l.f.cfg.MaxEvents || b.records >= maxRecords || b.size()+size >= l.f.cfg.MaxBytes {
		l.full = true
	}
}

// maxRecords bounds a batch of filtered records, which have no size.
const maxRecords = 100_000

// sort decides what a record is.
func (l *lane) sort(b *batch, rec *audit.Record) {
	if l.f.opts.Verbatim {
		if err := b.addEvent(l.f.opts.Sink, rec, audit.Event{}); err != nil {
			b.addDead(rec, deadletter.BadEnvelope, err.Error())
		}
		return
	}
	if rec.Value == nil {
		b.addDead(rec, deadletter.Tombstone, "the record has no value")
		return
	}
	if len(rec.Value) > l.f.opts.MaxEventBytes {
		b.addDead(rec, deadletter.TooLarge, fmt.Sprintf("the event has %d bytes, the limit is %d", len(rec.Value), l.f.opts.MaxEventBytes))
		return
	}
	ev, err := l.read(rec.Value)
	switch {
	case errors.Is(err, audit.ErrEmpty):
		b.addDead(rec, deadletter.Empty, err.Error())
		return
	case err != nil:
		b.addDead(rec, deadletter.NotJSON, err.Error())
		return
	}
	if l.judge != nil {
		l.ev = ev // what is handed to the judge must not be put on the heap for each event
		v := l.judge.Judge(rec, &l.ev)
		if v.Summary != nil {
			if l.sum != nil && l.sum.add(rec, v.Summary) {
				b.filtered[v.Rule]++
				return
			}
		} else if v.Rule != "" {
			b.filtered[v.Rule]++
			return
		}
		if ev = l.ev; v.Value != nil {
			l.sent = *rec
			l.sent.Value, rec = v.Value, &l.sent
		}
	}
	if err := b.addEvent(l.f.opts.Sink, rec, ev); err != nil {
		b.addDead(rec, deadletter.BadEnvelope, err.Error())
	}
}

// read finds what delivery needs to know of a value, and why it is no event.
func (l *lane) read(value []byte) (ev audit.Event, err error) {
	if !l.f.opts.AnyText {
		return audit.ReadEvent(value)
	}
	if len(bytes.TrimSpace(value)) == 0 {
		return ev, audit.ErrEmpty
	}
	if l.f.opts.Filter != nil {
		ev, _ = audit.ReadEvent(value) // what is no event has no method
	}
	return ev, nil
}

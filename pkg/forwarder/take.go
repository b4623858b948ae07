package forwarder

import (
	"bytes"
	"errors"
	"fmt"
	"time"

	"auditlog-forwarder/pkg/audit"
	"auditlog-forwarder/pkg/deadletter"
)

// take puts one record into the open batch.
func (l *lane) take(rec *audit.Record) {
	if rec.Offset >= l.bound.last {
		l.stopTaking() // the record that was to be the last has gone
		return
	}
	b := l.open
	if b.empty() {
		b.opened = time.Now()
		l.linger.Reset(l.f.cfg.Linger)
	}
	b.add(rec)
	l.taken.Add(1)
	l.unsettled.Add(1)
	if l.oldest.Load() == 0 {
		l.oldest.Store(rec.Timestamp.UnixMilli())
	}
	l.sort(b, rec)
	// One more event like this one would not fit: a full batch never exceeds
	// MaxBytes by more than one event.
	if len(b.ends)+len(b.dead) >= l.f.cfg.MaxEvents || b.records >= maxRecords || b.size()+len(rec.Value) >= l.f.cfg.MaxBytes {
		l.full = true
	}
	if rec.Offset+1 >= l.bound.last {
		l.stopTaking()
	}
}

// maxRecords bounds a batch of filtered records, which have no size.
const maxRecords = 100_000

// sort decides what a record is.
func (l *lane) sort(b *batch, rec *audit.Record) {
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
		v := l.judge.Judge(rec, &ev)
		if v.Rule != "" {
			b.filtered[v.Rule]++
			return
		}
		if v.Value != nil {
			sent := *rec
			sent.Value, rec = v.Value, &sent
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

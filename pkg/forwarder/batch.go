package forwarder

import (
	"encoding/binary"
	"errors"
	"slices"
	"time"

	"auditlog-forwarder/pkg/audit"
	"auditlog-forwarder/pkg/deadletter"
)

const (
	// bytesPerEvent is what a batch keeps per event besides its encoded form:
	// an event and an end, with the room that append keeps in reserve.
	bytesPerEvent = 96
	// bytesPerDead is what a dead letter keeps besides its bytes.
	bytesPerDead = 256
	// envelopeRoom is more than a sink adds to a value.
	envelopeRoom = 4 << 10
	// slack is the room of a body beyond MaxBytes: a batch is full when another
	// event of the last one's size would not fit, and the next may be larger.
	// Without it one batch in nine was made anew.
	slack = 16 << 10
	// keptDead is how many places for dead letters a batch keeps.
	keptDead = 64
)

// batch is a run of a partition's records. Its buffers are the lane's and are
// used again when it is settled.
type batch struct {
	body   []byte // the encoded events
	ends   []int  // where each event ends in body
	events []event
	side   []byte // keys and headers of the events that have any, packed
	values int    // bytes of the events as they came

	dead     []deadletter.Entry // records that are no event, or too large
	deadSize int
	stored   bool           // all dead letters are on disk
	filtered map[string]int // records left out, by rule

	records int       // all records, whatever became of them
	made    int       // events of our own, besides the records
	next    int64     // the offset to mark when the batch is settled
	note    string    // to be marked beside it
	first   time.Time // timestamp of the first record, for the lag
	opened  time.Time

	// What the sending goroutine found; the lane reads it after the batch has
	// come back through its channel.
	refused []audit.Refusal
	err     error
	settled bool
}

// event is where one event lies in its batch: all that is needed to make the
// record again, should it be refused.
type event struct {
	offset    int64
	timestamp time.Time
	bodyStart int // in body
	bodyEnd   int
	sideStart int // in side
}

func (b *batch) empty() bool { return b.records+b.made == 0 }

// size is what counts against Config.MaxBytes.
func (b *batch) size() int { return len(b.body) + len(b.side) + b.deadSize }

// reset empties the batch for its next use. A buffer that an outsize record
// has blown up goes, so that the lane's bound holds again.
func (b *batch) reset(maxBytes int) {
	if cap(b.body) > maxBytes+slack {
		b.body = make([]byte, 0, maxBytes+slack)
	}
	if cap(b.side) > maxBytes/2 {
		b.side = nil
	}
	if cap(b.dead) > keptDead {
		b.dead = nil
	}
	clear(b.dead[:cap(b.dead)]) // the entries hold bodies, also those that were refused
	clear(b.filtered)
	*b = batch{
		body: b.body[:0], ends: b.ends[:0], events: b.events[:0], side: b.side[:0],
		dead: b.dead[:0], filtered: b.filtered,
	}
}

// add notes that a record belongs to the batch.
func (b *batch) add(rec *audit.Record) {
	if b.records == 0 {
		b.first = rec.Timestamp
	}
	b.records++
	b.next = rec.Offset + 1
}

// addEvent encodes a record, or says why that cannot be done.
func (b *batch) addEvent(sink Sink, rec *audit.Record, ev audit.Event) (err error) {
	// append would grow the buffer by a quarter of itself; a lane's memory is a
	// promise, so a record that does not fit gets exactly the room it needs.
	if need := len(b.body) + len(rec.Value) + envelopeRoom; need > cap(b.body) {
		b.body = append(make([]byte, 0, need), b.body...)
	}
	e := event{offset: rec.Offset, timestamp: rec.Timestamp, sideStart: len(b.side)}
	if b.body, e.bodyStart, err = sink.Append(b.body, rec, ev); err != nil {
		return err
	}
	b.values += len(rec.Value)
	e.bodyEnd = e.bodyStart + len(rec.Value)
	if rec.Key != nil || len(rec.Headers) > 0 {
		b.side = packSide(b.side, rec)
	}
	b.ends = append(b.ends, len(b.body))
	b.events = append(b.events, e)
	return nil
}

// addDead keeps a copy of a record that is not sent.
func (b *batch) addDead(rec *audit.Record, reason deadletter.Reason, detail string) {
	kept := *rec
	kept.Key, kept.Value = slices.Clone(rec.Key), slices.Clone(rec.Value)
	kept.Headers = make([]audit.Header, len(rec.Headers))
	b.deadSize += bytesPerDead + len(rec.Key) + len(rec.Value)
	for i, h := range rec.Headers {
		kept.Headers[i] = audit.Header{Key: h.Key, Value: slices.Clone(h.Value)}
		b.deadSize += len(h.Key) + len(h.Value)
	}
	b.dead = append(b.dead, deadletter.Entry{Record: kept, Reason: reason, Detail: detail})
}

// entries returns what must be stored before the batch's offset may be
// marked: the records that were not sent and those that were refused.
func (b *batch) entries(topic string, partition int32) ([]deadletter.Entry, error) {
	all := b.dead
	for _, r := range b.refused {
		if r.Index < 0 || r.Index >= len(b.events) {
			return nil, errors.New("the destination refused an event that it was not sent")
		}
		e := b.events[r.Index]
		rec := audit.Record{
			Topic: topic, Partition: partition, Offset: e.offset, Timestamp: e.timestamp,
			Value: b.body[e.bodyStart:e.bodyEnd],
		}
		sideEnd := len(b.side)
		if r.Index+1 < len(b.events) {
			sideEnd = b.events[r.Index+1].sideStart
		}
		if e.sideStart < sideEnd {
			unpackSide(b.side[e.sideStart:sideEnd], &rec)
		}
		all = append(all, deadletter.Entry{
			Record: rec, Reason: deadletter.Refused, Detail: "splunk refused this event", Code: r.Code, Reply: r.Reply,
		})
	}
	return all, nil
}

// packSide appends a record's key and headers: lengths are one more than the
// true ones, so that 0 stands for nil.
func packSide(dst []byte, rec *audit.Record) []byte {
	bytesOf := func(dst, p []byte) []byte {
		if p == nil {
			return append(dst, 0)
		}
		return append(binary.AppendUvarint(dst, uint64(len(p))+1), p...)
	}
	dst = bytesOf(dst, rec.Key)
	dst = binary.AppendUvarint(dst, uint64(len(rec.Headers)))
	for _, h := range rec.Headers {
		dst = append(binary.AppendUvarint(dst, uint64(len(h.Key))), h.Key...)
		dst = bytesOf(dst, h.Value)
	}
	return dst
}

// unpackSide is the way back; src is what packSide appended.
func unpackSide(src []byte, rec *audit.Record) {
	length := func() uint64 {
		n, size := binary.Uvarint(src)
		src = src[size:]
		return n
	}
	take := func(n uint64) []byte {
		p := src[:n:n]
		src = src[n:]
		return p
	}
	optional := func() []byte {
		if n := length(); n > 0 {
			return take(n - 1)
		}
		return nil
	}
	rec.Key = optional()
	rec.Headers = make([]audit.Header, length())
	for i := range rec.Headers {
		rec.Headers[i].Key = string(take(length()))
		rec.Headers[i].Value = optional()
	}
}

package summary

import (
	"encoding/binary"
	"time"

	"auditlog-forwarder/pkg/audit"
)

// Window counts one run of a partition's records. It belongs to one goroutine,
// and is used again for the next run.
type Window struct {
	cfg       Config
	topic     string
	partition int32

	open    bool
	start   int64 // the offset that it is named after
	end     int64 // Unix ms; a record of this time or later closes it
	sent    int64 // what lies below is in a summary that was made
	seen    int64 // records
	unsent  int64 // of them, those at sent or above
	changed bool  // other rules opened it

	byKey  map[string]*entry
	keys   []*entry // in the order of their first records
	bytes  int
	cursor int // Append's place in keys
	packed []byte
}

// entry is one key of a window.
type entry struct {
	rule     *Rule
	packed   string // the rule's name and the values
	count    int64
	bytes    int64
	began    time.Time // the timestamp of the first record
	first    time.Time // the earliest timestamp
	last     time.Time // the latest timestamp
	firstOff int64
	lastOff  int64
	samples  []string
	due      bool // it has records that are in no summary
}

// entryBytes is about what an entry takes besides its strings.
const entryBytes = 256

// NewWindow makes a window that is not open.
func NewWindow(cfg Config, topic string, partition int32) *Window {
	return &Window{cfg: cfg, topic: topic, partition: partition, byKey: map[string]*entry{}}
}

// Open reports whether the window has begun and not ended.
func (w *Window) Open() bool { return w.open }

// Start is the offset of the record that opened it.
func (w *Window) Start() int64 { return w.start }

// Seen is how many records it counts.
func (w *Window) Seen() int64 { return w.seen }

// Keys is how many keys it has.
func (w *Window) Keys() int { return len(w.keys) }

// Unsent is how many of its records are in no summary that was made.
func (w *Window) Unsent() int64 { return w.unsent }

// Closes reports whether the window ends before rec. Nothing but the log and
// the configuration decide it.
func (w *Window) Closes(rec *audit.Record) bool {
	return w.open && (!rec.Timestamp.IsZero() && rec.Timestamp.UnixMilli() >= w.end ||
		rec.Offset-w.start >= MaxSpan || len(w.keys) >= w.cfg.MaxKeys || w.bytes >= MaxBytes)
}

// Close empties the window.
func (w *Window) Close() {
	clear(w.byKey)
	clear(w.keys)
	*w = Window{cfg: w.cfg, topic: w.topic, partition: w.partition, byKey: w.byKey, keys: w.keys[:0], packed: w.packed}
}

// Add counts a record, and opens the window if need be. It reports whether it
// did: a record whose key is too long cannot be counted.
func (w *Window) Add(rec *audit.Record, item *Item) bool {
	if !w.pack(item) {
		return false
	}
	if !w.open {
		w.open, w.start, w.sent = true, rec.Offset, rec.Offset
		w.end = w.endAfter(rec.Timestamp)
	}
	e := w.byKey[string(w.packed)] // without an allocation
	if e == nil {
		e = &entry{rule: item.Rule, packed: string(w.packed), began: rec.Timestamp, first: rec.Timestamp, last: rec.Timestamp, firstOff: rec.Offset}
		w.byKey[e.packed] = e
		w.keys = append(w.keys, e)
		w.bytes += entryBytes + len(e.packed)
	}
	if len(e.samples) < w.cfg.Samples && len(item.ID) > 0 && len(item.ID) <= maxSample {
		e.samples = append(e.samples, string(item.ID))
		w.bytes += len(item.ID)
	}
	e.count++
	e.bytes += int64(len(rec.Value))
	if e.lastOff = rec.Offset; !rec.Timestamp.IsZero() {
		if rec.Timestamp.Before(e.first) || e.first.IsZero() {
			e.first = rec.Timestamp
		}
		if rec.Timestamp.After(e.last) {
			e.last = rec.Timestamp
		}
	}
	w.cursor = 0
	w.seen++
	if rec.Offset >= w.sent { // below, a summary has it
		e.due = true
		w.unsent++
	}
	return true
}

func (w *Window) endAfter(t time.Time) int64 {
	if t.IsZero() {
		return 0 // the next record with a time closes it
	}
	every, ms := w.cfg.Every.Milliseconds(), t.UnixMilli()
	part := ms % every
	if part < 0 {
		part += every
	}
	return ms - part + every
}

// pack writes the item's key: each part behind its length and one, so that 0
// stands for a value that is not there.
func (w *Window) pack(item *Item) bool {
	dst := append(binary.AppendUvarint(w.packed[:0], uint64(len(item.Rule.name))+1), item.Rule.name...)
	head := len(dst)
	for i := range item.Rule.paths {
		if i >= len(item.Values) || item.Values[i] == nil {
			dst = append(dst, 0)
			continue
		}
		if len(dst)-head+len(item.Values[i]) > MaxKey {
			return false
		}
		dst = append(binary.AppendUvarint(dst, uint64(len(item.Values[i]))+1), item.Values[i]...)
	}
	w.packed = dst
	return true
}

// values is the way back: the values of an entry, by path.
func (e *entry) values() []string {
	src := e.packed
	next := func() (string, bool) {
		// A uvarint of at most MaxKey+1, and a rule's name, has few bytes.
		n, size := binary.Uvarint([]byte(src[:min(len(src), binary.MaxVarintLen64)]))
		src = src[size:]
		if n == 0 {
			return "", false
		}
		v := src[:n-1]
		src = src[n-1:]
		return v, true
	}
	next() // the rule's name
	values := make([]string, len(e.rule.paths))
	for i := range values {
		values[i], _ = next() // JSON values are never empty
	}
	return values
}

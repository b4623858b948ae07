package summary

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"strconv"
	"time"

	"auditlog-forwarder/pkg/audit"
)

// The CloudEvents attributes of every summary.
const (
	Type   = "auditlog-forwarder.summary.v1"
	Source = "urn:auditlog-forwarder"
)

// Made is a summary event and where it stands in the log.
type Made struct {
	Offset    int64     // of the last record in it; no other summary and no event that was sent has it
	Timestamp time.Time // of the first record in it, or zero; the same for all summaries of an id
	Route     *audit.Route
}

// Left reports whether a summary event is due. When none is left, call Sent.
func (w *Window) Left() bool {
	for w.cursor < len(w.keys) && !w.keys[w.cursor].due {
		w.cursor++
	}
	return w.cursor < len(w.keys)
}

// Append appends the next summary event that is due, of which Left has told.
func (w *Window) Append(dst []byte) ([]byte, Made) {
	e := w.keys[w.cursor]
	e.due = false
	return w.append(dst, e), Made{Offset: e.lastOff, Timestamp: e.began, Route: e.rule.route}
}

// Due reports whether there are records that are in no summary.
func (w *Window) Due() bool { return w.unsent > 0 }

// Sent notes that summaries of all records below next were made.
func (w *Window) Sent(next int64) {
	w.cursor, w.unsent = 0, 0
	w.sent = max(w.sent, next)
}

func (w *Window) append(dst []byte, e *entry) []byte {
	values := e.values()
	dst = append(dst, `{"specversion":"1.0","id":"`...)
	dst = appendID(dst, w, e.packed)
	dst = append(dst, `","type":"`+Type+`","source":"`+Source+`"`...)
	dst = appendTime(dst, `,"time":`, e.began) // the same whenever it is made
	dst = append(dst, `,"datacontenttype":"application/json"`...)
	for _, n := range e.rule.tree.members {
		dst = n.append(dst, values)
	}
	dst = append(dst, `,"summary":{"rule":`...)
	dst = appendString(dst, e.rule.name)
	dst = strconv.AppendInt(append(dst, `,"count":`...), e.count, 10)
	dst = appendTime(dst, `,"first":`, e.first)
	dst = appendTime(dst, `,"last":`, e.last)
	dst = appendString(append(dst, `,"topic":`...), w.topic)
	dst = strconv.AppendInt(append(dst, `,"partition":`...), int64(w.partition), 10)
	dst = strconv.AppendInt(append(dst, `,"window_offset":`...), w.start, 10)
	dst = strconv.AppendInt(append(dst, `,"first_offset":`...), e.firstOff, 10)
	dst = strconv.AppendInt(append(dst, `,"last_offset":`...), e.lastOff, 10)
	dst = strconv.AppendInt(append(dst, `,"bytes":`...), e.bytes, 10)
	dst = append(dst, `,"sample_ids":[`...)
	for i, id := range e.samples {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, id...)
	}
	dst = append(dst, ']')
	dst = e.appendAside(dst, values)
	if w.changed {
		dst = append(dst, `,"rules_changed":true`...)
	}
	return append(dst, '}', '}')
}

// appendAside writes the parts of the key that have no place of their own.
func (e *entry) appendAside(dst []byte, values []string) []byte {
	sep := `,"key":{`
	for _, i := range e.rule.aside {
		if values[i] == "" {
			continue
		}
		dst = appendString(append(dst, sep...), e.rule.paths[i])
		dst = append(append(dst, ':'), values[i]...)
		sep = ","
	}
	if sep == "," {
		dst = append(dst, '}')
	}
	return dst
}

// append writes a member behind others, unless it has no value.
func (n *node) append(dst []byte, values []string) []byte {
	if !n.any(values) {
		return dst
	}
	dst = append(appendString(append(dst, ','), n.name), ':')
	return n.appendValue(dst, values)
}

func (n *node) appendValue(dst []byte, values []string) []byte {
	if n.value != inner {
		return append(dst, values[n.value]...)
	}
	sep := byte('{')
	for _, m := range n.members {
		if !m.any(values) {
			continue
		}
		dst = append(appendString(append(dst, sep), m.name), ':')
		dst = m.appendValue(dst, values)
		sep = ','
	}
	return append(dst, '}')
}

func (n *node) any(values []string) bool {
	if n.value != inner {
		return values[n.value] != ""
	}
	for _, m := range n.members {
		if m.any(values) {
			return true
		}
	}
	return false
}

func appendString(dst []byte, s string) []byte {
	quoted, err := json.Marshal(s)
	if err != nil {
		return append(dst, `""`...) // a string always can be written
	}
	return append(dst, quoted...)
}

// appendTime writes a member, unless RFC 3339 cannot write the time.
func appendTime(dst []byte, member string, t time.Time) []byte {
	if y := t.UTC().Year(); t.IsZero() || y < 0 || y > 9999 {
		return dst
	}
	dst = append(append(dst, member...), '"')
	return append(t.UTC().AppendFormat(dst, "2006-01-02T15:04:05.000Z07:00"), '"')
}

// appendID writes the summary's id: of the shape of a UUID (version 8), and the
// same whenever the same window and key are summarised. The window's end is part
// of it, since a copy of the topic under the same name has other offsets.
func appendID(dst []byte, w *Window, packed string) []byte {
	h := sha256.New()
	var n [8]byte
	binary.BigEndian.PutUint64(n[:], uint64(len(w.topic)))
	h.Write(n[:])
	h.Write([]byte(w.topic))
	binary.BigEndian.PutUint64(n[:], uint64(uint32(w.partition)))
	h.Write(n[:])
	binary.BigEndian.PutUint64(n[:], uint64(w.start))
	h.Write(n[:])
	binary.BigEndian.PutUint64(n[:], uint64(w.end))
	h.Write(n[:])
	h.Write([]byte(packed))
	sum := h.Sum(nil)
	sum[6] = sum[6]&0x0f | 0x80
	sum[8] = sum[8]&0x3f | 0x80
	for i, part := range [][]byte{sum[0:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16]} {
		if i > 0 {
			dst = append(dst, '-')
		}
		dst = hex.AppendEncode(dst, part)
	}
	return dst
}

package kafka

import (
	"encoding/binary"
	"time"

	"github.com/IBM/sarama"

	"auditlog-forwarder/pkg/audit"
)

// offsetBytes is how many bytes of a packed record stand before what a copy
// keeps: the source's offset, which a destination gives anew.
const offsetBytes = 8

// PackRecord appends all of a record that a copy keeps, behind its offset, and
// says where in the result its value stands. A length is one more than the true
// one, so that 0 stands for nil.
func PackRecord(dst []byte, rec *audit.Record) (_ []byte, value int) {
	dst = binary.BigEndian.AppendUint64(dst, uint64(rec.Offset)) //nolint:gosec // the way back is as exact
	dst = binary.AppendVarint(dst, millis(rec.Timestamp))
	dst = packBytes(dst, rec.Key)
	dst = binary.AppendUvarint(dst, uint64(len(rec.Headers)))
	for _, h := range rec.Headers {
		dst = append(binary.AppendUvarint(dst, uint64(len(h.Key))), h.Key...)
		dst = packBytes(dst, h.Value)
	}
	dst = packBytes(dst, rec.Value)
	return dst, len(dst) - len(rec.Value)
}

// PackedOffset returns the source's offset of a packed record.
func PackedOffset(packed []byte) int64 {
	return int64(binary.BigEndian.Uint64(packed)) //nolint:gosec // the way there was as exact
}

// PackedContent returns what two copies of one record have in common: its
// timestamp, key, headers and value, and not its offset.
func PackedContent(packed []byte) []byte { return packed[offsetBytes:] }

// millis is a timestamp as the wire has it; -1 is none.
func millis(t time.Time) int64 {
	if t.Year() > 1000 {
		return t.UnixMilli()
	}
	// Sarama reads a batch's -1 as the zero time, and counts its records from there.
	return t.UnixMilli() - time.Time{}.UnixMilli() - 1
}

func packBytes(dst, p []byte) []byte {
	if p == nil {
		return append(dst, 0)
	}
	return append(binary.AppendUvarint(dst, uint64(len(p))+1), p...)
}

// unpacker takes packed records apart; what it returns shares their memory.
type unpacker struct{ src []byte }

func (u *unpacker) length() int {
	n, size := binary.Uvarint(u.src)
	u.src = u.src[size:]
	return int(n) //nolint:gosec // PackRecord wrote it
}

func (u *unpacker) take(n int) []byte {
	p := u.src[:n:n]
	u.src = u.src[n:]
	return p
}

func (u *unpacker) optional() []byte {
	if n := u.length(); n > 0 {
		return u.take(n - 1)
	}
	return nil
}

// copyBatch holds what a batch is made of, to be used again.
type copyBatch struct {
	records []sarama.Record
	refs    []*sarama.Record
}

// fill makes a batch of packed records, which end at ends in body. Kafka takes
// a batch as a whole or not at all.
func (c *copyBatch) fill(body []byte, ends []int, from int) *sarama.RecordBatch {
	if cap(c.records) < len(ends) {
		c.records, c.refs = make([]sarama.Record, len(ends)), make([]*sarama.Record, len(ends))
	}
	c.records, c.refs = c.records[:len(ends)], c.refs[:len(ends)]
	var first, newest int64
	for i, end := range ends {
		u := unpacker{src: body[from+offsetBytes : end]}
		from = end
		at, size := binary.Varint(u.src)
		u.src = u.src[size:]
		if i == 0 {
			// On the wire a batch cannot begin before 1970, but at -1.
			first, newest = max(at, -1), at
		}
		newest = max(newest, at)
		r := &c.records[i]
		*r = sarama.Record{OffsetDelta: int64(i), TimestampDelta: time.Duration(at-first) * time.Millisecond, Key: u.optional()}
		if n := u.length(); n > 0 {
			r.Headers = make([]*sarama.RecordHeader, n)
			for j := range r.Headers {
				r.Headers[j] = &sarama.RecordHeader{Key: u.take(u.length()), Value: u.optional()}
			}
		}
		r.Value = u.optional()
		c.refs[i] = r
	}
	return &sarama.RecordBatch{
		Version: 2, Records: c.refs, LastOffsetDelta: int32(len(ends) - 1), //nolint:gosec // a batch is far smaller
		FirstTimestamp: wireTime(first), MaxTimestamp: wireTime(newest),
	}
}

// wireTime is the way back from millis; the zero time is -1 on the wire.
func wireTime(ms int64) time.Time {
	if ms < 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms)
}

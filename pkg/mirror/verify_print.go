package mirror

import (
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"hash/maphash"
	"time"

	"auditlog-forwarder/pkg/audit"
)

// identity is what two records share only if they are the same: the beginning
// of a SHA-256 of key, value, headers and timestamp.
type identity [16]byte

// imprint is what is kept of a record to compare it. The hashes of its parts
// say what has changed where the identity differs; they need not be as strong.
type imprint struct {
	offset              int64
	when                int64 // in milliseconds, as Kafka keeps it
	core                bool  // it is within the range; else it only helps at the range's edges
	id                  identity
	key, value, headers uint64
}

// printer makes imprints. It belongs to one goroutine; imprints of printers
// with the same seed compare.
type printer struct {
	sum   hash.Hash
	seed  maphash.Seed
	parts maphash.Hash
	buf   []byte
}

func newPrinter(seed maphash.Seed) *printer {
	p := &printer{sum: sha256.New(), seed: seed}
	p.parts.SetSeed(seed)
	return p
}

// absent stands for the length of what is nil, which is not the same as empty.
const absent = ^uint64(0)

func length(b []byte) uint64 {
	if b == nil {
		return absent
	}
	return uint64(len(b))
}

// imprint takes a record. Everything is hashed behind its length, so that no
// two records make the same bytes.
func (p *printer) imprint(r *audit.Record, core bool) imprint {
	im := imprint{offset: r.Offset, core: core, when: millis(r.Timestamp)}
	im.key, im.value = p.part(r.Key), p.part(r.Value)

	// Headers go through a buffer, as hashes take no strings.
	b := binary.BigEndian.AppendUint64(p.buf[:0], uint64(len(r.Headers)))
	for _, h := range r.Headers {
		b = binary.BigEndian.AppendUint64(b, uint64(len(h.Key)))
		b = append(b, h.Key...)
		b = binary.BigEndian.AppendUint64(b, length(h.Value))
		b = append(b, h.Value...)
	}
	im.headers = maphash.Bytes(p.seed, b)
	b = binary.BigEndian.AppendUint64(b, uint64(im.when)) //nolint:gosec // the bits, whatever they mean
	b = binary.BigEndian.AppendUint64(b, length(r.Key))
	b = binary.BigEndian.AppendUint64(b, length(r.Value))
	p.buf = b

	p.sum.Reset()
	p.sum.Write(b)
	p.sum.Write(r.Key)
	p.sum.Write(r.Value)
	var full [sha256.Size]byte
	copy(im.id[:], p.sum.Sum(full[:0]))
	return im
}

// millis is a timestamp as Kafka keeps it. Sarama reads a batch's -1, for none,
// as the zero time, and counts the batch's records from there.
func millis(t time.Time) int64 {
	if t.Year() > 1000 {
		return t.UnixMilli()
	}
	return t.UnixMilli() - time.Time{}.UnixMilli() - 1
}

func (p *printer) part(b []byte) uint64 {
	p.parts.Reset()
	p.parts.Write(b)
	if b == nil {
		p.parts.WriteByte(1)
	}
	return p.parts.Sum64()
}

// changedPart names the one part in which two records differ; it is empty if
// that is more than one.
func (im imprint) changedPart(other imprint) string {
	names := [...]string{"key", "value", "headers", "timestamp"}
	found := ""
	for i, differs := range [...]bool{im.key != other.key, im.value != other.value, im.headers != other.headers, im.when != other.when} {
		switch {
		case differs && found != "":
			return ""
		case differs:
			found = names[i]
		}
	}
	return found
}

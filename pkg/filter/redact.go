package filter

import (
	"bytes"
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"hash"
	"slices"

	"auditlog-forwarder/pkg/creds"
)

// hashBytes is how much of a keyed hash is written: 128 bits, which no two
// values of an organisation share by chance.
const hashBytes = 16

// keptBody and keptCuts bound what a lane keeps from one body to the next.
const (
	keptBody = 64 << 10
	keptCuts = 1 << 10
)

// cut is a JSON value in a body that a rule replaces.
type cut struct {
	from, to int
	with     []byte // the JSON text in its place; nil: the value's keyed hash
}

// surgeon replaces values in bodies. A lane has its own.
type surgeon struct {
	mac  hash.Hash
	cuts []cut
	body []byte
	sum  []byte
}

func newSurgeon(key creds.Secret) *surgeon {
	return &surgeon{mac: hmac.New(sha256.New, []byte(key.Reveal()))}
}

// clear forgets the values noted, and buffers that one outsize body has left.
func (s *surgeon) clear() {
	s.cuts = s.cuts[:0]
	if cap(s.body) > keptBody {
		s.body = nil
	}
	if cap(s.cuts) > keptCuts {
		s.cuts = nil
	}
}

// add notes a value to be replaced. null hides nothing and stays.
func (s *surgeon) add(body []byte, c cut) {
	if c.from < c.to && body[c.from] != 'n' {
		s.cuts = append(s.cuts, c)
	}
}

// operate returns body with the values replaced that were added since the last
// call, or nil without any. All other bytes stay as they are. Of values within
// each other the outer one is replaced; of rules that name the same value the
// first counts. The result is valid until the next call.
func (s *surgeon) operate(body []byte) []byte {
	if len(s.cuts) == 0 {
		return nil
	}
	slices.SortStableFunc(s.cuts, func(a, b cut) int { return cmp.Or(a.from-b.from, b.to-a.to) })
	out, at := s.body[:0], 0
	for _, c := range s.cuts {
		if c.from < at {
			continue // within the one before, or the same
		}
		out = append(out, body[at:c.from]...)
		if c.with != nil {
			out = append(out, c.with...)
		} else {
			out = s.appendHash(out, body[c.from:c.to])
		}
		at = c.to
	}
	s.body, s.cuts = append(out, body[at:]...), s.cuts[:0]
	return s.body
}

// appendHash appends the keyed hash of a value as a JSON string. A string is
// hashed as it reads, however it is escaped, so that it correlates; all else
// as it is written.
func (s *surgeon) appendHash(dst, value []byte) []byte {
	s.mac.Reset()
	s.mac.Write(plain(value)) // it never fails
	s.sum = s.mac.Sum(s.sum[:0])
	dst = append(dst, '"')
	dst = hex.AppendEncode(dst, s.sum[:hashBytes])
	return append(dst, '"')
}

// isHash reports whether a JSON value has the form of what appendHash writes.
func isHash(value []byte) bool {
	if len(value) != 2*hashBytes+2 || value[0] != '"' {
		return false
	}
	for _, c := range value[1 : len(value)-1] {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// plain is a JSON value without its quotes and escapes.
func plain(value []byte) []byte {
	if len(value) < 2 || value[0] != '"' {
		return value
	}
	inner := value[1 : len(value)-1]
	if bytes.IndexByte(inner, '\\') < 0 {
		return inner
	}
	var text string
	if json.Unmarshal(value, &text) != nil { // it was proved to be a string
		return inner
	}
	return []byte(text)
}

package sigma

import (
	"bytes"
	"encoding/binary"
	"math/bits"
)

// The walk over an event takes for granted that it is JSON, as
// audit.ReadEvent has proved before, and checks no more than it needs to stay
// within the bytes. Its functions take the position where a thing starts and
// return the position behind it, at most len(event).

// object walks the members of an object from behind its brace, and keeps the
// values that n asks for. The recursion is as deep as the longest path.
func (m *Matcher) object(i int, n *node) int {
	b := m.event
	for {
		if i = space(b, i); i >= len(b) {
			return m.malformed()
		}
		switch b[i] {
		case '}':
			return i + 1
		case ',':
			i++
			continue
		case '"':
		default:
			return m.malformed()
		}
		start := i + 1
		i = skipString(b, start)
		kid := m.kid(n, b[start:max(start, i-1)])
		if i = space(b, i); i >= len(b) || b[i] != ':' {
			return m.malformed()
		}
		if i = space(b, i+1); kid != nil {
			i = m.value(i, kid)
		} else {
			i = skip(b, i)
		}
	}
}

// kid finds what is asked for below a member's name.
func (m *Matcher) kid(n *node, name []byte) *node {
	for i := range n.kids {
		if k := &n.kids[i]; len(k.name) == len(name) && k.name == string(name) && !k.slash {
			return k.node
		}
	}
	if !hasDotOrSlash(name) {
		return nil
	}
	m.decoded = appendDecoded(m.decoded[:0], name)
	name = m.decoded
	// A dot in a name reads as a step, as in Splunk's names of fields.
	for {
		first, rest, more := bytes.Cut(name, []byte("."))
		n = n.kid(first)
		if !more || n == nil {
			return n
		}
		name = rest
	}
}

func (n *node) kid(name []byte) *node {
	for i := range n.kids {
		if k := &n.kids[i]; k.name == string(name) {
			return k.node
		}
	}
	return nil
}

func hasDotOrSlash(s []byte) bool {
	const (
		ones  = 0x0101010101010101
		highs = 0x8080808080808080
	)
	for len(s) >= 8 {
		x := binary.LittleEndian.Uint64(s)
		dot, slash := x^(ones*'.'), x^(ones*'\\')
		if ((dot-ones)&^dot|(slash-ones)&^slash)&highs != 0 {
			return true
		}
		s = s[8:]
	}
	for _, c := range s {
		if c == '.' || c == '\\' {
			return true
		}
	}
	return false
}

// value walks a value and keeps it if n is the end of a path.
func (m *Matcher) value(start int, n *node) int {
	b := m.event
	if start >= len(b) {
		return m.malformed()
	}
	i, kind := 0, Number
	switch b[start] {
	case '"':
		i, kind = skipString(b, start+1), String
	case '{':
		if kind = Object; len(n.kids) > 0 {
			i = m.object(start+1, n)
		} else {
			i = skipNested(b, start+1)
		}
	case '[':
		if kind = Array; n.elem != nil {
			i = m.array(start+1, n.elem)
		} else {
			i = skipNested(b, start+1)
		}
	case 't':
		i, kind = skipWord(b, start), True
	case 'f':
		i, kind = skipWord(b, start), False
	case 'n':
		i, kind = skipWord(b, start), NullValue
	default:
		if i = skipWord(b, start); i == start {
			return m.malformed()
		}
	}
	if n.path >= 0 {
		m.values[n.path] = append(m.values[n.path], Value{start, i, kind})
	}
	return i
}

func (m *Matcher) array(i int, n *node) int {
	b := m.event
	for {
		if i = space(b, i); i >= len(b) {
			return m.malformed()
		}
		switch b[i] {
		case ']':
			return i + 1
		case ',':
			i++
		default:
			i = m.value(i, n)
		}
	}
}

func (m *Matcher) malformed() int {
	m.broken = true
	return len(m.event)
}

func space(b []byte, i int) int {
	for i < len(b) && b[i] <= ' ' {
		i++
	}
	return i
}

// skip walks any value.
func skip(b []byte, i int) int {
	if i >= len(b) {
		return i
	}
	switch b[i] {
	case '"':
		return skipString(b, i+1)
	case '{', '[':
		return skipNested(b, i+1)
	}
	return skipWord(b, i)
}

// skipNested walks the rest of an object or array.
func skipNested(b []byte, i int) int {
	for depth := 1; i < len(b); {
		switch b[i] {
		case '"':
			i = skipString(b, i+1)
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return i + 1
			}
		}
		i++
	}
	return i
}

// skipString walks a string from behind its first quote, eight bytes at a step.
func skipString(b []byte, i int) int {
	const (
		ones  = 0x0101010101010101
		highs = 0x8080808080808080
	)
	for i < len(b) {
		if i+8 <= len(b) {
			x := binary.LittleEndian.Uint64(b[i:])
			quote := x ^ (ones * '"')
			slash := x ^ (ones * '\\')
			mark := ((quote-ones)&^quote | (slash-ones)&^slash) & highs
			if mark == 0 {
				i += 8
				continue
			}
			i += bits.TrailingZeros64(mark) >> 3
		}
		switch b[i] {
		case '"':
			return i + 1
		case '\\':
			i++
		}
		i++
	}
	return len(b)
}

// skipWord walks a number, true, false or null.
func skipWord(b []byte, i int) int {
	for i < len(b) {
		switch b[i] {
		case ',', '}', ']', ' ', '\n', '\r', '\t', ':', '"', '{', '[':
			return i
		}
		i++
	}
	return i
}

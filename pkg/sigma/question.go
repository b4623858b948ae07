package sigma

import (
	"bytes"
	"math"
	"net/netip"
	"strconv"
	"unsafe"
)

// ask answers an atom, once for an event.
func (m *Matcher) ask(id int32) bool {
	if known := m.answers[id]; known != unknown {
		return known == yes
	}
	a := &m.set.atoms[id]
	switch {
	case a.path < 0:
		m.lookForWords()
	case a.op == atomExact:
		m.lookUp(a.path)
	case m.question(a):
		m.answers[id] = yes
	}
	if m.answers[id] == unknown {
		m.answers[id] = no
	}
	return m.answers[id] == yes
}

// lookUp answers all atomExact of a path.
func (m *Matcher) lookUp(path int32) {
	if m.looked[path] {
		return
	}
	m.looked[path] = true
	for _, v := range m.values[path] {
		text, ok := m.text(v, false)
		if !ok {
			continue
		}
		if found := m.set.exact[path].find(text); found != nil {
			for _, id := range found.atoms {
				m.answers[id] = yes
			}
		}
	}
}

// question answers an atom from the values at its path.
func (m *Matcher) question(a *atom) bool {
	values := m.values[a.path]
	switch a.op {
	case atomExists:
		return len(values) > 0
	case atomNull:
		for _, v := range values {
			if v.Kind == NullValue {
				return true
			}
		}
		return len(values) == 0
	}
	for _, v := range values {
		if m.fits(a, v) {
			return true
		}
	}
	return false
}

// fits reports whether one value is what a asks for.
func (m *Matcher) fits(a *atom, v Value) bool {
	text, ok := m.text(v, a.cased || a.op != atomGlob)
	if !ok {
		return false
	}
	switch a.op {
	case atomGlob:
		return a.glob.match(text)
	case atomRegexp:
		return a.re.Match(text)
	case atomCIDR:
		return v.Kind == String && inRange(text, a.prefix)
	case atomSame:
		return m.same(a, v)
	}
	if !isNumber(text) {
		return false
	}
	number := parseNumber(text)
	switch a.op {
	case atomNumber:
		return number < a.number
	case atomNumberEq:
		return number <= a.number
	case atomNumberMore:
		return number > a.number
	}
	return number >= a.number
}

// same reports whether v's text is that of a value at the other path.
func (m *Matcher) same(a *atom, v Value) bool {
	text, _ := m.text(v, a.cased)
	m.other = append(m.other[:0], text...)
	for _, o := range m.values[a.other] {
		text, ok := m.text(o, a.cased)
		if !ok || len(text) != len(m.other) {
			continue
		}
		if a.cased && bytes.Equal(text, m.other) || !a.cased && equalLower(text, m.other) {
			return true
		}
	}
	return false
}

func equalLower(a, b []byte) bool {
	for i, c := range a {
		if lower(c) != lower(b[i]) {
			return false
		}
	}
	return true
}

// content is a string without its quotes.
func (m *Matcher) content(v Value) []byte {
	return m.event[v.Start+1 : max(v.Start+1, v.End-1)]
}

// text is what a value is compared by, in the matcher's buffer or in the
// event; null, objects and arrays have none. It is decoded, and folded unless
// cased but for ASCII letters: who compares folds those.
func (m *Matcher) text(v Value, cased bool) (text []byte, ok bool) {
	switch v.Kind {
	case Number, True, False:
		return m.event[v.Start:v.End], true
	case String:
		return m.decode(m.content(v), cased), true
	}
	return nil, false
}

func (m *Matcher) decode(content []byte, cased bool) []byte {
	if isPlain(content) {
		return content
	}
	m.decoded = appendDecoded(m.decoded[:0], content)
	if cased {
		return m.decoded
	}
	m.folded = appendFolded(m.folded[:0], m.decoded)
	return m.folded
}

// inRange reports whether text is an address in p. An IPv4 address written as
// an IPv6 one is the IPv4 address.
func inRange(text []byte, p netip.Prefix) bool {
	if len(text) > len("ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255") {
		return false
	}
	switch bytes.Count(text, []byte(":")) {
	case 0:
		addr, ok := parseIPv4(text)
		return ok && p.Contains(addr)
	case 1:
		return false // most likely an IPv4 address and a port
	}
	for _, c := range text {
		if c != ':' && c != '.' && (c < '0' || c > '9') && (lower(c) < 'a' || lower(c) > 'f') {
			return false // ParseAddr would allocate an error
		}
	}
	addr, err := netip.ParseAddr(unsafe.String(unsafe.SliceData(text), len(text)))
	if err != nil {
		return false
	}
	return p.Contains(addr.Unmap())
}

// parseIPv4 allocates nothing where text is no address, as ParseAddr would.
func parseIPv4(text []byte) (addr netip.Addr, ok bool) {
	var four [4]byte
	part, digits, n := 0, 0, 0
	for _, c := range text {
		switch {
		case c >= '0' && c <= '9' && (digits == 0 || n > 0):
			digits++
			if n = 10*n + int(c-'0'); n > 255 {
				return addr, false
			}
			four[part] = byte(n)
		case c == '.' && digits > 0 && part < 3:
			part, digits, n = part+1, 0, 0
		default:
			return addr, false
		}
	}
	return netip.AddrFrom4(four), part == 3 && digits > 0
}

// parseNumber reads what isNumber accepts; what is too large is infinite.
func parseNumber(text []byte) float64 {
	number, err := strconv.ParseFloat(unsafe.String(unsafe.SliceData(text), len(text)), 64)
	if err != nil && !math.IsInf(number, 0) {
		return math.NaN()
	}
	return number
}

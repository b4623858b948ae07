package sigma

// Matcher matches one event after the other against a set. It belongs to one
// goroutine and keeps its buffers from one event to the next.
type Matcher struct {
	set    *Set
	event  []byte
	broken bool // the event is no JSON

	values  [][]Value // by PathID
	looked  []bool    // by PathID: exact has answered
	words   bool      // the keywords' atoms are answered
	answers []answer  // by atom
	hits    []int

	decoded, folded, other []byte
}

// answer is what is known of an atom.
type answer uint8

const (
	unknown answer = iota
	no
	yes
)

// keptValues and keptText bound what is kept of one outsize event: values of a
// path, and bytes.
const (
	keptValues = 1 << 10
	keptText   = 64 << 10
)

// emptied makes room for the values of the next event.
func emptied(values [][]Value) {
	for i, v := range values {
		if values[i] = v[:0]; cap(v) > keptValues {
			values[i] = nil
		}
	}
}

// NewMatcher makes a matcher.
func (s *Set) NewMatcher() *Matcher {
	return &Matcher{
		set:     s,
		values:  make([][]Value, len(s.exact)),
		looked:  make([]bool, len(s.exact)),
		answers: make([]answer, len(s.atoms)),
	}
}

// Value is a JSON value: event[Start:End], with quotes and escapes.
type Value struct {
	Start, End int
	Kind       Kind
}

// Match returns the indexes of the rules that match, in their order. The slice
// is the matcher's until the next call. The event must be one JSON object, as
// audit.ReadEvent proves; where it is none, the answer means nothing.
func (m *Matcher) Match(event []byte) []int {
	m.event, m.broken, m.words = event, false, false
	m.hits = m.hits[:0]
	emptied(m.values)
	if cap(m.decoded)+cap(m.folded)+cap(m.other) > keptText {
		m.decoded, m.folded, m.other = nil, nil, nil
	}
	clear(m.looked)
	clear(m.answers)
	i := space(event, 0)
	if i >= len(event) || event[i] != '{' {
		return m.hits
	}
	m.object(i+1, &m.set.root)
	if m.broken {
		return m.hits
	}
	for i := range m.set.rules {
		if m.holds(&m.set.rules[i]) {
			m.hits = append(m.hits, i)
		}
	}
	return m.hits
}

// Values are the values at a path of the last event, in their order: that of
// a member, and those of an array's elements where the path has {}. They may
// be objects and arrays. A member that is there twice has two. The slice is
// the matcher's until the next Match.
func (m *Matcher) Values(id PathID) []Value { return m.values[id] }

// AppendText appends the text of a value of the last event: a string without
// its quotes and escapes, anything else as it stands.
func (m *Matcher) AppendText(to []byte, v Value) []byte {
	if v.Kind == String {
		return appendDecoded(to, m.content(v))
	}
	return append(to, m.event[v.Start:v.End]...)
}

func (m *Matcher) holds(f *formula) bool {
	switch f.op {
	case isAtom:
		return m.ask(f.atom)
	case isNot:
		return !m.holds(&f.of[0])
	case isAnd:
		for i := range f.of {
			if !m.holds(&f.of[i]) {
				return false
			}
		}
		return true
	}
	for i := range f.of {
		if m.holds(&f.of[i]) {
			return true
		}
	}
	return false
}

package sigma

// Matcher matches one event after the other against a set.
type Matcher struct {
	set *Set
}

// Value is a JSON value: event[Start:End], quotes and escapes included.
type Value struct {
	Start, End int
	Kind       Kind
}

// Match returns the indexes of the rules that match, in their order. The slice
// is the matcher's until the next call. The event must be one JSON object, as
// audit.ReadEvent proves; anything else may give any answer, but no panic.
func (m *Matcher) Match(event []byte) []int { return nil }

// Values are the values at a path of the last event, in their order; a
// member that is there twice has two. The slice is the matcher's until the
// next Match.
func (m *Matcher) Values(id PathID) []Value { return nil }

// AppendText appends the text of a value of the last event: a string without
// its quotes and escapes, anything else as it stands.
func (m *Matcher) AppendText(to []byte, v Value) []byte { return to }

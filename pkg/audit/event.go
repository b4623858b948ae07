package audit

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
)

// Event is what delivery needs to know of an audit event. The slices point
// into the record's value and hold the JSON string's content as it stands,
// escapes included; they are nil where the event has no such string.
type Event struct {
	Time   []byte // CloudEvents time, RFC 3339 when the event keeps to the standard
	Method []byte // data.methodName, or data.method_name in the snake_case events

	Route *Route // where a rule sends it; nil: where the configuration does
}

// Route is what a rule says of where an event goes. What is empty is left to
// the configuration.
type Route struct{ Index, Source, Sourcetype, Host string }

// Why a value is no event.
var (
	ErrEmpty     = errors.New("the record is empty")
	ErrNotObject = errors.New("the value is JSON, but not an object, so it is no CloudEvents event")
)

// SyntaxError says where a value stops being JSON.
type SyntaxError struct {
	Offset int    // bytes before the mistake
	What   string // what was expected there
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("not JSON at byte %d: %s", e.Offset, e.What)
}

// maxDepth bounds the nesting that ReadEvent follows. Audit events stay under
// ten levels; the bound keeps a hostile value from exhausting the stack.
const maxDepth = 200

// ReadEvent proves that value is one JSON object and nothing else, and finds
// the members that delivery needs, in one pass without an allocation.
//
// The proof is what keeps records apart: a value such as `1},{"event":2` put
// unread into a HEC request would become two events, or break its neighbours.
// As encoding/json.Valid, it does not check that strings are UTF-8.
//
// It replaces json.Valid plus a second look for the time; BenchmarkReadEvent
// holds both side by side.
func ReadEvent(value []byte) (Event, error) {
	s := scanner{b: value}
	i := s.space(0)
	if i == len(value) {
		return Event{}, ErrEmpty
	}
	var ev Event
	var end int
	if value[i] == '{' {
		end = s.event(i+1, &ev)
	} else {
		end = s.value(i, 0)
	}
	if end < 0 {
		return Event{}, s.err
	}
	if end = s.space(end); end != len(value) {
		return Event{}, &SyntaxError{Offset: end, What: "more text after the end of the value"}
	}
	if value[i] != '{' {
		return Event{}, ErrNotObject
	}
	return ev, nil
}

// scanner walks JSON text. Its methods take the position where a thing starts
// and return the position behind it, or -1 with err set.
type scanner struct {
	b   []byte
	err error
}

func (s *scanner) fail(at int, what string) int {
	if at >= len(s.b) {
		at, what = len(s.b), "the text ends too early"
	}
	s.err = &SyntaxError{Offset: at, What: what}
	return -1
}

// event walks the top-level object, from behind its brace.
func (s *scanner) event(i int, ev *Event) int {
	return s.members(i, func(key []byte, at int) int {
		switch {
		case string(key) == "time" && s.b[at] == '"':
			return s.capture(at, &ev.Time)
		case string(key) == "data" && s.b[at] == '{':
			return s.members(at+1, func(key []byte, at int) int {
				if s.b[at] == '"' && (string(key) == "methodName" || string(key) == "method_name") {
					return s.capture(at, &ev.Method)
				}
				return s.value(at, 2)
			})
		}
		return s.value(at, 1)
	})
}

// capture walks the string at i and keeps its content.
func (s *scanner) capture(i int, to *[]byte) int {
	end := s.str(i + 1)
	if end > 0 {
		*to = s.b[i+1 : end-1]
	}
	return end
}

// members walks an object's members, from behind its brace; member walks each
// value. Only the two levels that ReadEvent reads go through it.
func (s *scanner) members(i int, member func(key []byte, at int) int) int {
	i = s.space(i)
	if i < len(s.b) && s.b[i] == '}' {
		return i + 1
	}
	for {
		if i >= len(s.b) || s.b[i] != '"' {
			return s.fail(i, "a member name in quotes is missing")
		}
		start := i + 1
		if i = s.str(start); i < 0 {
			return -1
		}
		key := s.b[start : i-1]
		if i = s.colon(i); i < 0 {
			return -1
		}
		if i >= len(s.b) {
			return s.fail(i, "")
		}
		if i = member(key, i); i < 0 {
			return -1
		}
		switch i = s.space(i); {
		case i < len(s.b) && s.b[i] == ',':
			i = s.space(i + 1)
		case i < len(s.b) && s.b[i] == '}':
			return i + 1
		default:
			return s.fail(i, "a comma or a closing brace is missing")
		}
	}
}

// colon walks the colon at i and the space around it.
func (s *scanner) colon(i int) int {
	if i = s.space(i); i >= len(s.b) || s.b[i] != ':' {
		return s.fail(i, "a colon is missing")
	}
	return s.space(i + 1)
}

// value walks any value.
func (s *scanner) value(i, depth int) int {
	if i >= len(s.b) {
		return s.fail(i, "")
	}
	switch c := s.b[i]; {
	case c == '"':
		return s.str(i + 1)
	case c == '{':
		return s.object(i+1, depth+1)
	case c == '[':
		return s.array(i+1, depth+1)
	case c == 't':
		return s.word(i, "true")
	case c == 'f':
		return s.word(i, "false")
	case c == 'n':
		return s.word(i, "null")
	case c == '-' || c >= '0' && c <= '9':
		return s.number(i)
	}
	return s.fail(i, "a value is missing")
}

func (s *scanner) object(i, depth int) int {
	if depth > maxDepth {
		return s.fail(i, "nested too deep")
	}
	b := s.b
	i = s.space(i)
	if i < len(b) && b[i] == '}' {
		return i + 1
	}
	for {
		if i >= len(b) || b[i] != '"' {
			return s.fail(i, "a member name in quotes is missing")
		}
		if i = s.str(i + 1); i < 0 {
			return -1
		}
		// Records come compact, so the next byte is nearly always the colon.
		if i < len(b) && b[i] == ':' {
			i = s.space(i + 1)
		} else if i = s.colon(i); i < 0 {
			return -1
		}
		if i = s.value(i, depth); i < 0 {
			return -1
		}
		if i = s.space(i); i >= len(b) {
			return s.fail(i, "")
		}
		switch b[i] {
		case ',':
			i = s.space(i + 1)
		case '}':
			return i + 1
		default:
			return s.fail(i, "a comma or a closing brace is missing")
		}
	}
}

func (s *scanner) array(i, depth int) int {
	if depth > maxDepth {
		return s.fail(i, "nested too deep")
	}
	i = s.space(i)
	if i < len(s.b) && s.b[i] == ']' {
		return i + 1
	}
	for {
		if i = s.value(i, depth); i < 0 {
			return -1
		}
		if i = s.space(i); i >= len(s.b) {
			return s.fail(i, "")
		}
		switch s.b[i] {
		case ',':
			i = s.space(i + 1)
		case ']':
			return i + 1
		default:
			return s.fail(i, "a comma or a closing bracket is missing")
		}
	}
}

// str walks a string from behind its opening quote, eight bytes at a step:
// the three tests below mark, in the top bit of a byte, a quote, a backslash,
// or a control character, and the lowest mark is always a true one.
func (s *scanner) str(i int) int {
	const (
		ones  = 0x0101010101010101
		highs = 0x8080808080808080
	)
	b := s.b
	for {
		for i+8 <= len(b) {
			x := binary.LittleEndian.Uint64(b[i:])
			quote := x ^ (ones * '"')
			slash := x ^ (ones * '\\')
			mark := ((quote-ones)&^quote | (slash-ones)&^slash | (x-ones*0x20)&^x) & highs
			if mark != 0 {
				i += bits.TrailingZeros64(mark) >> 3
				break
			}
			i += 8
		}
		for i < len(b) && b[i] != '"' && b[i] != '\\' && b[i] >= 0x20 {
			i++
		}
		if i >= len(b) {
			return s.fail(i, "")
		}
		switch b[i] {
		case '"':
			return i + 1
		case '\\':
			if i = s.escape(i + 1); i < 0 {
				return -1
			}
		default:
			return s.fail(i, "a control character in a string")
		}
	}
}

// escape walks what follows a backslash.
func (s *scanner) escape(i int) int {
	if i >= len(s.b) {
		return s.fail(i, "")
	}
	switch s.b[i] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return i + 1
	case 'u':
		for n := 1; n <= 4; n++ {
			if i+n >= len(s.b) || !isHex(s.b[i+n]) {
				return s.fail(i+n, "an escape needs four hexadecimal digits")
			}
		}
		return i + 5
	}
	return s.fail(i, "an unknown escape")
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'f'
}

func (s *scanner) word(i int, word string) int {
	if end := i + len(word); end <= len(s.b) && string(s.b[i:end]) == word {
		return end
	}
	return s.fail(i, "a value is missing")
}

// number walks -?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?
func (s *scanner) number(i int) int {
	if s.b[i] == '-' {
		i++
	}
	if i < len(s.b) && s.b[i] == '0' {
		i++
	} else if i = s.digits(i); i < 0 {
		return -1
	}
	if i < len(s.b) && s.b[i] == '.' {
		if i = s.digits(i + 1); i < 0 {
			return -1
		}
	}
	if i < len(s.b) && s.b[i]|0x20 == 'e' {
		i++
		if i < len(s.b) && (s.b[i] == '+' || s.b[i] == '-') {
			i++
		}
		return s.digits(i)
	}
	return i
}

// digits walks one digit or more.
func (s *scanner) digits(i int) int {
	start := i
	for i < len(s.b) && s.b[i] >= '0' && s.b[i] <= '9' {
		i++
	}
	if i == start {
		return s.fail(i, "a digit is missing")
	}
	return i
}

func (s *scanner) space(i int) int {
	for i < len(s.b) && s.b[i] <= ' ' {
		switch s.b[i] {
		case ' ', '\t', '\n', '\r':
			i++
		default:
			return i
		}
	}
	return i
}

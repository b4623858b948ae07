package sigma

import (
	"bytes"
	"unicode/utf8"
)

// Finder finds the values of events at paths for those who hide them, and errs
// towards too many: names of members are compared without case, and arrays on
// the way are gone through, however many lie within each other and whether or
// not the path has {} there. At its end a path without {} has the value as it
// is, and one with {} the elements of an array, or else the value.
//
// It belongs to one goroutine.
type Finder struct {
	root    spot
	values  [][]Value // by path
	event   []byte
	decoded []byte
	folded  []byte
}

// spot is a place in the tree of the paths.
type spot struct {
	kids []spotKid
	ends []spotEnd // of the paths that end here
}

type spotKid struct {
	name string // folded
	spot *spot
}

type spotEnd struct{ path, arrays int }

// NewFinder makes a finder for paths that ParsePath made.
func NewFinder(paths []Path) *Finder {
	f := &Finder{values: make([][]Value, len(paths))}
	for i, p := range paths {
		at, arrays := &f.root, 0
		for _, st := range p.steps {
			at, arrays = at.grow(string(appendFolded(nil, []byte(st.name)))), st.arrays
		}
		at.ends = append(at.ends, spotEnd{i, arrays})
	}
	return f
}

func (s *spot) grow(name string) *spot {
	for _, k := range s.kids {
		if k.name == name {
			return k.spot
		}
	}
	s.kids = append(s.kids, spotKid{name, &spot{}})
	return s.kids[len(s.kids)-1].spot
}

// Find looks at an event, which must be one JSON object, as audit.ReadEvent
// proves.
func (f *Finder) Find(event []byte) {
	f.event = event
	emptied(f.values)
	if cap(f.decoded)+cap(f.folded) > keptText {
		f.decoded, f.folded = nil, nil
	}
	f.below(space(event, 0), &f.root)
}

// Values are those of the last event at the path of that index. The slice is
// the finder's until the next Find.
func (f *Finder) Values(path int) []Value { return f.values[path] }

// below walks a value, and keeps what is asked for in it.
func (f *Finder) below(i int, s *spot) int {
	b := f.event
	if i < len(b) && len(s.kids) > 0 {
		switch b[i] {
		case '{':
			return f.object(i+1, s)
		case '[':
			return f.elements(i+1, func(at int) int { return f.below(at, s) })
		}
	}
	return skip(b, i)
}

func (f *Finder) object(i int, s *spot) int {
	b := f.event
	for {
		if i = space(b, i); i >= len(b) {
			return i
		}
		switch b[i] {
		case '}':
			return i + 1
		case ',':
			i++
			continue
		case '"':
		default:
			return len(b) // no JSON
		}
		start := i + 1
		i = skipString(b, start)
		kid := f.kid(s, b[start:max(start, i-1)])
		if i = space(b, i); i >= len(b) || b[i] != ':' {
			return len(b)
		}
		if i = space(b, i+1); kid == nil {
			i = skip(b, i)
			continue
		}
		start = i
		i = f.below(i, kid)
		for _, e := range kid.ends {
			f.end(start, i, e.path, e.arrays)
		}
	}
}

// end keeps a value where a path ends, or its elements.
func (f *Finder) end(start, end, path, arrays int) {
	b := f.event
	if start >= end {
		return
	}
	if arrays > 0 && b[start] == '[' {
		f.elements(start+1, func(at int) int {
			behind := skip(b, at)
			f.end(at, behind, path, arrays-1)
			return behind
		})
		return
	}
	f.values[path] = append(f.values[path], Value{start, end, kindOf(b[start])})
}

func kindOf(first byte) Kind {
	switch first {
	case '"':
		return String
	case '{':
		return Object
	case '[':
		return Array
	case 't':
		return True
	case 'f':
		return False
	case 'n':
		return NullValue
	}
	return Number
}

// elements calls element for where each element of an array starts.
func (f *Finder) elements(i int, element func(at int) int) int {
	b := f.event
	for {
		if i = space(b, i); i >= len(b) {
			return i
		}
		switch b[i] {
		case ']':
			return i + 1
		case ',':
			i++
		default:
			next := element(i)
			if next <= i {
				return len(b) // no JSON
			}
			i = next
		}
	}
}

// kid finds what is asked for below a member's name; a dot in it reads as a step.
func (f *Finder) kid(s *spot, name []byte) *spot {
	if kid := s.kid(name); kid != nil || isSimple(name) {
		return kid
	}
	f.decoded = appendDecoded(f.decoded[:0], name)
	f.folded = appendFolded(f.folded[:0], f.decoded)
	name = f.folded
	for {
		first, rest, more := bytes.Cut(name, []byte("."))
		if s = s.kid(first); !more || s == nil {
			return s
		}
		name = rest
	}
}

// isSimple reports whether a name is ASCII without dots and escapes.
func isSimple(name []byte) bool {
	for _, c := range name {
		if c == '.' || c == '\\' || c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

func (s *spot) kid(name []byte) *spot {
	for i := range s.kids {
		k := &s.kids[i]
		if len(k.name) == len(name) && (string(name) == k.name || equal(name, k.name, false)) {
			return k.spot
		}
	}
	return nil
}

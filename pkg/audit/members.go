package audit

// Members calls member with the name and the value of each member of a JSON
// object, in their order. As ReadEvent it proves in the same pass that value
// is one JSON object and nothing else; member is called before that is known
// of what follows. Names come as they stand, escapes included. An error of
// member ends the walk and is returned.
func Members(value []byte, member func(name, val []byte) error) error {
	s := scanner{b: value}
	i := s.space(0)
	switch {
	case i == len(value):
		return ErrEmpty
	case value[i] != '{':
		if _, err := ReadEvent(value); err != nil {
			return err // it may be no JSON at all
		}
		return ErrNotObject
	}
	end := s.members(i+1, func(name []byte, at int) int {
		end := s.value(at, 1)
		if end < 0 {
			return -1
		}
		if s.err = member(name, value[at:end:end]); s.err != nil {
			return -1
		}
		return end
	})
	if end < 0 {
		return s.err
	}
	if end = s.space(end); end != len(value) {
		return &SyntaxError{Offset: end, What: "more text after the end of the value"}
	}
	return nil
}

package sigma

// Set is rules made ready to be matched. It does not change, and any number of
// matchers may use it at the same time.
type Set struct {
	rules []*Rule
	paths map[string]PathID
}

// PathID names a path of a Set.
type PathID int

// Compile makes a set of rules. The values of the paths are kept for
// Matcher.Values.
func Compile(rules []*Rule, paths ...Path) (*Set, error) {
	s := &Set{rules: rules, paths: map[string]PathID{}}
	for _, p := range paths {
		s.paths[p.text] = PathID(len(s.paths))
	}
	return s, nil
}

// PathID finds a path that Compile was given.
func (s *Set) PathID(p Path) (id PathID, ok bool) {
	id, ok = s.paths[p.text]
	return id, ok
}

// NewMatcher makes a matcher, which belongs to one goroutine.
func (s *Set) NewMatcher() *Matcher { return &Matcher{set: s} }

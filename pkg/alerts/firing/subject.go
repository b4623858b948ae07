package firing

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"

	"auditlog-forwarder/pkg/alerts"
	"auditlog-forwarder/pkg/sigma"
)

// Unknown stands for a subject that no event has.
const Unknown = "unknown"

// subject finds the text of an alerts.Subject in an event.
type subject struct {
	name  string
	paths []sigma.PathID
	trim  []byte
	find  *regexp.Regexp // nil: any text
	all   bool
}

// find makes the subjects of these names.
func find(names []string, set *sigma.Set, subjects []alerts.Subject) ([]subject, error) {
	found := make([]subject, 0, len(names))
	for _, name := range names {
		i := slices.IndexFunc(subjects, func(s alerts.Subject) bool { return s.Name == name })
		if i < 0 {
			return nil, fmt.Errorf("no subject is named %q", name)
		}
		s := subject{name: name, trim: []byte(subjects[i].Trim), all: subjects[i].All}
		if text := subjects[i].Find; text != "" {
			var err error
			if s.find, err = regexp.Compile(text); err != nil {
				return nil, fmt.Errorf("the expression of the subject %q: %w", name, err)
			}
		}
		for _, p := range subjects[i].Paths {
			id, ok := set.PathID(p)
			if !ok {
				return nil, fmt.Errorf("the path %s of the subject %q is not among those that are looked for", p, name)
			}
			s.paths = append(s.paths, id)
		}
		found = append(found, s)
	}
	return found, nil
}

// appendText appends the subject's text in the matcher's last event, and tells
// whether it has one. What the values are that give none, alerts.Subject says.
func (s *subject) appendText(to []byte, m *sigma.Matcher) (text []byte, has bool) {
	start := len(to)
	if s.all {
		to = s.appendAll(to, m)
		return to, len(to) > start
	}
	for _, p := range s.paths {
		for _, v := range m.Values(p) {
			switch v.Kind {
			case sigma.Object, sigma.Array, sigma.NullValue:
				continue
			}
			to = m.AppendText(to[:start], v)
			if found := s.cut(to[start:]); found != nil {
				return append(to[:start], found...), true
			}
		}
	}
	return to[:start], false
}

// appendAll appends the values that differ, with commas between them.
func (s *subject) appendAll(to []byte, m *sigma.Matcher) []byte {
	var had [][]byte
	for _, p := range s.paths {
		for _, v := range m.Values(p) {
			switch v.Kind {
			case sigma.Object, sigma.Array, sigma.NullValue:
				continue
			}
			text := s.cut(m.AppendText(nil, v))
			if text == nil || slices.ContainsFunc(had, func(b []byte) bool { return bytes.Equal(b, text) }) {
				continue
			}
			had = append(had, text)
		}
	}
	return append(to, bytes.Join(had, []byte(", "))...)
}

// cut is what of a value is the subject, nil if it is none.
func (s *subject) cut(text []byte) []byte {
	if s.find != nil {
		return s.find.Find(text)
	}
	if len(text) == 0 || string(text) == "null" {
		return nil
	}
	return bytes.TrimPrefix(text, s.trim)
}

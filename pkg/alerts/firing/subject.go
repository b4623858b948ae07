package firing

import (
	"bytes"
	"fmt"
	"slices"

	"auditlog-forwarder/pkg/alerts"
	"auditlog-forwarder/pkg/sigma"
)

// Unknown stands for a subject that an event does not have.
const Unknown = "unknown"

// subject finds the text of an alerts.Subject in an event.
type subject struct {
	name  string
	paths []sigma.PathID
	trim  string
}

// find makes the subjects of these names.
func find(names []string, set *sigma.Set, subjects []alerts.Subject) ([]subject, error) {
	found := make([]subject, 0, len(names))
	for _, name := range names {
		i := slices.IndexFunc(subjects, func(s alerts.Subject) bool { return s.Name == name })
		if i < 0 {
			return nil, fmt.Errorf("no subject is named %q", name)
		}
		s := subject{name: name, trim: subjects[i].Trim}
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

// appendText appends the subject's text in the matcher's last event.
func (s *subject) appendText(to []byte, m *sigma.Matcher) []byte {
	for _, p := range s.paths {
		values := m.Values(p)
		if len(values) == 0 {
			continue
		}
		switch values[0].Kind {
		case sigma.Object, sigma.Array, sigma.NullValue:
			continue
		}
		start := len(to)
		to = m.AppendText(to, values[0])
		if len(to) == start {
			continue
		}
		if rest, ok := bytes.CutPrefix(to[start:], []byte(s.trim)); ok && len(rest) > 0 {
			to = append(to[:start], rest...)
		}
		return to
	}
	return append(to, Unknown...)
}

package sigma

import (
	"errors"
	"fmt"
	"strings"
)

// Path names the values of an event as Splunk does: data.methodName, and {}
// behind the name of an array for its elements, as in
// data.cloudResources{}.resource.resourceId or matrix{}{}.
type Path struct {
	text  string
	steps []step
}

// step is the name of a member, and how many arrays deep its values lie.
type step struct {
	name   string
	arrays int
}

func (p Path) String() string { return p.text }

// IsZero reports whether p is no path.
func (p Path) IsZero() bool { return len(p.steps) == 0 }

// ParsePath reads a path.
func ParsePath(s string) (Path, error) {
	if s == "" {
		return Path{}, errors.New("the field has no name")
	}
	p := Path{text: s}
	for part := range strings.SplitSeq(s, ".") {
		var st step
		for strings.HasSuffix(part, "{}") {
			part = part[:len(part)-2]
			st.arrays++
		}
		switch st.name = part; {
		case part == "":
			return Path{}, fmt.Errorf("field %q has an empty name between its dots", s)
		case strings.ContainsAny(part, "{}"):
			return Path{}, fmt.Errorf("field %q: braces stand empty and behind the name of an array, as in data.cloudResources{}.resource.type; single elements cannot be asked for", s)
		}
		p.steps = append(p.steps, st)
	}
	return p, nil
}

package sigma

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// Mistake is one thing that is wrong in a rule file.
type Mistake struct {
	File         string
	Line, Column int
	What         string
}

func (m Mistake) String() string {
	return fmt.Sprintf("%s:%d:%d: %s", m.File, m.Line, m.Column, m.What)
}

// At is the mistake at a node of file.
func At(file string, n *yaml.Node, format string, args ...any) Mistake {
	return Mistake{File: file, Line: n.Line, Column: n.Column, What: fmt.Sprintf(format, args...)}
}

// Mistakes is the error of a rule file: all that is wrong with it.
type Mistakes []Mistake

func (m Mistakes) Error() string {
	lines := make([]string, len(m))
	for i, one := range m {
		lines[i] = one.String()
	}
	return strings.Join(lines, "\n")
}

// Err is nil where there is no mistake.
func (m Mistakes) Err() error {
	if len(m) == 0 {
		return nil
	}
	slices.SortStableFunc(m, func(a, b Mistake) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return m
}

// Package summary counts events that a rule keeps from being sent one by one:
// one summary event for each rule and key in a window of a partition.
//
// A window is a run of offsets that the log alone decides: it opens at the
// first record that is summarised, and closes at the first record, of any
// kind, that lies beyond it (Window.Closes). So whoever reads the run again
// finds the same windows, and the same counts. A summary may be made before
// its window closes, in a quiet partition; the later one of the same id then
// holds the earlier one.
//
// Nothing is stored: Note says where an open window began, and the next owner
// of the partition reads from there.
package summary

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"auditlog-forwarder/pkg/audit"
)

// Config bounds windows. Whoever changes it changes where windows close.
type Config struct {
	// Every is how long a window is, by the records' timestamps.
	Every   time.Duration `mapstructure:"every"`
	MaxKeys int           `mapstructure:"max_keys"`
	Samples int           `mapstructure:"samples"`
}

// DefaultConfig returns the defaults.
func DefaultConfig() Config { return Config{Every: time.Minute, MaxKeys: 10_000, Samples: 3} }

// Validate returns every mistake, each starting with its key.
func (c Config) Validate() []error {
	var errs []error
	if c.Every < time.Second || c.Every > time.Hour {
		errs = append(errs, fmt.Errorf("every: %s is out of range; allowed are 1s to 1h0m0s", c.Every))
	}
	for _, n := range []struct {
		key           string
		val, min, max int
	}{{"max_keys", c.MaxKeys, 1, 100_000}, {"samples", c.Samples, 0, 20}} {
		if n.val < n.min || n.val > n.max {
			errs = append(errs, fmt.Errorf("%s: %d is out of range; allowed are %d to %d", n.key, n.val, n.min, n.max))
		}
	}
	return errs
}

const (
	// MaxKey is the longest key in bytes; an event with a longer one is not
	// summarised.
	MaxKey = 4096
	// MaxSpan is the most offsets of one window, and so the most that is read
	// again for it.
	MaxSpan = 100_000
	// MaxBytes is about the most memory that a window takes.
	MaxBytes = 4 << 20

	maxPaths  = 16
	maxSample = 256 // bytes of one sample's id
)

// Rule says what the key of an event is made of. It is shared and never
// changes.
type Rule struct {
	name  string
	paths []string
	route *audit.Route
	tree  *node // what is put at its own path
	aside []int // paths that go to summary.key
}

// NewRule makes a rule. paths are dotted names, as data.methodName. Those that
// are no plain chain of names, or would collide, are put into summary.key under
// their whole path. route says where the summaries go; nil: as configured.
func NewRule(name string, paths []string, route *audit.Route) (*Rule, error) {
	if name == "" {
		return nil, errors.New("a rule that summarises needs a name")
	}
	if len(paths) == 0 || len(paths) > maxPaths {
		return nil, fmt.Errorf("rule %s: a key has 1 to %d fields, this one has %d", name, maxPaths, len(paths))
	}
	r := &Rule{name: name, paths: paths, route: route, tree: &node{value: inner}}
	seen := map[string]bool{}
	for i, path := range paths {
		if seen[path] {
			return nil, fmt.Errorf("rule %s: the key has the field %s twice", name, path)
		}
		seen[path] = true
		if !r.tree.place(strings.Split(path, "."), i) {
			r.aside = append(r.aside, i)
		}
	}
	return r, nil
}

// Name returns the rule's name.
func (r *Rule) Name() string { return r.name }

// Item is one event that a rule summarises.
type Item struct {
	Rule *Rule
	// Values are the key: for each path of the rule the JSON value as it stands
	// in the event, quotes included; nil where the event has none.
	Values [][]byte
	// ID is the event's id, a JSON value as it stands; nil: it has none.
	ID []byte
}

// inner is the value of a node that has members and no value.
const inner = -1

// node is a member of the summary event that is made of the key.
type node struct {
	name    string
	value   int // index of the path; or inner
	members []*node
}

// reserved are the members that every summary writes itself.
func reserved(name string) bool {
	switch name {
	case "specversion", "id", "type", "source", "time", "datacontenttype", "summary":
		return true
	}
	return false
}

// place puts a path into the tree, or reports that it does not fit.
func (n *node) place(names []string, value int) bool {
	if reserved(names[0]) {
		return false
	}
	for _, name := range names {
		if name == "" || strings.ContainsAny(name, "{}[]*\"\\") {
			return false
		}
	}
	// Looked at as a whole first, so that a path that does not fit leaves nothing.
	at, rest := n, names
	for len(rest) > 0 {
		next := at.member(rest[0])
		if next == nil {
			break
		}
		if next.value != inner || len(rest) == 1 {
			return false
		}
		at, rest = next, rest[1:]
	}
	for i, name := range rest {
		next := &node{name: name, value: inner}
		if i == len(rest)-1 {
			next.value = value
		}
		at.members = append(at.members, next)
		at = next
	}
	return true
}

func (n *node) member(name string) *node {
	for _, m := range n.members {
		if m.name == name {
			return m
		}
	}
	return nil
}

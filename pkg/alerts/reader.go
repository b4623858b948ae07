package alerts

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"auditlog-forwarder/pkg/sigma"
)

// reader reads YAML of one file and gathers the mistakes in it.
type reader struct {
	file     string
	partial  bool // some alerts could not be read, so a name may be right that is not known
	mistakes sigma.Mistakes
}

func (r *reader) mistake(n *yaml.Node, format string, args ...any) {
	r.mistakes = append(r.mistakes, sigma.At(r.file, n, format, args...))
}

// member is a name and a value of a map.
type member struct{ name, value *yaml.Node }

// members returns those of a map, and tells what is none, unknown, or there
// twice.
func (r *reader) members(n *yaml.Node, of string, known ...string) map[string]member {
	all := map[string]member{}
	for _, m := range r.anyMembers(n, of, "it has "+strings.Join(known, ", ")) {
		if !slices.Contains(known, m.name.Value) {
			r.mistake(m.name, "%s: unknown member %q%s", of, m.name.Value, sigma.Hint(m.name.Value, "it has ", known))
			continue
		}
		all[m.name.Value] = m
	}
	return all
}

// anyMembers returns those of a map in their order, whatever their names are.
func (r *reader) anyMembers(n *yaml.Node, of, hint string) (all []member) {
	if n.Kind != yaml.MappingNode {
		r.mistake(n, "%s is no map; %s", of, hint)
		return nil
	}
	lines := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		name, value := n.Content[i], n.Content[i+1]
		switch line, twice := lines[name.Value]; {
		case name.Kind != yaml.ScalarNode:
			r.mistake(name, "%s: the name of a member must be a text", of)
		case value.Kind == yaml.AliasNode || name.ShortTag() == "!!merge":
			r.mistake(name, "%s: aliases (*name) and merges (<<) are not supported; write the value out", name.Value)
		case twice:
			r.mistake(name, "%s: %s is given twice, first in line %d", of, name.Value, line)
		default:
			lines[name.Value] = name.Line
			all = append(all, member{name, value})
		}
	}
	return all
}

func (r *reader) text(m member) string {
	if m.value.Kind != yaml.ScalarNode || m.value.ShortTag() == "!!null" {
		r.mistake(m.value, "%s is no text", m.name.Value)
		return ""
	}
	if strings.TrimSpace(m.value.Value) == "" {
		r.mistake(m.value, "%s is empty; write something, or leave it out", m.name.Value)
	}
	return m.value.Value
}

// line is a text of one line.
func (r *reader) line(m member) string {
	text := r.text(m)
	if strings.ContainsFunc(text, func(c rune) bool { return c < ' ' || c == 0x7f }) {
		r.mistake(m.value, "%s has a line end or another control character; write it in one line", m.name.Value)
	}
	return text
}

// texts reads a list of texts, or one.
func (r *reader) texts(m member) (list []string) {
	items := []*yaml.Node{m.value}
	if m.value.Kind == yaml.SequenceNode {
		items = m.value.Content
	}
	for _, item := range items {
		text := r.line(member{m.name, item})
		if slices.Contains(list, text) {
			r.mistake(item, "%s: %s is given twice", m.name.Value, text)
			continue
		}
		list = append(list, text)
	}
	return list
}

func (r *reader) integer(m member, least, most int64) int64 {
	n, err := strconv.ParseInt(m.value.Value, 10, 64)
	if m.value.Kind != yaml.ScalarNode || err != nil || n < least || n > most {
		r.mistake(m.value, "%s is a whole number from %d to %d", m.name.Value, least, most)
		return least
	}
	return n
}

func (r *reader) number(m member, least, most float64) float64 {
	n, err := strconv.ParseFloat(m.value.Value, 64)
	if m.value.Kind != yaml.ScalarNode || err != nil || !(n >= least && n <= most) {
		r.mistake(m.value, "%s is a number from %g to %g", m.name.Value, least, most)
		return least
	}
	return n
}

// duration reads whole seconds, at most most: 90s, 5m, 1h30m or 7d.
func (r *reader) duration(m member, least, most time.Duration) time.Duration {
	d, err := parseDuration(m.value.Value)
	if m.value.Kind != yaml.ScalarNode || err != nil || d < least || d > most || d%time.Second != 0 {
		r.mistake(m.value, "%s is a time from %s to %s, such as 15m, 4h or 7d", m.name.Value, Span(least), Span(most))
		return least
	}
	return d
}

// parseDuration knows days besides what time.ParseDuration does.
func parseDuration(s string) (time.Duration, error) {
	days, isDays := strings.CutSuffix(s, "d")
	if !isDays {
		return time.ParseDuration(s)
	}
	n, err := strconv.ParseUint(days, 10, 16)
	if err != nil {
		return 0, fmt.Errorf("%q is no number of days", days)
	}
	return time.Duration(n) * day, nil
}

const day = 24 * time.Hour

// Span writes whole seconds with one of Splunk's units: 90s, 15m, 4h, 30d.
func Span(d time.Duration) string {
	for _, u := range []struct {
		size time.Duration
		name string
	}{{day, "d"}, {time.Hour, "h"}, {time.Minute, "m"}} {
		if d != 0 && d%u.size == 0 {
			return strconv.FormatInt(int64(d/u.size), 10) + u.name
		}
	}
	return strconv.FormatInt(int64(d/time.Second), 10) + "s"
}

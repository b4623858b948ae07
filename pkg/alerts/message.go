package alerts

import (
	"slices"
	"strings"

	"auditlog-forwarder/pkg/sigma"
)

// The placeholders of a message that are no subjects.
const (
	CountWord    = "count"
	DistinctWord = "distinct_count"
)

// ExpandMessage puts values in place of what stands in braces. What is no
// placeholder stays as it is.
func ExpandMessage(message string, value func(name string) string) string {
	var b strings.Builder
	for {
		before, rest, ok := strings.Cut(message, "{")
		name, after, closed := strings.Cut(rest, "}")
		if !ok || !closed {
			b.WriteString(message)
			return b.String()
		}
		b.WriteString(before)
		b.WriteString(value(name))
		message = after
	}
}

// placeholders are the names in a message, in their order.
func placeholders(message string) (names []string) {
	ExpandMessage(message, func(name string) string {
		names = append(names, name)
		return ""
	})
	return names
}

// counted are the placeholders that the condition gives besides subjects.
func (a *Alert) counted() []string {
	switch c := a.Condition; {
	case c.Threshold != nil && c.Threshold.Distinct != "":
		return []string{CountWord, DistinctWord}
	case c.Threshold != nil || c.New != nil || c.Spike != nil:
		return []string{CountWord}
	default:
		return nil
	}
}

// message checks the placeholders, which stand for columns of the result.
func (r *reader) message(m member, a *Alert) {
	known := []string{CountWord, DistinctWord} // check tells whether they are counted
	if a.Condition.Absent == nil {
		known = append(known, subjectNames(a.Source)...)
	}
	for _, name := range placeholders(a.Message) {
		switch {
		case slices.Contains(known, name):
		case a.Condition.Absent != nil:
			r.mistake(m.value, "message: {%s} has no value, since absent fires when there is no event", name)
		default:
			r.mistake(m.value, "message: unknown subject {%s}%s", name, sigma.Hint(name, "there are ", known))
		}
	}
	if strings.Contains(a.Message, "$") || strings.HasSuffix(a.Message, `\`) {
		r.mistake(m.value, `message has a $, which begins a name of Splunk's, or a backslash at its end; subjects stand as {principal}`)
	}
	if strings.Count(a.Message, "{") != strings.Count(a.Message, "}") {
		r.mistake(m.value, "message: a brace is not closed; subjects stand as {principal}")
	}
}

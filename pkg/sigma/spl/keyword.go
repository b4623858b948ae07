package spl

import (
	"strings"

	"auditlog-forwarder/pkg/sigma"
)

// oneCharacter is a character of a JSON string, as it stands in an event.
const oneCharacter = `(?:[^"\\]|\\u[0-9a-fA-F]{4}|\\[^u])`

// outside are the characters of an event that stand outside of strings: numbers,
// true, false, null, and what divides them.
const outside = " ,:[]{}0123456789+-.eltrufans"

// keywords writes keywords, which Splunk looks for in the text of the event.
func (t *translator) keywords(q *sigma.Test) *node {
	var either []*node
	for _, o := range q.Of {
		if q.Op == sigma.Regexp {
			t.wrong(o.Line, o.Column, "keywords by |re cannot be written as a Splunk search: it would look at all of the event and not at one name or value; write a field before the |re")
			continue
		}
		either = append(either, t.keyword(q, o))
	}
	return join(or, either)
}

func (t *translator) keyword(q *sigma.Test, o sigma.Operand) *node {
	p := o.Pattern
	if len(p) > 0 && p[0].Wildcard == sigma.Any {
		p = p[1:]
	}
	if len(p) > 0 && p[len(p)-1].Wildcard == sigma.Any {
		p = p[:len(p)-1]
	}
	var texts []string
	var b strings.Builder
	if !q.Cased {
		b.WriteString("(?i)")
	}
	for _, part := range p {
		switch part.Wildcard {
		case sigma.Any:
			b.WriteString(oneCharacter + "*")
		case sigma.One:
			b.WriteString(oneCharacter)
		default:
			texts = append(texts, part.Text)
			b.WriteString(literal(part.Text, q.Cased))
		}
	}
	whole := strings.Join(texts, "*")
	bare := strings.Trim(strings.ToLower(whole), outside+"*") == ""
	switch {
	case len(texts) == 0:
		t.wrong(o.Line, o.Column, "the keyword %q is in nearly every event; write some text", o.Text)
	case strings.ContainsFunc(strings.Join(texts, ""), unsafe):
		t.wrong(o.Line, o.Column, "the keyword %q cannot be looked for by a Splunk search, since JSON may have escapes for some of its characters, or Splunk another meaning; write a field before it", o.Text)
	case strings.Contains("null", strings.ToLower(whole)):
		t.wrong(o.Line, o.Column, "the keyword %q cannot be looked for by a Splunk search, which would find it in JSON's null; write a field before it", o.Text)
	case bare && (len(p) > 1 || strings.ContainsAny(whole, " ,:[]{}")):
		t.wrong(o.Line, o.Column, "the keyword %q cannot be looked for by a Splunk search, which would find it in several values next to each other; write a field before it", o.Text)
	}
	match := "match(_raw," + quote(b.String()) + ")"
	n := &node{where: match, absent: "NOT " + match}
	safe := quote("*" + longest(texts) + "*")
	if len(p) == 1 && len(texts) == 1 && !q.Cased && isSafe(texts[0]) {
		n.search = safe
	} else if len(texts) > 0 {
		n.need = safe
	}
	return n
}

func longest(texts []string) string {
	var best string
	for _, s := range texts {
		if s = strings.Trim(s, " "); len(s) > len(best) {
			best = s
		}
	}
	return best
}

package spl

import (
	"strings"

	"auditlog-forwarder/pkg/sigma"
)

// Words are words of Splunk's index that every event has which the rule matches,
// as a term of the search command; or nothing. They add nothing to what is
// asked, but Splunk finds events by them where it cannot by a field, since the
// field is calculated.
func Words(r *sigma.Rule) string {
	n := words(r.Detection.Condition)
	if n == nil {
		return ""
	}
	var c clauses
	c.add(n, true)
	return strings.Join(c.search, " ")
}

// words is what the text of an event must have for e to hold; nil, if nothing is
// known. What is not there has no words, so those below a not say nothing.
func words(e sigma.Expr) *node {
	switch e := e.(type) {
	case sigma.And:
		var all []*node
		for _, one := range e {
			if n := words(one); n != nil {
				all = append(all, n)
			}
		}
		if len(all) == 0 {
			return nil
		}
		return join(and, all)
	case sigma.Or:
		var either []*node
		for _, one := range e {
			n := words(one)
			if n == nil {
				return nil
			}
			either = append(either, n)
		}
		if len(either) == 0 {
			return nil
		}
		return join(or, either)
	case sigma.Ref:
		return words(e.Search.Expr)
	case *sigma.Test:
		return wordsOf(e)
	}
	return nil
}

// wordsOf are the words of a question for whole texts and for what they start
// with. A keyword may be a part of one, and of a word.
func wordsOf(q *sigma.Test) *node {
	if q.Op != sigma.Match || q.Path.IsZero() {
		return nil
	}
	var of []*node
	for _, o := range q.Of {
		p, star := o.Pattern, ""
		if n := len(p); n == 2 && p[1].Wildcard == sigma.Any {
			p, star = p[:1], "*"
		}
		text, ok := p.Literal()
		switch {
		case ok && isWord(text):
			of = append(of, &node{search: quote(text + star)})
		case !q.All:
			return nil
		}
	}
	switch {
	case len(of) == 0:
		return nil
	case q.All:
		return join(and, of)
	}
	return join(or, of)
}

// isWord reports whether a value stands in an event just as it is, between what
// divides Splunk's words: JSON writes none of its characters in another way, and
// around it are the string's quotes, or colon and comma. Dots, hyphens and low
// lines divide smaller words, which Splunk looks for one behind the other. Fewer
// than three characters are in too many events to help.
func isWord(s string) bool {
	return len(s) >= 3 && strings.Trim(s, "._-") == s && !strings.ContainsFunc(s, func(r rune) bool {
		return r > 'z' || !isASCIILetter(r) && (r < '0' || r > '9') && !strings.ContainsRune("._-", r)
	})
}

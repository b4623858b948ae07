// Package spl writes Sigma rules as Splunk searches that find the same events
// as package sigma does, or says where and why a rule cannot be written so.
// docs/sigma.md has what becomes of each construct, and where Splunk differs.
package spl

import (
	"strings"

	"auditlog-forwarder/pkg/sigma"
)

// Query is a rule as a Splunk search.
type Query struct {
	// Search is for the search command, behind the index: what Splunk finds by
	// its index. It may be empty, and can stand beside other terms.
	Search string
	// Where is what the search command cannot say: commands with a | before
	// each, or nothing. Then Search finds more than the rule, never less.
	Where string
}

// String is the query behind the search of an index.
func (q Query) String() string {
	return strings.TrimSpace(q.Search + " " + q.Where)
}

// Translate writes a rule as a search. The error is a sigma.Mistakes with all
// that Splunk cannot say.
func Translate(r *sigma.Rule) (Query, error) {
	t := &translator{file: r.File, line: max(1, r.Line)}
	t.findObjects(r.Detection.Condition)
	root := t.expr(r.Detection.Condition)
	if err := t.mistakes.Err(); err != nil {
		return Query{}, err
	}
	var c clauses
	c.add(root, true)
	q := Query{Search: strings.Join(c.search, " ")}
	for _, where := range c.where {
		q.Where += " | where " + where
	}
	q.Where = strings.TrimSpace(q.Where)
	return q, nil
}

// translator makes nodes of a rule's expressions, and gathers what is wrong.
type translator struct {
	file     string
	line     int
	fields   []string // all that the rule asks
	mistakes sigma.Mistakes
}

func (t *translator) expr(e sigma.Expr) *node {
	switch e := e.(type) {
	case sigma.And:
		return join(and, t.exprs(e))
	case sigma.Or:
		return join(or, t.exprs(e))
	case sigma.Not:
		return negate(t.expr(e.Expr))
	case sigma.Ref:
		return t.expr(e.Search.Expr)
	case *sigma.Test:
		return t.test(e)
	}
	t.mistakes = append(t.mistakes, sigma.Mistake{File: t.file, Line: t.line, Column: 1, What: "the rule has no detection; it was not read by Parse"})
	return &node{}
}

func (t *translator) exprs(list []sigma.Expr) []*node {
	nodes := make([]*node, len(list))
	for i, e := range list {
		nodes[i] = t.expr(e)
	}
	return nodes
}

// findObjects gathers the fields of a rule: one that has others below it is an
// object or an array, and Splunk has no field for those.
func (t *translator) findObjects(e sigma.Expr) {
	switch e := e.(type) {
	case sigma.And:
		for _, one := range e {
			t.findObjects(one)
		}
	case sigma.Or:
		for _, one := range e {
			t.findObjects(one)
		}
	case sigma.Not:
		t.findObjects(e.Expr)
	case sigma.Ref:
		t.findObjects(e.Search.Expr)
	case *sigma.Test:
		t.fields = append(t.fields, e.Path.String())
	}
}

// noObject refuses to ask whether an object or an array is there.
func (t *translator) noObject(q *sigma.Test) {
	name := q.Path.String()
	for _, f := range t.fields {
		if strings.HasPrefix(f, name+".") || strings.HasPrefix(f, name+"{}") {
			t.wrong(q.Line, q.Column, "%s is no field for Splunk, which has none for objects and arrays, and by this rule's %s it is one; ask whether a value within it is there", name, f)
			return
		}
	}
}

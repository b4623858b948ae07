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
	t := &translator{file: r.File}
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
	t.mistakes = append(t.mistakes, sigma.Mistake{File: t.file, Line: 1, Column: 1, What: "the rule has no detection; it was not read by Parse"})
	return &node{}
}

func (t *translator) exprs(list []sigma.Expr) []*node {
	nodes := make([]*node, len(list))
	for i, e := range list {
		nodes[i] = t.expr(e)
	}
	return nodes
}

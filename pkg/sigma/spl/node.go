package spl

import (
	"slices"
	"strings"
)

// node is an expression that the search command can say, or the where command,
// or both.
type node struct {
	op nodeOp
	of []*node

	// Of a leaf.
	search string // says it in the search command; empty: that cannot say it
	need   string // in the search command, what must hold if it does; may be empty
	where  string // says it in the where command
	absent string // says its contrary in the where command
}

type nodeOp uint8

const (
	leaf nodeOp = iota
	and
	or
	not
)

func join(op nodeOp, of []*node) *node {
	n := &node{op: op}
	for _, one := range of {
		if one.op == op {
			n.of = append(n.of, one.of...)
		} else {
			n.of = append(n.of, one)
		}
	}
	if len(n.of) == 1 {
		return n.of[0]
	}
	return n
}

func negate(n *node) *node {
	if n.op == not {
		return n.of[0]
	}
	return &node{op: not, of: []*node{n}}
}

// searchable reports whether the search command can say all of n.
func (n *node) searchable() bool {
	if n.op == leaf {
		return n.search != ""
	}
	return !slices.ContainsFunc(n.of, func(one *node) bool { return !one.searchable() })
}

// clauses are what must all hold.
type clauses struct{ search, where []string }

// add splits n, or its contrary, between the two commands.
func (c *clauses) add(n *node, holds bool) {
	switch {
	case n.searchable():
		c.addSearch(said(n, holds))
	case n.op == not:
		c.add(n.of[0], !holds)
	case n.op == and && holds, n.op == or && !holds:
		for _, one := range n.of {
			c.add(one, holds)
		}
	default:
		if need, ok := needed(n, holds); ok {
			c.addSearch(need)
		}
		if where := asked(n, holds).text; !slices.Contains(c.where, where) {
			c.where = append(c.where, where)
		}
	}
}

func (c *clauses) addSearch(t term) {
	if t.op == and {
		for _, one := range t.of {
			c.addSearch(one)
		}
		return
	}
	// An or of its own is in parentheses too: the search stands behind others.
	if text := t.in(and); !slices.Contains(c.search, text) {
		c.search = append(c.search, text)
	}
}

// term is a piece of a search, and what joins it.
type term struct {
	op   nodeOp
	text string
	of   []term // of and
}

// in puts t into parentheses where it stands between other things.
func (t term) in(op nodeOp) string {
	if t.op == leaf || t.op == op && op != not {
		return t.text
	}
	return "(" + t.text + ")"
}

func joined(op nodeOp, of []term, between string) term {
	var texts []string
	var kept []term
	for _, one := range of {
		if text := one.in(op); !slices.Contains(texts, text) {
			texts = append(texts, text)
			kept = append(kept, one)
		}
	}
	if len(kept) == 1 {
		return kept[0]
	}
	return term{op: op, text: strings.Join(texts, between), of: kept}
}

func terms(of []*node, say func(*node) term) []term {
	list := []term{}
	for _, n := range of {
		list = append(list, say(n))
	}
	return list
}

// said is n, or its contrary, in the search command. That takes OR before AND;
// parentheses leave no doubt.
func said(n *node, holds bool) term {
	part := func(n *node) term { return said(n, holds) }
	switch {
	case n.op == leaf && holds:
		return term{text: n.search}
	case n.op == leaf:
		return term{text: "NOT " + n.search}
	case n.op == not:
		return said(n.of[0], !holds)
	case !holds && !n.negates():
		return term{text: "NOT " + said(n, true).in(not)}
	case n.op == and == holds:
		return joined(and, terms(n.of, part), " ")
	}
	return joined(or, terms(n.of, part), " OR ")
}

// negates reports whether there is a not in n.
func (n *node) negates() bool {
	return n.op == not || slices.ContainsFunc(n.of, (*node).negates)
}

// asked is the same in the where command, where each leaf is true or false and
// never null.
func asked(n *node, holds bool) term {
	if n.op == not {
		return asked(n.of[0], !holds)
	}
	var t term
	switch n.op {
	case and:
		t = joined(and, terms(n.of, func(n *node) term { return asked(n, true) }), " AND ")
	case or:
		t = joined(or, terms(n.of, func(n *node) term { return asked(n, true) }), " OR ")
	default:
		if holds {
			return term{text: n.where}
		}
		return term{text: n.absent}
	}
	if !holds {
		t = term{text: "NOT " + t.in(not)}
	}
	return t
}

// needed is what the search command can say that must hold if n does, or its
// contrary.
func needed(n *node, holds bool) (t term, ok bool) {
	switch {
	case n.searchable():
		return said(n, holds), true
	case n.op == not:
		return needed(n.of[0], !holds)
	case n.op == leaf:
		return term{text: n.need}, holds && n.need != ""
	}
	all := n.op == and && holds || n.op == or && !holds
	var parts []term
	for _, one := range n.of {
		part, ok := needed(one, holds)
		switch {
		case ok:
			parts = append(parts, part)
		case !all:
			return term{}, false
		}
	}
	if len(parts) == 0 {
		return term{}, false
	}
	if all {
		return joined(and, parts, " "), true
	}
	return joined(or, parts, " OR "), true
}

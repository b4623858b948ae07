package spl

import (
	"fmt"
	"strconv"
	"strings"

	"auditlog-forwarder/pkg/sigma"
)

func (t *translator) wrong(line, column int, format string, args ...any) {
	t.mistakes = append(t.mistakes, sigma.Mistake{File: t.file, Line: line, Column: column, What: fmt.Sprintf(format, args...)})
}

// test writes one question. Splunk's search command asks any value of a field,
// as a Sigma rule does; the where command does it by mvfilter, whose result is
// null where no value fits and where there is none.
func (t *translator) test(q *sigma.Test) *node {
	if q.All {
		var all []*node
		for i := range q.Of {
			one := *q
			one.All, one.Of = false, q.Of[i:i+1]
			all = append(all, t.test(&one))
		}
		return join(and, all)
	}
	if q.Path.IsZero() {
		return t.keywords(q)
	}
	f := t.field(q.Path, q.Line, q.Column)
	switch q.Op {
	case sigma.Exists:
		t.noObject(q)
		return f.exists()
	case sigma.Null:
		t.noObject(q)
		return join(or, []*node{negate(f.exists()), f.null()})
	case sigma.Match:
		return t.match(q, f)
	case sigma.Regexp:
		return t.regexp(q, f)
	case sigma.CIDR:
		var ranges []string
		for _, o := range q.Of {
			ranges = append(ranges, "cidrmatch("+quote(o.Prefix.String())+","+f.where+")")
		}
		return values(strings.Join(ranges, " OR "))
	case sigma.Same:
		return t.same(q, f)
	}
	return number(q, f)
}

func (f field) exists() *node {
	n := &node{where: "isnotnull(" + f.where + ")", absent: "isnull(" + f.where + ")"}
	if f.search != "" {
		n.search = f.search + "=*"
	}
	return n
}

// null asks for JSON's null, of which Splunk makes the text null.
func (f field) null() *node {
	n := values(f.where + `="null"`)
	if f.search != "" {
		n.search = f.search + `="null"`
	}
	return n
}

// values asks whether a value of a field fits. The condition may name no other
// field.
func values(condition string) *node {
	filter := "mvfilter(" + condition + ")"
	return &node{where: "isnotnull(" + filter + ")", absent: "isnull(" + filter + ")"}
}

// isNumber is how numbers start in JSON: without a plus, a zero before others,
// or a point at an end. tonumber takes more.
const isNumber = `^-?(0|[1-9]\d*)([.]\d|[eE]|\z)`

func number(q *sigma.Test, f field) *node {
	sign := map[sigma.Op]string{sigma.Less: "<", sigma.LessEq: "<=", sigma.More: ">", sigma.MoreEq: ">="}[q.Op]
	var limits []string
	for _, o := range q.Of {
		limits = append(limits, "tonumber("+f.where+")"+sign+strconv.FormatFloat(o.Number, 'f', -1, 64))
	}
	limit := strings.Join(limits, " OR ")
	if len(limits) > 1 {
		limit = "(" + limit + ")"
	}
	return values("match(" + f.where + "," + quote(isNumber) + ") AND " + limit)
}

// between stands between values that are joined into one text, to be changed
// to small letters: lower is not said to do that for each value of a field.
const between = "<|>"

// same compares the values of two fields, which mvfilter cannot: together they
// have fewer different values than each for itself.
func (t *translator) same(q *sigma.Test, f field) *node {
	set := func(f field) string {
		texts := "mvfilter(" + f.where + `!="null")`
		if !q.Cased {
			texts = "split(lower(mvjoin(" + texts + "," + quote(between) + "))," + quote(between) + ")"
		}
		return texts
	}
	var others []string
	for _, o := range q.Of {
		others = addNew(others, set(t.field(o.Field, o.Line, o.Column)))
	}
	all := append([]string{set(f)}, others...)
	other := others[0]
	if len(others) > 1 {
		other = "mvappend(" + strings.Join(others, ",") + ")"
	}
	common := "if(mvcount(mvdedup(mvappend(" + strings.Join(all, ",") + ")))<mvcount(mvdedup(" + all[0] + "))+mvcount(mvdedup(" + other + ")),1,0)"
	return &node{where: common + "=1", absent: common + "=0"}
}

package sigma

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
)

// Set is rules made ready to be matched. It does not change, and any number of
// matchers may use it at the same time.
type Set struct {
	rules    []formula
	atoms    []atom
	keywords []int32 // the atoms that look at the whole event

	ids   map[string]PathID
	exact []exact // by PathID
	root  node
}

// PathID names a path of a Set.
type PathID int

// node is a place in the tree of the paths that are asked for.
type node struct {
	kids []kid
	elem *node // of an array
	path int32 // the PathID, or -1
}

type kid struct {
	name  string
	slash bool // the name has a backslash, so an event has it escaped
	node  *node
}

// formula is a rule over atoms.
type formula struct {
	op   formulaOp
	atom int32
	of   []formula
}

type formulaOp uint8

const (
	isAtom formulaOp = iota
	isAnd
	isOr
	isNot
)

// atom is one question about the values at a path, whose answer is remembered
// while an event is looked at.
type atom struct {
	op     atomOp
	path   int32
	cased  bool
	glob   glob
	hint   hint // of a keyword
	re     *regexp.Regexp
	prefix netip.Prefix
	number float64
	other  int32 // the path that atomSame compares with
}

type atomOp uint8

const (
	atomExact atomOp = iota // answered by Set.exact
	atomExists
	atomNull
	atomGlob
	atomNumber // below, or the others by how
	atomNumberEq
	atomNumberMore
	atomNumberMoreEq
	atomCIDR
	atomSame
	atomRegexp
)

// Compile makes a set of rules that Parse read. The values of the paths are
// kept for Matcher.Values, as are those of all paths of the rules.
func Compile(rules []*Rule, paths ...Path) (*Set, error) {
	c := &compiler{set: &Set{ids: map[string]PathID{}, root: node{path: -1}}, atoms: map[string]int32{}}
	for i, r := range rules {
		if r.Detection.Condition == nil {
			return nil, fmt.Errorf("rule %d (%s) has no detection; it was not read by Parse", i+1, r.Title)
		}
		f := c.expr(r.Detection.Condition)
		c.set.rules = append(c.set.rules, f)
	}
	for _, p := range paths {
		if p.IsZero() {
			return nil, errors.New("a path is empty; ParsePath makes one")
		}
		c.path(p)
	}
	return c.set, nil
}

// PathID finds a path that a rule has or Compile was given.
func (s *Set) PathID(p Path) (id PathID, ok bool) {
	id, ok = s.ids[p.text]
	return id, ok
}

type compiler struct {
	set   *Set
	atoms map[string]int32 // by what they ask: rules share them
}

// path gives p its place in the tree.
func (c *compiler) path(p Path) int32 {
	if id, ok := c.set.ids[p.text]; ok {
		return int32(id)
	}
	id := len(c.set.exact)
	c.set.ids[p.text] = PathID(id)
	c.set.exact = append(c.set.exact, exact{})
	n := &c.set.root
	for _, st := range p.steps {
		n = n.grow(st.name)
		for range st.arrays {
			if n.elem == nil {
				n.elem = &node{path: -1}
			}
			n = n.elem
		}
	}
	n.path = int32(id)
	return n.path
}

func (n *node) grow(name string) *node {
	for _, k := range n.kids {
		if k.name == name {
			return k.node
		}
	}
	n.kids = append(n.kids, kid{name, strings.Contains(name, `\`), &node{path: -1}})
	return n.kids[len(n.kids)-1].node
}

func (c *compiler) expr(e Expr) formula {
	switch e := e.(type) {
	case And:
		return c.join(isAnd, e)
	case Or:
		return c.join(isOr, e)
	case Not:
		return formula{op: isNot, of: []formula{c.expr(e.Expr)}}
	case Ref:
		return c.expr(e.Search.Expr)
	case *Test:
		return c.test(e)
	}
	return formula{op: isOr} // Parse makes no other
}

func (c *compiler) join(op formulaOp, of []Expr) formula {
	f := formula{op: op}
	for _, e := range of {
		f.of = append(f.of, c.expr(e))
	}
	return c.inOrder(f)
}

// inOrder puts what is quick to answer before the rest.
func (c *compiler) inOrder(f formula) formula {
	if len(f.of) == 1 {
		return f.of[0]
	}
	slices.SortStableFunc(f.of, func(a, b formula) int { return cmp.Compare(c.cost(a), c.cost(b)) })
	return f
}

func (c *compiler) cost(f formula) int {
	if f.op != isAtom {
		sum := 1
		for _, part := range f.of {
			sum += c.cost(part)
		}
		return sum
	}
	cost := 1
	switch a := &c.set.atoms[f.atom]; {
	case a.path < 0:
		return 1000
	case a.op >= atomSame:
		return 100
	case a.op > atomNull:
		cost = 10
	}
	return cost
}

func (c *compiler) test(t *Test) formula {
	path := int32(-1)
	if !t.Path.IsZero() {
		path = c.path(t.Path)
	}
	switch t.Op {
	case Exists:
		return c.atom("", atom{op: atomExists, path: path})
	case Null:
		return c.atom("", atom{op: atomNull, path: path})
	}
	f := formula{op: isOr}
	if t.All {
		f.op = isAnd
	}
	var texts []string // that the whole value must be
	for i := range t.Of {
		o := &t.Of[i]
		if text, ok := o.Pattern.Literal(); t.Op == Match && ok && !t.Cased && path >= 0 {
			texts = append(texts, string(appendFolded(nil, []byte(text))))
			continue
		}
		f.of = append(f.of, c.operand(t, o, path))
	}
	switch {
	case t.All:
		for _, text := range texts {
			f.of = append(f.of, c.exact(path, []string{text}))
		}
	case len(texts) > 0:
		f.of = append(f.of, c.exact(path, texts))
	}
	return c.inOrder(f)
}

// exact is true if one of the texts is a value.
func (c *compiler) exact(path int32, texts []string) formula {
	slices.Sort(texts)
	texts = slices.Compact(texts)
	before := len(c.set.atoms)
	f := c.atom(fmt.Sprintf("%q", texts), atom{op: atomExact, path: path})
	if len(c.set.atoms) > before {
		for _, text := range texts {
			c.set.exact[path].add(text, f.atom)
		}
	}
	return f
}

func (c *compiler) operand(t *Test, o *Operand, path int32) formula {
	a := atom{path: path, cased: t.Cased, re: o.Regexp, prefix: o.Prefix, number: o.Number}
	key := o.Text
	switch t.Op {
	case Regexp:
		a.op, key = atomRegexp, o.Regexp.String()
	case CIDR:
		a.op = atomCIDR
	case Same:
		a.op, a.other = atomSame, c.path(o.Field)
	case Less:
		a.op = atomNumber
	case LessEq:
		a.op = atomNumberEq
	case More:
		a.op = atomNumberMore
	case MoreEq:
		a.op = atomNumberMoreEq
	default:
		a.op, a.glob = atomGlob, newGlob(o.Pattern, t.Cased)
		if path < 0 {
			a.hint = newHint(&a.glob)
		}
		var b strings.Builder
		for _, part := range o.Pattern {
			fmt.Fprintf(&b, "%d%q", part.Wildcard, part.Text)
		}
		key = b.String()
	}
	return c.atom(key, a)
}

func (c *compiler) atom(key string, a atom) formula {
	key = fmt.Sprint(a.op, a.path, a.cased, " ", key)
	id, ok := c.atoms[key]
	if !ok {
		id = int32(len(c.set.atoms))
		c.atoms[key] = id
		c.set.atoms = append(c.set.atoms, a)
		if a.path < 0 {
			c.set.keywords = append(c.set.keywords, id)
		}
	}
	return formula{op: isAtom, atom: id}
}

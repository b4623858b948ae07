package spltest

import (
	"fmt"
	"math"
	"regexp"
	"strings"
	"time"
)

// evaluator computes eval expressions over one row at a time.
type evaluator struct {
	now      time.Time
	row      *row
	bound    map[string]value // what mvmap and mvfilter go through
	patterns map[string]*regexp.Regexp
}

func (e *evaluator) field(name string) value {
	if v, ok := e.bound[name]; ok {
		return v
	}
	return listOf(e.row.fields[name])
}

func (e *evaluator) eval(node exprNode) (value, error) {
	switch n := node.(type) {
	case exprValue:
		return n.value, nil
	case exprField:
		return e.field(n.name), nil
	case exprUnary:
		return e.unary(n)
	case exprBinary:
		switch n.op {
		case "AND", "OR", "XOR":
			return e.logic(n)
		}
		left, err := e.eval(n.left)
		if err != nil {
			return value{}, err
		}
		right, err := e.eval(n.right)
		if err != nil {
			return value{}, err
		}
		switch n.op {
		case "+", "-", "*", "/", "%", ".":
			return arithmetic(n.op, left, right)
		}
		return compare(n.op, left, right)
	case exprCall:
		return e.call(n)
	}
	return value{}, fmt.Errorf("unknown expression")
}

// truth is an expression's truth: yes, no, or null.
func (e *evaluator) truth(node exprNode) (value, error) {
	v, err := e.eval(node)
	if err == nil && v.kind != boolean && v.kind != null {
		err = fmt.Errorf("a value stands where a truth value is needed")
	}
	return v, err
}

// logic joins two truths; null is a truth that is not known.
func (e *evaluator) logic(n exprBinary) (value, error) {
	a, err := e.truth(n.left)
	if err != nil {
		return value{}, err
	}
	// What is decided by the left side is not asked further, as a guard against
	// values that the right side cannot take.
	if a.kind == boolean && (n.op == "AND" && !a.yes || n.op == "OR" && a.yes) {
		return a, nil
	}
	b, err := e.truth(n.right)
	if err != nil {
		return value{}, err
	}
	switch {
	case n.op == "XOR" && a.kind == boolean && b.kind == boolean:
		return booleanOf(a.yes != b.yes), nil
	case n.op == "AND" && b.kind == boolean && !b.yes, n.op == "OR" && b.kind == boolean && b.yes:
		return b, nil
	case n.op != "XOR" && a.kind == boolean:
		return b, nil
	}
	return value{}, nil
}

func (e *evaluator) unary(n exprUnary) (value, error) {
	if n.op == "NOT" {
		v, err := e.truth(n.node)
		if err == nil && v.kind == boolean {
			v.yes = !v.yes
		}
		return v, err
	}
	v, err := e.eval(n.node)
	if err != nil {
		return value{}, err
	}
	f, ok, err := v.float("-")
	if err != nil || !ok {
		return value{}, err
	}
	return numberOf(-f), nil
}

func arithmetic(op string, a, b value) (value, error) {
	if a.kind == null || b.kind == null {
		return value{}, nil
	}
	if op == "." {
		s, _, err := a.one(".")
		if err != nil {
			return value{}, err
		}
		t, _, err := b.one(".")
		return textOf(s + t), err
	}
	x, okX, err := a.float(op)
	if err != nil {
		return value{}, err
	}
	y, okY, err := b.float(op)
	if err != nil {
		return value{}, err
	}
	if !okX && !okY && op == "+" {
		return textOf(a.text + b.text), nil
	}
	if !okX || !okY {
		return value{}, undocumented("%s with a number and a text", op)
	}
	switch op {
	case "+":
		return numberOf(x + y), nil
	case "-":
		return numberOf(x - y), nil
	case "*":
		return numberOf(x * y), nil
	case "/":
		return numberOf(x / y), nil
	}
	return numberOf(math.Mod(x, y)), nil
}

// compare compares two single values: as numbers if both are, else as texts,
// with case. Null with anything is null.
func compare(op string, a, b value) (value, error) {
	if a.kind == boolean && b.kind == boolean && (op == "=" || op == "==" || op == "!=") {
		return booleanOf((a.yes == b.yes) == (op != "!=")), nil
	}
	s, okA, err := a.one(op)
	if err != nil {
		return value{}, err
	}
	t, okB, err := b.one(op)
	if err != nil || !okA || !okB {
		return value{}, err
	}
	equality := op == "=" || op == "==" || op == "!="
	x, numberA := parseNumber(s)
	y, numberB := parseNumber(t)
	switch {
	case numberA && numberB && !a.literal && !b.literal:
		return booleanOf(holds(op, compareFloat(x, y))), nil
	case numberA && numberB && (!equality || s != t && x == y):
		return value{}, undocumented("%q %s %q: a number compared with a text that is one", s, op, t)
	case !equality && (a.kind == number || b.kind == number):
		return value{}, undocumented("%q %s %q: a number compared with a text", s, op, t)
	}
	return booleanOf(holds(op, strings.Compare(s, t))), nil
}

func (e *evaluator) pattern(expr string) (*regexp.Regexp, error) {
	if p, ok := e.patterns[expr]; ok {
		return p, nil
	}
	p, err := regexp.Compile(expr)
	if err != nil {
		return nil, fmt.Errorf("regular expression, which has to be RE2's here: %w", err)
	}
	e.patterns[expr] = p
	return p, nil
}

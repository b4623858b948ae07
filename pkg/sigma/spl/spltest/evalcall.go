package spltest

import (
	"fmt"
	"math"
	"net/netip"
	"regexp"
	"slices"
	"strings"
)

// call calls a function. Those that do not want all of their arguments as
// values come first.
func (e *evaluator) call(n exprCall) (value, error) {
	v, err := e.dispatch(n)
	if err != nil {
		return value{}, fmt.Errorf("%s(): %w", n.name, err)
	}
	return v, nil
}

func (e *evaluator) dispatch(n exprCall) (value, error) {
	least, most, known := arity(n.name)
	switch {
	case !known:
		return value{}, fmt.Errorf("the function is not understood here")
	case len(n.args) < least || len(n.args) > most:
		return value{}, fmt.Errorf("%d arguments", len(n.args))
	}
	switch n.name {
	case "if", "case", "coalesce":
		return e.choose(n)
	case "mvfilter", "mvmap":
		return e.each(n)
	}
	args := make([]value, len(n.args))
	for i, arg := range n.args {
		v, err := e.eval(arg)
		if err != nil {
			return value{}, err
		}
		args[i] = v
	}
	switch n.name {
	case "true", "false":
		return booleanOf(n.name == "true"), nil
	case "null":
		return value{}, nil
	case "now", "time":
		return numberOf(float64(e.now.Unix())), nil
	case "isnull", "isnotnull":
		return booleanOf((args[0].kind == null) == (n.name == "isnull")), nil
	case "mvcount", "mvindex", "mvappend", "mvdedup", "mvjoin", "mvsort", "mvfind", "split", "mvzip":
		return e.multi(n.name, args)
	case "json_extract", "json_array_to_mv", "json_valid":
		return jsonCall(n.name, args)
	case "max", "min":
		return extreme(n.name, args)
	case "tostring":
		return tostring(args)
	case "in":
		return in(args)
	case "nullif":
		same, err := compare("=", args[0], args[1])
		if err == nil && same.yes {
			return value{}, nil
		}
		return args[0], err
	}
	return e.scalar(n.name, args)
}

// arity gives how many arguments a function takes, and whether it is known.
func arity(name string) (least, most int, known bool) {
	switch name {
	case "true", "false", "null", "now", "time":
		return 0, 0, true
	case "isnull", "isnotnull", "mvcount", "mvdedup", "mvsort", "mvfilter", "lower", "upper", "len", "floor", "ceil", "ceiling",
		"abs", "sqrt", "isnum", "json_valid":
		return 1, 1, true
	case "tonumber", "tostring", "trim", "ltrim", "rtrim", "round", "json_array_to_mv":
		return 1, 2, true
	case "match", "like", "cidrmatch", "mvjoin", "mvmap", "mvfind", "split", "nullif", "relative_time", "strftime", "pow":
		return 2, 2, true
	case "mvindex", "substr", "mvzip":
		return 2, 3, true
	case "if", "replace":
		return 3, 3, true
	case "coalesce", "mvappend", "max", "min", "json_extract":
		return 1, math.MaxInt, true
	case "case", "in":
		return 2, math.MaxInt, true
	}
	return 0, 0, false
}

func (e *evaluator) choose(n exprCall) (value, error) {
	switch n.name {
	case "coalesce":
		for _, arg := range n.args {
			if v, err := e.eval(arg); err != nil || v.kind != null {
				return v, err
			}
		}
	case "if":
		v, err := e.truth(n.args[0])
		if err != nil {
			return value{}, err
		}
		if v.yes {
			return e.eval(n.args[1])
		}
		return e.eval(n.args[2])
	case "case":
		if len(n.args)%2 != 0 {
			return value{}, fmt.Errorf("an odd number of arguments")
		}
		for i := 0; i < len(n.args); i += 2 {
			v, err := e.truth(n.args[i])
			if err != nil {
				return value{}, err
			}
			if v.yes {
				return e.eval(n.args[i+1])
			}
		}
	}
	return value{}, nil
}

// each goes through the values of the one field that the expression names.
func (e *evaluator) each(n exprCall) (value, error) {
	body := n.args[len(n.args)-1]
	from := body
	if n.name == "mvmap" {
		from = n.args[0]
	}
	var names []string
	fieldsOf(from, &names)
	slices.Sort(names)
	names = slices.Compact(names)
	if len(names) != 1 {
		return value{}, fmt.Errorf("one field must be named, not %q", names)
	}
	v, err := e.eval(n.args[0])
	if n.name == "mvfilter" {
		v, err = e.field(names[0]), nil
	}
	if err != nil {
		return value{}, err
	}
	outer, shadows := e.bound[names[0]]
	defer func() {
		delete(e.bound, names[0])
		if shadows {
			e.bound[names[0]] = outer
		}
	}()
	var out []string
	for _, one := range v.all() {
		e.bound[names[0]] = textOf(one)
		if n.name == "mvmap" {
			mapped, err := e.eval(body)
			if err != nil {
				return value{}, err
			}
			if mapped.kind == boolean {
				return value{}, fmt.Errorf("a truth value cannot be a value of a field")
			}
			out = append(out, mapped.all()...)
			continue
		}
		keep, err := e.truth(body)
		if err != nil {
			return value{}, err
		}
		if keep.yes {
			out = append(out, one)
		}
	}
	return listOf(out), nil
}

func fieldsOf(node exprNode, names *[]string) {
	switch n := node.(type) {
	case exprField:
		*names = append(*names, n.name)
	case exprUnary:
		fieldsOf(n.node, names)
	case exprBinary:
		fieldsOf(n.left, names)
		fieldsOf(n.right, names)
	case exprCall:
		for _, arg := range n.args {
			fieldsOf(arg, names)
		}
	}
}

func in(args []value) (value, error) {
	unknown := false
	for _, arg := range args[1:] {
		same, err := compare("=", args[0], arg)
		if err != nil || same.yes {
			return same, err
		}
		unknown = unknown || same.kind == null
	}
	if unknown {
		return value{}, nil
	}
	return booleanOf(false), nil
}

// scalar calls a function of single values. It is null if the first one is.
func (e *evaluator) scalar(name string, args []value) (value, error) {
	texts := make([]string, len(args))
	for i, arg := range args {
		s, ok, err := arg.one(name)
		if err != nil || !ok {
			return value{}, err
		}
		texts[i] = s
	}
	switch name {
	case "lower":
		return textOf(strings.ToLower(texts[0])), nil
	case "upper":
		return textOf(strings.ToUpper(texts[0])), nil
	case "len":
		return numberOf(float64(len([]rune(texts[0])))), nil
	case "isnum":
		_, ok := parseNumber(texts[0])
		return booleanOf(ok), nil
	case "trim", "ltrim", "rtrim":
		return trim(name, texts), nil
	case "match":
		p, err := e.pattern(texts[1])
		if err != nil {
			return value{}, err
		}
		return booleanOf(p.MatchString(texts[0])), nil
	case "like":
		return e.like(texts[0], texts[1])
	case "cidrmatch":
		return cidrmatch(texts[0], texts[1])
	case "replace":
		p, err := e.pattern(texts[1])
		if err != nil {
			return value{}, err
		}
		to := regexp.MustCompile(`\\(\d)`).ReplaceAllString(strings.ReplaceAll(texts[2], "$", "$$"), "$${$1}")
		return textOf(p.ReplaceAllString(texts[0], to)), nil
	case "tonumber":
		return tonumber(texts)
	case "substr":
		return substr(args, texts[0])
	case "strftime":
		n, ok := parseNumber(texts[0])
		if !ok {
			return value{}, nil
		}
		s, err := strftime(fromEpoch(n), texts[1])
		return textOf(s), err
	case "relative_time":
		n, ok := parseNumber(texts[0])
		if !ok {
			return value{}, nil
		}
		t, err := relativeTime(texts[1], fromEpoch(n))
		return numberOf(float64(t.UnixMicro()) / 1e6), err
	}
	return calculate(name, texts)
}

func (e *evaluator) like(s, pattern string) (value, error) {
	if strings.Contains(pattern, `\`) {
		return value{}, undocumented("a backslash in a pattern of like: %s", pattern)
	}
	var expr strings.Builder
	for _, c := range pattern {
		switch c {
		case '%':
			expr.WriteString(".*")
		case '_':
			expr.WriteString(".")
		default:
			expr.WriteString(regexp.QuoteMeta(string(c)))
		}
	}
	p, err := e.pattern("(?s)^" + expr.String() + "$")
	if err != nil {
		return value{}, err
	}
	return booleanOf(p.MatchString(s)), nil
}

func cidrmatch(cidr, ip string) (value, error) {
	prefix, err := netip.ParsePrefix(cidr)
	if err != nil {
		return value{}, fmt.Errorf("%q is no range of addresses", cidr)
	}
	addr, err := netip.ParseAddr(ip)
	return booleanOf(err == nil && prefix.Contains(addr)), nil
}

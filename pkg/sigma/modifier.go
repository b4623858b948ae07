package sigma

import (
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"regexp/syntax"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// modifiers are what stands behind a field's name.
type modifiers struct {
	name       string // the one that says how to compare; empty: as a text
	cased, all bool
	flags      string // of re
}

const allowedModifiers = "contains, startswith, endswith, cased, all, re with i, m and s, cidr, exists, lt, lte, gt, gte and fieldref"

// modifiers reads the names between the | of a field.
func (p *parser) modifiers(key *yaml.Node, given bool, spec string) (m modifiers, ok bool) {
	if !given {
		return m, true
	}
	bad := len(p.mistakes)
	seen := map[string]bool{}
	for name := range strings.SplitSeq(spec, "|") {
		if seen[name] {
			p.wrong(key, "the modifier %s is there twice", name)
		}
		seen[name] = true
		switch name {
		case "all":
			m.all = true
		case "cased":
			m.cased = true
		case "i", "m", "s":
			if m.name != "re" {
				p.wrong(key, "the modifier %s belongs to re; write |re|%s", name, name)
			}
			m.flags += name
		case "contains", "startswith", "endswith", "re", "cidr", "exists", "lt", "lte", "gt", "gte", "fieldref":
			if m.name != "" && m.name != name {
				p.wrong(key, "the modifiers %s and %s exclude each other", m.name, name)
			}
			m.name = name
		case "neq":
			p.wrong(key, "the modifier neq is not supported; ask for the value in a search of its own, and write not before its name in the condition")
		case "expand":
			p.wrong(key, "the modifier expand is not supported: there is nothing to take a placeholder's values from; write the values out")
		case "base64", "base64offset", "wide", "utf16", "utf16le", "utf16be", "windash":
			p.wrong(key, "the modifier %s is not supported; write the encoded values out", name)
		case "minute", "hour", "day", "week", "month", "year":
			p.wrong(key, "the modifier %s is not supported; a time can be compared as a text, by |re or wildcards", name)
		default:
			p.wrong(key, "there is no modifier %q; allowed are %s", name, allowedModifiers)
		}
	}
	switch m.name {
	case "re":
		if m.cased {
			p.wrong(key, "a regular expression is case-sensitive by itself; remove |cased, or write |re|i for the other way")
		}
	case "cidr", "exists", "lt", "lte", "gt", "gte":
		if m.cased || m.all {
			p.wrong(key, "the modifier %s goes with neither cased nor all", m.name)
		}
	}
	return m, len(p.mistakes) == bad
}

// operand reads one value as m asks.
func (p *parser) operand(t *Test, what string, m modifiers, n *yaml.Node) (Operand, bool) {
	o := Operand{Text: n.Value, Line: n.Line, Column: n.Column}
	bad := len(p.mistakes)
	if n.Kind != yaml.ScalarNode {
		p.wrong(n, "%s: a value is a string, a number, true or false, and this is %s", what, kindName(n))
		return o, false
	}
	switch n.ShortTag() {
	case "!!str", "!!timestamp":
	case "!!null":
		p.wrong(n, "%s: null stands alone, neither in a list nor with a modifier; write a search of its own for it", what)
	case "!!bool":
		o.Kind, o.Text = False, "false"
		if strings.EqualFold(n.Value, "true") {
			o.Kind, o.Text = True, "true"
		}
	case "!!int", "!!float":
		o.Kind = Number
		if !isNumber(n.Value) {
			p.wrong(n, "%s: the number %s is not written as JSON writes it; write it in decimals, or in quotes if it is a text", what, n.Value)
		}
	default:
		p.wrong(n, "%s: a value is a string, a number, true or false, and this is tagged %s", what, n.Tag)
	}
	if len(p.mistakes) > bad {
		return o, false
	}
	p.compile(t, &o, what, m, n)
	return o, len(p.mistakes) == bad
}

// compile sets t's question and what it compares with.
func (p *parser) compile(t *Test, o *Operand, what string, m modifiers, n *yaml.Node) {
	var err error
	switch m.name {
	case "re":
		t.Op = Regexp
		if o.Regexp, err = compileRegexp(o.Text, m.flags); err != nil {
			p.wrong(n, "%s: the regular expression %v", what, err)
		}
	case "cidr":
		t.Op = CIDR
		if o.Prefix, err = netip.ParsePrefix(o.Text); err != nil {
			p.wrong(n, "%s: %q is no range of addresses; write one as 192.0.2.0/24 or 2001:db8::/32", what, o.Text)
		} else if o.Prefix.Addr().Is4In6() {
			p.wrong(n, "%s: write the range of IPv4 addresses %s as such, as in 192.0.2.0/24", what, o.Text)
		} else if o.Prefix != o.Prefix.Masked() {
			p.wrong(n, "%s: %s has bits set behind its length; the range is %s", what, o.Text, o.Prefix.Masked())
		}
	case "lt", "lte", "gt", "gte":
		t.Op = map[string]Op{"lt": Less, "lte": LessEq, "gt": More, "gte": MoreEq}[m.name]
		if o.Number, err = strconv.ParseFloat(o.Text, 64); err != nil || !isNumber(o.Text) {
			p.wrong(n, "%s: |%s compares with a number, and %q is none", what, m.name, o.Text)
		}
	case "fieldref":
		t.Op = Same
		if o.Field, err = ParsePath(o.Text); err != nil {
			p.wrong(n, "%v", err)
		}
	default:
		t.Op = Match
		o.Pattern = parsePattern(o.Text)
		keyword := t.Path.IsZero()
		if o.Text == "" && (m.name != "" || keyword) {
			p.wrong(n, "%s: an empty text is in every value; write what to look for", what)
			return
		}
		if m.name == "startswith" || m.name == "contains" || keyword {
			o.Pattern = o.Pattern.with(Any)
		}
		if m.name == "endswith" || m.name == "contains" || keyword {
			o.Pattern = o.Pattern.anyBefore()
		}
	}
}

func compileRegexp(s, flags string) (*regexp.Regexp, error) {
	if s == "" {
		return nil, errors.New("is empty and matches everything; write what to look for")
	}
	full := s
	if flags != "" {
		full = "(?" + flags + ":" + s + ")"
	}
	re, err := regexp.Compile(full)
	if err == nil && flags != "" {
		_, err = regexp.Compile(s) // the wrapping must not close a parenthesis of s
	}
	if err == nil {
		return re, nil
	}
	var bad *syntax.Error
	if !errors.As(err, &bad) {
		return nil, err
	}
	expr := bad.Expr
	if strings.HasPrefix(expr, "(?<=") || strings.HasPrefix(expr, "(?<!") {
		expr = expr[:4]
	} else if bad.Code != syntax.ErrInvalidPerlOp {
		return nil, fmt.Errorf("is none of RE2's: %s in %q", bad.Code, expr)
	}
	return nil, fmt.Errorf("uses %q, which RE2 lacks: no look-around and no atomic group; join two searches by a condition instead", expr)
}

// isNumber reports whether s is a JSON number.
func isNumber[T string | []byte](s T) bool {
	i := 0
	digits := func() bool {
		start := i
		for i < len(s) && s[i] >= '0' && s[i] <= '9' {
			i++
		}
		return i > start
	}
	if i < len(s) && s[i] == '-' {
		i++
	}
	if i < len(s) && s[i] == '0' {
		i++
	} else if !digits() {
		return false
	}
	if i < len(s) && s[i] == '.' {
		if i++; !digits() {
			return false
		}
	}
	if i < len(s) && s[i]|0x20 == 'e' {
		if i++; i < len(s) && (s[i] == '+' || s[i] == '-') {
			i++
		}
		if !digits() {
			return false
		}
	}
	return i == len(s)
}

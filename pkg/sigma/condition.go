package sigma

import (
	"fmt"
	"strings"

	"gopkg.in/yaml.v3"
)

// maxNesting bounds the parentheses and nots of a condition.
const maxNesting = 100

// conditions reads the condition, or a list of them, one of which must hold.
func (p *parser) conditions(n *yaml.Node, searches []*Search) Expr {
	if n.Kind != yaml.SequenceNode {
		return p.condition(n, searches)
	}
	if len(n.Content) == 0 {
		p.wrong(n, "the list of conditions is empty")
		return nil
	}
	var either Or
	for _, one := range n.Content {
		either = append(either, p.condition(one, searches))
	}
	if len(either) == 1 {
		return either[0]
	}
	return either
}

func (p *parser) condition(n *yaml.Node, searches []*Search) Expr {
	if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!str" {
		p.wrong(n, "a condition is a string, and this is %s", kindName(n))
		return nil
	}
	c := &conditionParser{text: n.Value, searches: searches}
	c.next()
	expr := c.or()
	switch {
	case c.err != "" || c.token == "":
	case c.token == "|":
		c.fail("an aggregation (| count() …) is not supported: a rule matches one event by itself; counting belongs to alerts")
	default:
		c.fail("%s stands where and, or, or the end is expected", quoted(c.token))
	}
	if c.err == "" {
		return expr
	}
	at := *n
	if plain := n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) == 0; plain && !strings.Contains(n.Value, "\n") {
		at.Column += len([]rune(n.Value[:c.errAt]))
		if n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0 {
			at.Column++
		}
	}
	p.wrong(&at, "the condition: %s", c.err)
	return nil
}

// conditionParser reads
//
//	or:      and {"or" and}
//	and:     not {"and" not}
//	not:     "not" not | operand
//	operand: "(" or ")" | ("1" | "all") "of" ("them" | pattern) | name
type conditionParser struct {
	text     string
	searches []*Search

	at, end int    // of the token
	token   string // empty at the end
	depth   int

	err   string
	errAt int
}

func (c *conditionParser) next() {
	i := c.end
	for i < len(c.text) && strings.IndexByte(" \t\r\n", c.text[i]) >= 0 {
		i++
	}
	c.at = i
	for i < len(c.text) && (nameByte(c.text[i]) || c.text[i] == '*') {
		i++
	}
	if i == c.at && i < len(c.text) {
		i++
		for i < len(c.text) && c.text[i]&0xC0 == 0x80 { // the rest of a character
			i++
		}
	}
	c.end, c.token = i, c.text[c.at:i]
}

func (c *conditionParser) fail(format string, args ...any) {
	if c.err == "" {
		c.err, c.errAt = fmt.Sprintf(format, args...), c.at
	}
}

// is takes the token if it is word.
func (c *conditionParser) is(word string) bool {
	if !strings.EqualFold(c.token, word) {
		return false
	}
	c.next()
	return true
}

func (c *conditionParser) or() Expr {
	either := Or{c.and()}
	for c.err == "" && c.is("or") {
		either = append(either, c.and())
	}
	if len(either) == 1 {
		return either[0]
	}
	return either
}

func (c *conditionParser) and() Expr {
	all := And{c.not()}
	for c.err == "" && c.is("and") {
		all = append(all, c.not())
	}
	if len(all) == 1 {
		return all[0]
	}
	return all
}

func (c *conditionParser) not() Expr {
	if c.depth++; c.depth > maxNesting {
		c.fail("it is nested more than %d deep", maxNesting)
		return nil
	}
	defer func() { c.depth-- }()
	if c.is("not") {
		return Not{c.not()}
	}
	return c.operand()
}

func (c *conditionParser) operand() Expr {
	word, at := c.token, c.at
	switch lower := strings.ToLower(word); {
	case word == "":
		c.fail("it ends where the name of a search is expected")
	case word == "(":
		c.next()
		expr := c.or()
		if c.err == "" && !c.is(")") {
			c.fail("the parenthesis from character %d is not closed before %s", at+1, quoted(c.token))
		}
		return expr
	case lower == "near":
		c.fail("near is not supported: a rule matches one event by itself")
	case lower == "1" || lower == "all" || lower == "any" || isCount(lower):
		if c.next(); strings.EqualFold(c.token, "of") {
			return c.of(word, at)
		}
		c.at = at
		c.fail("%q is followed by of, as in %q", word, "1 of selection*")
	case lower == "and" || lower == "or" || lower == "of" || lower == "them" || !isName(word):
		c.fail("%s stands where the name of a search, not, 1 of, all of, or a parenthesis is expected", quoted(word))
	default:
		for _, s := range c.searches {
			if s.Name == word {
				c.next()
				return Ref{s}
			}
		}
		c.fail("there is no search %q; the searches are %s", word, names(c.searches))
	}
	return nil
}

// of reads what stands behind "1 of" or "all of", from the of.
func (c *conditionParser) of(count string, at int) Expr {
	if lower := strings.ToLower(count); lower != "1" && lower != "all" {
		c.at = at
		c.fail("%q is not supported; allowed are \"1 of\" and \"all of\"", count+" of")
		return nil
	}
	c.next()
	var refs []Expr
	pattern := c.token
	if strings.EqualFold(pattern, "them") {
		pattern = "*"
	}
	for _, s := range c.searches {
		hidden := strings.HasPrefix(s.Name, "_") && !strings.HasPrefix(pattern, "_")
		if !hidden && like(pattern, s.Name) {
			refs = append(refs, Ref{s})
		}
	}
	if len(refs) == 0 {
		c.fail("%q is no search and no pattern of one; the searches are %s", c.token, names(c.searches))
		return nil
	}
	c.next()
	switch {
	case len(refs) == 1:
		return refs[0]
	case count == "1":
		return Or(refs)
	}
	return And(refs)
}

// like reports whether name matches a pattern whose stars are any text.
func like(pattern, name string) bool {
	first, rest, star := strings.Cut(pattern, "*")
	if !star {
		return pattern == name
	}
	if !strings.HasPrefix(name, first) {
		return false
	}
	for name = name[len(first):]; ; {
		piece, after, more := strings.Cut(rest, "*")
		if !more {
			return strings.HasSuffix(name, piece)
		}
		i := strings.Index(name, piece)
		if i < 0 {
			return false
		}
		name, rest = name[i+len(piece):], after
	}
}

func isCount(s string) bool {
	return strings.Trim(s, "0123456789") == ""
}

func names(searches []*Search) string {
	list := make([]string, len(searches))
	for i, s := range searches {
		list[i] = s.Name
	}
	return strings.Join(list, ", ")
}

func quoted(token string) string {
	if token == "" {
		return "the end"
	}
	return fmt.Sprintf("%q", token)
}

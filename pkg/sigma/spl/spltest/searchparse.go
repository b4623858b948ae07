package spltest

import (
	"fmt"
	"slices"
	"strings"
)

// The nodes of the search command's expression.
type (
	searchNode interface{ isSearch() }
	searchAnd  []searchNode
	searchOr   []searchNode
	searchNot  struct{ node searchNode }

	// searchTerm is a word or a phrase that _raw must have.
	searchTerm struct{ word searchWord }

	// searchField compares a field with one of several values.
	searchField struct {
		field  string
		op     string
		values []searchWord
	}
)

func (searchAnd) isSearch()   {}
func (searchOr) isSearch()    {}
func (searchNot) isSearch()   {}
func (searchTerm) isSearch()  {}
func (searchField) isSearch() {}

// searchWord is a word or a text in quotation marks, unescaped.
type searchWord struct {
	text   string
	quoted bool
	cased  bool // within CASE()
}

type searchParser struct {
	tokens []searchToken
	window *window // takes the time modifiers
	depth  int     // of parentheses and NOT: time modifiers stand outside
}

type searchToken struct {
	text   string
	kind   byte // 'w' word, 'q' quoted, 'o' comparison, or ( ) ,
	spaced bool // there is a space before it
}

// parseSearch reads the search command's argument. Parentheses bind closest,
// then NOT, then OR, and AND last.
func parseSearch(s string, w *window) (searchNode, error) {
	tokens, err := searchTokens(s)
	if err != nil {
		return nil, err
	}
	p := &searchParser{tokens: tokens, window: w}
	node, err := p.and()
	if err != nil {
		return nil, fmt.Errorf("search %s: %w", s, err)
	}
	if len(p.tokens) > 0 {
		return nil, fmt.Errorf("search %s: %q is not understood", s, p.tokens[0].text)
	}
	return node, nil
}

func searchTokens(s string) ([]searchToken, error) {
	var out []searchToken
	spaced := false
	add := func(kind byte, text string) {
		out = append(out, searchToken{kind: kind, text: text, spaced: spaced})
		spaced = false
	}
	for i := 0; i < len(s); {
		switch c := s[i]; c {
		case ' ', '\t', '\n', '\r':
			spaced = true
			i++
		case '"':
			end, err := quoteEnd(s, i)
			if err != nil {
				return nil, err
			}
			t, err := unescapeSearch(s[i+1:end-1], false)
			if err != nil {
				return nil, err
			}
			add('q', t)
			i = end
		case '(', ')', ',':
			add(c, string(c))
			i++
		case '=', '<', '>', '!':
			n := 1
			if i+1 < len(s) && s[i+1] == '=' && c != '=' {
				n = 2
			} else if c == '!' || i+1 < len(s) && s[i+1] == '=' {
				return nil, fmt.Errorf("search: %q is no comparison", s[i:])
			}
			add('o', s[i:i+n])
			i += n
		case '\'', '[', ']', '`', '\\', ';':
			return nil, undocumented("%q in the search command: %s", c, s)
		default:
			n := strings.IndexAny(s[i:], " \t\n\r\"(),=<>!'[]`\\;")
			if n < 0 {
				n = len(s) - i
			}
			add('w', s[i:i+n])
			i += n
		}
	}
	return out, nil
}

// unescapeSearch reads the escapes of a quoted text: of quotation marks, pipes
// and backslashes. Others stay as they are. The star cannot be escaped, but for
// a regular expression.
func unescapeSearch(s string, isRegexp bool) (string, error) {
	var out strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) {
			switch s[i+1] {
			case '"', '|', '\\':
				i++
			case '*':
				if isRegexp {
					break
				}
				return "", undocumented(`a star with a backslash before it, "%s": the search command knows no such star`, s)
			}
		}
		out.WriteByte(s[i])
	}
	return out.String(), nil
}

func (p *searchParser) peek() searchToken {
	if len(p.tokens) == 0 {
		return searchToken{}
	}
	return p.tokens[0]
}

func (p *searchParser) next() searchToken {
	t := p.peek()
	if len(p.tokens) > 0 {
		p.tokens = p.tokens[1:]
	}
	return t
}

func (p *searchParser) word(text string) bool {
	t := p.peek()
	return t.kind == 'w' && t.text == text
}

func (p *searchParser) and() (searchNode, error) {
	var out searchAnd
	for {
		if t := p.peek(); t.kind == 0 || t.kind == ')' {
			return out, nil
		}
		if p.word("AND") {
			if len(out) == 0 {
				return nil, fmt.Errorf("AND has nothing before it")
			}
			p.next()
		}
		node, err := p.or()
		if err != nil {
			return nil, err
		}
		if node != nil {
			out = append(out, node)
		}
	}
}

func (p *searchParser) or() (searchNode, error) {
	first, err := p.not()
	if err != nil || !p.word("OR") {
		return first, err
	}
	out := searchOr{first}
	for p.word("OR") {
		p.next()
		node, err := p.not()
		if err != nil {
			return nil, err
		}
		out = append(out, node)
	}
	if slices.Contains(out, nil) {
		return nil, undocumented("a time modifier beside OR")
	}
	return out, nil
}

func (p *searchParser) not() (searchNode, error) {
	if !p.word("NOT") {
		return p.term()
	}
	p.next()
	p.depth++
	defer func() { p.depth-- }()
	node, err := p.not()
	if err != nil {
		return nil, err
	}
	return searchNot{node}, nil
}

func (p *searchParser) term() (searchNode, error) {
	t := p.next()
	switch t.kind {
	case '(':
		p.depth++
		node, err := p.and()
		p.depth--
		if err != nil {
			return nil, err
		}
		if p.next().kind != ')' {
			return nil, fmt.Errorf("a parenthesis is not closed")
		}
		return node, nil
	case 'w', 'q':
	default:
		return nil, fmt.Errorf("%q is not expected", t.text)
	}
	if p.peek().kind == 'o' {
		return p.comparison(t.text)
	}
	if p.word("IN") {
		p.next()
		values, err := p.list()
		return searchField{field: t.text, op: "=", values: values}, err
	}
	if t.kind == 'w' {
		switch t.text {
		case "AND", "OR", "XOR", "IN":
			return nil, fmt.Errorf("%s is not expected", t.text)
		case "TERM", "CASE":
			if p.peek().kind == '(' && !p.peek().spaced {
				word, err := p.directive(t.text)
				return searchTerm{word}, err
			}
		}
		if strings.ContainsAny(t.text, "?") {
			return nil, undocumented("a question mark in a word: %s", t.text)
		}
	}
	return searchTerm{searchWord{text: t.text, quoted: t.kind == 'q'}}, nil
}

func (p *searchParser) directive(name string) (searchWord, error) {
	p.next()
	word, end := p.next(), p.next()
	if (word.kind != 'w' && word.kind != 'q') || end.kind != ')' {
		return searchWord{}, fmt.Errorf("%s() takes one word", name)
	}
	return searchWord{text: word.text, quoted: word.kind == 'q', cased: name == "CASE"}, nil
}

func (p *searchParser) comparison(field string) (searchNode, error) {
	op := p.next()
	v := p.next()
	word := searchWord{text: v.text, quoted: v.kind == 'q'}
	switch {
	case v.kind == 'w' && v.text == "CASE" && p.peek().kind == '(':
		var err error
		if word, err = p.directive("CASE"); err != nil {
			return nil, err
		}
	case v.kind == 'w' && slices.Contains([]string{"AND", "OR", "NOT", "IN", "AS", "BY"}, v.text):
		return nil, fmt.Errorf("%s%s%s: quotation marks are needed", field, op.text, v.text)
	case v.kind != 'w' && v.kind != 'q':
		return nil, fmt.Errorf("%s%s has no value", field, op.text)
	}
	if p.peek().kind == 'o' {
		return nil, fmt.Errorf("%s%s%s%s is not understood", field, op.text, v.text, p.peek().text)
	}
	if strings.Contains(field, "*") {
		return nil, undocumented("a star in the name of a field: %s", field)
	}
	switch field {
	case "earliest", "latest", "_index_earliest", "_index_latest":
		if op.text != "=" || p.depth > 0 || p.window == nil {
			return nil, undocumented("%s%s%s in this place", field, op.text, v.text)
		}
		return nil, p.window.set(field, v.text)
	case "starttime", "endtime", "tag", "eventtype", "savedsearch", "splunk_server", "hosttag", "timeformat":
		return nil, fmt.Errorf("%s= is not understood here", field)
	}
	return searchField{field: field, op: op.text, values: []searchWord{word}}, nil
}

func (p *searchParser) list() ([]searchWord, error) {
	if p.next().kind != '(' {
		return nil, fmt.Errorf("IN needs a list in parentheses")
	}
	var out []searchWord
	for {
		t := p.next()
		if t.kind != 'w' && t.kind != 'q' {
			return nil, fmt.Errorf("%q is not expected in a list", t.text)
		}
		out = append(out, searchWord{text: t.text, quoted: t.kind == 'q'})
		switch p.next().kind {
		case ',':
		case ')':
			return out, nil
		default:
			return nil, fmt.Errorf("a list is not closed")
		}
	}
}

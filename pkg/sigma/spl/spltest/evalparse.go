package spltest

import (
	"fmt"
	"strings"
)

// The nodes of an eval expression.
type (
	exprNode  interface{ isExpr() }
	exprValue struct{ value value }
	exprField struct{ name string }
	exprUnary struct {
		op   string // NOT or -
		node exprNode
	}
	exprBinary struct {
		op          string
		left, right exprNode
	}
	exprCall struct {
		name string
		args []exprNode
	}
)

func (exprValue) isExpr()  {}
func (exprField) isExpr()  {}
func (exprUnary) isExpr()  {}
func (exprBinary) isExpr() {}
func (exprCall) isExpr()   {}

type evalToken struct {
	kind byte // 'w' name, 'f' field in single quotes, 's' text, 'n' number, 'o' operator or punctuation
	text string
}

type evalParser struct{ tokens []evalToken }

// parseExpr reads one expression and refuses what is behind it.
func parseExpr(s string) (exprNode, error) {
	tokens, err := evalTokens(s)
	if err != nil {
		return nil, err
	}
	p := &evalParser{tokens: tokens}
	node, err := p.logic(0)
	if err == nil && len(p.tokens) > 0 {
		err = fmt.Errorf("%q is not understood", p.tokens[0].text)
	}
	if err != nil {
		return nil, fmt.Errorf("expression %s: %w", s, err)
	}
	return node, nil
}

func evalTokens(s string) ([]evalToken, error) {
	var out []evalToken
	for i := 0; i < len(s); {
		switch c := s[i]; c {
		case ' ', '\t', '\n', '\r':
			i++
			continue
		case '"', '\'':
			end, err := quoteEnd(s, i)
			if err != nil {
				return nil, err
			}
			body := s[i+1 : end-1]
			if c == '\'' {
				if strings.ContainsAny(body, `\"`) || body == "" {
					return nil, undocumented("the name of a field '%s'", body)
				}
				out = append(out, evalToken{'f', body})
			} else {
				out = append(out, evalToken{'s', unescapeEval(body)})
			}
			i = end
			continue
		}
		t := bareToken(s[i:])
		if t.text == "" {
			return nil, fmt.Errorf("expression %s: %q is not understood", s, s[i:])
		}
		// Names with dots need single quotation marks; without, the dot joins texts.
		if n := len(out); t.text == "." && n > 0 && out[n-1].kind == 'w' && i > 0 && s[i-1] != ' ' && i+1 < len(s) && s[i+1] != ' ' {
			return nil, undocumented("%s%s: a name with a dot needs single quotation marks, and a dot between texts spaces", out[n-1].text, s[i:])
		}
		out = append(out, t)
		i += len(t.text)
	}
	return out, nil
}

// bareToken reads a word, a number or an operator. It is no regular expression, as
// most of the time of the tests that compare searches went into compiling that.
func bareToken(s string) evalToken {
	digits := func(from int) int {
		n := from
		for n < len(s) && '0' <= s[n] && s[n] <= '9' {
			n++
		}
		return n
	}
	word := 0
	for word < len(s) && (s[word] == '_' || 'a' <= s[word]|0x20 && s[word]|0x20 <= 'z' || word > 0 && '0' <= s[word] && s[word] <= '9') {
		word++
	}
	number := digits(0)
	if number > 0 && number < len(s) && s[number] == '.' {
		if end := digits(number + 1); end > number+1 {
			number = end
		}
	}
	switch {
	case word > 0:
		return evalToken{'w', s[:word]}
	case number > 0:
		return evalToken{'n', s[:number]}
	case len(s) > 1 && s[1] == '=' && strings.IndexByte("=!<>", s[0]) >= 0:
		return evalToken{'o', s[:2]}
	case s != "" && strings.IndexByte("-+*/%.,()=<>!", s[0]) >= 0:
		return evalToken{'o', s[:1]}
	}
	return evalToken{}
}

// unescapeEval reads the escapes of a text: \" \\ \t \n \r and \|. Others stay
// as they are, as regular expressions need them.
func unescapeEval(s string) string {
	var out strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) {
			if n := strings.IndexByte(`"\tnr|`, s[i+1]); n >= 0 {
				out.WriteByte("\"\\\t\n\r|"[n])
				i++
				continue
			}
		}
		out.WriteByte(s[i])
	}
	return out.String()
}

func (p *evalParser) peek() evalToken {
	if len(p.tokens) == 0 {
		return evalToken{}
	}
	return p.tokens[0]
}

func (p *evalParser) next() evalToken {
	t := p.peek()
	if len(p.tokens) > 0 {
		p.tokens = p.tokens[1:]
	}
	return t
}

func (p *evalParser) take(kind byte, text string) bool {
	if t := p.peek(); t.kind == kind && t.text == text {
		p.next()
		return true
	}
	return false
}

// logic reads XOR, which binds least, OR, AND, and then what they join.
func (p *evalParser) logic(level int) (exprNode, error) {
	ops := [...]string{"XOR", "OR", "AND"}
	if level == len(ops) {
		return p.not()
	}
	left, err := p.logic(level + 1)
	for err == nil && p.take('w', ops[level]) {
		var right exprNode
		right, err = p.logic(level + 1)
		left = exprBinary{ops[level], left, right}
	}
	return left, err
}

func (p *evalParser) not() (exprNode, error) {
	if p.take('w', "NOT") || p.take('o', "!") {
		node, err := p.not()
		return exprUnary{"NOT", node}, err
	}
	return p.comparison()
}

func (p *evalParser) comparison() (exprNode, error) {
	left, err := p.sum()
	if err != nil {
		return nil, err
	}
	t := p.peek()
	if t.kind == 'w' && (t.text == "IN" || t.text == "in") {
		p.next()
		args, err := p.args()
		return exprCall{"in", append([]exprNode{left}, args...)}, err
	}
	switch t.text {
	case "=", "==", "!=", "<", "<=", ">", ">=", "LIKE":
		if t.kind == 's' || t.kind == 'f' {
			return left, nil
		}
		p.next()
		right, err := p.sum()
		if t.text == "LIKE" {
			return exprCall{"like", []exprNode{left, right}}, err
		}
		return exprBinary{t.text, left, right}, err
	}
	return left, nil
}

func (p *evalParser) sum() (exprNode, error) {
	left, err := p.product()
	first := ""
	for err == nil {
		t := p.peek()
		if t.kind != 'o' || (t.text != "+" && t.text != "-" && t.text != ".") {
			return left, nil
		}
		if first != "" && (first == ".") != (t.text == ".") {
			return nil, undocumented("%s and %s side by side; parentheses are needed", first, t.text)
		}
		first = t.text
		p.next()
		var right exprNode
		right, err = p.product()
		left = exprBinary{t.text, left, right}
	}
	return nil, err
}

func (p *evalParser) product() (exprNode, error) {
	left, err := p.unary()
	for err == nil {
		t := p.peek()
		if t.kind != 'o' || (t.text != "*" && t.text != "/" && t.text != "%") {
			return left, nil
		}
		p.next()
		var right exprNode
		right, err = p.unary()
		left = exprBinary{t.text, left, right}
	}
	return nil, err
}

func (p *evalParser) unary() (exprNode, error) {
	if p.take('o', "-") {
		node, err := p.unary()
		return exprUnary{"-", node}, err
	}
	t := p.next()
	switch t.kind {
	case 's':
		v := textOf(t.text)
		v.literal = true
		return exprValue{v}, nil
	case 'n':
		n, _ := parseNumber(t.text)
		return exprValue{numberOf(n)}, nil
	case 'f':
		return exprField{t.text}, nil
	case 'w':
		switch t.text {
		case "AND", "OR", "XOR", "NOT", "LIKE", "IN":
			return nil, fmt.Errorf("%s is not expected", t.text)
		}
		if p.peek() == (evalToken{'o', "("}) {
			args, err := p.args()
			return exprCall{t.text, args}, err
		}
		switch t.text {
		case "true", "false", "null", "and", "or", "not", "xor":
			return nil, undocumented("the bare word %s", t.text)
		}
		return exprField{t.text}, nil
	case 'o':
		if t.text == "(" {
			node, err := p.logic(0)
			if err == nil && !p.take('o', ")") {
				err = fmt.Errorf("a parenthesis is not closed")
			}
			return node, err
		}
	}
	return nil, fmt.Errorf("%q is not expected", t.text)
}

func (p *evalParser) args() ([]exprNode, error) {
	if !p.take('o', "(") {
		return nil, fmt.Errorf("%q is not expected, a parenthesis is", p.peek().text)
	}
	var out []exprNode
	if p.take('o', ")") {
		return out, nil
	}
	for {
		node, err := p.logic(0)
		if err != nil {
			return nil, err
		}
		out = append(out, node)
		if p.take('o', ")") {
			return out, nil
		}
		if !p.take('o', ",") {
			return nil, fmt.Errorf("%q is not expected in a function's arguments", p.peek().text)
		}
	}
}

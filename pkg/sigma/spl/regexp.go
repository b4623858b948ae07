package spl

import (
	"errors"
	"regexp"
	"regexp/syntax"
	"strings"

	"auditlog-forwarder/pkg/sigma"
)

// regexp writes a test of regular expressions.
func (t *translator) regexp(q *sigma.Test, f field) *node {
	var matches, texts []string
	mayBeNull, needed := false, f.search != ""
	for _, o := range q.Of {
		pattern, err := perl(o)
		if err != nil {
			t.wrong(o.Line, o.Column, "%s: the regular expression %v", q.Path, err)
		}
		mayBeNull = mayBeNull || o.Regexp.MatchString("null")
		text := needOf(o.Regexp)
		needed = needed && text != "*"
		texts = addNew(texts, quote(text))
		matches = addNew(matches, "match("+f.where+","+quote(pattern)+")")
	}
	condition := strings.Join(matches, " OR ")
	if mayBeNull {
		if len(matches) > 1 {
			condition = "(" + condition + ")"
		}
		condition += " AND " + f.where + `!="null"`
	}
	n := values(condition)
	if needed {
		n.need = oneOf(f.search, texts)
	}
	return n
}

// needOf is a text for the search command that all have who match re, * at
// worst.
func needOf(re *regexp.Regexp) string {
	tree, err := syntax.Parse(re.String(), syntax.Perl)
	if err != nil {
		return "*" // it was compiled before
	}
	best := ""
	var look func(re *syntax.Regexp, atStart bool)
	look = func(re *syntax.Regexp, atStart bool) {
		switch re.Op {
		case syntax.OpLiteral:
			for i, run := range safeRuns(string(re.Rune)) {
				text := within(run)
				if atStart && i == 0 && strings.HasPrefix(string(re.Rune), run) {
					text = run + "*"
				}
				if run != "" && len(run) > len(strings.Trim(best, "*")) {
					best = text
				}
			}
		case syntax.OpCapture:
			look(re.Sub[0], atStart)
		case syntax.OpConcat:
			for i, sub := range re.Sub {
				look(sub, atStart && i == 0 || i == 1 && re.Sub[0].Op == syntax.OpBeginText)
			}
		}
	}
	look(tree, false)
	if best == "" {
		return "*"
	}
	return best
}

// perl is an RE2 expression as PCRE reads it in the same way. The error says
// what PCRE would read otherwise.
func perl(o sigma.Operand) (string, error) {
	p := perlWriter{rest: o.Regexp.String()}
	if flags, wrapped := strings.CutSuffix(p.rest, ":"+o.Text+")"); wrapped {
		p.multiline = strings.Contains(flags, "m")
		p.keep(len(flags) + 1)
	}
	for p.rest != "" && p.err == "" {
		switch {
		case p.rest[0] == '\\' && len(p.rest) > 1:
			p.escape()
		case p.class:
			p.inClass()
		default:
			p.outside()
		}
	}
	if p.dollar && p.setsM {
		p.err = `has $ and sets m within itself; write |re|m, or \z for the end of the text`
	}
	if p.err != "" {
		return "", errors.New(p.err)
	}
	return p.out.String(), nil
}

// backtick is a backtick in an expression; as it is, it begins a macro in a search.
const backtick = `\x60`

type perlWriter struct {
	rest      string
	out       strings.Builder
	class     bool // within brackets
	multiline bool
	dollar    bool // there is a $
	setsM     bool // there is a group that sets or clears m
	err       string
}

// keep writes n bytes as they are.
func (p *perlWriter) keep(n int) { p.put(p.rest[:n], n) }

// put writes s for n bytes.
func (p *perlWriter) put(s string, n int) {
	p.out.WriteString(s)
	p.rest = p.rest[n:]
}

func (p *perlWriter) escape() {
	// RE2's \s, which PCRE's has the vertical tab besides.
	const spaces = `\t\n\f\r `
	switch c := p.rest[1]; {
	case c == 'v':
		p.err = `has \v, which is one character in RE2 and several in Splunk's PCRE; write \x0b`
	case c >= '0' && c <= '9':
		p.err = `has a character by its octal number, which Splunk's PCRE may take for a back-reference; write \x and two hexadecimal digits`
	case c == 'p' || c == 'P':
		p.err = `has a Unicode class, which Splunk's PCRE may know by another name or not at all; write the characters in brackets`
	case c == 'C':
		p.err = `has \C, which is no character; write . for one`
	case c == 'Q':
		end := strings.Index(p.rest, `\E`) + 2
		if end < 2 {
			end = len(p.rest)
		}
		p.put(strings.ReplaceAll(p.rest[:end], "`", `\E`+backtick+`\Q`), end)
	case c == '`':
		p.put(backtick, 2)
	case c == 's' && p.class:
		p.put(spaces, 2)
	case c == 's':
		p.put("["+spaces+"]", 2)
	case c == 'S' && p.class:
		p.err = `has \S in brackets, which has the vertical tab in RE2 and not in Splunk's PCRE; write the characters`
	case c == 'S':
		p.put("[^"+spaces+"]", 2)
	default:
		p.keep(2)
	}
}

func (p *perlWriter) inClass() {
	end := strings.Index(p.rest, ":]") + 2
	switch {
	case strings.HasPrefix(p.rest, "[:") && end > 2:
		if strings.Contains(p.rest[:end], "space") {
			p.err = `has [:space:], which differs between RE2 and Splunk's PCRE; write \s`
		}
		p.keep(end)
	case p.rest[0] == '[':
		p.put(`\[`, 1)
	case p.rest[0] == '`':
		p.put(backtick, 1)
	default:
		p.class = p.rest[0] != ']'
		p.keep(1)
	}
}

func (p *perlWriter) outside() {
	switch {
	case p.rest[0] == '[':
		p.class = true
		p.keep(1)
		if strings.HasPrefix(p.rest, "^") {
			p.keep(1)
		}
		if strings.HasPrefix(p.rest, "]") { // the first is itself
			p.keep(1)
		}
		return
	case p.rest[0] == '`':
		p.put(backtick, 1)
		return
	case p.rest[0] == '$':
		p.dollar = true
		if !p.multiline {
			p.put(`\z`, 1) // PCRE's $ is before a last line end too
			return
		}
	case strings.HasPrefix(p.rest, "{,"):
		p.err = `has {, which is a text in RE2 and not in every PCRE; write \{ or {0,`
	case strings.HasPrefix(p.rest, "(?"):
		behind := strings.TrimLeft(p.rest[2:], "imsU-")
		flags := p.rest[2 : len(p.rest)-len(behind)]
		p.setsM = p.setsM || strings.Contains(flags, "m") && (behind[0] == ':' || behind[0] == ')')
	}
	p.keep(1)
}

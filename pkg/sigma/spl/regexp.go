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
				text := "*" + run + "*"
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

// perl is an RE2 expression as PCRE reads it in the same way, or says what it
// reads otherwise.
func perl(o sigma.Operand) (string, error) {
	source := o.Regexp.String()
	multiline := false
	if wrapped := strings.TrimSuffix(source, ":"+o.Text+")"); wrapped != source {
		multiline = strings.Contains(wrapped, "m")
	}
	dollar := false
	flags := strings.Contains(o.Text, "(?")
	var b strings.Builder
	for i, class := 0, 0; i < len(source); i++ {
		c := source[i]
		rest := source[i:]
		switch {
		case c == '\\' && i+1 < len(source):
			next := source[i+1]
			switch {
			case next == 'v':
				return "", errors.New(`has \v, which is one character in RE2 and several in Splunk's PCRE; write \x0b`)
			case next >= '0' && next <= '9':
				return "", errors.New(`has a character by its octal number, which Splunk's PCRE may take for a back-reference; write \x and two hexadecimal digits`)
			case next == 'p' || next == 'P':
				return "", errors.New(`has a Unicode class, which Splunk's PCRE may know by another name or not at all; write the characters in brackets`)
			case next == 'C':
				return "", errors.New(`has \C, which is no character; write . for one`)
			case next == 'Q':
				end := strings.Index(rest, `\E`)
				if end < 0 {
					end = len(rest)
				} else {
					end += 2
				}
				b.WriteString(rest[:end])
				i += end - 1
				continue
			case next == 's' || next == 'S':
				// PCRE's has the vertical tab as well.
				switch {
				case next == 's' && class > 0:
					b.WriteString(`\t\n\f\r `)
				case next == 's':
					b.WriteString(`[\t\n\f\r ]`)
				case class > 0:
					return "", errors.New(`has \S in brackets, which has the vertical tab in RE2 and not in Splunk's PCRE; write the characters`)
				default:
					b.WriteString(`[^\t\n\f\r ]`)
				}
				i++
				continue
			}
			b.WriteString(rest[:2])
			i++
		case class > 0:
			switch {
			case strings.HasPrefix(rest, "[:"):
				end := strings.Index(rest, ":]")
				if end < 0 {
					return "", errors.New(`has a [ in brackets before a colon; write \[`)
				}
				if strings.Contains(rest[:end], "space") {
					return "", errors.New(`has [:space:], which differs between RE2 and Splunk's PCRE; write \s`)
				}
				b.WriteString(rest[:end+2])
				i += end + 1
				continue
			case c == '[':
				b.WriteString(`\[`)
				continue
			case c == ']' && class < i:
				class = 0
			}
			b.WriteByte(c)
		case c == '[':
			b.WriteByte(c)
			if strings.HasPrefix(rest, "[^") {
				b.WriteByte('^')
				i++
			}
			class = i + 1 // a ] that comes first is itself
		case c == '$':
			dollar = true
			if multiline {
				b.WriteByte(c)
			} else {
				b.WriteString(`\z`) // PCRE's $ is before a last line end too
			}
		case strings.HasPrefix(rest, "{,"):
			return "", errors.New(`has {, which is a text in RE2 and not in every PCRE; write \{ or {0,`)
		default:
			b.WriteByte(c)
		}
	}
	if dollar && flags && inlineMultiline(o.Text) {
		return "", errors.New(`has $ and sets m within itself; write |re|m, or \z for the end of the text`)
	}
	return b.String(), nil
}

// inlineMultiline reports whether s has a group that sets or clears m.
func inlineMultiline(s string) bool {
	for {
		_, after, found := strings.Cut(s, "(?")
		if !found {
			return false
		}
		s = after
		flags := strings.TrimLeft(s, "imsU-")
		if set := s[:len(s)-len(flags)]; strings.Contains(set, "m") && flags != "" && (flags[0] == ':' || flags[0] == ')') {
			return true
		}
	}
}

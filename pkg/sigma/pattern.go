package sigma

import "strings"

// Pattern is a text with wildcards.
type Pattern []Part

// Part is a piece of text, or a wildcard.
type Part struct {
	Wildcard Wildcard
	Text     string // where Wildcard is None
}

// Wildcard is a wildcard of a pattern.
type Wildcard uint8

// The wildcards.
const (
	None Wildcard = iota
	One           // ? is one character
	Any           // * is any number of characters
)

// parsePattern reads the wildcards of s. A backslash takes its meaning from a
// wildcard behind it, and before it from a backslash; any other stands for
// itself.
func parsePattern(s string) Pattern {
	var p Pattern
	var text strings.Builder
	wildcard := func(w Wildcard) {
		if text.Len() > 0 {
			p = append(p, Part{Text: text.String()})
			text.Reset()
		}
		if w != None {
			p = p.with(w)
		}
	}
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '*':
			wildcard(Any)
		case c == '?':
			wildcard(One)
		case c == '\\' && i+1 < len(s) && strings.IndexByte(`\*?`, s[i+1]) >= 0:
			i++
			text.WriteByte(s[i])
		default:
			text.WriteByte(c)
		}
	}
	wildcard(None)
	return p
}

// with appends a wildcard; two stars in a row are one.
func (p Pattern) with(w Wildcard) Pattern {
	if w == Any && len(p) > 0 && p[len(p)-1].Wildcard == Any {
		return p
	}
	return append(p, Part{Wildcard: w})
}

// anyBefore lets p start anywhere.
func (p Pattern) anyBefore() Pattern {
	if len(p) > 0 && p[0].Wildcard == Any {
		return p
	}
	return append(Pattern{{Wildcard: Any}}, p...)
}

// Literal is p's text where p has no wildcard.
func (p Pattern) Literal() (string, bool) {
	switch {
	case len(p) == 0:
		return "", true
	case len(p) == 1 && p[0].Wildcard == None:
		return p[0].Text, true
	}
	return "", false
}

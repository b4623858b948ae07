package sigma

import (
	"bytes"
	"unicode/utf8"
)

// glob is a Pattern made ready. Texts are plain ASCII as it stands in the
// event, or UTF-8, folded unless the glob is cased.
type glob struct {
	cased   bool
	star    bool // without a star, head is all of it
	head    piece
	between []piece
	tail    piece
}

// piece is text without a star. The byte anyOne, which UTF-8 does not have,
// stands for a ?.
type piece struct {
	text string
	ones bool // there is a ? in it
	len  int  // in characters
}

const anyOne = 0xFF

func newGlob(p Pattern, cased bool) glob {
	g := glob{cased: cased}
	var pieces []piece
	var text []byte
	ones := false
	cut := func() {
		pieces = append(pieces, piece{string(text), ones, utf8.RuneCount(text)})
		text, ones = nil, false
	}
	for _, part := range p {
		switch {
		case part.Wildcard == Any:
			g.star = true
			cut()
		case part.Wildcard == One:
			text, ones = append(text, anyOne), true
		case cased:
			text = append(text, part.Text...)
		default:
			text = appendFolded(text, []byte(part.Text))
		}
	}
	cut()
	g.head = pieces[0]
	if g.star {
		g.between, g.tail = pieces[1:len(pieces)-1], pieces[len(pieces)-1]
	}
	return g
}

func (g *glob) match(text []byte) bool {
	at := g.head.at(text, 0, g.cased)
	if at < 0 || !g.star {
		return at == len(text)
	}
	for i := range g.between {
		if at = g.between[i].find(text, at, g.cased); at < 0 {
			return false
		}
	}
	start := len(text) - len(g.tail.text)
	if g.tail.ones {
		start = len(text)
		for range g.tail.len {
			_, n := utf8.DecodeLastRune(text[:start])
			if n == 0 {
				return false
			}
			start -= n
		}
	}
	return start >= at && g.tail.at(text, start, g.cased) == len(text)
}

// at is the end of p in text if it starts at i, else -1.
func (p *piece) at(text []byte, i int, cased bool) int {
	if !p.ones {
		end := i + len(p.text)
		if end > len(text) || !equal(text[i:end], p.text, cased) {
			return -1
		}
		return end
	}
	for j := range len(p.text) {
		switch c := p.text[j]; {
		case i >= len(text):
			return -1
		case c == anyOne:
			_, n := utf8.DecodeRune(text[i:])
			i += n
		case text[i] == c || !cased && lower(text[i]) == c:
			i++
		default:
			return -1
		}
	}
	return i
}

// find is the end of the first p in text from i on, else -1.
func (p *piece) find(text []byte, i int, cased bool) int {
	if p.text == "" {
		return i
	}
	c := p.text[0]
	letter := !cased && c >= 'a' && c <= 'z'
	for ; i < len(text); i++ {
		switch {
		case c == anyOne:
			if i > 0 && !utf8.RuneStart(text[i]) {
				continue
			}
		case letter:
			for i < len(text) && text[i]|0x20 != c {
				i++
			}
		default:
			next := bytes.IndexByte(text[i:], c)
			if next < 0 {
				return -1
			}
			i += next
		}
		if end := p.at(text, i, cased); end >= 0 {
			return end
		}
	}
	return -1
}

// equal compares texts of the same length; s is folded unless cased.
func equal(text []byte, s string, cased bool) bool {
	if cased {
		return string(text) == s
	}
	for i, c := range text {
		if lower(c) != s[i] {
			return false
		}
	}
	return true
}

package sigma

import (
	"bytes"
	"strings"
)

// hint is a text that an event must have for a keyword to be in it, in small
// letters.
type hint struct {
	text string
	rare int // the place of its byte that events have least
}

// newHint takes the longest text between the wildcards of a keyword.
func newHint(g *glob) hint {
	var longest string
	for _, p := range append([]piece{g.head, g.tail}, g.between...) {
		for _, text := range strings.Split(p.text, string([]byte{anyOne})) {
			if len(text) > len(longest) {
				longest = text
			}
		}
	}
	// What audit events are made of, the most of it first.
	const usual = `e"arcinotuds:l.,0123456789-fbphmgvyk/_wqjxz`
	text := []byte(longest)
	h := hint{}
	rarest := -1
	for i, c := range text {
		text[i] = lower(c)
		rank := strings.IndexByte(usual, text[i])
		if rank < 0 {
			rank = len(usual)
		}
		if rank > rarest {
			rarest, h.rare = rank, i
		}
	}
	h.text = string(text)
	return h
}

// in reports whether b has the hint in it, in any case.
func (h *hint) in(b []byte) bool {
	if h.text == "" {
		return true
	}
	c := h.text[h.rare]
	for {
		for i := h.rare; i < len(b); i++ {
			next := bytes.IndexByte(b[i:], c)
			if next < 0 {
				break
			}
			i += next
			if end := i - h.rare + len(h.text); end <= len(b) && equal(b[i-h.rare:end], h.text, false) {
				return true
			}
		}
		if c < 'a' || c > 'z' {
			return false
		}
		c -= 'a' - 'A' // and once more, in capitals
	}
}

// lookForWords answers all atoms of keywords: in an event without escapes those
// whose hint is nowhere in its bytes, and the rest in one pass over its names
// and values.
func (m *Matcher) lookForWords() {
	if m.words {
		return
	}
	m.words = true
	if isPlain(m.event) {
		left := 0
		for _, id := range m.set.keywords {
			if a := &m.set.atoms[id]; a.op == atomGlob && !a.hint.in(m.event) {
				m.answers[id] = no
			} else {
				left++
			}
		}
		if left == 0 {
			return
		}
	}
	for i := 0; i < len(m.event); {
		start := i
		switch m.event[i] {
		case '"':
			i = skipString(m.event, i+1)
			m.word(m.event[start+1 : max(start+1, i-1)])
		case '{', '}', '[', ']', ',', ':', ' ', '\n', '\r', '\t':
			i++
		default:
			i = skipWord(m.event, i)
			if text := m.event[start:i]; string(text) != "null" {
				m.word(text)
			}
		}
	}
}

// word asks the open atoms of keywords about one name or value.
func (m *Matcher) word(content []byte) {
	cased, folded := content, m.decode(content, false)
	if !isPlain(content) {
		cased = m.decoded
	}
	for _, id := range m.set.keywords {
		if m.answers[id] != unknown {
			continue
		}
		a := &m.set.atoms[id]
		found := false
		switch {
		case a.op == atomRegexp:
			found = a.re.Match(cased)
		case a.cased:
			found = a.glob.match(cased)
		default:
			found = a.glob.match(folded)
		}
		if found {
			m.answers[id] = yes
		}
	}
}

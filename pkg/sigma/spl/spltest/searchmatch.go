package spltest

import (
	"net/netip"
	"regexp"
	"strings"
)

// A searcher asks rows whether a search expression holds of them. It keeps the
// patterns that were made of the search's words.
type searcher struct {
	patterns map[string]*regexp.Regexp
}

func (s *searcher) match(node searchNode, r *row) (bool, error) {
	switch n := node.(type) {
	case searchAnd:
		for _, part := range n {
			if ok, err := s.match(part, r); err != nil || !ok {
				return false, err
			}
		}
		return true, nil
	case searchOr:
		for _, part := range n {
			if ok, err := s.match(part, r); err != nil || ok {
				return ok, err
			}
		}
		return false, nil
	case searchNot:
		ok, err := s.match(n.node, r)
		return !ok, err
	case searchTerm:
		if n.word.text == "*" {
			return true, nil
		}
		raw := r.fields["_raw"]
		if len(raw) == 0 {
			return false, undocumented("the word %q, where there is no _raw", n.word.text)
		}
		return s.term(n.word, raw[0])
	case searchField:
		return s.field(n, r.fields[n.field])
	}
	return false, nil
}

func (s *searcher) field(n searchField, values []string) (bool, error) {
	if n.op == "!=" {
		if len(values) > 1 {
			return false, undocumented("%s!=%s with a field of several values", n.field, n.values[0].text)
		}
		if len(values) == 0 {
			return false, nil
		}
		same, err := s.same(n.values[0], values[0])
		return !same, err
	}
	for _, v := range values {
		for _, w := range n.values {
			ok, err := s.compare(n.op, w, v)
			if err != nil || ok {
				return ok, err
			}
		}
	}
	return false, nil
}

func (s *searcher) compare(op string, w searchWord, v string) (bool, error) {
	if op == "=" {
		return s.same(w, v)
	}
	if strings.Contains(w.text, "*") {
		return false, undocumented("%s with a star: %s", op, w.text)
	}
	a, numberA := parseNumber(v)
	b, numberB := parseNumber(w.text)
	order := strings.Compare(v, w.text)
	if numberA && numberB {
		order = compareFloat(a, b)
	}
	return holds(op, order), nil
}

func compareFloat(a, b float64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func holds(op string, order int) bool {
	switch op {
	case "<":
		return order < 0
	case "<=":
		return order <= 0
	case ">":
		return order > 0
	case ">=":
		return order >= 0
	case "=", "==":
		return order == 0
	}
	return order != 0
}

// same compares a value with a word: as texts, without regard to case, stars
// for any characters; a range of addresses has its addresses.
func (s *searcher) same(w searchWord, v string) (bool, error) {
	if !w.cased && strings.Contains(w.text, "/") {
		if prefix, err := netip.ParsePrefix(w.text); err == nil {
			if addr, err := netip.ParseAddr(v); err == nil {
				return prefix.Contains(addr), nil
			}
		}
	}
	switch {
	case w.text == "*":
		return true, nil
	case !strings.Contains(w.text, "*") && w.cased:
		return w.text == v, nil
	case !strings.Contains(w.text, "*"):
		return strings.EqualFold(w.text, v), nil
	}
	p, err := s.pattern("^", w, "$")
	if err != nil {
		return false, err
	}
	return p.MatchString(v), nil
}

// term looks for a word or a phrase in an event's text. It must stand between
// breakers, unless a star is at its end.
func (s *searcher) term(w searchWord, raw string) (bool, error) {
	if w.text == "" {
		return false, undocumented("an empty word")
	}
	const breakers = `[\s\[\]<>(){}|!;,'"*&?+%/:=@.\-$#\\_^~]`
	before, after := "(?:^|"+breakers+")", "(?:$|"+breakers+")"
	if strings.HasPrefix(w.text, "*") || isBreaker(w.text[0]) {
		before = ""
	}
	if strings.HasSuffix(w.text, "*") || isBreaker(w.text[len(w.text)-1]) {
		after = ""
	}
	p, err := s.pattern(before, w, after)
	if err != nil {
		return false, err
	}
	return p.MatchString(raw), nil
}

func isBreaker(c byte) bool {
	return strings.IndexByte(" \t\r\n[]<>(){}|!;,'\"*&?+%/:=@.-$#\\_^~", c) >= 0
}

func (s *searcher) pattern(before string, w searchWord, after string) (*regexp.Regexp, error) {
	flags := "(?is)"
	if w.cased {
		flags = "(?s)"
	}
	key := flags + before + w.text + "\x00" + after
	if p, ok := s.patterns[key]; ok {
		return p, nil
	}
	parts := strings.Split(w.text, "*")
	for i := range parts {
		parts[i] = regexp.QuoteMeta(parts[i])
	}
	p, err := regexp.Compile(flags + before + strings.Join(parts, ".*") + after)
	if err != nil {
		return nil, err
	}
	s.patterns[key] = p
	return p, nil
}

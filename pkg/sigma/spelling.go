package sigma

import (
	"slices"
	"strings"
)

// BothSpellings is a copy of r whose questions are asked of fields as the rule
// spells them, in snake_case and in camelCase: audit events come in both. A
// question holds if it holds in one spelling, and a field is null only if it
// is in each.
func BothSpellings(r *Rule) *Rule {
	s := speller{searches: map[*Search]*Search{}}
	both := *r
	both.Detection = Detection{}
	for _, search := range r.Detection.Searches {
		both.Detection.Searches = append(both.Detection.Searches, s.search(search))
	}
	if r.Detection.Condition != nil {
		both.Detection.Condition = s.expr(r.Detection.Condition)
	}
	return &both
}

type speller struct{ searches map[*Search]*Search }

func (s *speller) search(from *Search) *Search {
	if to := s.searches[from]; to != nil {
		return to
	}
	to := *from
	s.searches[from] = &to
	to.Expr = s.expr(from.Expr)
	return &to
}

func (s *speller) expr(e Expr) Expr {
	switch e := e.(type) {
	case And:
		return And(s.exprs(e))
	case Or:
		return Or(s.exprs(e))
	case Not:
		return Not{s.expr(e.Expr)}
	case Ref:
		return Ref{s.search(e.Search)}
	case *Test:
		return spellTest(e)
	}
	return e
}

func (s *speller) exprs(from []Expr) []Expr {
	to := make([]Expr, len(from))
	for i, e := range from {
		to[i] = s.expr(e)
	}
	return to
}

func spellTest(t *Test) Expr {
	if t.Path.IsZero() {
		return t
	}
	if t.All {
		// Each text may be in another spelling.
		all := make(And, len(t.Of))
		for i := range t.Of {
			one := *t
			one.All, one.Of = false, t.Of[i:i+1]
			all[i] = spellTest(&one)
		}
		return all
	}
	of := t.Of
	if t.Op == Same {
		of = nil
		for _, o := range t.Of {
			for _, field := range spellings(o.Field) {
				o.Field, o.Text = field, field.text
				of = append(of, o)
			}
		}
	}
	var tests []Expr
	for _, path := range spellings(t.Path) {
		one := *t
		one.Path, one.Of = path, of
		tests = append(tests, &one)
	}
	switch {
	case len(tests) == 1:
		return tests[0]
	case t.Op == Null:
		return And(tests)
	}
	return Or(tests)
}

// spellings are a path as it is, and with all its names in snake_case and in
// camelCase, where that differs.
func spellings(p Path) []Path {
	paths := []Path{p}
	for _, change := range []func(string) string{snake, camel} {
		other := Path{steps: slices.Clone(p.steps)}
		var parts []string
		for i := range other.steps {
			st := &other.steps[i]
			if isIdentifier(st.name) {
				st.name = change(st.name)
			}
			parts = append(parts, st.name+strings.Repeat("{}", st.arrays))
		}
		other.text = strings.Join(parts, ".")
		if !slices.ContainsFunc(paths, func(p Path) bool { return p.text == other.text }) {
			paths = append(paths, other)
		}
	}
	return paths
}

func isIdentifier(s string) bool {
	for i := range len(s) {
		if c := s[i]; c != '_' && !isDigit(c) && !isLetter(c) {
			return false
		}
	}
	return true
}

func isDigit(c byte) bool  { return c >= '0' && c <= '9' }
func isLetter(c byte) bool { return lower(c) >= 'a' && lower(c) <= 'z' }
func isUpper(c byte) bool  { return c >= 'A' && c <= 'Z' }

// snake puts a _ where a word starts with a capital: before a capital behind
// a small letter or a digit, and before the last of several capitals if a small
// letter follows it, so that apiKeyID is api_key_id and IDToken id_token.
func snake(name string) string {
	var b strings.Builder
	for i := range len(name) {
		c := name[i]
		if isUpper(c) && i > 0 && name[i-1] != '_' {
			if !isUpper(name[i-1]) || i+1 < len(name) && isLetter(name[i+1]) && !isUpper(name[i+1]) {
				b.WriteByte('_')
			}
		}
		b.WriteByte(lower(c))
	}
	return b.String()
}

// camel drops each _ between two letters or digits and writes what is behind
// it large. A name without _ is as it should be.
func camel(name string) string {
	start := len(name) - len(strings.TrimLeft(name, "_"))
	if !strings.Contains(name[start:], "_") {
		return name
	}
	b := []byte(name[:start])
	large := false
	for _, c := range []byte(strings.TrimRight(snake(name[start:]), "_")) {
		switch {
		case c == '_':
			large = true
			continue
		case large && isLetter(c):
			c -= 'a' - 'A'
		}
		large = false
		b = append(b, c)
	}
	return string(b) + name[len(strings.TrimRight(name, "_")):]
}

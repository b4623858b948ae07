package spl_test

import (
	"strings"
	"testing"

	"auditlog-forwarder/pkg/sigma"
	"auditlog-forwarder/pkg/sigma/spl"
	"auditlog-forwarder/pkg/sigma/spl/spltest"
)

// FuzzTranslate holds that any rule becomes a search that can be read, or is
// refused with its place.
func FuzzTranslate(f *testing.F) {
	for round := range 30 {
		f.Add(newDice(round).rule())
	}
	f.Add("title: t\nlogsource: {}\ndetection: {s: {\"a b|contains\": ['\\', '\"', \"'\"]}, condition: s}\n")
	f.Fuzz(func(t *testing.T, text string) {
		rules, err := sigma.Parse("fuzz.yml", []byte(text))
		if err != nil {
			return
		}
		for _, r := range rules {
			q, err := spl.Translate(sigma.BothSpellings(r))
			if err != nil {
				if !strings.HasPrefix(err.Error(), "fuzz.yml:") {
					t.Errorf("refused without a place: %v", err)
				}
				continue
			}
			holdsTogether(t, q)
			holdsTogether(t, spl.Query{Search: spl.Words(sigma.BothSpellings(r))})
			// What spltest can read, it must be able to run.
			if _, err := spltest.Run("index=main "+q.String(), nil, spltest.Options{}); err != nil && !strings.Contains(err.Error(), "regexp") {
				t.Errorf("%v\n%s\n%s", err, text, q)
			}
		}
	})
}

// holdsTogether looks at the quotes, the parentheses and the pipes of a query.
func holdsTogether(t *testing.T, q spl.Query) {
	t.Helper()
	for _, text := range []string{q.Search, q.Where} {
		depth := 0
		pipes := 0
		if strings.Contains(text, "`") {
			t.Fatalf("a backtick, which begins a macro: %s", text)
		}
		for i := 0; i < len(text); i++ {
			switch c := text[i]; c {
			case '"', '\'':
				end := i + 1
				for ; end < len(text) && text[end] != c; end++ {
					if text[end] == '\\' && c == '"' {
						end++
					}
				}
				if end >= len(text) {
					t.Fatalf("a quote is not closed from %d: %s", i, text)
				}
				i = end
			case '(':
				depth++
			case ')':
				if depth--; depth < 0 {
					t.Fatalf("a parenthesis too many at %d: %s", i, text)
				}
			case '|':
				if pipes++; depth > 0 || text == q.Search || !strings.HasPrefix(text[i:], "| where ") {
					t.Fatalf("a pipe at %d: %s", i, text)
				}
			case '\n', '\r', '`', '[', ']', ';':
				t.Fatalf("%q outside of quotes at %d: %s", c, i, text)
			}
		}
		if depth != 0 {
			t.Fatalf("%d parentheses are open: %s", depth, text)
		}
		if pipes == 0 && text == q.Where && text != "" {
			t.Fatalf("where has no pipe: %s", text)
		}
	}
}

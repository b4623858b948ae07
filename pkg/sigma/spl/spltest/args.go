package spltest

import (
	"fmt"
	"strings"
)

// argWord is a word of a command's arguments: a name or a text in quotation
// marks, or one character of ( ) , =.
type argWord struct {
	text   string
	quoted bool
}

// is reports whether the word stands there, without quotation marks.
func (w argWord) is(text string) bool { return !w.quoted && strings.EqualFold(w.text, text) }

func argWords(s string) ([]argWord, error) {
	var out []argWord
	for i := 0; i < len(s); {
		switch c := s[i]; c {
		case ' ', '\t', '\n', '\r':
			i++
		case '"', '\'':
			end, err := quoteEnd(s, i)
			if err != nil {
				return nil, err
			}
			body := s[i+1 : end-1]
			if strings.Contains(body, `\`) {
				return nil, undocumented("a backslash in %s", s[i:end])
			}
			out = append(out, argWord{body, true})
			i = end
		case '(', ')', ',', '=':
			// count(eval(…)) is an expression, which is kept as it stands.
			if n := len(out); c == '(' && n > 0 && out[n-1].is("eval") {
				end, err := parenEnd(s, i)
				if err != nil {
					return nil, err
				}
				out = append(out, argWord{s[i+1 : end-1], true})
				i = end
				continue
			}
			out = append(out, argWord{string(c), false})
			i++
		case '[', ']', '`', '\\', '<', '>', ';':
			return nil, fmt.Errorf("%q is not understood", c)
		default:
			n := strings.IndexAny(s[i:], " \t\n\r\"'(),=[]`\\<>;")
			if n < 0 {
				n = len(s) - i
			}
			out = append(out, argWord{s[i : i+n], false})
			i += n
		}
	}
	return out, nil
}

func parenEnd(s string, i int) (int, error) {
	depth := 0
	for ; i < len(s); i++ {
		switch s[i] {
		case '"', '\'':
			end, err := quoteEnd(s, i)
			if err != nil {
				return 0, err
			}
			i = end - 1
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				return i + 1, nil
			}
		}
	}
	return 0, fmt.Errorf("a parenthesis is not closed")
}

// options takes name=value pairs from the front of words.
func options(words []argWord, known ...string) (map[string]string, []argWord, error) {
	out := map[string]string{}
	for len(words) >= 3 && words[1].is("=") {
		name := strings.ToLower(words[0].text)
		found := false
		for _, k := range known {
			found = found || k == name
		}
		if !found {
			return nil, nil, fmt.Errorf("the option %s is not understood here", name)
		}
		out[name] = words[2].text
		words = words[3:]
	}
	return out, words, nil
}

// names reads names of fields, with or without commas between them.
func names(words []argWord) ([]string, error) {
	var out []string
	for i, w := range words {
		if w.is(",") {
			if i == 0 || i == len(words)-1 || words[i-1].is(",") {
				return nil, fmt.Errorf("a comma is not expected")
			}
			continue
		}
		if !w.quoted && (w.text == "=" || w.text == "(" || w.text == ")") {
			return nil, fmt.Errorf("%q is not expected among fields", w.text)
		}
		out = append(out, w.text)
	}
	return out, nil
}

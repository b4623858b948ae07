package importer

import (
	"errors"
	"strings"
)

// jaasModule is one login module of a JAAS text.
type jaasModule struct {
	class   string
	options map[string]string
}

// name returns the class without its package.
func (m jaasModule) name() string { return m.class[strings.LastIndexByte(m.class, '.')+1:] }

// errJAAS names no part of the text, which holds a password.
var errJAAS = errors.New(`it is no JAAS text; it is written: org.apache.kafka…PlainLoginModule required username="…" password="…";`)

// parseJAAS reads sasl.jaas.config: class, flag, name=value …, a semicolon.
func parseJAAS(text string) ([]jaasModule, error) {
	tokens, err := jaasTokens(text)
	if err != nil {
		return nil, err
	}
	var modules []jaasModule
	for len(tokens) > 0 {
		if len(tokens) < 2 || tokens[0].mark || tokens[1].mark {
			return nil, errJAAS
		}
		m := jaasModule{class: tokens[0].text, options: map[string]string{}}
		tokens = tokens[2:] // the flag, such as required, decides nothing with one module
		for len(tokens) > 0 && (!tokens[0].mark || tokens[0].text != ";") {
			if len(tokens) < 3 || tokens[0].mark || !tokens[1].mark || tokens[1].text != "=" || tokens[2].mark {
				return nil, errJAAS
			}
			m.options[tokens[0].text] = tokens[2].text
			tokens = tokens[3:]
		}
		if len(tokens) > 0 { // Kafka asks for the last semicolon; who forgot it had no connection
			tokens = tokens[1:]
		}
		modules = append(modules, m)
	}
	if len(modules) == 0 {
		return nil, errJAAS
	}
	return modules, nil
}

// jaasToken is a word, a text in quotes, or one of the marks = and ;.
type jaasToken struct {
	text string
	mark bool
}

func jaasTokens(s string) (tokens []jaasToken, err error) {
	for i := 0; i < len(s); {
		switch c := s[i]; {
		case c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f':
			i++
		case c == '=' || c == ';':
			tokens, i = append(tokens, jaasToken{text: string(c), mark: true}), i+1
		case c == '"' || c == '\'':
			text, n, ok := jaasQuoted(s[i:])
			if !ok {
				return nil, errJAAS
			}
			tokens, i = append(tokens, jaasToken{text: text}), i+n
		case strings.HasPrefix(s[i:], "//"):
			end := strings.IndexByte(s[i:], '\n')
			if end < 0 {
				return tokens, nil
			}
			i += end
		case strings.HasPrefix(s[i:], "/*"):
			end := strings.Index(s[i:], "*/")
			if end < 0 {
				return nil, errJAAS
			}
			i += end + 2
		default:
			end := strings.IndexAny(s[i:], " \t\n\r\f=;\"'")
			if end < 0 {
				end = len(s) - i
			}
			tokens, i = append(tokens, jaasToken{text: s[i : i+end]}), i+end
		}
	}
	return tokens, nil
}

// jaasQuoted reads a text in quotes and returns how many bytes it took. The
// escapes are Java's.
func jaasQuoted(s string) (text string, n int, ok bool) {
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == s[0]:
			return b.String(), i + 1, true
		case s[i] == '\n' || s[i] == '\r':
			return "", 0, false
		case s[i] == '\\' && i+1 < len(s):
			i++
			if j := strings.IndexByte("nrtbfav", s[i]); j >= 0 {
				b.WriteByte("\n\r\t\b\f\a\v"[j])
			} else if s[i] >= '0' && s[i] <= '7' {
				value, digits := 0, 0
				for ; digits < 3 && i+digits < len(s) && s[i+digits] >= '0' && s[i+digits] <= '7'; digits++ {
					next := value*8 + int(s[i+digits]-'0')
					if next > 255 {
						break
					}
					value = next
				}
				b.WriteByte(byte(value))
				i += digits - 1
			} else {
				b.WriteByte(s[i])
			}
		default:
			b.WriteByte(s[i])
		}
	}
	return "", 0, false
}

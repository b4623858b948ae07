package spltest

import (
	"fmt"
	"strings"
)

// Macro is a search macro, with the names of its arguments.
type Macro struct {
	Args       []string
	Definition string
}

// expand puts the definitions of macros in their places and takes comments
// out.
func expand(search string, macros map[string]Macro, depth int) (string, error) {
	if depth > 20 {
		return "", fmt.Errorf("macros are nested more than 20 deep")
	}
	var out strings.Builder
	for i := 0; i < len(search); {
		switch {
		case search[i] == '"':
			end, err := quoteEnd(search, i)
			if err != nil {
				return "", err
			}
			if strings.Contains(search[i:end], "`") {
				return "", undocumented("a backtick within quotation marks: %s", search[i:end])
			}
			out.WriteString(search[i:end])
			i = end
		case strings.HasPrefix(search[i:], "```"):
			n := strings.Index(search[i+3:], "```")
			if n < 0 {
				return "", fmt.Errorf("a comment is not closed")
			}
			i += n + 6
		case search[i] == '`':
			n := strings.IndexByte(search[i+1:], '`')
			if n < 0 {
				return "", fmt.Errorf("a macro's backtick is not closed")
			}
			body, err := definition(search[i+1:i+1+n], macros)
			if err != nil {
				return "", err
			}
			if body, err = expand(body, macros, depth+1); err != nil {
				return "", err
			}
			out.WriteString(body)
			i += n + 2
		default:
			out.WriteByte(search[i])
			i++
		}
	}
	return out.String(), nil
}

func definition(call string, macros map[string]Macro) (string, error) {
	name, args := strings.TrimSpace(call), []string(nil)
	if open := strings.IndexByte(name, '('); open >= 0 {
		if !strings.HasSuffix(name, ")") {
			return "", fmt.Errorf("macro `%s`: the parenthesis is not closed", call)
		}
		for arg := range strings.SplitSeq(name[open+1:len(name)-1], ",") {
			arg = strings.TrimSpace(arg)
			if len(arg) >= 2 && arg[0] == '"' && arg[len(arg)-1] == '"' {
				arg = arg[1 : len(arg)-1]
			}
			args = append(args, arg)
		}
		name = fmt.Sprintf("%s(%d)", name[:open], len(args))
	}
	m, ok := macros[name]
	if !ok {
		return "", fmt.Errorf("there is no macro `%s`", name)
	}
	if len(m.Args) != len(args) {
		return "", fmt.Errorf("macro `%s` is called with %d arguments and has %d", name, len(args), len(m.Args))
	}
	body := m.Definition
	for i, arg := range args {
		body = strings.ReplaceAll(body, "$"+m.Args[i]+"$", arg)
	}
	return body, nil
}

// quoteEnd gives the place behind the quoted text that starts at i.
func quoteEnd(s string, i int) (int, error) {
	quote := s[i]
	for j := i + 1; j < len(s); j++ {
		switch s[j] {
		case '\\':
			j++
		case quote:
			return j + 1, nil
		}
	}
	return 0, fmt.Errorf("a quotation mark is not closed: %s", s[i:])
}

// pipeline splits a search into its commands.
func pipeline(search string) ([]string, error) {
	var commands []string
	start, brackets := 0, 0
	for i := 0; i < len(search); i++ {
		switch search[i] {
		case '"':
			end, err := quoteEnd(search, i)
			if err != nil {
				return nil, err
			}
			i = end - 1
		case '\\':
			return nil, undocumented("a backslash outside of quotation marks: %s", search[i:])
		case '[':
			brackets++
		case ']':
			if brackets--; brackets < 0 {
				return nil, fmt.Errorf("a bracket is closed that was not opened")
			}
		case '|':
			if brackets == 0 {
				commands = append(commands, strings.TrimSpace(search[start:i]))
				start = i + 1
			}
		}
	}
	if brackets != 0 {
		return nil, fmt.Errorf("a bracket is not closed")
	}
	commands = append(commands, strings.TrimSpace(search[start:]))
	for i, c := range commands {
		if c == "" && i > 0 {
			return nil, fmt.Errorf("there is no command behind a pipe")
		}
	}
	return commands, nil
}

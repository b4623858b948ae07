package spl

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// quote puts a text into double quotes, for both commands. Within them a
// backslash and a quote have a backslash before them.
func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

// literal is the regular expression of a text. Characters that have a meaning
// there stand in brackets, which read better than backslashes, which quote
// would have to double.
func literal(s string, cased bool) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case strings.ContainsRune(".*?+()[{|$", r):
			b.WriteString("[" + string(r) + "]")
		case r == '^', r == '\\':
			b.WriteString(`\` + string(r))
		case r < ' ', r == 0x7f, r == '`':
			fmt.Fprintf(&b, `\x%02x`, r)
		case r < utf8.RuneSelf || cased:
			b.WriteRune(r)
		default:
			b.WriteString(anyCase(r))
		}
	}
	return b.String()
}

// anyCase writes a letter outside ASCII in all its cases, as nothing says that
// Splunk's (?i) knows them.
func anyCase(r rune) string {
	all := []string{string(r)}
	for next := unicode.SimpleFold(r); next != r; next = unicode.SimpleFold(next) {
		all = append(all, string(next))
	}
	if len(all) == 1 {
		return all[0]
	}
	return "(?:" + strings.Join(all, "|") + ")"
}

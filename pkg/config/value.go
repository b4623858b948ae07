package config

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/dustin/go-humanize"

	"auditlog-forwarder/pkg/creds"
)

// parse turns text into the value of a key. The error says what was given,
// except for a secret, and what is allowed.
func (k Key) parse(text string) (any, error) {
	if k.Secret {
		return parseSecret(text)
	}
	switch k.Kind {
	case List:
		return parseList(text), nil
	case Duration:
		return parseDuration(text)
	case Bytes:
		return parseBytes(text)
	case Bool:
		switch strings.ToLower(text) {
		case "true":
			return true, nil
		case "false":
			return false, nil
		}
		return nil, fmt.Errorf("%q is neither true nor false", text)
	case Int:
		n, err := strconv.Atoi(text)
		if err != nil {
			return nil, fmt.Errorf("%q is not a whole number; give one such as %s", text, k.Example)
		}
		return n, nil
	case Escaped:
		return parseEscaped(text)
	default:
		return text, nil
	}
}

// parseList splits at commas that are not within double quotes; the quotes
// stay, since they mean something to whoever reads the items. An empty text is
// an empty list; an empty item stays, for Validate to refuse.
func parseList(text string) []string {
	if strings.TrimSpace(text) == "" {
		return []string{}
	}
	balanced, within, from := strings.Count(text, `"`)%2 == 0, false, 0
	var items []string
	for i := range len(text) {
		switch {
		case text[i] == '"':
			within = balanced && !within
		case text[i] == ',' && !within:
			items, from = append(items, text[from:i]), i+1
		}
	}
	items = append(items, text[from:])
	for i := range items {
		items[i] = strings.TrimSpace(items[i])
	}
	return items
}

// parseEscaped reads a text with escapes: a shell, and a file that is written
// by hand, have no plain way to give a line break.
func parseEscaped(text string) (string, error) {
	var b strings.Builder
	for rest := text; rest != ""; {
		plain, after, found := strings.Cut(rest, `\`)
		b.WriteString(plain)
		if !found {
			break
		}
		i := -1
		if after != "" {
			i = strings.IndexByte(`nrt\`, after[0])
		}
		if i < 0 {
			return "", fmt.Errorf(`%q holds a \ that begins none of \n, \r, \t and \\; write \\ for a backslash`, text)
		}
		b.WriteByte("\n\r\t\\"[i])
		rest = after[1:]
	}
	return b.String(), nil
}

func parseDuration(text string) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	if err == nil {
		return d, nil
	}
	if days, ok := strings.CutSuffix(text, "d"); ok {
		if n, err := strconv.ParseUint(days, 10, 16); err == nil { // retention is counted in days
			return time.Duration(n) * 24 * time.Hour, nil
		}
	}
	if _, numErr := strconv.ParseFloat(text, 64); numErr == nil {
		return 0, fmt.Errorf("%q has no unit; write %ss for seconds, %sms for milliseconds or %sm for minutes", text, text, text, text)
	}
	return 0, fmt.Errorf("%q is not a duration; write numbers with units such as 500ms, 30s or 1m30s", text)
}

// parseBytes takes a number alone or one with a unit. It is stricter than the
// library, which would read 1m as one mebibyte and 1,5 as fifteen.
func parseBytes(text string) (int64, error) {
	end := strings.IndexFunc(text, func(r rune) bool { return (r < '0' || r > '9') && r != '.' })
	if end < 0 {
		end = len(text)
	}
	unit := strings.ToLower(strings.TrimSpace(text[end:]))
	if end > 0 && slices.Contains([]string{"", "b", "kb", "mb", "gb", "kib", "mib", "gib"}, unit) {
		if n, err := humanize.ParseBytes(text); err == nil && n <= math.MaxInt64 {
			return int64(n), nil
		}
	}
	return 0, fmt.Errorf("%q is not a number of bytes; write 65536, or a unit as in 512KiB, 5MiB, 1GiB, 64KB, 5MB", text)
}

// parseSecret drops line breaks at the end, which editors and echo leave
// behind, and refuses what no token or password holds.
func parseSecret(text string) (creds.Secret, error) {
	text = strings.TrimRight(text, "\r\n")
	switch {
	case text == creds.NewSecret("x").String():
		return creds.Secret{}, errors.New("holds what config print shows instead of a secret; give the secret itself")
	case !utf8.ValidString(text) || strings.HasPrefix(text, "\ufeff") || strings.ContainsFunc(text, unicode.IsControl):
		return creds.Secret{}, errors.New("holds a line break, a byte order mark or other bytes that are not text; it must be the secret alone")
	}
	return creds.NewSecret(text), nil
}

// text writes a value as a person would: the reverse of parse.
func (k Key) text(v any) string {
	switch v := v.(type) {
	case []string:
		return strings.Join(v, ",")
	case time.Duration:
		return formatDuration(v)
	case int64:
		return formatBytes(v)
	case int:
		if k.Kind == Bytes {
			return formatBytes(int64(v))
		}
	case string:
		if k.Kind == Escaped {
			return strings.NewReplacer(`\`, `\\`, "\n", `\n`, "\r", `\r`, "\t", `\t`).Replace(v)
		}
	}
	return fmt.Sprint(v)
}

// yaml writes a value as it stands in a YAML file. A secret is redacted.
func (k Key) yaml(v any) string {
	switch v := v.(type) {
	case []string:
		items := make([]string, len(v))
		for i, item := range v {
			items[i] = quoted(item)
		}
		return "[" + strings.Join(items, ", ") + "]"
	case string:
		if k.Kind == Escaped { // what YAML itself leaves of it is parsed once more
			v = strings.ReplaceAll(v, `\`, `\\`)
		}
		return quoted(v)
	case creds.Secret:
		return strconv.Quote(v.String())
	default:
		return k.text(v)
	}
}

// quoted puts s into quotes unless it is plainly a string to every YAML
// reader. Go's escapes are all known to YAML.
func quoted(s string) string {
	plain := regexp.MustCompile(`^[A-Za-z/][A-Za-z0-9_./:@-]*[A-Za-z0-9_/]$|^[0-9.]+:[0-9]+$`).MatchString(s)
	word := slices.Contains([]string{"true", "false", "null", "yes", "no", "on", "off"}, strings.ToLower(s))
	if plain && !word {
		return s
	}
	return strconv.Quote(s)
}

// formatDuration leaves out the zeros that time.Duration prints: 1m, not 1m0s.
func formatDuration(d time.Duration) string {
	if day := 24 * time.Hour; d > day && d%day == 0 {
		return strconv.Itoa(int(d/day)) + "d"
	}
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// formatBytes uses the largest binary unit that divides n.
func formatBytes(n int64) string {
	for _, u := range []struct {
		shift int
		name  string
	}{{30, "GiB"}, {20, "MiB"}, {10, "KiB"}} {
		if n != 0 && n%(1<<u.shift) == 0 {
			return strconv.FormatInt(n>>u.shift, 10) + u.name
		}
	}
	return strconv.FormatInt(n, 10)
}

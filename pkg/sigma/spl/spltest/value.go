package spltest

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// ErrUndocumented is the error of a search that asks for something whose
// answer Splunk's documentation does not give.
var ErrUndocumented = errors.New("undocumented")

func undocumented(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrUndocumented, fmt.Sprintf(format, args...))
}

type kind uint8

const (
	null kind = iota
	text
	number
	boolean
	multi
)

// value is a value of an eval expression.
type value struct {
	kind    kind
	text    string
	num     float64
	yes     bool
	list    []string
	literal bool // a text that stands in the search, not in a field
}

func textOf(s string) value { return value{kind: text, text: s} }

func numberOf(n float64) value {
	if math.IsNaN(n) || math.IsInf(n, 0) {
		return value{}
	}
	return value{kind: number, num: n}
}

func booleanOf(yes bool) value { return value{kind: boolean, yes: yes} }

func listOf(list []string) value {
	switch len(list) {
	case 0:
		return value{}
	case 1:
		return textOf(list[0])
	}
	return value{kind: multi, list: list}
}

// all gives the values of a field, however many there are.
func (v value) all() []string {
	switch v.kind {
	case text:
		return []string{v.text}
	case number:
		return []string{formatNumber(v.num)}
	case multi:
		return v.list
	}
	return nil
}

// one gives the text of a single value. ok is false for null.
func (v value) one(who string) (s string, ok bool, err error) {
	switch v.kind {
	case null:
		return "", false, nil
	case multi:
		return "", false, undocumented("%s with a field of several values: %q", who, v.list)
	case boolean:
		return "", false, fmt.Errorf("%s with a truth value", who)
	case number:
		return formatNumber(v.num), true, nil
	}
	return v.text, true, nil
}

// float gives the number that a single value is; ok is false for null and for
// a text that is none.
func (v value) float(who string) (n float64, ok bool, err error) {
	if v.kind == number {
		return v.num, true, nil
	}
	s, ok, err := v.one(who)
	if err != nil || !ok {
		return 0, false, err
	}
	n, ok = parseNumber(s)
	return n, ok, nil
}

// parseNumber reads a decimal number; hexadecimal ones, infinities and
// underscores are none to Splunk.
func parseNumber(s string) (float64, bool) {
	if s == "" || strings.ContainsAny(s, "xXpPiInN_") {
		return 0, false
	}
	n, err := strconv.ParseFloat(s, 64)
	return n, err == nil
}

func formatNumber(n float64) string {
	if n == math.Trunc(n) && math.Abs(n) < 1e15 {
		return strconv.FormatFloat(n, 'f', 0, 64)
	}
	return strconv.FormatFloat(n, 'f', -1, 64)
}

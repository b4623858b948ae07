package hec

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/gobwas/glob"

	"auditlog-forwarder/pkg/audit"
)

// What an event is sent with, by its place in arrays.
const (
	metaHost = iota
	metaSource
	metaSourcetype
	metaIndex
	metaCount
)

func metaNames() [metaCount]string { return [metaCount]string{"host", "source", "sourcetype", "index"} }

// rule is one of Config.Routes. All its conditions must hold.
type rule struct {
	topic   *glob.Pattern // nil: any; so is method
	method  *glob.Pattern
	headers []headerCondition
	sets    [metaCount]string // "": left to later rules
}

type headerCondition struct {
	name  string
	value *glob.Pattern
}

// constant reports whether the topic alone decides if the rule holds.
func (r *rule) constant() bool { return r.method == nil && len(r.headers) == 0 }

// holds reports whether all conditions hold but the topic's, which is looked
// at once for each topic.
func (r *rule) holds(rec *audit.Record, ev audit.Event) bool {
	if r.method != nil && !r.method.Match(string(ev.Method)) {
		return false
	}
	for _, c := range r.headers {
		if !slices.ContainsFunc(rec.Headers, func(h audit.Header) bool {
			return h.Key == c.name && c.value.Match(string(h.Value))
		}) {
			return false
		}
	}
	return true
}

// parseRules reads Config.Routes and returns every mistake, each naming the
// rule and the place in it.
func parseRules(routes []string) (rules []*rule, errs []error) {
	for i, text := range routes {
		r, err := parseRule(text)
		if err != nil {
			errs = append(errs, fmt.Errorf("routes: rule %d, %w", i+1, err))
			continue
		}
		rules = append(rules, r)
	}
	return rules, errs
}

const (
	conditionsAllowed = "a condition is topic=, method= or header.<name>= with a pattern, in which * stands for any characters"
	settingsAllowed   = "settings are index=, source=, sourcetype= and host="
)

func parseRule(text string) (*rule, error) {
	words, err := splitWords(text)
	if err != nil {
		return nil, err
	}
	arrow := slices.IndexFunc(words, func(w word) bool { return w.text == "->" && !w.quoted })
	switch {
	case arrow < 0:
		return nil, fmt.Errorf("%q: no -> between conditions and settings; write topic=<pattern> -> index=<name>", text)
	case arrow == 0:
		return nil, fmt.Errorf("%q: no condition before ->; write topic=* for all events", text)
	case arrow == len(words)-1:
		return nil, fmt.Errorf("%q: no setting behind ->; %s", text, settingsAllowed)
	}
	r := &rule{}
	for _, w := range words[:arrow] {
		if err := w.condition(r); err != nil {
			return nil, fmt.Errorf("at character %d, %q: %w", w.at, w.text, err)
		}
	}
	for _, w := range words[arrow+1:] {
		if err := w.setting(r); err != nil {
			return nil, fmt.Errorf("at character %d, %q: %w", w.at, w.text, err)
		}
	}
	return r, nil
}

// word is a part of a rule without its quotes.
type word struct {
	at     int // its first character, from 1
	text   string
	quoted bool
}

// splitWords divides at blanks that are not in double quotes. In quotes, \"
// stands for a quote and \\ for a backslash; elsewhere a backslash belongs to
// the pattern.
func splitWords(text string) ([]word, error) {
	var words []word
	var cur []rune
	at, opened, n := 0, 0, 0
	quoted, escaped := false, false
	end := func() {
		if at > 0 {
			words = append(words, word{at: at, text: string(cur), quoted: quoted})
		}
		cur, at, quoted = cur[:0], 0, false
	}
	for _, r := range text {
		n++
		switch {
		case opened == 0 && unicode.IsSpace(r):
			end()
			continue
		case at == 0:
			at = n
		}
		switch {
		case escaped:
			if r != '"' && r != '\\' {
				cur = append(cur, '\\') // it was the pattern's
			}
			cur, escaped = append(cur, r), false
		case opened > 0 && r == '\\':
			escaped = true
		case r == '"' && opened > 0:
			opened = 0
		case r == '"':
			opened, quoted = n, true
		default:
			cur = append(cur, r)
		}
	}
	if opened > 0 {
		return nil, fmt.Errorf("%q: the quote at character %d is not closed", text, opened)
	}
	end()
	return words, nil
}

func (w word) condition(r *rule) error {
	key, pattern, found := strings.Cut(w.text, "=")
	if !found || key == "" {
		return errors.New("no condition; " + conditionsAllowed)
	}
	name, isHeader := strings.CutPrefix(key, "header.")
	if key != "topic" && key != "method" && (!isHeader || name == "") {
		return fmt.Errorf("%q is unknown; %s", key, conditionsAllowed)
	}
	if pattern == "" {
		return errors.New("the pattern is missing; " + conditionsAllowed)
	}
	g, err := glob.Compile(pattern) // without separators * matches dots and slashes
	if err != nil {
		if bad := (*glob.SyntaxError)(nil); errors.As(err, &bad) {
			return fmt.Errorf("no pattern: %s at its character %d; put a backslash before a character that is meant as it stands", bad.Reason, bad.Offset+1)
		}
		return fmt.Errorf("no pattern: %w", err)
	}
	twice := false
	switch key {
	case "topic":
		twice, r.topic = r.topic != nil, g
	case "method":
		twice, r.method = r.method != nil, g
	default:
		twice = slices.ContainsFunc(r.headers, func(c headerCondition) bool { return c.name == name })
		r.headers = append(r.headers, headerCondition{name: name, value: g})
	}
	if twice {
		return fmt.Errorf("%s is given twice, and both would have to hold; write two rules, or one pattern {a,b}", key)
	}
	return nil
}

func (w word) setting(r *rule) error {
	if w.text == "->" {
		return errors.New("a second ->; write one rule an item")
	}
	key, value, found := strings.Cut(w.text, "=")
	names := metaNames()
	i := slices.Index(names[:], key)
	switch {
	case !found || i < 0:
		return errors.New("no setting; " + settingsAllowed + "; put a value with blanks into double quotes")
	case !usableText([]byte(value)):
		return fmt.Errorf("the value of %s is empty or holds a control character", key)
	case r.sets[i] != "":
		return fmt.Errorf("%s is set twice", key)
	}
	r.sets[i] = value
	return nil
}

// usableText reports whether an event can be sent with v as its index, source,
// sourcetype or host.
func usableText(v []byte) bool {
	if len(v) == 0 || len(v) > maxMeta || !utf8.Valid(v) {
		return false
	}
	for _, c := range v {
		if c < ' ' || c == 0x7f {
			return false
		}
	}
	return true
}

// maxMeta is longer than any index, source, sourcetype or host that makes sense.
const maxMeta = 1024

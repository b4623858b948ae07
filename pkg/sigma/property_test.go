package sigma

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// The second implementation: an event is encoding/json's any, its fields are
// spelled out as Splunk names them, and every text is a regular expression.

type slowTest struct {
	field  string // empty: keywords
	mods   []string
	values []any // string, json.Number, bool, nil
	list   bool
}

type slowSearch struct {
	name string
	maps [][]slowTest // one of them must match, all of its tests
}

type slowCondition struct {
	text  string
	holds func(search func(name string) bool) bool
}

type slowRule struct {
	searches  []slowSearch
	condition slowCondition
}

type slowField struct {
	name  string
	value any
}

func slowFields(name string, v any, out *[]slowField) {
	*out = append(*out, slowField{name, v})
	switch v := v.(type) {
	case map[string]any:
		for k, member := range v {
			slowFields(name+"."+k, member, out)
		}
	case []any:
		for _, element := range v {
			slowFields(name+"{}", element, out)
		}
	}
}

func slowText(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case json.Number:
		return v.String(), true
	case bool:
		return strconv.FormatBool(v), true
	}
	return "", false
}

func slowWildcards(s string) string {
	var b strings.Builder
	for runes := []rune(s); len(runes) > 0; runes = runes[1:] {
		switch {
		case runes[0] == '*':
			b.WriteString(".*")
		case runes[0] == '?':
			b.WriteString(".")
		case runes[0] == '\\' && len(runes) > 1 && strings.ContainsRune(`*?\`, runes[1]):
			runes = runes[1:]
			fallthrough
		default:
			b.WriteString(regexp.QuoteMeta(string(runes[0])))
		}
	}
	return b.String()
}

func (t slowTest) has(mod string) bool { return slices.Contains(t.mods, mod) }

// fits reports whether the text of a value of the event is what the rule's
// value asks for.
func (t slowTest) fits(field any, want any, fields []slowField) bool {
	text, ok := slowText(field)
	if !ok {
		return false
	}
	wanted, _ := slowText(want)
	flags := "(?is)"
	if t.has("cased") {
		flags = "(?s)"
	}
	contains := t.has("contains") || t.field == ""
	switch {
	case t.has("re"):
		flags = ""
		for _, f := range []string{"i", "m", "s"} {
			if t.has(f) {
				flags += "(?" + f + ")"
			}
		}
		return regexp.MustCompile(flags + wanted).MatchString(text)
	case t.has("cidr"):
		addr, err := netip.ParseAddr(text)
		return err == nil && netip.MustParsePrefix(wanted).Contains(addr.Unmap())
	case t.has("lt"), t.has("lte"), t.has("gt"), t.has("gte"):
		if _, isBool := field.(bool); isBool || !json.Valid([]byte(text)) || strings.TrimSpace(text) != text {
			return false
		}
		have, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return false
		}
		limit, _ := strconv.ParseFloat(wanted, 64)
		return t.has("lt") && have < limit || t.has("lte") && have <= limit || t.has("gt") && have > limit || t.has("gte") && have >= limit
	case t.has("fieldref"):
		for _, f := range fields {
			if other, ok := slowText(f.value); f.name == wanted && ok && regexp.MustCompile(flags+"^(?:"+regexp.QuoteMeta(other)+")$").MatchString(text) {
				return true
			}
		}
		return false
	}
	pattern := slowWildcards(wanted)
	if contains || t.has("endswith") {
		pattern = ".*" + pattern
	}
	if contains || t.has("startswith") {
		pattern += ".*"
	}
	return regexp.MustCompile(flags + "^(?:" + pattern + ")$").MatchString(text)
}

func (t slowTest) holds(fields []slowField) bool {
	var values []any
	for _, f := range fields {
		if t.field == "" {
			values = append(values, f.value)
			for _, part := range strings.Split(f.name, ".") { // no name of these events has a dot and braces
				values = append(values, strings.ReplaceAll(part, "{}", ""))
			}
			if i := strings.LastIndex(f.name, "d.e"); i >= 0 {
				values = append(values, "d.e")
			}
		} else if f.name == t.field {
			values = append(values, f.value)
		}
	}
	if t.has("exists") {
		return (len(values) > 0) == t.values[0].(bool)
	}
	if !t.list && t.values[0] == nil {
		return len(values) == 0 || slices.Contains(values2(values), nil)
	}
	n := 0
	for _, want := range t.values {
		if slices.ContainsFunc(values, func(v any) bool { return t.fits(v, want, fields) }) {
			n++
		}
	}
	return n == len(t.values) || n > 0 && !t.has("all")
}

// values2 leaves out what cannot be compared.
func values2(values []any) []any {
	return slices.DeleteFunc(slices.Clone(values), func(v any) bool {
		switch v.(type) {
		case map[string]any, []any:
			return true
		}
		return false
	})
}

func (r slowRule) holds(event any) bool {
	var fields []slowField
	for k, v := range event.(map[string]any) {
		slowFields(k, v, &fields)
	}
	return r.condition.holds(func(name string) bool {
		i := slices.IndexFunc(r.searches, func(s slowSearch) bool { return s.name == name })
		return slices.ContainsFunc(r.searches[i].maps, func(tests []slowTest) bool {
			return !slices.ContainsFunc(tests, func(t slowTest) bool { return !t.holds(fields) })
		})
	})
}

// yaml writes the rule as a user would.
func (r slowRule) yaml() string {
	var b strings.Builder
	b.WriteString("title: random\nlogsource: {product: confluent}\ndetection:\n")
	for _, s := range r.searches {
		fmt.Fprintf(&b, "  %s:", s.name)
		if len(s.maps) == 1 && len(s.maps[0]) == 1 && s.maps[0][0].field == "" && len(s.maps[0][0].mods) == 0 {
			fmt.Fprintf(&b, " %s\n", s.maps[0][0].yamlValues())
			continue
		}
		b.WriteString("\n")
		for _, tests := range s.maps {
			for i, t := range tests {
				lead := "      "
				if i == 0 && len(s.maps) > 1 {
					lead = "    - "
				}
				fmt.Fprintf(&b, "%s%s: %s\n", lead, quoteYAML(strings.Join(append([]string{t.field}, t.mods...), "|")), t.yamlValues())
			}
		}
	}
	fmt.Fprintf(&b, "  condition: %s\n", r.condition.text)
	return b.String()
}

func (t slowTest) yamlValues() string {
	var list []string
	for _, v := range t.values {
		switch v := v.(type) {
		case nil:
			list = append(list, "null")
		case string:
			list = append(list, quoteYAML(v))
		default:
			text, _ := slowText(v)
			list = append(list, text)
		}
	}
	if !t.list {
		return list[0]
	}
	return "[" + strings.Join(list, ", ") + "]"
}

func quoteYAML(s string) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(s); err != nil {
		return "" // a string always encodes
	}
	return strings.TrimSpace(b.String())
}

// TestMatchEqualsSlow holds the matcher equal to the second implementation.
func TestMatchEqualsSlow(t *testing.T) {
	t.Parallel()
	rounds := 500
	if testing.Short() {
		rounds = 200
	}
	answers := map[bool]int{}
	for round := range rounds {
		d := dice{rand.New(rand.NewPCG(4, uint64(round)))}
		var slow []slowRule
		var texts []string
		for range 4 {
			r := d.rule()
			slow = append(slow, r)
			texts = append(texts, r.yaml())
		}
		rules, err := Parse("random.yml", []byte(strings.Join(texts, "---\n")))
		if err != nil {
			if strings.Contains(err.Error(), "no pattern of one") {
				continue // "1 of filter*" without a filter
			}
			t.Fatalf("round %d: %v\n%s", round, err, strings.Join(texts, "---\n"))
		}
		set, err := Compile(rules)
		if err != nil {
			t.Fatal(err)
		}
		m := set.NewMatcher()
		for range 10 {
			var b strings.Builder
			d.object(&b, 0)
			event := b.String()
			dec := json.NewDecoder(strings.NewReader(event))
			dec.UseNumber()
			var tree any
			if err := dec.Decode(&tree); err != nil {
				t.Fatalf("round %d: %v: %s", round, err, event)
			}
			got := slices.Clone(m.Match([]byte(event)))
			for i := range slow {
				want := slow[i].holds(tree)
				answers[want]++
				if slices.Contains(got, i) != want {
					t.Fatalf("round %d: the event\n%s\nand the rule\n%s\nmatch: %t, want %t", round, event, texts[i], !want, want)
				}
			}
		}
	}
	if answers[true] < rounds || answers[false] < rounds {
		t.Errorf("answers %v: the rules hardly ever meet the events, or always do", answers)
	}
	t.Log(answers)
}

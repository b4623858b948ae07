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
	"unicode/utf16"
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

// dice makes random rules and events of few words, so that they meet.
type dice struct{ *rand.Rand }

func pick[T any](d dice, list ...T) T { return list[d.IntN(len(list))] }

func (d dice) word() string {
	return pick(d, "", "Foo", "foo", "fooBar", "bar foo", "K", "k", "\u212a", "ſ", "S", "ss", "straße", "STRASSE", "Ä", "ä", "σ", "ς", "Σ",
		"10.1.2.3", "10.200.0.1", "::ffff:10.1.2.3", "2001:db8::1", "/10.1.2.3", "10.1.2.3:80", "10.1.2", "999.1.1.1", "5", "-5.5", "1e2", "1E2", "05", "true", "False", "null",
		`back\slash`, `\`, `\\`, "a*b", "a?b", "*", "x\ny", "x\ty", "\"", "/", "😀", "😀x", "\ufffd", "foo.exe", "crn://confluent.cloud/organization=6e1c4b0a", "crn://confluent.cloud/organization=6e1c4b0b", "\u2028")
}

func (d dice) path() string {
	return pick(d, "a", "b", "a.b", "a{}", "a{}{}", "a{}.b", "a{}.b{}", "a.b.c", "b{}", "d.e", "d.e{}", "a.d.e", "ä", "ä.a", "a{}.d.e", "b.a{}{}.a")
}

func (d dice) value() any {
	switch d.IntN(8) {
	case 0:
		return json.Number(pick(d, "5", "-5.5", "100", "0", "1e2", "05.5"[1:]))
	case 1:
		return d.IntN(2) == 0
	}
	s := d.word()
	switch d.IntN(5) {
	case 0:
		s = d.wild(s)
	case 1: // meant as it stands
		s = strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`).Replace(s)
	}
	return s
}

// wild puts wildcards and backslashes into a word.
func (d dice) wild(s string) string {
	runes := []rune(s)
	for range 1 + d.IntN(3) {
		at := d.IntN(len(runes) + 1)
		put := []rune(pick(d, "*", "*", "?", "?", `\`, `\*`, `\\*`, `\\\*`, "**"))
		if d.IntN(2) == 0 && at < len(runes) {
			runes = slices.Replace(runes, at, at+1, put...)
		} else {
			runes = slices.Insert(runes, at, put...)
		}
	}
	return string(runes)
}

func (d dice) test() slowTest {
	t := slowTest{field: d.path()}
	one := func() any { return d.value() }
	allowAll, allowCased := true, true
	switch d.IntN(14) {
	case 0:
		t.values = []any{nil}
		return t
	case 1:
		t.mods, t.values = []string{"exists"}, []any{d.IntN(2) == 0}
		return t
	case 2:
		t.mods, allowCased = []string{"re"}, false
		for _, f := range []string{"i", "m", "s"} {
			if d.IntN(3) == 0 {
				t.mods = append(t.mods, f)
			}
		}
		one = func() any {
			return pick(d, "^foo", "o+$", "(?:k|s)", "x.y", "^y", `^\d+$`, "ä", "[A-Z]", "😀", "^$", `\.exe$`, "x$")
		}
	case 3:
		t.mods, allowCased, allowAll = []string{"cidr"}, false, false
		one = func() any { return pick(d, "10.0.0.0/8", "10.1.2.3/32", "0.0.0.0/0", "2001:db8::/32", "::/0") }
	case 4:
		t.mods, allowCased, allowAll = []string{pick(d, "lt", "lte", "gt", "gte")}, false, false
		one = func() any { return json.Number(pick(d, "5", "-5.5", "100", "0", "4.9")) }
	case 5:
		t.mods = []string{"fieldref"}
		one = func() any { return d.path() }
	case 6, 7, 8:
		t.mods = []string{pick(d, "contains", "startswith", "endswith")}
	case 9:
		t.field = ""
	}
	nonempty := len(t.mods) > 0 || t.field == ""
	n := 1
	if t.list = d.IntN(3) == 0; t.list {
		n = 1 + d.IntN(4)
	}
	for len(t.values) < n {
		if v := one(); !nonempty || v != "" {
			t.values = append(t.values, v)
		}
	}
	if allowAll && n > 1 && d.IntN(2) == 0 {
		t.mods = append(t.mods, "all")
	}
	if allowCased && d.IntN(4) == 0 {
		t.mods = append(t.mods, "cased")
	}
	if t.field == "" && len(t.mods) == 0 {
		t.list = true
	}
	return t
}

func (d dice) rule() slowRule {
	var r slowRule
	names := []string{"sel_a", "sel_b", "filter_a", "_hidden"}
	for _, name := range names[:1+d.IntN(len(names))] {
		s := slowSearch{name: name}
		for range 1 + d.IntN(2) {
			var tests []slowTest
			for range 1 + d.IntN(2) {
				t := d.test()
				same := func(o slowTest) bool { return o.field == t.field && slices.Equal(o.mods, t.mods) }
				if t.field == "" && len(t.mods) == 0 {
					t.mods = []string{pick(d, "contains", "cased")} // |all alone would be fine too
				}
				if !slices.ContainsFunc(tests, same) {
					tests = append(tests, t)
				}
			}
			s.maps = append(s.maps, tests)
		}
		if d.IntN(6) == 0 {
			s.maps = [][]slowTest{{{values: []any{d.value()}, list: true}}}
			if s.maps[0][0].values[0] == "" {
				s.maps[0][0].values[0] = "foo"
			}
		}
		r.searches = append(r.searches, s)
	}
	r.condition = d.condition(r.searches, 0)
	return r
}

func (d dice) condition(searches []slowSearch, depth int) slowCondition {
	if depth > 3 {
		s := pick(d, searches...)
		return slowCondition{s.name, func(search func(string) bool) bool { return search(s.name) }}
	}
	switch d.IntN(7) {
	case 0:
		c := d.condition(searches, depth+1)
		return slowCondition{"not (" + c.text + ")", func(s func(string) bool) bool { return !c.holds(s) }}
	case 1, 2:
		a, b := d.condition(searches, depth+1), d.condition(searches, depth+1)
		if d.IntN(2) == 0 {
			return slowCondition{"(" + a.text + ") and (" + b.text + ")", func(s func(string) bool) bool { return a.holds(s) && b.holds(s) }}
		}
		return slowCondition{"(" + a.text + ") or (" + b.text + ")", func(s func(string) bool) bool { return a.holds(s) || b.holds(s) }}
	case 3: // precedence, without parentheses
		a, b, c := pick(d, searches...).name, pick(d, searches...).name, pick(d, searches...).name
		return slowCondition{a + " or not " + b + " and " + c, func(s func(string) bool) bool { return s(a) || (!s(b) && s(c)) }}
	case 4:
		pattern := pick(d, "them", "sel*", "*a", "sel_a", "*_*")
		var names []string
		for _, s := range searches {
			if pattern == "them" && s.name[0] != '_' || pattern != "them" && regexp.MustCompile("^"+strings.ReplaceAll(pattern, "*", ".*")+"$").MatchString(s.name) {
				names = append(names, s.name)
			}
		}
		if d.IntN(2) == 0 {
			return slowCondition{"1 of " + pattern, func(s func(string) bool) bool { return slices.ContainsFunc(names, s) }}
		}
		return slowCondition{"all of " + pattern, func(s func(string) bool) bool {
			return !slices.ContainsFunc(names, func(n string) bool { return !s(n) })
		}}
	}
	return d.condition(searches, 4)
}

// object writes a random JSON object, in which no name is there twice.
func (d dice) object(b *strings.Builder, depth int) {
	b.WriteString("{")
	keys := []string{"a", "b", "c", "d", "d.e", "ä", "e", "😀", ""}
	d.Shuffle(len(keys), func(i, j int) { keys[i], keys[j] = keys[j], keys[i] })
	keys = keys[:1+d.IntN(5)]
	if slices.Contains(keys, "d") { // d: {e: 1} and d.e: 1 are both named d.e, but only of one of them does the other know
		keys = slices.DeleteFunc(keys, func(k string) bool { return k == "d.e" })
	}
	for i, k := range keys {
		if i > 0 {
			b.WriteString(pick(d, ",", ", ", "\n,"))
		}
		d.quoted(b, k)
		b.WriteString(pick(d, ":", ": ", " :\t"))
		d.json(b, depth+1)
	}
	b.WriteString("}")
}

func (d dice) json(b *strings.Builder, depth int) {
	kind := d.IntN(10)
	if depth > 4 {
		kind = 5 + d.IntN(5)
	}
	switch kind {
	case 0, 1:
		d.object(b, depth)
	case 2, 3:
		b.WriteString("[")
		for i := range d.IntN(4) {
			if i > 0 {
				b.WriteString(pick(d, ",", " , "))
			}
			d.json(b, depth+1)
		}
		b.WriteString("]")
	case 4:
		b.WriteString(pick(d, "null", "{}", "[ ]", "true", "false"))
	case 5:
		b.WriteString(pick(d, "5", "-5.5", "100", "0", "1e2", "1E2", "5.0"))
	default:
		d.quoted(b, d.word())
	}
}

// quoted writes a string with escapes where they may be and where they must.
func (d dice) quoted(b *strings.Builder, s string) {
	b.WriteString(`"`)
	for _, r := range s {
		must := r == '"' || r == '\\' || r < 0x20
		switch short := strings.IndexRune("\"\\/\b\f\n\r\t", r); {
		case short >= 0 && (must || d.IntN(2) == 0) && d.IntN(4) > 0:
			b.WriteString(`\` + string(`"\/bfnrt`[short]))
		case must || d.IntN(8) == 0:
			if hi, lo := utf16.EncodeRune(r); r > 0xFFFF {
				fmt.Fprintf(b, `\u%04x\u%04X`, hi, lo)
			} else {
				fmt.Fprintf(b, `\u%04x`, r)
			}
		default:
			b.WriteRune(r)
		}
	}
	if d.IntN(40) == 0 {
		b.WriteString(pick(d, `\ud83d`, `\udc00x`, "\xff"))
	}
	b.WriteString(`"`)
}

// TestMatchEqualsSlow holds the matcher equal to the second implementation.
func TestMatchEqualsSlow(t *testing.T) {
	t.Parallel()
	rounds := 1000
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

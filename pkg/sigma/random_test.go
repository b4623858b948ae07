package sigma

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"unicode/utf16"
)

// dice makes random rules and events of few words, so that they meet.
type dice struct{ *rand.Rand }

func pick[T any](d dice, list ...T) T { return list[d.IntN(len(list))] }

func (d dice) word() string {
	return pick(d, "", "Foo", "foo", "fooBar", "bar foo", "K", "k", "\u212a", "ſ", "S", "ss", "straße", "STRASSE", "Ä", "ä", "σ", "ς", "Σ",
		"10.1.2.3", "10.200.0.1", "::ffff:10.1.2.3", "2001:db8::1", "/10.1.2.3", "10.1.2.3:80", "10.1.2", "999.1.1.1", "10.01.2.3", "1.2.3.4.5", "10..2.3", "10.1.2.", "0.0.0.0", "255.255.255.255", "5", "-5.5", "1e2", "1E2", "05", "true", "False", "null",
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
			if s.name[0] != '_' && (pattern == "them" || regexp.MustCompile("^"+strings.ReplaceAll(pattern, "*", ".*")+"$").MatchString(s.name)) {
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

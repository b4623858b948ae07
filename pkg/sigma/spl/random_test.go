package spl_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
)

// dice makes random rules and events of few words, so that they meet. What
// docs/sigma.md names as different in Splunk is not in them: the text null,
// objects where a rule asks whether a field is there, IPv4 addresses written as
// IPv6, escapes before a keyword, and a member that is there twice.
type dice struct {
	*rand.Rand
	words []string // of this rule and its events
	plain bool     // most of what the rule asks for is whole texts
}

func newDice(round int) dice {
	d := dice{Rand: rand.New(rand.NewPCG(5, uint64(round)))}
	for range 4 {
		d.words = append(d.words, d.anyWord())
	}
	d.words = append(d.words, pick(d, "Foo", "nil", "10.1.2.3", "10.0.0.0/8"), pick(d, "foo", "10.1.2.3"))
	return d
}

// newPlainDice makes rules that have words of the index, and events that have
// them too, between other things.
func newPlainDice(round int) dice {
	d := dice{Rand: rand.New(rand.NewPCG(6, uint64(round))), plain: true}
	for range 4 {
		d.words = append(d.words, pick(d, "Foo", "fooBar", "foo bar", "lkc-1", "lkc-12", "a.foo_b", "10.1.2.3", "9092", "false", "x\nfoo", `say "foo"`))
	}
	return d
}

func pick[T any](d dice, list ...T) T { return list[d.IntN(len(list))] }

func (d dice) word() string {
	switch s := pick(d, d.words...); d.IntN(6) {
	case 0:
		return strings.ToUpper(s)
	case 1:
		return strings.ToLower(s)
	default:
		return s
	}
}

func (d dice) anyWord() string {
	return pick(d, "", "Foo", "foo", "fooBar", "bar foo", "lkc-1", "LKC-12", "nil", "full",
		"Ä", "ä", "straße", "10.1.2.3", "10.200.0.1", "2001:db8::1", "10.1.2.3:80", "10.1.2", "10.1.2.3/32", "10.0.0.0/8",
		"5", "-5.5", "1e2", "1E2", "05", "5.0", "+5", ".5", "0x5", "true", "False", "9092",
		`back\slash`, `\`, `a\\b`, "a*b", "a?b", "*", "x\ny", "\n", "x\ty", `say "foo"`, `"`, "/", " foo", "foo ", "<b>&amp;", "a=b", "(x)", "[x]", "x|y", "^$.+", "'foo'", "`m`")
}

// The fields whose values are never objects or arrays.
func (d dice) field() string {
	return pick(d, "a", "data.a", "data.bC", "data.bC", "data.x y", "list{}", "list{}", "data.list{}.id", "data.list{}.id", "data.list{}.of{}", "deep{}{}.a")
}

func (d dice) pattern() string {
	s := strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`).Replace(d.word())
	if d.plain && d.IntN(4) > 0 {
		if s := d.word(); d.IntN(3) > 0 {
			return s
		} else if n := len(s); n > 3 {
			return s[:3+d.IntN(n-3)] + "*"
		}
	}
	if d.IntN(8) == 0 {
		return pick(d, "*", "n*", "*l", "*u*", "?ull", "n?l*", "f*", "F?o", "*o*")
	}
	for range d.IntN(3) {
		at := d.IntN(len(s) + 1)
		if at > 0 && s[at-1] == '\\' {
			continue
		}
		s = s[:at] + pick(d, "*", "?") + s[at:]
	}
	return strings.ToValidUTF8(s, "?")
}

func quoted(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return "" // texts and numbers always encode
	}
	return string(text)
}

// test is a member of a search: a field with modifiers, and values.
func (d dice) test() (key, values string) {
	key = d.field()
	one := func() string { return quoted(d.pattern()) }
	cased, all := true, true
	kind := d.IntN(16)
	if d.plain && d.IntN(3) > 0 {
		kind = 15
	}
	switch kind {
	case 0:
		return key, "null"
	case 1:
		return key + "|exists", pick(d, "true", "false")
	case 2, 3:
		key, cased = key+"|re"+pick(d, "", "|i", "|m", "|s", "|i|s"), false
		one = func() string {
			return quoted(pick(d, "^foo", "o+$", "(?:k|s)", "x.y", "^y", `^\d+$`, "[A-Z]", "^$", `\.exe$`, "x$", "`m", "[`]m", "\\`m", "\\Q`m`\\E", `\s`, `\S\s\S`, `[^a-z]`, `[]"]`, `l{2}`, `^lkc-\d$`, `\Qa*b\E`, `\\`, `(?i)FOO`))
		}
	case 4:
		key, cased, all = key+"|cidr", false, false
		one = func() string { return pick(d, "10.0.0.0/8", "10.1.2.3/32", "0.0.0.0/0", "'2001:db8::/32'", "'::/0'") }
	case 5, 6:
		key, cased, all = key+"|"+pick(d, "lt", "lte", "gt", "gte"), false, false
		one = func() string { return pick(d, "5", "-5.5", "100", "0", "4.9") }
	case 7, 8:
		key += "|fieldref"
		one = func() string { return quoted(d.field()) }
	case 9, 10, 11:
		key += pick(d, "|contains", "|startswith", "|endswith")
		one = func() string {
			if s := d.pattern(); s != "" {
				return quoted(s)
			}
			return `"foo"`
		}
	case 12:
		one = func() string { return pick(d, "5", "9092", "100", "1e2", "5.0", "true", "false") }
	}
	n := 1 + d.IntN(4)/2*d.IntN(3)
	if all && n > 1 && d.IntN(2) == 0 {
		key += "|all"
	}
	if cased && d.IntN(4) == 0 {
		key += "|cased"
	}
	if n == 1 {
		return key, one()
	}
	list := make([]string, n)
	for i := range list {
		list[i] = one()
	}
	return key, "[" + strings.Join(list, ", ") + "]"
}

// rule is a rule in YAML.
func (d dice) rule() string {
	var b strings.Builder
	b.WriteString("title: random\nlogsource: {product: confluent}\ndetection:\n")
	if d.IntN(3) == 0 {
		key, values := d.test()
		fmt.Fprintf(&b, "  sel: {%s: %s}\n  condition: %ssel\n", quoted(key), values, pick(d, "", "not "))
		return b.String()
	}
	names := []string{"sel_a", "sel_b", "filter_a", "filter_b"}[:1+d.IntN(4)]
	for _, name := range names {
		if d.IntN(8) == 0 {
			word := func() string { return pick(d, "foo", "lkc-1", "'bar foo'", "fo*ar", "'b?r'", "5", "'Bar'", "(x)") }
			if d.IntN(2) == 0 {
				fmt.Fprintf(&b, "  %s: [%s, %s]\n", name, word(), word())
			} else {
				fmt.Fprintf(&b, "  %s: {'|%s': [%s, %s]}\n", name, pick(d, "all", "cased", "all|cased"), word(), word())
			}
			continue
		}
		fmt.Fprintf(&b, "  %s:\n", name)
		for range 1 + d.IntN(2) {
			seen := map[string]bool{}
			lead := "    - "
			for range 1 + d.IntN(3)/2 {
				key, values := d.test()
				if !seen[key] {
					fmt.Fprintf(&b, "%s%s: %s\n", lead, quoted(key), values)
					lead = "      "
				}
				seen[key] = true
			}
		}
	}
	fmt.Fprintf(&b, "  condition: %s\n", d.condition(names, 0))
	return b.String()
}

func (d dice) condition(names []string, depth int) string {
	if depth > 2 {
		return pick(d, names...)
	}
	again := func() string { return d.condition(names, depth+1) }
	switch d.IntN(6) {
	case 0:
		return "not (" + again() + ")"
	case 1, 2:
		return "(" + again() + ") " + pick(d, "and", "or") + " (" + again() + ")"
	case 3:
		return pick(d, names...) + " or not " + pick(d, names...) + " and " + pick(d, names...)
	case 4:
		return pick(d, "1 of ", "all of ") + pick(d, "them", "sel*")
	}
	return pick(d, names...)
}

// event is an event whose member id is n.
func (d dice) event(n int) []byte {
	scalar := func() any {
		switch d.IntN(8) {
		case 0:
			return nil
		case 1:
			return json.RawMessage(pick(d, "5", "-5.5", "100", "0", "1e2", "1E2", "5.0", "9092"))
		case 2:
			return d.IntN(2) == 0
		}
		return d.word()
	}
	object := func(one func() any, names ...string) map[string]any {
		o := map[string]any{}
		for _, name := range names {
			if d.IntN(6) > 0 {
				o[name] = one()
			}
		}
		return o
	}
	list := func(one func() any) []any {
		l := []any{}
		for range d.IntN(4) {
			l = append(l, one())
		}
		return l
	}
	scalars := func() any { return list(scalar) }
	e := object(scalar, "a")
	data := object(scalar, "a", pick(d, "bC", "b_c"), "x y")
	if d.IntN(3) > 0 {
		data["list"] = list(func() any {
			o := object(scalar, "id")
			if d.IntN(2) == 0 {
				o["of"] = scalars()
			}
			return o
		})
	}
	if d.IntN(8) > 0 {
		e["data"] = data
	}
	if d.IntN(2) == 0 {
		e["list"] = scalars()
	}
	if d.IntN(3) == 0 {
		e["deep"] = list(func() any { return list(func() any { return object(scalar, "a") }) })
	}
	e["id"] = fmt.Sprintf("event-%d-", n)
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(e); err != nil {
		return nil // it always encodes
	}
	return []byte(strings.TrimSpace(b.String()))
}

package sigma

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParse(t *testing.T) {
	t.Parallel()
	rules, err := Parse("a.yml", []byte(`# a file of two rules
title: First
id: 929a690e-bef0-4204-a928-ef5e620d6fcc
name: first
status: test
description: >
  What it
  finds.
license: Apache-2.0
author: Somebody
date: 2026-11-22
modified: 2026-11-23
references: [https://example.com/a]
related:
  - {id: 08fbc97d-0a2f-491c-ae21-8ffcfd3174e9, type: derived}
taxonomy: sigma
scope: [audit]
tags: [attack.t1098]
fields: [data.methodName]
falsepositives: Administrators
level: high
logsource: {category: audit, product: confluent, service: audit, definition: none, more: 1}
detection:
  selection:
    data.methodName|startswith|cased: Create
    data.authenticationInfo.principal: null
  condition: selection
action: drop
custom: {a: [1]}
---
---
title: Second
logsource: {product: confluent}
detection:
  sel: [x]
  condition: sel
`))
	if err != nil {
		t.Fatal(err)
	}
	if len(rules) != 2 || rules[1].Title != "Second" || rules[1].Line != 32 {
		t.Fatalf("%d rules, the second is %+v", len(rules), rules[1])
	}
	r := rules[0]
	extra := map[string]int{}
	for name, n := range r.Extra {
		extra[name] = n.Line
	}
	if diff := cmp.Diff(map[string]int{"action": 28, "custom": 29}, extra); diff != "" {
		t.Errorf("Extra (-want +got)\n%s", diff)
	}
	if len(r.Detection.Searches) != 1 {
		t.Fatalf("%d searches", len(r.Detection.Searches))
	}
	both, ok := r.Detection.Searches[0].Expr.(And)
	if !ok || len(both) != 2 {
		t.Fatalf("the search is %#v", r.Detection.Searches[0].Expr)
	}
	first, second := both[0].(*Test), both[1].(*Test)
	if first.Op != Match || !first.Cased || first.Path.String() != "data.methodName" || first.Line != 25 || first.Column != 5 {
		t.Errorf("the first test is %+v", first)
	}
	if diff := cmp.Diff(Pattern{{Text: "Create"}, {Wildcard: Any}}, first.Of[0].Pattern); diff != "" {
		t.Errorf("its pattern (-want +got)\n%s", diff)
	}
	if second.Op != Null || len(second.Of) != 0 {
		t.Errorf("the second test is %+v", second)
	}
	if ref, ok := r.Detection.Condition.(Ref); !ok || ref.Search != r.Detection.Searches[0] {
		t.Errorf("the condition is %#v", r.Detection.Condition)
	}
	r.Extra, r.Detection = nil, Detection{}
	want := &Rule{
		Title: "First", ID: "929a690e-bef0-4204-a928-ef5e620d6fcc", Name: "first", Status: "test",
		Description: "What it finds.\n", License: "Apache-2.0", Author: "Somebody", Date: "2026-11-22", Modified: "2026-11-23",
		Level: "high", Tags: []string{"attack.t1098"}, Fields: []string{"data.methodName"},
		FalsePositives: []string{"Administrators"}, References: []string{"https://example.com/a"},
		LogSource: LogSource{Category: "audit", Product: "confluent", Service: "audit", Definition: "none"},
		File:      "a.yml", Line: 2,
	}
	if diff := cmp.Diff(want, r); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestPattern(t *testing.T) {
	t.Parallel()
	text, star, one := func(s string) Part { return Part{Text: s} }, Part{Wildcard: Any}, Part{Wildcard: One}
	tests := []struct {
		in   string
		want Pattern
	}{
		{``, nil},
		{`a`, Pattern{text(`a`)}},
		{`a*b?`, Pattern{text(`a`), star, text(`b`), one}},
		{`***`, Pattern{star}},
		{`??`, Pattern{one, one}},
		{`\*`, Pattern{text(`*`)}},
		{`\?`, Pattern{text(`?`)}},
		{`a\b`, Pattern{text(`a\b`)}},
		{`a\\b`, Pattern{text(`a\b`)}},
		{`\\*`, Pattern{text(`\`), star}},
		{`\\\*`, Pattern{text(`\*`)}},
		{`\\\`, Pattern{text(`\\`)}},
		{`\\\\`, Pattern{text(`\\`)}},
		{`\`, Pattern{text(`\`)}},
	}
	for _, test := range tests {
		if diff := cmp.Diff(test.want, parsePattern(test.in)); diff != "" {
			t.Errorf("%s (-want +got)\n%s", test.in, diff)
		}
	}
}

// TestMistakes gives every mistake with its place and the way out.
func TestMistakes(t *testing.T) {
	t.Parallel()
	rule := func(detection string) string {
		return "title: x\nlogsource: {}\ndetection:\n  " + detection + "\n"
	}
	field := func(field string) string { return rule("s:\n    " + field + "\n  condition: s") }
	condition := func(c string) string { return rule("s: {a: 1}\n  f_1: {a: 2}\n  condition: " + c) }
	tests := []struct {
		in   string
		want string // one mistake a line, parts of it
	}{
		{"", "1:1: the file has no rule"},
		{"---\n# nothing\n", "1:1: the file has no rule"},
		{"- a", "1:1: a rule is a map with the members title, logsource and detection, and this is a list"},
		{"a: [", "not YAML"},
		{"detection: {a: {b{}.c: d}}", "between braces a name that has {} itself needs quotation marks"},
		{"title: x\n\tlevel: low", "2:1: not YAML: found a tab"},
		{"level: low", "1:1: the rule has no title\n1:1: the rule has no logsource\n1:1: the rule has no detection"},
		{field("a: 1") + "level: severe\nstatus: new\n", "7:8: level is \"severe\"; allowed are informational, low\n8:9: status is \"new\"; allowed are stable"},
		{field("a: 1") + "title: y\n", "7:1: title is there twice, first in line 1"},
		{field("a: 1") + "tags: {a: b}\n", "7:7: tags is a string, and this is a map"},
		{field("a: 1") + "author: [me]\nid:\n", "7:9: author is a string, and this is a list\n8:4: id is a string, and this is null"},
		{field("a: 1") + "taxonomy: ecs\n", "7:11: taxonomy \"ecs\" is not supported"},
		{field("a: 1") + "related: yes\n", "7:10: related is a list"},
		{field("a: 1") + "title2: &x [1]\ntitle3: *x\n", "8:1: title3: aliases (*name) and merges (<<) are not supported"},
		{strings.Replace(field("a: 1"), "x", strings.Repeat("x", 257), 1), "1:8: the title has 257 characters; at most 256"},
		{strings.Replace(field("a: 1"), "{}", "linux", 1), "2:12: logsource is a map"},
		{strings.Replace(field("a: 1"), "title: x", "title: ' '", 1), "1:8: the title is empty"},
		{strings.Replace(field("a: 1"), "title: x", `title: "a\nb"`, 1), "1:8: the title has a line end"},
		{"title: x\ncorrelation: {type: event_count}\n", "2:14: correlation rules are not supported"},

		{"title: x\nlogsource: {}\ndetection: [a]\n", "3:12: detection is a map of searches and a condition, and this is a list"},
		{"title: x\nlogsource: {}\ndetection: {condition: a}\n", "3:12: detection has no search"},
		{rule("s: {a: 1}"), "4:3: detection has no condition"},
		{rule("s: {a: 1}\n  timeframe: 5m\n  condition: s"), "5:3: timeframe is not supported"},
		{rule("s 1: {a: 1}\n  condition: not s"), "4:3: \"s 1\" is no name of a search\n5:18: the condition: there is no search \"s\"; the searches are s 1"},
		{rule("all: {a: 1}\n  s: [x]\n  condition: s"), "4:3: \"all\" is no name of a search"},
		{rule("s: []\n  condition: s"), "4:6: s is empty"},
		{rule("s: {}\n  condition: s"), "4:6: s is empty"},
		{rule("s: [{}, [a]]\n  condition: s"), "4:7: s is empty\n4:11: the list s holds maps and keywords, and this is a list"},
		{rule("s: [null]\n  condition: s"), "4:7: the list of keywords: null stands alone"},
		{rule("s:\n  condition: s"), "4:5: the list of keywords: null is no keyword"},
		{rule("s: ['']\n  condition: s"), "4:7: the list of keywords: an empty text is in every value"},

		{field("a: []"), "5:8: a has an empty list"},
		{field("a: {b: c}"), "5:8: a: a value is a string, a number, true or false, and this is a map"},
		{field("a: [x, null, [y]]"), "5:12: a: null stands alone, neither in a list nor with a modifier\n5:18: a: a value is a string"},
		{field("a|contains: null"), "5:17: a: null stands alone"},
		{field("a|cased: null"), "5:14: a: null has no letters"},
		{field("a: 0x1F"), "5:8: a: the number 0x1F is not written as JSON writes it; write it in decimals, or in quotes"},
		{field("a: .inf"), "5:8: a: the number .inf"},
		{field("a: !!binary aGk="), "5:8: a: a value is a string, a number, true or false, and this is tagged !!binary"},
		{field("a..b: 1"), "5:5: field \"a..b\" has an empty name between its dots"},
		{field("'a{0}.b': 1"), "5:5: field \"a{0}.b\": braces stand empty"},
		{field("'{}.b': 1"), "5:5: field \"{}.b\" has an empty name"},
		{field("'': 1"), "5:5: a field or a modifier is missing"},
		{field("'|': 1"), "5:5: a field or a modifier is missing"},
		{field("a|: 1"), "5:5: there is no modifier \"\"; allowed are contains"},
		{field("a|like: 1"), "5:5: there is no modifier \"like\"; allowed are contains, startswith"},
		{field("a|contains|contains: 1"), "5:5: the modifier contains is there twice"},
		{field("a|contains|endswith: 1"), "5:5: the modifiers contains and endswith exclude each other"},
		{field("a|i: 1"), "5:5: the modifier i belongs to re; write |re|i"},
		{field("a|neq: 1"), "5:5: the modifier neq is not supported; ask for the value in a search of its own"},
		{field("a|expand: '%x%'"), "5:5: the modifier expand is not supported"},
		{field("a|base64|contains: x"), "5:5: the modifier base64 is not supported"},
		{field("a|windash: x"), "5:5: the modifier windash is not supported"},
		{field("a|hour: 3"), "5:5: the modifier hour is not supported"},
		{field("a|all: x"), "5:5: a: |all joins two values or more, and there is one"},
		{field("a|all: [x]"), "5:5: a: |all joins two values or more, and there is one"},
		{field("a|re|cased: x"), "5:5: a regular expression is case-sensitive by itself"},
		{field("a|re: '(?=x)'"), "5:11: a: the regular expression uses \"(?=\", which RE2 lacks"},
		{field("a|re: '(?<!x)y'"), "5:11: a: the regular expression uses \"(?<!\", which RE2 lacks"},
		{field("a|re: '(?>x)'"), "5:11: a: the regular expression uses \"(?>\", which RE2 lacks"},
		{field("a|re: '(a)\\1'"), "5:11: a: the regular expression is none of RE2's: invalid escape sequence"},
		{field("a|re|i: 'a)(b'"), "5:13: a: the regular expression is none of RE2's: unexpected )"},
		{field("a|re: [ok, '[']"), "5:16: a: the regular expression is none of RE2's: missing closing ]"},
		{field("a|re: ''"), "5:11: a: the regular expression is empty"},
		{field("a|cidr: 10.0.0.0"), "5:13: a: \"10.0.0.0\" is no range of addresses"},
		{field("a|cidr: 10.0.0.1/8"), "5:13: a: 10.0.0.1/8 has bits set behind its length; the range is 10.0.0.0/8"},
		{field("a|cidr: '::ffff:10.0.0.0/104'"), "5:13: a: write the range of IPv4 addresses"},
		{field("a|cidr|all: [10.0.0.0/8, 10.0.0.0/9]"), "5:5: the modifier cidr goes with neither cased nor all"},
		{field("a|exists: 1"), "5:15: a|exists is true or false, and this is a number"},
		{field("a|exists: [true]"), "5:15: a|exists is true or false, and this is a list"},
		{field("a|gt: high"), "5:11: a: |gt compares with a number, and \"high\" is none"},
		{field("a|gt: 'Inf'"), "5:11: a: |gt compares with a number"},
		{field("a|contains: ''"), "5:17: a: an empty text is in every value"},
		{field("a|fieldref: b..c"), "5:17: field \"b..c\" has an empty name"},
		{field("'|endswith': x"), "5:5: keywords are looked for in the whole event, so |endswith says nothing of them"},
		{field("'|exists': true"), "5:16: |exists asks for a field"},

		{condition(""), "6:13: a condition is a string, and this is null"},
		{condition("{a: b}"), "6:14: a condition is a string, and this is a map"},
		{condition("[]"), "6:14: the list of conditions is empty"},
		{condition("[s, t]"), "6:18: the condition: there is no search \"t\"; the searches are s, f_1"},
		{condition("s and"), "6:19: the condition: it ends where the name of a search is expected"},
		{condition("'s and'"), "6:20: the condition: it ends"},
		{condition("s s"), "6:16: the condition: \"s\" stands where and, or, or the end is expected"},
		{condition("and s"), "6:14: the condition: \"and\" stands where the name of a search"},
		{condition("(s or f_1"), "6:23: the condition: the parenthesis from character 1 is not closed before the end"},
		{condition("s)"), "6:15: the condition: \")\" stands where and, or, or the end"},
		{condition("s & f_1"), "6:16: the condition: \"&\" stands where"},
		{condition("s é"), "6:16: the condition: \"é\" stands where"},
		{condition("s | count() > 3"), "6:16: the condition: an aggregation (| count() …) is not supported"},
		{condition("s | near f_1"), "6:16: the condition: an aggregation"},
		{condition("1 of x*"), "6:19: the condition: \"x*\" is no search and no pattern of one; the searches are s, f_1"},
		{condition("2 of them"), "6:14: the condition: \"2 of\" is not supported; allowed are \"1 of\" and \"all of\""},
		{condition("any of them"), "6:14: the condition: \"any of\" is not supported"},
		{condition("1 s"), "6:14: the condition: \"1\" is followed by of"},
		{condition("f_*"), "6:14: the condition: \"f_*\" stands where the name of a search"},
		{condition(strings.Repeat("not ", 200) + "s"), "the condition: it is nested more than 100 deep"},
		{condition(strings.Repeat("(", 200)), "the condition: it is nested more than 100 deep"},
		{condition("|\n    s and\n    x"), "6:14: the condition: there is no search \"x\""},
	}
	for _, test := range tests {
		_, err := Parse("f.yml", []byte(test.in))
		if err == nil {
			t.Errorf("no mistake in\n%s", test.in)
			continue
		}
		got, want := strings.Split(err.Error(), "\n"), strings.Split(test.want, "\n")
		ok := len(got) == len(want)
		for i := 0; ok && i < len(got); i++ {
			place, what, _ := strings.Cut(want[i], ": ")
			if !strings.Contains(place, ":") { // the place is not looked at
				place, what = "", want[i]
			}
			ok = strings.HasPrefix(got[i], "f.yml:"+place) && strings.Contains(got[i], what)
		}
		if !ok {
			t.Errorf("%s\ngot  %s\nwant %s", test.in, strings.Join(got, "\n     "), strings.Join(want, "\n     "))
		}
	}
}

package spl_test

import (
	"strings"
	"testing"

	"auditlog-forwarder/pkg/sigma"
	"auditlog-forwarder/pkg/sigma/spl"
)

func TestWords(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, detection, want string }{
		{"a text, once for both spellings", `s: {data.methodName: DeleteKafkaCluster}, condition: s`, `"DeleteKafkaCluster"`},
		{"all fields of a map", `s: {data.methodName: mds.Authorize, data.result.status: DENY}, condition: s`, `"mds.Authorize" "DENY"`},
		{"one of a list", `s: {a: [lkc-1, lkc-2]}, condition: s`, `("lkc-1" OR "lkc-2")`},
		{"what a text starts with", `s: {"a|startswith": Delete, b: kafka.Del*}, condition: s`, `"Delete*" "kafka.Del*"`},
		{"all of a list", `s: {"a|all": [lkc-1, lkc-2]}, condition: s`, `"lkc-1" "lkc-2"`},
		{"what others of all have not", `s: {"a|all": [lkc-1, "*x"]}, condition: s`, `"lkc-1"`},
		{"one of a list has none", `s: {a: [lkc-1, "lkc-?", "lkc-*"]}, condition: s`, ``},
		{"or", `s: {a: foo, b: bar}, t: {c: baz}, condition: s or t`, `(("foo" "bar") OR "baz")`},
		{"or with a part that has none", `s: {a: foo}, t: {"c|exists": true}, condition: s or t`, ``},
		{"and with a part that has none", `s: {a: foo}, t: {"c|exists": true}, condition: s and t`, `"foo"`},
		{"not", `s: {a: foo}, t: {b: bar}, condition: s and not t`, `"foo"`},
		{"not of not", `s: {a: foo}, condition: not (not s)`, ``},
		{"a boolean and a number", `s: {a: false, b: 9092}, condition: s`, `"false" "9092"`},
		{"with case", `s: {"a|cased": foo}, condition: s`, `"foo"`},
		{"short", `s: {a: fo}, condition: s`, ``},
		{"empty", `s: {a: ""}, condition: s`, ``},
		{"what JSON may escape", `s: {a: "io/x", b: 'b\c', c: "d\"e", d: straße, e: "f g", f: "<g>"}, condition: s`, ``},
		{"what divides at an end", `s: {a: -foo, b: foo., c: _foo}, condition: s`, ``},
		{"a part of a text", `s: {"a|contains": foo, b: "lkc*1", e: "lkc1*2*", f: "lkc-*", "c|endswith": baz, "d|re": ^foo$}, condition: s`, ``},
		{"another field's value", `s: {"a|fieldref": bcd}, condition: s`, ``},
		{"a range, a number, null", `s: {"a|cidr": 10.0.0.0/8, "b|gt": 100, c: null}, condition: s`, ``},
		{"keywords", `s: [foobar, barfoo], condition: s`, ``},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			rules, err := sigma.Parse("words.yml", []byte("title: t\nlogsource: {}\ndetection: {"+tt.detection+"}\n"))
			if err != nil {
				t.Fatal(err)
			}
			if got := spl.Words(sigma.BothSpellings(rules[0])); got != tt.want {
				t.Errorf("words of %s\n%s\nwant\n%s", tt.detection, got, tt.want)
			}
		})
	}
}

// TestWordsOfNothing: a rule without a detection has none.
func TestWordsOfNothing(t *testing.T) {
	t.Parallel()
	if got := spl.Words(&sigma.Rule{}); got != "" {
		t.Errorf("words of no detection: %s", got)
	}
}

// withWords is a search behind the words of its rule.
func withWords(r *sigma.Rule, q spl.Query) string {
	return strings.TrimSpace(spl.Words(r) + " " + q.String())
}

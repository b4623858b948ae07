package filter

import (
	"testing"

	"auditlog-forwarder/pkg/creds"
)

// TestSummaryRules: a window that was open under other rules is known as such if,
// and only if, these decide which events it counts and by what.
func TestSummaryRules(t *testing.T) {
	t.Parallel()
	sum := rule("sum", "m", "{action: summarise, summarise: {by: data.who}}")
	of := func(key string, texts ...string) string {
		return withRules(t, Config{HashKey: creds.NewSecret(key)}, texts...).SummaryRules()
	}
	const key = "0123456789abcdef"
	hide := func(with string) string {
		return rule("hide", "m", "{action: redact, redact: {fields: data.who, with: "+with+"}}")
	}
	before := of(key, sum)
	for _, tc := range []struct {
		name string
		got  string
		same bool
	}{
		{"the same", of(key, sum), true},
		{"another rule behind", of(key, sum, rule("drop", "m", "{action: drop}")), true},
		{"another rule in front", of(key, rule("drop", "n", "{action: drop}"), sum), false},
		{"what is hidden behind", of(key, sum, hide("x")), false},
		{"another key", of(key+"x", sum), false},
	} {
		if (tc.got == before) != tc.same {
			t.Errorf("%s: the same is %t, want %t", tc.name, !tc.same, tc.same)
		}
	}
	if of(key, sum, hide("x")) == of(key, sum, hide("y")) {
		t.Error("what is hidden with another text counts by another key")
	}
	if got := of(key, hide("x"), rule("drop", "m", "{action: drop}")); got != "" {
		t.Errorf("no rule sums up, and yet there is %q", got)
	}
}

package spl_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"auditlog-forwarder/pkg/sigma"
	"auditlog-forwarder/pkg/sigma/spl"
	"auditlog-forwarder/pkg/sigma/spl/spltest"
)

// TestSearchFindsWhatTheRuleMatches runs the searches of random rules over
// random events, and asks the stream's matcher about the same.
func TestSearchFindsWhatTheRuleMatches(t *testing.T) {
	t.Parallel()
	rounds := 1000
	if testing.Short() {
		rounds = 300
	}
	var refused, both, silent int
	for round := range rounds {
		d := newDice(round)
		text := d.rule()
		rules, err := sigma.Parse("random.yml", []byte(text))
		if err != nil {
			t.Fatalf("round %d: %v\n%s", round, err, text)
		}
		if round%3 == 0 {
			rules[0] = sigma.BothSpellings(rules[0])
		}
		q, err := spl.Translate(rules[0])
		if err != nil {
			refused++
			continue
		}
		set, err := sigma.Compile(rules)
		if err != nil {
			t.Fatal(err)
		}
		matcher := set.NewMatcher()
		var events []spltest.Event
		var want []string
		for i := range 12 {
			raw := d.event(i)
			events = append(events, spltest.Event{Raw: raw, Time: time.Unix(int64(1000-i), 0), Index: "main"})
			if len(matcher.Match(raw)) > 0 {
				want = append(want, string(raw))
			}
		}
		rows, err := spltest.Run("index=main "+q.String(), events, spltest.Options{Now: time.Unix(2000, 0)})
		if err != nil {
			t.Fatalf("round %d: %v\n%s\n%s", round, err, text, q)
		}
		var got []string
		for _, row := range rows {
			got = append(got, row["_raw"][0])
		}
		if !slices.Equal(got, want) {
			t.Fatalf("round %d: the rule\n%s\nas\n%s\nfinds\n%s\nand should find\n%s", round, text, q, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
		if len(want) > 0 && len(want) < len(events) {
			both++
		} else {
			silent++
		}
	}
	if refused > rounds/4 || both < rounds/4 {
		t.Errorf("of %d rules %d are refused, and %d tell events apart: there is little to compare", rounds, refused, both)
	}
	t.Logf("%d rules: %d refused, %d tell events apart, %d do not", rounds, refused, both, silent)
}

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
// random events, alone and behind the rule's words, and asks the stream's matcher
// about the same.
func TestSearchFindsWhatTheRuleMatches(t *testing.T) {
	t.Parallel()
	rounds := 1000
	if testing.Short() {
		rounds = 300
	}
	var refused, both, silent, worded int
	for round := range rounds {
		d := newDice(round)
		if round%2 == 1 {
			d = newPlainDice(round)
		}
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
		loaded := spltest.Load(events, 0)
		for _, search := range []string{q.String(), withWords(rules[0], q)} {
			rows, err := loaded.Run("index=main "+search, spltest.Options{Now: time.Unix(2000, 0)})
			if err != nil {
				t.Fatalf("round %d: %v\n%s\n%s", round, err, text, search)
			}
			var got []string
			for _, row := range rows {
				got = append(got, row["_raw"][0])
			}
			if !slices.Equal(got, want) {
				t.Fatalf("round %d: the rule\n%s\nas\n%s\nfinds\n%s\nand should find\n%s", round, text, search, strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
		}
		if len(want) > 0 && spl.Words(rules[0]) != "" {
			worded++
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
	if worded < rounds/20 {
		t.Errorf("of %d rules %d have words and find something: there is little to compare", rounds, worded)
	}
	t.Logf("%d rules: %d refused, %d tell events apart, %d do not; %d have words and find something", rounds, refused, both, silent, worded)
}

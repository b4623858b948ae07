package firing_test

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"auditlog-forwarder/pkg/alerts"
	"auditlog-forwarder/pkg/alerts/firing"
)

// plain is an event as the oracle sees it.
type plain struct {
	at       time.Time
	who, key string
	matches  bool
}

func (p plain) event() firing.Event {
	m := "y"
	if p.matches {
		m = "x"
	}
	return firing.Event{Time: p.at, Body: fmt.Appendf(nil, `{"m":%q,"who":%q,"key":%q}`, m, p.who, p.key)}
}

// oracle counts each window anew from all events.
func oracle(a *alerts.Alert, events []plain, since, until time.Time) (told []string) {
	silent := map[string]time.Time{}
	in := func(from, to time.Time, who string) (n int, keys map[string]bool, first time.Time) {
		keys = map[string]bool{}
		for _, ev := range events {
			if ev.matches && !ev.at.Before(from) && ev.at.Before(to) && (who == "*" || ev.who == who) {
				n++
				keys[ev.key] = true
				if first.IsZero() || ev.at.Before(first) {
					first = ev.at
				}
			}
		}
		return n, keys, first
	}
	for run := since.Truncate(a.Every); !run.After(until); run = run.Add(a.Every) {
		type result struct {
			who   string
			text  string
			first time.Time
		}
		var results []result
		for _, who := range []string{"a", "b", "c"} {
			switch c := a.Condition; {
			case c.Threshold != nil:
				n, keys, first := in(run.Add(-a.LookBack), run, who)
				if n >= max(1, int(c.Threshold.Count)) && len(keys) >= int(c.Threshold.DistinctCount) {
					text := fmt.Sprintf("[principal=%s] %d", who, n)
					if c.Threshold.Distinct != "" {
						text += fmt.Sprintf(" of %d", len(keys))
					}
					results = append(results, result{who, text, first})
				}
			case c.New != nil:
				n, _, first := in(run.Add(-a.Every), run, who)
				before, _, _ := in(run.Add(-a.Every-c.New.Within), run.Add(-a.Every), who)
				if n >= int(c.New.Count) && before == 0 {
					results = append(results, result{who, fmt.Sprintf("[principal=%s] %d", who, n), first})
				}
			case c.Spike != nil:
				var counts []float64
				for at := run.Add(-c.Spike.Over); at.Before(run); at = at.Add(c.Spike.Bin) {
					n, _, _ := in(at, at.Add(c.Spike.Bin), who)
					counts = append(counts, float64(n))
				}
				var sum, squares float64
				for _, n := range counts {
					sum += n
				}
				for _, n := range counts {
					squares += (n - sum/float64(len(counts))) * (n - sum/float64(len(counts)))
				}
				limit := sum/float64(len(counts)) + c.Spike.Deviations*math.Sqrt(squares/float64(len(counts)))
				for at := run.Add(-a.Every); at.Before(run); at = at.Add(c.Spike.Bin) {
					if n, _, first := in(at, at.Add(c.Spike.Bin), who); n >= int(c.Spike.Count) && float64(n) > limit {
						results = append(results, result{who, fmt.Sprintf("[principal=%s] %d", who, n), first})
					}
				}
			}
		}
		if c := a.Condition.Absent; c != nil && !run.Add(-c.For).Before(since) {
			if n, _, _ := in(run.Add(-c.For), run, "*"); n == 0 {
				results = append(results, result{"", "[] 0", run})
			}
		}
		slices.SortStableFunc(results, func(a, b result) int {
			return cmp.Or(a.first.Compare(b.first), strings.Compare(a.who, b.who))
		})
		if whole, ok := silent[""]; ok && run.Before(whole) {
			continue
		}
		for i, r := range results {
			if until, ok := silent[r.who]; ok && run.Before(until) {
				continue
			}
			line := run.Format("02 15:04") + " " + r.text
			if len(a.Suppress.By) > 0 {
				silent[r.who] = run.Add(a.Suppress.For)
			} else {
				silent[""] = run.Add(a.Suppress.For)
				if i > 0 {
					line += " (same)"
				}
			}
			told = append(told, line)
		}
	}
	return told
}

// drawn is a random alert with a condition.
func drawn(rng *rand.Rand) func(a *alerts.Alert) {
	minutes := func(of ...int) time.Duration { return time.Duration(of[rng.IntN(len(of))]) * time.Minute }
	return func(a *alerts.Alert) {
		a.Every = minutes(5, 10, 30, 60)
		a.LookBack = a.Every * time.Duration(1+rng.IntN(3))
		if rng.IntN(3) == 0 {
			a.LookBack += minutes(1, 7)
		}
		if rng.IntN(2) == 0 {
			a.Suppress.For = minutes(5, 30, 45, 120)
		}
		by := []string{"principal"}
		switch rng.IntN(4) {
		case 0:
			a.Condition.Threshold = &alerts.Threshold{Count: 1 + rng.Int64N(4), By: by}
			if rng.IntN(2) == 0 {
				a.Condition.Threshold.Distinct, a.Condition.Threshold.DistinctCount = "credential", 1+rng.Int64N(3)
			}
		case 1:
			a.Condition.New = &alerts.New{By: by, Within: minutes(30, 60, 200, 600), Count: 1 + rng.Int64N(3)}
		case 2:
			a.Condition.Spike = &alerts.Spike{By: by, Bin: a.Every, Over: a.Every * time.Duration(4+rng.IntN(8)), Count: 1 + rng.Int64N(3), Deviations: float64(rng.IntN(3))}
			if rng.IntN(2) == 0 && a.Every > 5*time.Minute {
				a.Condition.Spike.Bin = 5 * time.Minute
			}
		case 3:
			a.Condition.Absent = &alerts.Absent{For: minutes(5, 20, 61)}
		}
		if a.Suppress.For > 0 && a.Condition.Absent == nil && rng.IntN(2) == 0 {
			a.Suppress.By = by
		}
	}
}

// kind names the condition of an alert.
func kind(a *alerts.Alert) string {
	switch c := a.Condition; {
	case c.Threshold != nil:
		return "threshold"
	case c.New != nil:
		return "new"
	case c.Spike != nil:
		return "spike"
	default:
		return "absent"
	}
}

// TestOracle: whatever the alert and the events, all events at once, one by one with
// an Advance before each, and a count of each window from all events say the same.
func TestOracle(t *testing.T) {
	t.Parallel()
	fired := map[string]int{}
	for seed := range uint64(600) {
		rng := rand.New(rand.NewPCG(seed, 5))
		a := alert(t, drawn(rng))
		var events []plain
		at := day()
		for range 5 + rng.IntN(40) {
			if rng.IntN(6) == 0 {
				at = at.Add(time.Duration(rng.IntN(200)) * time.Minute)
			}
			at = at.Add(time.Duration(rng.IntN(600)) * time.Second)
			events = append(events, plain{at, string(rune('a' + rng.IntN(3))), string(rune('0' + rng.IntN(3))), rng.IntN(5) > 0})
		}
		since, until := events[0].at, at.Add(12*time.Hour)
		want := oracle(a, events, since, until)
		fired[kind(a)] += len(want)
		var stream, whole []string
		one, all := evaluator(t, firing.Options{}, a), evaluator(t, firing.Options{}, a)
		for _, ev := range events {
			one.Advance(ev.at, func(f firing.Firing) { stream = append(stream, told(f)) })
			one.Add(ev.event())
		}
		one.Advance(until, func(f firing.Firing) { stream = append(stream, told(f)) })
		for _, i := range rng.Perm(len(events)) {
			all.Add(events[i].event())
		}
		all.Advance(until, func(f firing.Firing) { whole = append(whole, told(f)) })
		if diff := gocmp.Diff(want, stream); diff != "" {
			t.Fatalf("seed %d, one by one (- oracle): %s", seed, diff)
		}
		if diff := gocmp.Diff(want, whole); diff != "" {
			t.Fatalf("seed %d, in any order (- oracle): %s", seed, diff)
		}
	}
	for _, kind := range []string{"threshold", "new", "spike", "absent"} {
		if fired[kind] < 20 {
			t.Errorf("%s fires %d times in all, too few to say anything", kind, fired[kind])
		}
	}
}

package catalogue_test

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"auditlog-forwarder/pkg/alerts"
)

var update = flag.Bool("update", false, "write the table of docs/alerts.md")

const (
	docs  = "../../docs/alerts.md"
	begin = "<!-- the catalogue: written by go test ./config/alerts -run Docs -update -->\n"
	end   = "<!-- the catalogue ends -->\n"
)

// TestDocs holds the table of all alerts in docs/alerts.md current.
func TestDocs(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(docs)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(text), begin)
	_, after, closed := strings.Cut(rest, end)
	if !ok || !closed {
		t.Fatalf("%s has no lines %s and %s, between which the table stands", docs, begin, end)
	}
	want := before + begin + table(load(t)) + end + after
	if *update {
		if err := os.WriteFile(docs, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, string(text)); diff != "" {
		t.Errorf("%s is not current; run: go test ./config/alerts -run Docs -update\n%s", docs, diff)
	}
}

// TestNumbers holds the number of alerts that README and changelog tell.
func TestNumbers(t *testing.T) {
	t.Parallel()
	n := len(load(t))
	for _, tt := range []struct {
		file, text string
		want       int
	}{
		{"../../README.md", `(\d+) alerts as Sigma rules`, n},
		{"../../README.md", `and (\d+) more come with the program`, n - 3}, // it names three
		{"../../CHANGELOG.md", `(\d+) alerts as Sigma rules`, n},
	} {
		text, err := os.ReadFile(tt.file)
		if err != nil {
			t.Fatal(err)
		}
		m := regexp.MustCompile(strings.ReplaceAll(tt.text, " ", `\s+`)).FindSubmatch(text)
		if m == nil || string(m[1]) != strconv.Itoa(tt.want) {
			t.Errorf("%s has %q for %q, want %d", tt.file, m, tt.text, tt.want)
		}
	}
}

// known is the table that users know, in its order.
func known() []string {
	return []string{
		"CC cluster deletion",
		"Environment deletion",
		"Authentication failure to CC cluster",
		"Authentication failure to Schema Registry",
		"Authorization failure to CC cluster resource",
		"Authorization failure based on IP filter",
		"OrganizationAdmin role binding associated",
		"Pipeline health",
	}
}

// table lists the known alerts first, then the others by name.
func table(all []*alerts.Alert) string {
	order := func(a *alerts.Alert) string {
		if i := slices.Index(known(), a.Name); i >= 0 {
			return fmt.Sprint(i)
		}
		return "a" + strings.ToLower(a.Name)
	}
	slices.SortFunc(all, func(a, b *alerts.Alert) int { return strings.Compare(order(a), order(b)) })
	var b strings.Builder
	b.WriteString("| alert | what happened | fires for | every | level |\n|---|---|---|---|---|\n")
	for _, a := range all {
		file := strings.TrimPrefix(a.Rule.File, alerts.Builtin+":")
		fmt.Fprintf(&b, "| [%s](../config/alerts/%s) | %s | %s | %s | %s |\n",
			a.Name, file, first(a.Rule.Description), condition(a), alerts.Span(a.Every), a.Rule.Level)
	}
	return b.String()
}

// first is the first sentence of a description, or what is in front of its colon.
func first(description string) string {
	text := strings.ReplaceAll(description, "\n", " ")
	for _, stop := range []string{". ", ": "} {
		text, _, _ = strings.Cut(text, stop)
	}
	return strings.TrimSuffix(strings.TrimSpace(text), ".")
}

// condition says in words when the alert fires.
func condition(a *alerts.Alert) string {
	each := func(by []string) string {
		if len(by) == 0 {
			return ""
		}
		return " of one " + strings.ReplaceAll(strings.Join(by, " and "), "_", " ")
	}
	c, text := a.Condition, "each"
	switch {
	case c.Threshold != nil:
		text = fmt.Sprintf("%d in %s%s", c.Threshold.Count, alerts.Span(a.LookBack), each(c.Threshold.By))
		if c.Threshold.Distinct != "" {
			text += fmt.Sprintf(", with %d values of %s", c.Threshold.DistinctCount, strings.ReplaceAll(c.Threshold.Distinct, "_", " "))
		}
	case c.New != nil:
		text = fmt.Sprintf("%d%s that had none in %s", c.New.Count, each(c.New.By), alerts.Span(c.New.Within))
	case c.Spike != nil:
		text = fmt.Sprintf("%d in %s%s, %g deviations above the mean of %s", c.Spike.Count, alerts.Span(c.Spike.Bin), each(c.Spike.By),
			c.Spike.Deviations, alerts.Span(c.Spike.Over))
	case c.Absent != nil:
		text = "none for " + alerts.Span(c.Absent.For)
	}
	if a.Hours != nil {
		text += " outside of working hours"
	}
	return text
}

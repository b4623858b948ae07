package spl_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"auditlog-forwarder/pkg/sigma"
	"auditlog-forwarder/pkg/sigma/spl"
)

var update = flag.Bool("update", false, "write the golden files")

func rules(t *testing.T, file string) []*sigma.Rule {
	t.Helper()
	data, err := os.ReadFile("testdata/" + file)
	if err != nil {
		t.Fatal(err)
	}
	rules, err := sigma.Parse(file, data)
	if err != nil {
		t.Fatal(err)
	}
	return rules
}

func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile("testdata/"+file, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("testdata/" + file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (- want, + got; -update writes it):\n%s", file, diff)
	}
}

// TestGolden holds the searches of rules.yml, as they are and in both
// spellings where that differs.
func TestGolden(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	for _, r := range rules(t, "rules.yml") {
		fmt.Fprintf(&b, "# %s\n", r.Title)
		last := ""
		for _, r := range []*sigma.Rule{r, sigma.BothSpellings(r)} {
			q, err := spl.Translate(r)
			if err != nil {
				t.Errorf("%s: %v", r.Title, err)
			}
			text := strings.ReplaceAll(q.String(), " | where ", "\n| where ")
			if text != last {
				fmt.Fprintln(&b, text)
			}
			last = text
		}
		b.WriteString("\n")
	}
	golden(t, "rules.spl", b.String())
}

func TestRefused(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	for _, r := range rules(t, "refused.yml") {
		q, err := spl.Translate(r)
		if err == nil {
			t.Errorf("%s is taken: %s", r.Title, q)
			continue
		}
		fmt.Fprintf(&b, "# %s\n%v\n\n", r.Title, err)
	}
	golden(t, "refused.txt", b.String())
}

func TestNoDetection(t *testing.T) {
	t.Parallel()
	if _, err := spl.Translate(&sigma.Rule{Title: "x", File: "x.yml"}); err == nil || !strings.HasPrefix(err.Error(), "x.yml:1:1: ") {
		t.Errorf("a rule without a detection: %v", err)
	}
}

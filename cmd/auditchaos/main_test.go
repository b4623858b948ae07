package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"auditlog-forwarder/pkg/kafka/kafkatest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// command runs auditchaos in this process.
func command(t *testing.T, args ...string) (stdout string, err error) {
	t.Helper()
	cmd := newCommand()
	var out bytes.Buffer
	cmd.SetOut(&out)
	cmd.SetArgs(args)
	err = cmd.ExecuteContext(t.Context())
	return out.String(), err
}

// TestSuite plays a few seeds against the product as it is.
func TestSuite(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts brokers")
	}
	kafkatest.Require(t)
	stdout, err := command(t, "--seeds", "26-29", "-o", "json", "--dir", t.TempDir())
	if err != nil {
		t.Fatalf("%v\n%s", err, stdout)
	}
	lines := strings.Split(strings.TrimSpace(stdout), "\n")
	if len(lines) != 5 {
		t.Fatalf("%d lines, want one for each seed and a summary:\n%s", len(lines), stdout)
	}
	for _, line := range lines[:4] {
		var r result
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatal(err)
		}
		if r.Accepted != r.Plan.Events || r.Accepted+r.DeadLettered+r.Noise != r.Produced || r.Plan.Noise.On != (r.Noise > 0 && r.Summaries > 0) || r.Lost != 0 || r.Faults == "" {
			t.Errorf("the numbers do not fit: %s", line)
		}
	}
}

// TestSuiteFails plays seeds against a product that commits too early.
func TestSuiteFails(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds the product and starts brokers")
	}
	kafkatest.Require(t)
	stdout, err := command(t, "mutations", "--only", "named-commit-early", "--dir", t.TempDir())
	if err != nil || !strings.Contains(stdout, "commit-early") || !strings.Contains(stdout, "caught by seed") {
		t.Fatalf("%v\n%s", err, stdout)
	}
}

func TestUsage(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		args []string
		want string
	}{
		{[]string{"now"}, `unexpected argument "now"`},
		{[]string{"--speed"}, "unknown flag"},
		{[]string{"--seeds", "7"}, "--seeds: \"7\" is no range"},
		{[]string{"--seeds", "9-7"}, "--seeds: \"9-7\" is no range"},
		{[]string{"--runs", "-1"}, "--runs: -1 is negative"},
		{[]string{"--parallel", "0"}, "--parallel: must be 1 or more"},
		{[]string{"-o", "yaml"}, "--output: \"yaml\" is unknown"},
		{[]string{"mutations", "--parallel", "0"}, "--parallel: must be 1 or more"},
	} {
		t.Run(strings.Join(tc.args, " "), func(t *testing.T) {
			t.Parallel()
			_, err := command(t, append(tc.args, "--dir", filepath.Join(t.TempDir(), "runs"))...)
			var usage *usageError
			if !errors.As(err, &usage) || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want a usage error with %q", err, tc.want)
			}
		})
	}
}

// TestMutationsApply holds the table of mistakes against the product's text,
// so that a change there shows before anybody plays them.
func TestMutationsApply(t *testing.T) {
	t.Parallel()
	names := map[string]bool{}
	for _, m := range mutations() {
		if names[m.name] || m.name == "" || m.why == "" || len(m.edit) == 0 {
			t.Errorf("mistake %q is incomplete or there twice", m.name)
		}
		names[m.name] = true
		if seeds := m.seeds(20); seeds[len(seeds)-1] > 20_000 {
			t.Errorf("mistake %s: hardly any plan can show it: %v", m.name, seeds)
		}
		if _, err := m.overlay(t.Context(), t.TempDir()); err != nil {
			t.Errorf("mistake %s: %v", m.name, err)
		}
	}
	gone := mutation{name: "gone", edit: []edit{{fileLane, "no such text", "x"}}}
	if _, err := gone.overlay(t.Context(), t.TempDir()); err == nil || !strings.Contains(err.Error(), "0 times") {
		t.Errorf("a text that is not there: %v", err)
	}
}

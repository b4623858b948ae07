package firing_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"auditlog-forwarder/pkg/alerts"
	"auditlog-forwarder/pkg/alerts/firing"
)

// TestDocs holds that the settings and the rule that the documents show can be used as
// they stand there, and that the rule's examples prove it.
func TestDocs(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{"webhook", "teams"} {
		write(t, filepath.Join(dir, name), "https://hooks.example.com/1")
	}
	for _, tt := range []struct{ file, begins string }{
		{"../../../README.md", "# alerts.yaml\n"},
		{"../../../docs/alerts.md", "# alerts.yaml\n"},
		{"../../../docs/alerts.md", "# alerts.yaml, with all that"},
	} {
		text := strings.ReplaceAll(sample(t, tt.file, tt.begins), "/etc/auditlog-forwarder", dir)
		c, err := alerts.Load([]string{alerts.Builtin}, write(t, filepath.Join(dir, "alerts.yaml"), text))
		if err != nil {
			t.Errorf("%s, %q: %v", tt.file, tt.begins, err)
			continue
		}
		if a, err := c.Find("CC cluster deletion"); err != nil || !a.Enabled || len(a.Actions.Names()) == 0 {
			t.Errorf("%s, %q: the alert CC cluster deletion is not enabled, or tells nobody", tt.file, tt.begins)
		}
	}
	eight, err := alerts.Load([]string{alerts.Builtin}, write(t, filepath.Join(dir, "eight.yaml"), sample(t, "../../../docs/alerts.md", "enabled:\n  - CC")))
	if err != nil {
		t.Fatal(err)
	}
	enabled := slices.DeleteFunc(slices.Clone(eight.Alerts), func(a *alerts.Alert) bool { return !a.Enabled })
	if len(enabled) != 8 {
		t.Errorf("of the eight alerts of the table docs/alerts.md enables %d", len(enabled))
	}
	rule := write(t, filepath.Join(dir, "rule.yml"), sample(t, "../../../docs/alerts.md", "title: "))
	c, err := alerts.Load([]string{alerts.Builtin, rule}, "")
	if err != nil {
		t.Fatal(err)
	}
	outcomes, err := firing.TryExamples(c.Alerts[len(c.Alerts)-1], alerts.Subjects())
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range outcomes {
		if !o.Right() {
			t.Errorf("the rule of docs/alerts.md, %q: fires is %t, and it fires %d times", o.Example.Name, o.Example.Fires, len(o.Firings))
		}
	}
}

// sample is the first piece of YAML in a document with a certain beginning.
func sample(t *testing.T, file, begins string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(text), "```yaml\n"+begins)
	if !ok {
		t.Fatalf("%s has no piece of YAML that begins with %q", file, begins)
	}
	piece, _, _ := strings.Cut(rest, "```")
	return begins + piece
}

func write(t *testing.T, path, text string) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

package splunkapp_test

import (
	"flag"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"auditlog-forwarder/pkg/alerts"
)

var update = flag.Bool("update", false, "write the lines of macros.conf that the table of subjects gives")

// readMacros reads macros.conf: names and definitions, with lines joined that
// a backslash continues.
func readMacros(t *testing.T) map[string]string {
	t.Helper()
	macros, name := map[string]string{}, ""
	for line := range strings.Lines(strings.ReplaceAll(macrosText(t), "\\\n", " ")) {
		line = strings.TrimSuffix(line, "\n")
		if rest, ok := strings.CutPrefix(line, "definition = "); ok {
			macros[name] = rest
		} else if strings.HasPrefix(line, "[") {
			name = strings.Trim(line, "[]")
		}
	}
	return macros
}

func macrosText(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("macros.conf")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestMacrosKnowTheSubjects holds that the dashboards take subjects from where
// the alerts take them.
func TestMacrosKnowTheSubjects(t *testing.T) {
	t.Parallel()
	text := macrosText(t)
	if strings.Contains(text, "$") {
		t.Error("macros.conf: Splunk may take a dollar sign for an argument")
	}
	wanted := []string{"principal", "email", "source_ip", "method", "resource", "resources", "resource_type", "environment", "role", "target"}
	for _, s := range alerts.Subjects() {
		if !slices.Contains(wanted, s.Name) {
			continue
		}
		wanted = slices.DeleteFunc(wanted, func(name string) bool { return name == s.Name })
		line := regexp.MustCompile(`(?m)^\| eval ` + s.Name + `=.*$`)
		found, want := line.FindAllString(text, -1), s.Eval()+`\`
		switch {
		case len(found) != 1:
			t.Errorf("macros.conf: %d lines give %s, want one", len(found), s.Name)
		case found[0] != want && *update:
			text = strings.Replace(text, found[0], want, 1)
		case found[0] != want:
			t.Errorf("macros.conf has\n%s\nand the table of subjects gives\n%s\nrun: go test ./config/splunkapp -run Macros -update", found[0], want)
		}
	}
	if len(wanted) > 0 {
		t.Errorf("there are no subjects %v", wanted)
	}
	if *update && text != macrosText(t) {
		if err := os.WriteFile("macros.conf", []byte(text), 0o644); err != nil { //nolint:gosec // a file of the repository
			t.Fatal(err)
		}
	}
}

package splunkapp_test

import (
	"os"
	"strings"
	"testing"
)

// readMacros reads macros.conf: names and definitions, with lines joined that
// a backslash continues.
func readMacros(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile("macros.conf")
	if err != nil {
		t.Fatal(err)
	}
	macros, name := map[string]string{}, ""
	for line := range strings.Lines(strings.ReplaceAll(string(text), "\\\n", "\n\x00")) {
		line = strings.TrimSuffix(line, "\n")
		switch {
		case strings.HasPrefix(line, "["):
			name = strings.Trim(line, "[]")
			macros[name] = ""
		case strings.HasPrefix(line, "definition = "):
			macros[name] = strings.TrimPrefix(line, "definition = ")
		case strings.HasPrefix(line, "\x00"):
			macros[name] += " " + strings.TrimPrefix(line, "\x00")
		}
	}
	return macros
}

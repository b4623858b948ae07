// Package skip lets a test that needs a tool from outside (Java, Maven,
// systemd-analyze) step aside where the tool is missing, but never in
// silence. It lies under testdata, outside of the product's packages.
package skip

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// LogEnv names the environment variable with the file to which every skipped
// test adds one line; give an absolute path, since every test binary runs in
// its package's folder. go test hides what a passing package prints, so the
// Makefile shows this file at the end.
const LogEnv = "AUDITLOG_SKIP_LOG"

// Missing skips the test because what is missing; hint says how to get it.
// With CI=true the test fails instead: there nothing may go unchecked.
func Missing(tb testing.TB, what, hint string) {
	tb.Helper()
	if ci, err := strconv.ParseBool(os.Getenv("CI")); err == nil && ci {
		tb.Fatalf("%s is missing and CI is set; %s", what, hint)
	}
	pkg := strings.TrimSuffix(filepath.Base(os.Args[0]), ".test")
	line := fmt.Sprintf("%s: %s: %s is missing; %s", pkg, tb.Name(), what, hint)
	line = strings.Join(strings.Fields(line), " ") + "\n"
	fmt.Fprint(os.Stderr, "SKIPPED, NOT TESTED: "+line)
	if err := appendLine(os.Getenv(LogEnv), line); err != nil {
		tb.Fatal(err)
	}
	tb.Skipf("%s is missing; %s", what, hint)
}

// appendLine writes line by one write call with O_APPEND, so that the lines
// of test binaries that run at once do not mix.
func appendLine(path, line string) error {
	if path == "" {
		return nil
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("open the list of skipped tests named by %s: %w", LogEnv, err)
	}
	if _, err := f.WriteString(line); err != nil {
		_ = f.Close() // the write error is the one to report
		return fmt.Errorf("write the list of skipped tests named by %s: %w", LogEnv, err)
	}
	if err := f.Close(); err != nil {
		return fmt.Errorf("close the list of skipped tests named by %s: %w", LogEnv, err)
	}
	return nil
}

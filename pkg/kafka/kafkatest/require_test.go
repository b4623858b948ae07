package kafkatest_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"auditlog-forwarder/pkg/kafka/kafkatest"
	"auditlog-forwarder/testdata/skip"
)

// TestWithoutJava runs one test of this binary again, where there is no Java.
func TestWithoutJava(t *testing.T) {
	t.Parallel()
	const hint = "install a Java runtime, 17 or newer, to test against a real Kafka broker (kafkatest.Shared also takes one from KAFKA_BOOTSTRAP)"
	for _, tc := range []struct {
		name, ci string
		passes   bool
		says     string
		log      string
	}{
		{
			name: "on a desk the test is skipped loudly", ci: "", passes: true,
			says: "SKIPPED, NOT TESTED: kafkatest: TestSharedIsOneBroker: java is missing; " + hint,
			log:  "earlier line\nkafkatest: TestSharedIsOneBroker: java is missing; " + hint + "\n",
		},
		{
			name: "in CI the test fails", ci: "true", passes: false,
			says: "java is missing and CI is set; " + hint,
			log:  "earlier line\n",
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			log := filepath.Join(t.TempDir(), "skipped")
			if err := os.WriteFile(log, []byte("earlier line\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			again := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestSharedIsOneBroker$")
			again.Env = append(os.Environ(), "PATH=", "CI="+tc.ci, skip.LogEnv+"="+log, kafkatest.BootstrapEnv+"=")
			out, err := again.CombinedOutput()
			if passed := err == nil; passed != tc.passes {
				t.Errorf("passed: %t, want %t", passed, tc.passes)
			}
			if !strings.Contains(string(out), tc.says) {
				t.Errorf("output lacks %q:\n%s", tc.says, out)
			}
			got, err := os.ReadFile(log)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.log, string(got)); diff != "" {
				t.Errorf("list of skipped tests (-want +got):\n%s", diff)
			}
		})
	}
}

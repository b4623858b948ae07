package kafkatest

import (
	"os/exec"
	"testing"

	"auditlog-forwarder/testdata/skip"
)

// Require skips the test, loudly, where a broker cannot be started for want of
// Java or, with nothing in the cache yet, of Maven; with CI=true it fails.
// Start and Shared call it.
func Require(tb testing.TB) {
	tb.Helper()
	if _, err := exec.LookPath("java"); err != nil {
		skip.Missing(tb, "java", "install a Java runtime, 17 or newer, to test against a real Kafka broker (kafkatest.Shared also takes one from "+BootstrapEnv+")")
	}
	inst, err := findInstallation()
	if err != nil {
		tb.Fatal(err)
	}
	if _, err := exec.LookPath("mvn"); err != nil && !inst.complete() {
		skip.Missing(tb, "mvn", "install Maven to fetch the Kafka broker named by testdata/kafka/pom.xml")
	}
}

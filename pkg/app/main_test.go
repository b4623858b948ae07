package app_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"auditlog-forwarder/pkg/kafka/kafkatest"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(runner{kafkatest.M{M: m}},
		// Sarama's metrics keep one ticker for the life of the process.
		goleak.IgnoreTopFunction("github.com/rcrowley/go-metrics.(*meterArbiter).tick"))
}

// runner runs the tests, stops the shared broker, and removes the product
// that they built.
type runner struct{ kafkatest.M }

func (r runner) Run() int {
	code := r.M.Run()
	if err := os.RemoveAll(productDir()); err != nil {
		fmt.Fprintf(os.Stderr, "remove the product that was built for the tests: %v\n", err)
		return max(code, 1)
	}
	return code
}

// build is done once, by the first test that needs it. A variable of the
// package is the only way: testing gives TestMain nothing to hand to a test.
var build = sync.OnceValues(buildProduct)

// productDir is this process's own, so that two runs do not meet.
func productDir() string {
	return filepath.Join(os.TempDir(), fmt.Sprintf("auditlog-forwarder-e2e-%d", os.Getpid()))
}

func buildProduct() (string, error) {
	path := filepath.Join(productDir(), "auditlog-forwarder")
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "go", "build", "-o", path, "auditlog-forwarder/cmd/auditlog-forwarder")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the product: %w\n%s", err, out)
	}
	return path, nil
}

// product returns the path of the product's binary.
func product(tb testing.TB) string {
	tb.Helper()
	path, err := build()
	if err != nil {
		tb.Fatal(err)
	}
	return path
}

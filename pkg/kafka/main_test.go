package kafka_test

import (
	"flag"
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"

	"auditlog-forwarder/pkg/kafka/kafkatest"
	"auditlog-forwarder/testdata/leak"
)

func TestMain(m *testing.M) {
	// These tests wait for time-outs more than they compute. What the command
	// line says is read after this.
	if err := flag.Set("test.parallel", "8"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	leak.VerifyTestMain(kafkatest.M{M: m},
		// Sarama's metrics keep one ticker for the life of the process.
		goleak.IgnoreTopFunction("github.com/rcrowley/go-metrics.(*meterArbiter).tick"))
}

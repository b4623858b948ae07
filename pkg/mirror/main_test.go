package mirror_test

import (
	"testing"

	"go.uber.org/goleak"

	"auditlog-forwarder/pkg/kafka/kafkatest"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(kafkatest.M{M: m},
		// Sarama's metrics keep one ticker for the life of the process.
		goleak.IgnoreTopFunction("github.com/rcrowley/go-metrics.(*meterArbiter).tick"))
}

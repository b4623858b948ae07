package kafka_test

import (
	"testing"

	"go.uber.org/goleak"

	"auditlog-forwarder/pkg/kafka/kafkatest"
	"auditlog-forwarder/testdata/leak"
)

func TestMain(m *testing.M) {
	leak.VerifyTestMain(kafkatest.M{M: m},
		// Sarama's metrics keep one ticker for the life of the process.
		goleak.IgnoreTopFunction("github.com/rcrowley/go-metrics.(*meterArbiter).tick"))
}

package kafka_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"auditlog-forwarder/pkg/kafka"
	"auditlog-forwarder/pkg/kafka/kafkatest"
)

// TestStopIsBounded: a broker that hangs must not hold up the stop for the
// minutes that Sarama would wait; what that means is said.
func TestStopIsBounded(t *testing.T) {
	t.Parallel()
	b := kafkatest.Start(t)
	topic, group := kafkatest.Name(t, "hung"), kafkatest.Name(t, "g")
	b.CreateTopic(t, topic, 1)
	g, err := kafka.NewGroup(settings(b, group, topic), kafka.Options{Log: zap.NewNop(), Registerer: prometheus.NewRegistry()})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	claimed := make(chan struct{})
	done := make(chan error, 1)
	go func() {
		done <- g.Run(ctx, func(ctx context.Context, c *kafka.Claim) error {
			c.Mark(c.Start+1, "", nil) // something that wants to be committed
			close(claimed)
			<-ctx.Done()
			return nil
		})
	}()
	<-claimed
	b.Freeze()
	cancel()
	err = <-done
	b.Thaw()
	if err == nil || !strings.Contains(err.Error(), "may not be committed") || !strings.Contains(err.Error(), "nothing is lost") {
		t.Errorf("stopped with %v", err)
	}
	// What was left behind ends when the broker answers again.
	admin := b.Admin(t)
	tick, limit := time.NewTicker(100*time.Millisecond), time.After(90*time.Second)
	defer tick.Stop()
	for {
		groups, err := admin.DescribeGroups(t.Context(), group)
		if err == nil && len(groups[group].Members) == 0 {
			return
		}
		select {
		case <-tick.C:
		case <-limit:
			t.Fatalf("the member is still there: %v, %v", groups, err)
		}
	}
}

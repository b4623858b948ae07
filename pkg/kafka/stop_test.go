package kafka_test

import (
	"bytes"
	"context"
	"runtime/pprof"
	"strings"
	"sync"
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
	cfg := settings(b, group, topic)
	cfg.SessionTimeout = 6 * time.Second // how long the broker keeps a member that has gone
	g, err := kafka.NewGroup(cfg, kafka.Options{Log: zap.NewNop(), Registerer: prometheus.NewRegistry()})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	claimed, frozen, marked := make(chan struct{}), make(chan struct{}), make(chan struct{})
	claim := sync.OnceFunc(func() { close(claimed) })
	mark := sync.OnceFunc(func() { close(marked) })
	done := make(chan error, 1)
	// Whatever this goroutine starts has its label too.
	labels := pprof.Labels("test", topic)
	go pprof.Do(ctx, labels, func(ctx context.Context) {
		done <- g.Run(ctx, func(ctx context.Context, c *kafka.Claim) error {
			claim()
			<-frozen
			c.Mark(c.Start+1, "", nil) // something that wants to be committed, and cannot be any more
			mark()
			<-ctx.Done()
			return nil
		})
	})
	<-claimed
	b.Freeze()
	close(frozen)
	<-marked
	cancel()
	err = <-done
	b.Thaw()
	if err == nil || !strings.Contains(err.Error(), "may not be committed") || !strings.Contains(err.Error(), "nothing is lost") {
		t.Errorf("stopped with %v", err)
	}
	// What was left behind ends when the broker answers again.
	admin := b.Admin(t)
	tick, limit := time.NewTicker(100*time.Millisecond), time.After(guard)
	defer tick.Stop()
	for {
		groups, err := admin.DescribeGroups(t.Context(), group)
		left := running(t, topic)
		if err == nil && len(groups[group].Members) == 0 && !left {
			return
		}
		select {
		case <-tick.C:
		case <-limit:
			t.Fatalf("the member is still there: %v, %v; goroutines of it: %t", groups, err, left)
		}
	}
}

// running reports whether there is a goroutine with this label. One of Sarama's
// metrics lives as long as the process, and has the label of whoever came first.
func running(t *testing.T, label string) bool {
	t.Helper()
	var all bytes.Buffer
	if err := pprof.Lookup("goroutine").WriteTo(&all, 1); err != nil {
		t.Fatal(err)
	}
	for stack := range strings.SplitSeq(all.String(), "\n\n") {
		if strings.Contains(stack, label) && !strings.Contains(stack, "go-metrics.(*meterArbiter).tick") {
			return true
		}
	}
	return false
}

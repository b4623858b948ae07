package kafka_test

import (
	"context"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.uber.org/zap"

	"auditlog-forwarder/pkg/kafka"
	"auditlog-forwarder/pkg/kafka/kafkatest"
)

// TestStopWhileJoining: a member that is stopped while the coordinator lets it
// wait for another one, which has died, holds nothing and ends in order. It does
// not say that offsets may not be committed.
func TestStopWhileJoining(t *testing.T) {
	t.Parallel()
	b := kafkatest.Shared(t)
	topic, group := kafkatest.Name(t, "join"), kafkatest.Name(t, "g")
	b.CreateTopic(t, topic, 1)
	admin := b.Admin(t)

	// The other one is in the group and never heard of again.
	instance := "dead"
	join := kmsg.NewPtrJoinGroupRequest()
	join.Group, join.InstanceID, join.ProtocolType = group, &instance, "consumer"
	join.SessionTimeoutMillis, join.RebalanceTimeoutMillis = 300_000, 300_000
	member := kmsg.NewConsumerMemberMetadata()
	member.Topics = []string{topic}
	protocol := kmsg.NewJoinGroupRequestProtocol()
	protocol.Name, protocol.Metadata = "sticky", member.AppendTo(nil)
	join.Protocols = append(join.Protocols, protocol)
	joined, err := join.RequestWith(t.Context(), b.Client(t))
	if err != nil || joined.ErrorCode != 0 {
		t.Fatalf("join: %+v, %v", joined, err)
	}

	g, err := kafka.NewGroup(settings(b, group, topic), kafka.Options{Log: zap.NewNop(), Registerer: prometheus.NewRegistry()})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- g.Run(ctx, func(ctx context.Context, _ *kafka.Claim) error {
			if ctx.Err() == nil {
				t.Error("it got a partition")
			}
			return nil
		})
	}()
	awaitGroup := func(what string, ok func(kadm.DescribedGroup) bool) {
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			groups, err := admin.DescribeGroups(t.Context(), group)
			if err == nil && ok(groups[group]) {
				return
			}
			select {
			case <-tick.C:
			case <-t.Context().Done():
				t.Fatalf("%s: %+v, %v", what, groups, err)
			}
		}
	}
	awaitGroup("the member waits", func(g kadm.DescribedGroup) bool { return g.State == "PreparingRebalance" && len(g.Members) == 2 })
	cancel()
	if err := <-done; err != nil {
		t.Errorf("stopped with %v", err)
	}

	// What was left behind ends when the coordinator answers.
	leave := kmsg.NewPtrLeaveGroupRequest()
	gone := kmsg.NewLeaveGroupRequestMember()
	gone.InstanceID = &instance
	leave.Group, leave.Members = group, append(leave.Members, gone)
	if left, err := leave.RequestWith(t.Context(), b.Client(t)); err != nil || left.ErrorCode != 0 {
		t.Fatalf("leave: %+v, %v", left, err)
	}
	awaitGroup("the member has gone", func(g kadm.DescribedGroup) bool { return len(g.Members) == 0 })
}

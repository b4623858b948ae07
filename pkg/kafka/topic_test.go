package kafka_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"auditlog-forwarder/pkg/kafka"
)

func TestEnsureTopic(t *testing.T) {
	t.Parallel()
	c, cfg := producerCluster(t)
	const week = 7 * 24 * time.Hour
	ensure := func(topic string, partitions int32, retention time.Duration) error {
		return kafka.EnsureTopic(t.Context(), cfg, topic, partitions, -1, retention)
	}
	for range 2 { // the second time the topic is there
		if err := ensure("made", 3, week); err != nil {
			t.Fatal(err)
		}
	}
	if err := ensure("plain", 1, 0); err != nil {
		t.Fatal(err)
	}
	cl, err := kgo.NewClient(kgo.SeedBrokers(c.ListenAddrs()...))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	adm := kadm.NewClient(cl)
	topics, err := adm.ListTopics(t.Context(), "made", "plain")
	if err != nil {
		t.Fatal(err)
	}
	if n, m := len(topics["made"].Partitions), len(topics["plain"].Partitions); n != 3 || m != 1 {
		t.Errorf("%d and %d partitions, want 3 and 1", n, m)
	}
	configs, err := adm.DescribeTopicConfigs(t.Context(), "made")
	if err != nil {
		t.Fatal(err)
	}
	on, err := configs.On("made", nil)
	if err != nil {
		t.Fatal(err)
	}
	if i := slices.IndexFunc(on.Configs, func(c kadm.Config) bool { return c.Key == "retention.ms" }); i < 0 || on.Configs[i].MaybeValue() != "604800000" {
		t.Errorf("retention.ms is not 604800000: %+v", on.Configs)
	}

	err = ensure("made", 6, week)
	var differs *kafka.PartitionsError
	if !errors.As(err, &differs) {
		t.Fatalf("%v, want a PartitionsError", err)
	}
	if diff := cmp.Diff(&kafka.PartitionsError{Topic: "made", Want: 6, Have: 3}, differs); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

package kafkatest_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"auditlog-forwarder/pkg/kafka/kafkatest"
)

// produce writes n records, value i for offset i on an empty partition.
func produce(t *testing.T, b *kafkatest.Broker, topic string, from, n int) {
	t.Helper()
	cl := b.Client(t, kgo.DefaultProduceTopic(topic))
	for i := from; i < from+n; i++ {
		rec := &kgo.Record{Value: fmt.Append(nil, i)}
		if err := cl.ProduceSync(t.Context(), rec).FirstErr(); err != nil {
			t.Fatalf("produce record %d: %v", i, err)
		}
	}
}

// consume reads n records from the oldest on.
func consume(t *testing.T, b *kafkatest.Broker, topic string, n int) []string {
	t.Helper()
	cl := b.Client(t, kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	var got []string
	for len(got) < n {
		fetches := cl.PollFetches(t.Context())
		if err := fetches.Err(); err != nil {
			t.Fatalf("consume %s: %v", topic, err)
		}
		fetches.EachRecord(func(r *kgo.Record) { got = append(got, string(r.Value)) })
	}
	return got
}

func TestSharedProducesAndConsumes(t *testing.T) {
	b := kafkatest.Shared(t)
	topic := kafkatest.Name(t, "topic")
	b.CreateTopic(t, topic, 1)
	produce(t, b, topic, 0, 3)
	if diff := cmp.Diff([]string{"0", "1", "2"}, consume(t, b, topic, 3)); diff != "" {
		t.Errorf("records (-want +got):\n%s", diff)
	}
}

func TestSharedIsOneBroker(t *testing.T) {
	first, second := kafkatest.Shared(t), kafkatest.Shared(t)
	if diff := cmp.Diff(first.Bootstrap(), second.Bootstrap()); diff != "" {
		t.Errorf("two brokers (-first +second):\n%s", diff)
	}
}

func TestSharedTakesTheBrokerFromTheEnvironment(t *testing.T) {
	t.Setenv(kafkatest.BootstrapEnv, "one.example:9092,two.example:9092")
	want := []string{"one.example:9092", "two.example:9092"}
	if diff := cmp.Diff(want, kafkatest.Shared(t).Bootstrap()); diff != "" {
		t.Errorf("bootstrap servers (-want +got):\n%s", diff)
	}
}

func TestEnvironmentsBrokerIsUsed(t *testing.T) {
	ours := kafkatest.Shared(t)
	t.Setenv(kafkatest.BootstrapEnv, ours.Bootstrap()[0])
	b := kafkatest.Shared(t)
	topic := kafkatest.Name(t, "topic")
	b.CreateTopic(t, topic, 2)
	details, err := ours.Admin(t).ListTopics(t.Context(), topic)
	if err != nil {
		t.Fatalf("list topic: %v", err)
	}
	if got := len(details[topic].Partitions); got != 2 {
		t.Errorf("topic %s has %d partitions, want 2", topic, got)
	}
}

func TestUnknownTopicIsNotCreated(t *testing.T) {
	t.Setenv(kafkatest.BootstrapEnv, "") // this is a promise of our own broker only
	b := kafkatest.Shared(t)
	cl := b.Client(t, kgo.AllowAutoTopicCreation(), kgo.UnknownTopicRetries(0))
	rec := &kgo.Record{Topic: kafkatest.Name(t, "absent"), Value: []byte("x")}
	err := cl.ProduceSync(t.Context(), rec).FirstErr()
	if !errors.Is(err, kerr.UnknownTopicOrPartition) {
		t.Errorf("produce to an absent topic: got error %v, want %v", err, kerr.UnknownTopicOrPartition)
	}
}

func TestDeleteRecordsMovesTheLogStart(t *testing.T) {
	b := kafkatest.Shared(t)
	topic := kafkatest.Name(t, "topic")
	b.CreateTopic(t, topic, 1)
	produce(t, b, topic, 0, 10)
	b.DeleteRecords(t, topic, 0, 7)
	starts, err := b.Admin(t).ListStartOffsets(t.Context(), topic)
	if err != nil {
		t.Fatalf("list start offsets: %v", err)
	}
	if o, _ := starts.Lookup(topic, 0); o.Offset != 7 {
		t.Errorf("log start = %d, want 7", o.Offset)
	}
	if diff := cmp.Diff([]string{"7", "8", "9"}, consume(t, b, topic, 3)); diff != "" {
		t.Errorf("records left (-want +got):\n%s", diff)
	}
}

func TestRestartKeepsDataAndAddress(t *testing.T) {
	t.Parallel()
	b := kafkatest.Start(t)
	topic := kafkatest.Name(t, "topic")
	b.CreateTopic(t, topic, 1)
	before := b.Bootstrap()
	produce(t, b, topic, 0, 2)

	b.Stop()
	if err := b.Client(t, kgo.RequestRetries(0)).Ping(t.Context()); err == nil {
		t.Error("the stopped broker answers")
	}
	b.Restart()
	produce(t, b, topic, 2, 1)
	b.Restart() // while it runs
	produce(t, b, topic, 3, 1)
	b.Kill()
	b.Restart()
	produce(t, b, topic, 4, 1)

	if diff := cmp.Diff(before, b.Bootstrap()); diff != "" {
		t.Errorf("address (-before +after):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"0", "1", "2", "3", "4"}, consume(t, b, topic, 5)); diff != "" {
		t.Errorf("records (-want +got):\n%s", diff)
	}
}

func TestNamesAreUniqueAndAllowed(t *testing.T) {
	b := kafkatest.Shared(t)
	t.Run("with/slash and ümlaut", func(t *testing.T) {
		a, c := kafkatest.Name(t, "group"), kafkatest.Name(t, "group")
		if a == c {
			t.Errorf("the same name twice: %s", a)
		}
		b.CreateTopic(t, a, 1) // fails if the broker refuses the name
	})
}

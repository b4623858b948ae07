package kafka

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/zap"

	"auditlog-forwarder/pkg/kafka/kafkatest"
)

// TestLastBefore compares what is found in a log of transactions of two
// producers, some aborted, some crossing each other, with what a reader gets, for
// every range.
func TestLastBefore(t *testing.T) {
	t.Parallel()
	b := kafkatest.Shared(t)
	topic := kafkatest.Name(t, "last")
	b.CreateTopic(t, topic, 1)
	r := rand.New(rand.NewPCG(4, 4))
	producers := []*kgo.Client{
		b.Client(t, kgo.TransactionalID(kafkatest.Name(t, "a"))),
		b.Client(t, kgo.TransactionalID(kafkatest.Name(t, "b"))),
	}
	open := []bool{false, false}
	var truth []int64               // what a reader gets
	pending := [][]int64{nil, nil}  // of the open transactions
	end, want := int64(0), int64(0) // of the log
	finish := func(i int) {
		commit := r.IntN(2) == 0
		if err := producers[i].EndTransaction(t.Context(), kgo.TransactionEndTry(commit)); err != nil {
			t.Fatal(err)
		}
		if commit {
			truth = append(truth, pending[i]...)
		}
		open[i], pending[i] = false, nil
		want++ // its marker
	}
	for n := range 60 {
		i := r.IntN(2)
		if !open[i] {
			if err := producers[i].BeginTransaction(); err != nil {
				t.Fatal(err)
			}
			open[i] = true
		}
		rec := &kgo.Record{Topic: topic, Value: fmt.Appendf(nil, "%d", n)}
		if err := producers[i].ProduceSync(t.Context(), rec).FirstErr(); err != nil {
			t.Fatal(err)
		}
		pending[i] = append(pending[i], rec.Offset)
		want++
		if r.IntN(3) == 0 {
			finish(i)
		}
	}
	for i := range producers {
		if open[i] {
			finish(i)
		}
	}
	slices.Sort(truth)

	cfg := DefaultConfig()
	cfg.BootstrapServers, cfg.SecurityProtocol, cfg.Topics = b.Bootstrap(), Plaintext, []string{topic}
	s, err := clientConfig(cfg, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	client, err := connect(t.Context(), cfg, s)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close() //nolint:errcheck // nothing was written
	at := place{topic, 0}
	// A transaction has ended before its marker is there for readers.
	for again := time.Tick(10 * time.Millisecond); end < want; <-again {
		if end, err = offsetFor(client, at, sarama.OffsetNewest); err != nil {
			t.Fatal(err)
		}
	}
	if len(truth) < 10 || end < 70 {
		t.Fatalf("the log is no trial: %d records for a reader, end %d", len(truth), end)
	}
	for until := int64(0); until <= end; until++ {
		from := r.Int64N(until + 1)
		want := from
		for _, o := range truth {
			if o >= from && o < until {
				want = o + 1
			}
		}
		got, err := lastBefore(client, at, from, until)
		if err != nil || got != want {
			t.Errorf("the last one in [%d, %d): got %d, %v, want %d", from, until, got, err, want)
		}
		first, _, found, err := firstFrom(client, at, from, until)
		i := slices.IndexFunc(truth, func(o int64) bool { return o >= from && o < until })
		if err != nil || found != (i >= 0) || found && first != truth[i] {
			t.Errorf("the first one in [%d, %d): got %d, %t, %v, want index %d of %v", from, until, first, found, err, i, truth)
		}
	}
	if _, err := lastBefore(client, at, 0, end+1); !errors.Is(err, errShort) {
		t.Errorf("behind the end: got %v, want %v", err, errShort)
	}
	b.DeleteRecords(t, topic, 0, end)
	if got, err := lastBefore(client, at, 3, end); err != nil || got != 3 {
		t.Errorf("after all has expired: got %d, %v, want 3", got, err)
	}
}

// TestSetOffsets: on a real broker, which itself refuses while there are members.
func TestSetOffsets(t *testing.T) {
	t.Parallel()
	b := kafkatest.Shared(t)
	topic := kafkatest.Name(t, "set")
	b.CreateTopic(t, topic, 2)
	cfg := DefaultConfig()
	cfg.BootstrapServers, cfg.SecurityProtocol = b.Bootstrap(), Plaintext
	cfg.Topics, cfg.GroupID = []string{topic}, kafkatest.Name(t, "group")
	o, err := OpenOffsets(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close() //nolint:errcheck // nothing that closing could lose
	all, err := o.Partitions()
	if err != nil || len(all) != 2 {
		t.Fatalf("partitions %v, %v", all, err)
	}
	check := func(want int64) {
		t.Helper()
		got, err := o.Committed(t.Context(), all)
		if err != nil || got[all[1]] != (Committed{Offset: want}) || got[all[0]].Offset != None {
			t.Errorf("committed %v, %v; want %d in partition 1 alone", got, err, want)
		}
	}
	check(None)
	if err := o.Set(t.Context(), map[TopicPartition]int64{all[1]: 7}); err != nil {
		t.Fatal(err)
	}
	check(7)
	joined := make(chan struct{})
	join := sync.OnceFunc(func() { close(joined) })
	member := b.Client(t, kgo.ConsumerGroup(cfg.GroupID), kgo.ConsumeTopics(topic), kgo.DisableAutoCommit(), kgo.ClientID("somebody"),
		kgo.OnPartitionsAssigned(func(context.Context, *kgo.Client, map[string][]int32) { join() }))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go member.PollFetches(ctx) // until the context's end, which is the test's
	<-joined
	var active *ActiveError
	if err := o.Set(t.Context(), map[TopicPartition]int64{all[1]: 3}); !errors.As(err, &active) || len(active.Group.Members) != 1 {
		t.Errorf("with a member: %v", err)
	}
	check(7)
	member.Close()
	if err := o.Set(t.Context(), map[TopicPartition]int64{all[1]: 3}); err != nil {
		t.Error(err)
	}
	check(3)
}

package kafka_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"auditlog-forwarder/pkg/audit"
	"auditlog-forwarder/pkg/kafka"
	"auditlog-forwarder/pkg/kafka/kafkatest"
)

func openReader(t *testing.T, b *kafkatest.Broker, topic string) *kafka.Reader {
	t.Helper()
	r, err := kafka.OpenReader(t.Context(), settings(b, "none", topic))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

// values reads a range, and checks that it ends where it should.
func values(t *testing.T, r *kafka.Reader, topic string, from, end int64) (got []string) {
	t.Helper()
	g := r.Range(topic, 0, from, end)
	for {
		var rec audit.Record
		more, err := g.Next(t.Context(), &rec)
		if err != nil {
			t.Fatal(err)
		}
		if !more {
			break
		}
		got = append(got, fmt.Sprintf("%d:%s", rec.Offset, rec.Value))
	}
	if g.Position() != end {
		t.Errorf("the range [%d, %d) ends at %d", from, end, g.Position())
	}
	return got
}

// TestRangeTransactions holds that a range ends though gaps stand at its end,
// and shows what was committed and nothing else.
func TestRangeTransactions(t *testing.T) {
	t.Parallel()
	b := kafkatest.Shared(t)
	topic := kafkatest.Name(t, "audit")
	b.CreateTopic(t, topic, 1)
	client := b.Client(t, kgo.TransactionalID(topic), kgo.DefaultProduceTopic(topic))
	plain := b.Client(t, kgo.DefaultProduceTopic(topic))
	r := openReader(t, b, topic)
	// The end of a transaction stands in the log some time after it was asked for.
	settled := func(want int64) {
		t.Helper()
		for {
			_, end, err := r.Bounds(t.Context(), topic, 0)
			if err != nil || end > want {
				t.Fatalf("the end is %d (%v), want %d", end, err, want)
			}
			if end == want {
				return
			}
		}
	}
	write := func(c *kgo.Client, value string) {
		t.Helper()
		if err := c.ProduceSync(t.Context(), kgo.StringRecord(value)).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	transaction := func(commit kgo.TransactionEndTry, values ...string) {
		t.Helper()
		if err := client.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		for _, v := range values {
			write(client, v)
		}
		if values[0] == "open" {
			return
		}
		if err := client.EndTransaction(t.Context(), commit); err != nil {
			t.Fatal(err)
		}
	}
	write(plain, "a")                    // 0
	transaction(kgo.TryCommit, "b", "c") // 1, 2, and 3 for its end
	settled(4)
	transaction(kgo.TryAbort, "x", "y") // 4, 5, 6
	settled(7)
	write(plain, "d")              // 7
	transaction(kgo.TryAbort, "z") // 8, 9
	settled(10)
	oldest, end, err := r.Bounds(t.Context(), topic, 0)
	if err != nil || oldest != 0 || end != 10 {
		t.Fatalf("bounds %d to %d, error %v", oldest, end, err)
	}
	for _, tt := range []struct {
		from, end int64
		want      []string
	}{
		{0, 10, []string{"0:a", "1:b", "2:c", "7:d"}},
		{2, 7, []string{"2:c"}},
		{5, 10, []string{"7:d"}}, // begins within what was aborted
		{3, 7, nil},
		{8, 10, nil},
		{10, 10, nil},
	} {
		if diff := cmp.Diff(tt.want, values(t, r, topic, tt.from, tt.end)); diff != "" {
			t.Errorf("[%d, %d) (-want +got):\n%s", tt.from, tt.end, diff)
		}
	}

	transaction(kgo.TryCommit, "open") // 10
	write(plain, "e")                  // 11
	if _, end, err := r.Bounds(t.Context(), topic, 0); err != nil || end != 10 {
		t.Errorf("beside an open transaction the end is %d (%v), want 10", end, err)
	}
	if err := client.EndTransaction(t.Context(), kgo.TryCommit); err != nil { // 12
		t.Fatal(err)
	}
	settled(13)
	if diff := cmp.Diff([]string{"10:open", "11:e"}, values(t, r, topic, 8, 13)); diff != "" {
		t.Errorf("with the committed one (-want +got):\n%s", diff)
	}
}

// TestRangeLongAndLarge reads more than one fetch brings, and a record that is
// larger than a fetch.
func TestRangeLongAndLarge(t *testing.T) {
	t.Parallel()
	b := kafkatest.Shared(t)
	topic := kafkatest.Name(t, "audit")
	b.CreateTopic(t, topic, 1)
	client := b.Client(t, kgo.DefaultProduceTopic(topic), kgo.ProducerBatchMaxBytes(1000<<10), kgo.ProducerBatchCompression(kgo.NoCompression()))
	const n = 3000
	when := time.UnixMilli(1_780_000_000_000)
	for i := range n {
		size := 1500
		if i == 1000 {
			size = 990 << 10
		}
		rec := &kgo.Record{Key: fmt.Append(nil, i), Value: make([]byte, size), Timestamp: when.Add(time.Duration(i) * time.Second), Headers: []kgo.RecordHeader{{Key: "n", Value: fmt.Append(nil, i)}}}
		client.Produce(t.Context(), rec, func(_ *kgo.Record, err error) {
			if err != nil {
				t.Error(err)
			}
		})
	}
	if err := client.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	r := openReader(t, b, topic)
	at, ok, err := r.OffsetAt(t.Context(), topic, 0, when.Add(500*time.Second))
	if err != nil || !ok || at != 500 {
		t.Errorf("the offset at a time is %d, %t, %v; want 500", at, ok, err)
	}
	if _, ok, err := r.OffsetAt(t.Context(), topic, 0, when.Add(n*time.Second)); err != nil || ok {
		t.Errorf("an offset behind all: %t, %v", ok, err)
	}
	g := r.Range(topic, 0, 500, n)
	for i := 500; ; i++ {
		var rec audit.Record
		more, err := g.Next(t.Context(), &rec)
		if err != nil {
			t.Fatal(err)
		}
		if !more {
			if i != n {
				t.Errorf("it ends at %d", i)
			}
			break
		}
		if rec.Offset != int64(i) || string(rec.Key) != fmt.Sprint(i) || len(rec.Headers) != 1 || string(rec.Headers[0].Value) != fmt.Sprint(i) ||
			!rec.Timestamp.Equal(when.Add(time.Duration(i)*time.Second)) {
			t.Fatalf("record %d is %d with key %q, headers %v, of %s", i, rec.Offset, rec.Key, rec.Headers, rec.Timestamp)
		}
	}

	b.DeleteRecords(t, topic, 0, 600)
	g = r.Range(topic, 0, 500, n)
	var rec audit.Record
	_, err = g.Next(t.Context(), &rec)
	var expired *kafka.ExpiredError
	if !errors.As(err, &expired) || expired.Offset != 500 || expired.Oldest != 600 {
		t.Fatalf("records that have expired: %v", err)
	}
	g.SkipTo(expired.Oldest)
	if more, err := g.Next(t.Context(), &rec); err != nil || !more || rec.Offset != 600 {
		t.Errorf("after them: %t, offset %d, %v", more, rec.Offset, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.Range(topic, 0, 700, n).Next(ctx, &rec); !errors.Is(err, context.Canceled) {
		t.Errorf("with a context that has ended: %v", err)
	}
}

// TestCommitPlaces holds that an active group's offsets are not touched.
func TestCommitPlaces(t *testing.T) {
	t.Parallel()
	b := kafkatest.Shared(t)
	topic, group := kafkatest.Name(t, "audit"), kafkatest.Name(t, "group")
	b.CreateTopic(t, topic, 2)
	r := openReader(t, b, topic)
	want := map[int32]kafka.GroupPlace{1: {Next: 7, Note: "a note"}}
	if got, err := r.GroupPlaces(t.Context(), group, topic, []int32{0, 1}); err != nil || len(got) != 0 {
		t.Errorf("before: %v, %v", got, err)
	}
	if err := r.CommitPlaces(t.Context(), group, topic, want); err != nil {
		t.Fatal(err)
	}
	got, err := r.GroupPlaces(t.Context(), group, topic, []int32{0, 1})
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("error %v; places (-want +got):\n%s", err, diff)
	}
	m := join(t, settings(b, group, topic), nil)
	m.until("partitions", func() bool { return len(m.starts) == 2 })
	if n, err := r.GroupMembers(t.Context(), group); err != nil || n != 1 {
		t.Errorf("%d members, %v", n, err)
	}
	if err := r.CommitPlaces(t.Context(), group, topic, want); !errors.Is(err, kafka.ErrGroupActive) {
		t.Errorf("committed for an active group: %v", err)
	}
	m.stop()
	if n, err := r.GroupMembers(t.Context(), group); err != nil || n != 0 {
		t.Errorf("%d members are left, %v", n, err)
	}
}

// TestCommitPlacesWaitsForTheCoordinator: one that still loads the group's
// offsets, or is about to move, is asked again.
func TestCommitPlacesWaitsForTheCoordinator(t *testing.T) {
	t.Parallel()
	for name, code := range map[string]int16{"loads": kerr.CoordinatorLoadInProgress.Code, "moves": kerr.NotCoordinator.Code} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, cfg, client := commitCluster(t, 1)
			var asked atomic.Int32
			c.ControlKey(kmsg.OffsetCommit.Int16(), func(req kmsg.Request) (kmsg.Response, error, bool) {
				if asked.Add(1) > 3 {
					return nil, nil, false // from now on kfake answers
				}
				c.KeepControl()
				return answerCommit(req, code, 0), nil, true
			})
			r, err := kafka.OpenReader(t.Context(), cfg)
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close() //nolint:errcheck // what it has committed is asked for
			if err := r.CommitPlaces(t.Context(), "g", commitTopic, map[int32]kafka.GroupPlace{0: {Next: 1}}); err != nil {
				t.Fatal(err)
			}
			wantCommitted(t, client, 0, 1)
			if n := asked.Load(); n != 4 {
				t.Errorf("the coordinator was asked %d times, want 4", n)
			}
		})
	}
}

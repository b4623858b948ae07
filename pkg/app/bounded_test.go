package app_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tidwall/gjson"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest"

	"auditlog-forwarder/pkg/app"
	"auditlog-forwarder/pkg/config"
	"auditlog-forwarder/pkg/creds"
	"auditlog-forwarder/pkg/hec/hectest"
	"auditlog-forwarder/pkg/kafka/kafkatest"
)

// bounded starts a daemon that ends by itself. started is closed when its
// targets are fixed.
func (s *stage) bounded(cfg config.Config, until time.Time) (d *daemon, started chan struct{}) {
	s.t.Helper()
	return runBounded(s.t, cfg, until)
}

func runBounded(t *testing.T, cfg config.Config, until time.Time) (d *daemon, started chan struct{}) {
	t.Helper()
	started = make(chan struct{})
	var once atomic.Bool
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	a, err := app.New(ctx, app.Options{
		Config: cfg, Version: "test", Log: zaptest.NewLogger(t, zaptest.WrapOptions(zap.IncreaseLevel(zap.InfoLevel))),
		Bounded: &app.Bounded{Until: until, Progress: func(done, total int64) {
			if done < 0 || done > total {
				t.Errorf("%d of %d done", done, total)
			}
			if !once.Swap(true) {
				close(started)
			}
		}},
	})
	if err != nil {
		cancel()
		t.Fatal(err)
	}
	d = &daemon{App: a, t: t, cancel: cancel, ended: make(chan struct{})}
	go func() {
		defer close(d.ended)
		d.err = a.Run(ctx)
	}()
	t.Cleanup(func() { cancel(); <-d.ended })
	return d, started
}

// put produces n events to one partition.
func (s *stage) put(partition int32, n int) {
	s.t.Helper()
	for range n {
		value := s.gen.Next(nil, time.Now())
		s.ledger.expect(partition, value)
		if err := s.client.ProduceSync(s.t.Context(), &kgo.Record{Topic: testTopic, Partition: partition, Value: value}).FirstErr(); err != nil {
			s.t.Fatal(err)
		}
	}
}

// beyond returns how many events came from at or behind the ends.
func (s *stage) beyond(ends []int64) (n int) {
	s.ledger.mu.Lock()
	defer s.ledger.mu.Unlock()
	for p, end := range ends {
		for _, times := range s.ledger.times[p][end:] {
			n += int(times)
		}
	}
	return n
}

// TestUntilNow: what is there at the start is accepted and committed, to the very
// offset, and nothing of what comes later; a partition may be empty.
func TestUntilNow(t *testing.T) {
	t.Parallel()
	s := newStage(t, 4)
	cfg := s.config()
	cfg.Batch.Linger = time.Hour // the open batches must not wait for it
	for p, n := range []int{700, 1, 0, 33} {
		s.put(int32(p), n)
	}
	s.hec.Pause()
	d, started := s.bounded(cfg, time.Time{})
	<-started
	targets := s.ledger.ends()
	for p := range 4 {
		s.put(int32(p), 50)
	}
	if err := s.hec.Resume(); err != nil {
		t.Fatal(err)
	}
	d.end()
	if behind := uncommitted(t, s.adm, testGroup, testTopic, targets); behind != "" {
		t.Errorf("committed differs from the targets: %s", behind)
	}
	if n := s.beyond(targets); n > 0 {
		t.Errorf("%d events from behind the targets were sent", n)
	}
	if arrived, repeated, _ := s.ledger.figures(); arrived != 734 || repeated != 0 {
		t.Errorf("%d arrived, %d of them repeats; want 734 and 0", arrived, repeated)
	}
	again, _ := s.bounded(cfg, time.Time{})
	again.end()
	s.ledger.check(t, 0)
	s.checkCommitted()
}

// TestUntilNothing: a run without anything to do ends, and commits where it is.
func TestUntilNothing(t *testing.T) {
	t.Parallel()
	s := newStage(t, 2)
	d, _ := s.bounded(s.config(), time.Time{})
	d.end()
	s.checkCommitted()
}

// TestUntilStale: an offset beyond the end is none, and no reason to end.
func TestUntilStale(t *testing.T) {
	t.Parallel()
	s := newStage(t, 1)
	s.feed(20)
	var o kadm.Offsets
	o.Add(kadm.Offset{Topic: testTopic, At: 1000, LeaderEpoch: -1})
	if err := s.adm.CommitAllOffsets(t.Context(), testGroup, o); err != nil {
		t.Fatal(err)
	}
	d, _ := s.bounded(s.config(), time.Time{})
	d.end()
	s.ledger.check(t, 0)
	s.checkCommitted()
}

// TestUntilTime: the target is the first record that is as young.
func TestUntilTime(t *testing.T) {
	t.Parallel()
	s := newStage(t, 1)
	at := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	for _, minute := range []int{0, 1, 5, 2, 6, 9} { // not in order
		value := s.gen.Next(nil, at)
		s.ledger.expect(0, value)
		rec := &kgo.Record{Topic: testTopic, Value: value, Timestamp: at.Add(time.Duration(minute) * time.Minute)}
		if err := s.client.ProduceSync(t.Context(), rec).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	d, _ := s.bounded(s.config(), at.Add(6*time.Minute))
	d.end()
	if behind := uncommitted(t, s.adm, testGroup, testTopic, []int64{4}); behind != "" {
		t.Error(behind)
	}
	if n := s.beyond([]int64{4}); n > 0 {
		t.Errorf("%d events from behind the target were sent", n)
	}
}

// TestUntilStopped: a signal before the end is no success, and the next start
// goes on.
func TestUntilStopped(t *testing.T) {
	t.Parallel()
	s := newStage(t, 2)
	cfg := s.config()
	cfg.Batch.Drain = 200 * time.Millisecond
	s.feed(500)
	s.hec.Pause()
	d, started := s.bounded(cfg, time.Time{})
	<-started
	d.cancel()
	<-d.ended
	if !errors.Is(d.err, app.ErrUnfinished) {
		t.Errorf("Run: %v, want %v", d.err, app.ErrUnfinished)
	}
	if err := s.hec.Resume(); err != nil {
		t.Fatal(err)
	}
	again, _ := s.bounded(cfg, time.Time{})
	again.end()
	s.ledger.check(t, 0)
	s.checkCommitted()
}

// TestUntilRebalance: members that come in the middle share the work, each ends
// when all is done, and nothing comes twice.
func TestUntilRebalance(t *testing.T) {
	t.Parallel()
	s := newStage(t, 4)
	cfg := s.config()
	cfg.Batch.MaxEvents, cfg.Batch.Window = 20, 2
	s.feed(20_000)
	first, started := s.bounded(cfg, time.Time{})
	<-started
	s.ledger.until(t, "some events", func(arrived, _ int) bool { return arrived > 500+rand.IntN(2000) })
	other := s.config()
	other.Batch = cfg.Batch
	second, _ := s.bounded(other, time.Time{})
	first.end()
	second.end()
	s.ledger.check(t, 0)
	s.checkCommitted()
	t.Logf("first accepted %d, second %d", first.Totals().Accepted, second.Totals().Accepted)
}

// TestUntilTransactions: on a real broker, with markers of commits and aborts at
// the ends, with a partition of nothing but an aborted transaction, and with a
// transaction that stays open: what it wrote is not the run's.
func TestUntilTransactions(t *testing.T) {
	t.Parallel()
	b := kafkatest.Shared(t)
	topic, group := kafkatest.Name(t, "audit"), kafkatest.Name(t, "group")
	b.CreateTopic(t, topic, 4)
	long := kgo.TransactionTimeout(10 * time.Minute) // the broker ends none by itself
	client := b.Client(t, kgo.TransactionalID(kafkatest.Name(t, "tx")), long, kgo.RecordPartitioner(kgo.ManualPartitioner()))
	n := 0
	transaction := func(end kgo.TransactionEndTry, counts ...int) {
		t.Helper()
		if err := client.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		for p, count := range counts {
			for range count {
				n++
				rec := &kgo.Record{Topic: topic, Partition: int32(p), Value: fmt.Appendf(nil, `{"id":"%d","commit":%t}`, n, bool(end))}
				if err := client.ProduceSync(t.Context(), rec).FirstErr(); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := client.EndTransaction(t.Context(), end); err != nil {
			t.Fatal(err)
		}
	}
	transaction(kgo.TryCommit, 5, 3)
	transaction(kgo.TryAbort, 4, 0, 6)
	transaction(kgo.TryCommit, 2)
	transaction(kgo.TryAbort, 30, 1)
	open := b.Client(t, kgo.TransactionalID(kafkatest.Name(t, "open")), long, kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err := open.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	if err := open.ProduceSync(t.Context(), &kgo.Record{Topic: topic, Partition: 3, Value: []byte(`{"open":true}`)}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := open.EndTransaction(context.WithoutCancel(t.Context()), kgo.TryAbort); err != nil {
			t.Error(err)
		}
	}()

	got := make(chan hectest.Event, 1000)
	splunk := hectest.Start(t, hectest.WithSink(func(ev hectest.Event) { got <- ev }))
	cfg := config.Defaults()
	cfg.Kafka.BootstrapServers, cfg.Kafka.SecurityProtocol = b.Bootstrap(), "PLAINTEXT"
	cfg.Kafka.Topics, cfg.Kafka.GroupID = []string{topic}, group
	cfg.HEC.URLs, cfg.HEC.Token = []string{splunk.URL()}, creds.NewSecret(hectest.DefaultToken)
	cfg.DeadLetter.Dir, cfg.Admin.Listen = t.TempDir(), "127.0.0.1:0"
	d, _ := runBounded(t, cfg, time.Time{})
	d.end()
	close(got)
	var offsets []string
	for ev := range got {
		f := gjson.GetManyBytes(ev.Fields, "kafka_partition", "kafka_offset")
		offsets = append(offsets, f[0].String()+"/"+f[1].String())
		if !gjson.GetBytes(ev.Event, "commit").Bool() {
			t.Errorf("an event was sent that was not committed: %s", ev.Event)
		}
	}
	slices.Sort(offsets)
	// Partition 0: 0-4, marker, 6-9 aborted, marker, 11-12, marker, 30 aborted, marker.
	want := []string{"0/0", "0/1", "0/11", "0/12", "0/2", "0/3", "0/4", "1/0", "1/1", "1/2"}
	if diff := cmp.Diff(want, offsets); diff != "" {
		t.Errorf("what arrived differs (-want +got):\n%s", diff)
	}
	if behind := uncommitted(t, b.Admin(t), group, topic, []int64{45, 6, 7, 0}); behind != "" {
		t.Error(behind)
	}
}

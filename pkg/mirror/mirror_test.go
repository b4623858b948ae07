package mirror_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.uber.org/goleak"
	"go.uber.org/zap"

	"auditlog-forwarder/pkg/audit"
	"auditlog-forwarder/pkg/kafka"
	"auditlog-forwarder/pkg/mirror"
	"auditlog-forwarder/testdata/leak"
)

func TestMain(m *testing.M) {
	leak.VerifyTestMain(m,
		// Sarama's metrics keep one ticker for the life of the process.
		goleak.IgnoreTopFunction("github.com/rcrowley/go-metrics.(*meterArbiter).tick"))
}

const topic = "copy"

// world is a destination and what was given to it.
type world struct {
	t       *testing.T
	cluster *kfake.Cluster
	cl      *kgo.Client
	cfg     kafka.CopyConfig

	mu       sync.Mutex
	problems []error
}

func newWorld(t *testing.T) *world {
	t.Helper()
	c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(2, topic))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	w := &world{t: t, cluster: c, cfg: kafka.DefaultCopyConfig()}
	w.cfg.BootstrapServers, w.cfg.SecurityProtocol = c.ListenAddrs(), kafka.Plaintext
	if w.cl, err = kgo.NewClient(kgo.SeedBrokers(c.ListenAddrs()...), kgo.RecordPartitioner(kgo.ManualPartitioner())); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.cl.Close)
	return w
}

func (w *world) sink() *mirror.Sink {
	w.t.Helper()
	target, err := kafka.NewCopyTarget(w.cfg, topic)
	if err != nil {
		w.t.Fatal(err)
	}
	s := mirror.New(mirror.Options{
		Target: target, Log: zap.NewNop(), Registerer: prometheus.NewRegistry(),
		OnProblem: func(err error) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.problems = append(w.problems, err)
		},
	})
	s.SetCluster("c")
	return s
}

// committed is what stands beside the group's offset.
type committed struct {
	next int64
	note string
}

// claim begins partition 0 from what is committed; its marks are committed.
func (c *committed) claim() mirror.Claim {
	return mirror.Claim{Committed: c.next, Note: c.note, Mark: func(next int64, note string, done func()) {
		c.next, c.note = next, note
		done()
	}}
}

// source is the source's record at an offset.
func source(offset int64) *audit.Record {
	r := rand.New(rand.NewPCG(7, uint64(offset)))
	rec := &audit.Record{Offset: offset, Timestamp: time.UnixMilli(1_780_000_000_000 + r.Int64N(1e6)), Value: fmt.Appendf(nil, "value-%d", offset)}
	switch r.IntN(4) {
	case 0:
		rec.Value = nil
		rec.Key = fmt.Appendf(nil, "key-%d", offset)
	case 1:
		rec.Key = []byte{}
		rec.Headers = []audit.Header{{Key: "a", Value: nil}, {Key: "a", Value: []byte{}}, {Key: "", Value: []byte{1}}}
	case 2:
		rec.Value = append(rec.Value, strings.Repeat("x", r.IntN(300))...)
	}
	return rec
}

func batch(s *mirror.Sink, from, to int64) audit.Batch {
	b := audit.Batch{Topic: topic}
	for o := from; o < to; o++ {
		b.Body, _, _ = s.Append(b.Body, source(o), audit.Event{})
		b.Ends = append(b.Ends, len(b.Body))
	}
	return b
}

// stands returns what the partition holds, as franz-go reads it.
func (w *world) stands() (all []string) {
	w.t.Helper()
	ends, err := kadm.NewClient(w.cl).ListEndOffsets(w.t.Context(), topic)
	if err != nil {
		w.t.Fatal(err)
	}
	end, _ := ends.Lookup(topic, 0)
	cl, err := kgo.NewClient(kgo.SeedBrokers(w.cluster.ListenAddrs()...), kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: {0: kgo.NewOffset().AtStart()}}))
	if err != nil {
		w.t.Fatal(err)
	}
	defer cl.Close()
	for int64(len(all)) < end.Offset {
		fetches := cl.PollFetches(w.t.Context())
		if err := fetches.Err(); err != nil {
			w.t.Fatal(err)
		}
		fetches.EachRecord(func(r *kgo.Record) { all = append(all, show(r.Timestamp, r.Key, r.Value, r.Headers)) })
	}
	return all
}

func show(at time.Time, key, value []byte, headers []kgo.RecordHeader) string {
	return fmt.Sprintf("%d %#v %#v %#v", at.UnixMilli(), key, value, headers)
}

func want(offsets ...int64) (all []string) {
	for _, o := range offsets {
		rec := source(o)
		var headers []kgo.RecordHeader
		for _, h := range rec.Headers {
			headers = append(headers, kgo.RecordHeader{Key: h.Key, Value: h.Value})
		}
		all = append(all, show(rec.Timestamp, rec.Key, rec.Value, headers))
	}
	return all
}

func upTo(n int64) (all []int64) {
	for o := range n {
		all = append(all, o)
	}
	return all
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func deliver(t *testing.T, s *mirror.Sink, c *committed, from, to int64) {
	t.Helper()
	refused, err := s.Deliver(t.Context(), batch(s, from, to))
	if err != nil || len(refused) > 0 {
		t.Fatalf("deliver %d to %d: %v %v", from, to, refused, err)
	}
	c.next, c.note = to, s.Note(topic, 0, to)
}

// TestRefusals: whatever the broker answers, and whether or not it has the
// batch all the same, the copy is the source, in its order, each record once.
func TestRefusals(t *testing.T) {
	t.Parallel()
	for _, answers := range [][]*kerr.Error{
		{kerr.NotEnoughReplicas},
		{kerr.NotEnoughReplicasAfterAppend},
		{kerr.RequestTimedOut, kerr.NotLeaderForPartition},
		{kerr.MessageTooLarge},
		{kerr.MessageTooLarge, kerr.NotEnoughReplicasAfterAppend},
		{kerr.OutOfOrderSequenceNumber},
		{kerr.NotEnoughReplicasAfterAppend, kerr.OutOfOrderSequenceNumber},
		{kerr.MessageTooLarge, kerr.NotEnoughReplicasAfterAppend, kerr.UnknownProducerID},
		{kerr.NotEnoughReplicasAfterAppend, kerr.DuplicateSequenceNumber},
		{kerr.NotEnoughReplicasAfterAppend, kerr.InvalidProducerEpoch, kerr.NotLeaderForPartition},
	} {
		var name []string
		for _, e := range answers {
			name = append(name, e.Message)
		}
		t.Run(strings.Join(name, ","), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			s, c := w.sink(), &committed{}
			must(t, s.Begin(t.Context(), c.claim()))
			defer s.End(0)
			deliver(t, s, c, 0, 10)
			for _, e := range answers {
				w.cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: e})
			}
			deliver(t, s, c, 10, 25)
			deliver(t, s, c, 25, 40)
			if diff := cmp.Diff(want(upTo(40)...), w.stands()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if got := s.Totals(); got.Written+got.Skipped != 40 || got.Duplicates+got.Strangers+got.Lost != 0 {
				t.Errorf("the accounts are %+v", got)
			}
		})
	}
}

// TestResume: lives that end anywhere, with commits that lag behind by any
// number of batches, and batches that are cut elsewhere the next time, leave
// each record once.
func TestResume(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := rand.New(rand.NewPCG(3, 4))
	var disk committed // what is committed
	written := int64(0)
	var skipped int64
	for life := range 40 {
		s, c := w.sink(), disk
		claim := c.claim()
		must(t, s.Begin(t.Context(), claim))
		disk = c // a first note is committed before anything is written
		at := disk.next
		for range r.IntN(5) {
			to := at + 1 + r.Int64N(30)
			deliver(t, s, &c, at, to)
			at = to
			if r.IntN(3) == 0 {
				disk = c
			}
		}
		if r.IntN(3) == 0 { // killed with a batch out, whose fate is open
			ctx, cancel := context.WithCancel(t.Context())
			w.cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.NotEnoughReplicasAfterAppend, When: func(kmsg.Request) bool { cancel(); return true }})
			_, _ = s.Deliver(ctx, batch(s, at, at+20)) // it is there already, or its end is not known
			cancel()
			at += 20
		}
		written = max(written, at)
		skipped += s.Totals().Skipped
		if got := s.Totals(); got.Duplicates+got.Strangers+got.Lost != 0 {
			t.Errorf("life %d: the accounts are %+v", life, got)
		}
		s.End(0)
	}
	s := w.sink()
	must(t, s.Begin(t.Context(), disk.claim()))
	defer s.End(0)
	deliver(t, s, &disk, disk.next, written+1)
	if diff := cmp.Diff(want(upTo(written+1)...), w.stands()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if skipped == 0 {
		t.Error("no life found anything of the one before")
	}
}

// TestLateRequest: what a predecessor's last request brings late is counted,
// nothing is lost by it, and what else it brought is not written again.
func TestLateRequest(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := &committed{}
	zombie, s := w.sink(), w.sink()
	must(t, zombie.Begin(t.Context(), c.claim()))
	defer zombie.End(0)
	must(t, s.Begin(t.Context(), c.claim()))
	defer s.End(0)
	deliver(t, zombie, &committed{}, 0, 30)
	deliver(t, s, c, 0, 10)
	deliver(t, s, c, 10, 40)
	if diff := cmp.Diff(want(append(upTo(30), append(upTo(10), 30, 31, 32, 33, 34, 35, 36, 37, 38, 39)...)...), w.stands()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := s.Totals(); got.Duplicates != 10 || got.Skipped != 20 || got.Strangers != 0 {
		t.Errorf("the accounts are %+v", got)
	}
}

// TestStrangers: somebody else's records between ours hide none of ours.
func TestStrangers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := &committed{}
	s := w.sink()
	must(t, s.Begin(t.Context(), c.claim()))
	before := *c
	deliver(t, s, c, 0, 5)
	s.End(0)
	must(t, w.cl.ProduceSync(t.Context(), &kgo.Record{Topic: topic, Value: []byte("somebody's")}).FirstErr())
	*c = before // the commit got lost
	s = w.sink()
	must(t, s.Begin(t.Context(), c.claim()))
	defer s.End(0)
	deliver(t, s, c, 0, 8)
	if got := s.Totals(); got.Skipped != 5 || got.Strangers != 1 || got.Written != 3 {
		t.Errorf("the accounts are %+v", got)
	}
	if got := w.stands(); len(got) != 9 || !cmp.Equal(got[6:], want(5, 6, 7)) {
		t.Errorf("there stand %v", got)
	}
}

// TestShorter: a destination that was made again is told, and copying goes on.
func TestShorter(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := &committed{}
	s := w.sink()
	must(t, s.Begin(t.Context(), c.claim()))
	deliver(t, s, c, 0, 12)
	s.End(0)
	adm := kadm.NewClient(w.cl)
	_, err := adm.DeleteTopic(t.Context(), topic)
	must(t, err)
	_, err = adm.CreateTopic(t.Context(), 1, 1, nil, topic)
	must(t, err)
	s = w.sink()
	must(t, s.Begin(t.Context(), c.claim()))
	defer s.End(0)
	deliver(t, s, c, 12, 15)
	if got := s.Totals(); got.Lost != 12 || got.Written != 3 {
		t.Errorf("the accounts are %+v", got)
	}
	if diff := cmp.Diff(want(12, 13, 14), w.stands()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestOutsize: a batch that the topic does not take is halved; one record that
// it does not take is waited for, named, and not skipped.
func TestOutsize(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.cfg.Compression = "none"
	limit := func(bytes string) {
		_, err := kadm.NewClient(w.cl).AlterTopicConfigs(t.Context(), []kadm.AlterConfig{{Name: "max.message.bytes", Value: &bytes}}, topic)
		must(t, err)
	}
	limit("700")
	s, c := w.sink(), &committed{}
	must(t, s.Begin(t.Context(), c.claim()))
	defer s.End(0)
	deliver(t, s, c, 0, 50)
	large := &audit.Record{Offset: 50, Timestamp: time.UnixMilli(1), Value: make([]byte, 900)}
	b := audit.Batch{Topic: topic}
	b.Body, _, _ = s.Append(nil, large, audit.Event{})
	b.Ends = []int{len(b.Body)}
	done := make(chan error, 1)
	go func() {
		_, err := s.Deliver(t.Context(), b)
		done <- err
	}()
	told := func() error {
		w.mu.Lock()
		defer w.mu.Unlock()
		return errors.Join(w.problems...)
	}
	for told() == nil {
		select {
		case err := <-done:
			t.Fatalf("the large record is done: %v", err)
		case <-time.After(10 * time.Millisecond):
		}
	}
	if err := told(); !strings.Contains(err.Error(), "the record copy/0/50 has") || !strings.Contains(err.Error(), "max.message.bytes") {
		t.Errorf("the problem is %v", err)
	}
	limit("2000")
	must(t, <-done)
	if got := w.stands(); len(got) != 51 || !cmp.Equal(got[:50], want(upTo(50)...)) {
		t.Errorf("%d records stand there", len(got))
	}
}

// TestNote: what is written is read, and nothing else is.
func TestNote(t *testing.T) {
	t.Parallel()
	for _, p := range []mirror.Position{{Cluster: "abc", Topic: "t", End: 0}, {Topic: "t.x", End: 1 << 40}} {
		if got, ok := mirror.ParseNote(p.String()); !ok || got != p {
			t.Errorf("%q is read as %+v, %v", p.String(), got, ok)
		}
	}
	for _, note := range []string{"", "x", "mirror/2 1 t c", "mirror/1 -1 t c", "mirror/1 1  c", "mirror/1 a t c", "mirror/1 1 t c d"} {
		if got, ok := mirror.ParseNote(note); ok {
			t.Errorf("%q is read as %+v", note, got)
		}
	}
}

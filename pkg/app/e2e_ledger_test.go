package app_test

import (
	"cmp"
	"context"
	"fmt"
	"hash/maphash"
	"sync"
	"testing"
	"time"

	"github.com/tidwall/gjson"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/time/rate"

	"auditlog-forwarder/pkg/audit/auditgen"
	"auditlog-forwarder/pkg/hec/hectest"
	"auditlog-forwarder/pkg/kafka/kafkatest"
)

// ledger knows what lies in a topic, by partition and offset, and books what
// arrives. Of a body it keeps a hash only.
type ledger struct {
	seed maphash.Seed

	mu       sync.Mutex
	changed  chan struct{} // closed and renewed with every event
	want     [][]uint64
	times    [][]uint8 // how often each has arrived
	missing  int
	arrived  int // with repeats
	repeated int
	faults   []string
}

func newLedger(partitions int32) *ledger {
	return &ledger{
		seed: maphash.MakeSeed(), changed: make(chan struct{}),
		want: make([][]uint64, partitions), times: make([][]uint8, partitions),
	}
}

// again returns a ledger of the same topic in which nothing has arrived.
func (l *ledger) again() *ledger {
	l.mu.Lock()
	defer l.mu.Unlock()
	fresh := newLedger(int32(len(l.want)))
	fresh.seed, fresh.want = l.seed, l.want
	for p, hashes := range l.want {
		fresh.times[p] = make([]uint8, len(hashes))
		fresh.missing += len(hashes)
	}
	return fresh
}

// expect notes a record that must arrive, and returns the offset it will have.
func (l *ledger) expect(partition int32, value []byte) (offset int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	offset = int64(len(l.want[partition]))
	l.want[partition] = append(l.want[partition], maphash.Bytes(l.seed, value))
	l.times[partition] = append(l.times[partition], 0)
	l.missing++
	return offset
}

// take books an event; it is a sink for hectest.
func (l *ledger) take(ev hectest.Event) {
	fields := gjson.GetManyBytes(ev.Fields, "kafka_partition", "kafka_offset")
	partition, offset := fields[0].Int(), fields[1].Int()
	hash := maphash.Bytes(l.seed, ev.Event)

	l.mu.Lock()
	defer l.mu.Unlock()
	defer func() {
		close(l.changed)
		l.changed = make(chan struct{})
	}()
	l.arrived++
	switch {
	case fields[0].Type != gjson.String || fields[1].Type != gjson.String || partition < 0 || partition >= int64(len(l.want)) ||
		offset < 0 || offset >= int64(len(l.want[partition])):
		l.fault("an event with fields %s, which is no record of the topic", ev.Fields)
		return
	case l.want[partition][offset] != hash:
		l.fault("partition %d, offset %d is not what was produced: %.300q", partition, offset, ev.Event)
		return
	}
	if l.times[partition][offset]++; l.times[partition][offset] == 1 {
		l.missing--
	} else {
		l.repeated++
	}
}

func (l *ledger) fault(format string, args ...any) {
	if len(l.faults) < 10 {
		l.faults = append(l.faults, fmt.Sprintf(format, args...))
	}
}

// figures returns what has arrived with repeats, and what is missing.
func (l *ledger) figures() (arrived, repeated, missing int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.arrived, l.repeated, l.missing
}

// until waits for a state of the figures; it gives up when nothing arrives.
func (l *ledger) until(t *testing.T, what string, cond func(arrived, missing int) bool) {
	t.Helper()
	guard := time.NewTimer(patience)
	defer guard.Stop()
	for {
		l.mu.Lock()
		met, changed, arrived, missing, faults := cond(l.arrived, l.missing), l.changed, l.arrived, l.missing, l.faults
		l.mu.Unlock()
		if met {
			return
		}
		select {
		case <-changed:
			guard.Reset(patience)
		case <-guard.C:
			t.Fatalf("waited in vain for %s; %d arrived, %d missing, faults %q", what, arrived, missing, faults)
		}
	}
}

// all waits until everything has arrived.
func (l *ledger) all(t *testing.T) {
	t.Helper()
	l.until(t, "all events", func(_, missing int) bool { return missing == 0 })
}

// check wants everything to have arrived, byte for byte, and at most so many
// repeats.
func (l *ledger) check(t *testing.T, repeats int) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, f := range l.faults {
		t.Error(f)
	}
	if l.missing > 0 {
		t.Errorf("%d events are missing", l.missing)
	}
	if l.repeated > repeats {
		t.Errorf("%d events came more than once, at most %d may", l.repeated, repeats)
	}
}

// ends returns the log end of each partition.
func (l *ledger) ends() []int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	ends := make([]int64, len(l.want))
	for p := range l.want {
		ends[p] = int64(len(l.want[p]))
	}
	return ends
}

// feeder fills a topic with generated events and writes them into a ledger. It
// is the topic's only producer, so it knows the offsets beforehand.
type feeder struct {
	t      *testing.T
	client *kgo.Client
	gen    *auditgen.Generator
	ledger *ledger
	topic  string
	next   int
}

func newFeeder(t *testing.T, b *kafkatest.Broker, topic string, partitions int32) *feeder {
	t.Helper()
	b.CreateTopic(t, topic, partitions)
	gen, err := auditgen.New(20261101)
	if err != nil {
		t.Fatal(err)
	}
	return &feeder{
		t: t, gen: gen, ledger: newLedger(partitions), topic: topic,
		client: b.Client(t, kgo.RecordPartitioner(kgo.ManualPartitioner()),
			kgo.ProducerBatchCompression(kgo.NoCompression()), kgo.ProducerLinger(5*time.Millisecond)),
	}
}

// feed produces n events, spread over the partitions, at most so many a
// second; 0 sets no limit.
func (f *feeder) feed(ctx context.Context, n int, perSecond rate.Limit) error {
	limit := rate.NewLimiter(perSecond, 100)
	var mu sync.Mutex
	var failed error
	for range n {
		if perSecond > 0 && limit.Wait(ctx) != nil {
			break
		}
		value := f.gen.Next(make([]byte, 0, 2048), time.Now())
		partition := int32(f.next % len(f.ledger.want))
		f.next++
		offset := f.ledger.expect(partition, value)
		f.client.Produce(context.WithoutCancel(ctx), &kgo.Record{Topic: f.topic, Partition: partition, Value: value}, func(r *kgo.Record, err error) {
			if err == nil && r.Offset != offset {
				err = fmt.Errorf("record got offset %d, expected %d", r.Offset, offset)
			}
			mu.Lock()
			defer mu.Unlock()
			failed = cmp.Or(failed, err)
		})
	}
	if err := f.client.Flush(context.WithoutCancel(ctx)); err != nil {
		return err
	}
	mu.Lock()
	defer mu.Unlock()
	return failed
}

// must produces n events at once.
func (f *feeder) must(n int) {
	f.t.Helper()
	if err := f.feed(f.t.Context(), n, 0); err != nil {
		f.t.Fatalf("produce to %s: %v", f.topic, err)
	}
}

// uncommitted says where the group's offsets differ from the topic's ends.
func uncommitted(t *testing.T, adm *kadm.Client, group, topic string, ends []int64) (behind string) {
	t.Helper()
	offsets, err := adm.FetchOffsets(t.Context(), group)
	if err != nil {
		return err.Error()
	}
	for p, end := range ends {
		o, ok := offsets.Lookup(topic, int32(p))
		if !ok || o.At != end {
			behind += fmt.Sprintf("partition %d: committed %d, end %d; ", p, o.At, end)
		}
	}
	return behind
}

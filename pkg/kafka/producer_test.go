package kafka_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"auditlog-forwarder/pkg/audit"
	"auditlog-forwarder/pkg/kafka"
)

const producerTopic = "produced"

// producerCluster starts a broker with the topic and returns how to reach it.
func producerCluster(t *testing.T, opts ...kfake.Opt) (*kfake.Cluster, kafka.Config) {
	t.Helper()
	c, err := kfake.NewCluster(append(opts, kfake.SeedTopics(4, producerTopic))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	cfg := kafka.DefaultConfig()
	cfg.BootstrapServers = c.ListenAddrs()
	cfg.SecurityProtocol = kafka.Plaintext
	return c, cfg
}

// readBack returns n records of the topic, by partition and in their order.
func readBack(t *testing.T, cfg kafka.Config, n int) map[int32][]*kgo.Record {
	t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(cfg.BootstrapServers...), kgo.ConsumeTopics(producerTopic),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	got := map[int32][]*kgo.Record{}
	for read := 0; read < n; {
		fetches := cl.PollFetches(t.Context())
		if err := fetches.Err(); err != nil {
			t.Fatal(err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			got[r.Partition] = append(got[r.Partition], r)
			read++
		})
	}
	return got
}

func newProducer(t *testing.T, cfg kafka.Config, opts kafka.ProducerOptions) *kafka.Producer {
	t.Helper()
	p, err := kafka.NewProducer(t.Context(), cfg, opts)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestProducerWritesRecordsAsGiven holds that key, value, headers, time and
// partition arrive as given, though the caller uses its buffer again at once.
func TestProducerWritesRecordsAsGiven(t *testing.T) {
	t.Parallel()
	for _, opts := range []kafka.ProducerOptions{
		{},
		{Compression: "none"},
		{Compression: "lz4"},
		{Compression: "zstd"},
		{Compression: "gzip"},
		{Compression: "snappy"},
		{Compression: "zstd", Idempotent: true},
	} {
		t.Run(fmt.Sprintf("%+v", opts), func(t *testing.T) {
			t.Parallel()
			_, cfg := producerCluster(t)
			p := newProducer(t, cfg, opts)
			at := time.UnixMilli(1_790_000_000_123)
			buf := make([]byte, 0, 64)
			const n = 1000
			for i := range n {
				buf = fmt.Appendf(buf[:0], "value %d", i)
				r := &audit.Record{
					Topic: producerTopic, Partition: int32(i % 4), Timestamp: at, Key: []byte("k"), Value: buf,
					Headers: []audit.Header{{Key: "h", Value: buf[:5]}, {Key: "nil"}},
				}
				if err := p.Send(t.Context(), r); err != nil {
					t.Fatal(err)
				}
			}
			if written, err := p.Close(t.Context()); written != n || err != nil {
				t.Fatalf("Close: %d, %v; want %d, nil", written, err, n)
			}
			for partition, records := range readBack(t, cfg, n) {
				if len(records) != n/4 {
					t.Errorf("%d records in partition %d, want %d", len(records), partition, n/4)
				}
				slices.SortFunc(records, func(a, b *kgo.Record) int { return int(a.Offset - b.Offset) })
				for i, r := range records {
					want := fmt.Sprintf("value %d", i*4+int(partition))
					headers := []kgo.RecordHeader{{Key: "h", Value: []byte("value")}, {Key: "nil"}}
					if diff := cmp.Diff(want, string(r.Value)); diff != "" {
						t.Fatalf("partition %d, record %d (-want +got):\n%s", partition, i, diff)
					}
					if diff := cmp.Diff(headers, r.Headers); diff != "" {
						t.Fatalf("headers (-want +got):\n%s", diff)
					}
					if string(r.Key) != "k" || !r.Timestamp.Equal(at) {
						t.Fatalf("key %q at %s, want k at %s", r.Key, r.Timestamp, at)
					}
				}
			}
		})
	}
}

func TestProducerTellsNullFromEmpty(t *testing.T) {
	t.Parallel()
	_, cfg := producerCluster(t)
	p := newProducer(t, cfg, kafka.ProducerOptions{})
	for _, value := range [][]byte{nil, {}} {
		if err := p.Send(t.Context(), &audit.Record{Topic: producerTopic, Value: value}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := p.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	got := readBack(t, cfg, 2)[0]
	if len(got) != 2 || got[0].Value != nil || got[1].Value == nil || len(got[1].Value) != 0 || got[0].Key != nil {
		t.Errorf("got %+v; want a null value, then an empty one, both without a key", got)
	}
}

// TestProducerSpreadsRecords holds that records without a partition go to all
// of them, in runs and not one by one.
func TestProducerSpreadsRecords(t *testing.T) {
	t.Parallel()
	_, cfg := producerCluster(t)
	p := newProducer(t, cfg, kafka.ProducerOptions{})
	const n = 4096
	for i := range n {
		if err := p.Send(t.Context(), &audit.Record{Topic: producerTopic, Partition: -1, Value: fmt.Append(nil, i)}); err != nil {
			t.Fatal(err)
		}
	}
	if written, err := p.Close(t.Context()); written != n || err != nil {
		t.Fatalf("Close: %d, %v", written, err)
	}
	got := readBack(t, cfg, n)
	if len(got) != 4 {
		t.Errorf("%d partitions hold records, want 4", len(got))
	}
	var number int
	if _, err := fmt.Sscan(string(got[0][1].Value), &number); err != nil || number != 1 {
		t.Errorf("the second record of partition 0 is %q, want 1: the first run is its own", got[0][1].Value)
	}
}

// TestProducerReportsRefusals holds that a refused record is reported by
// Flush, once, and that the producer goes on afterwards.
func TestProducerReportsRefusals(t *testing.T) {
	t.Parallel()
	c, cfg := producerCluster(t)
	c.ControlKey(int16(kmsg.Produce), func(req kmsg.Request) (kmsg.Response, error, bool) {
		resp := req.ResponseKind().(*kmsg.ProduceResponse)
		for _, topic := range req.(*kmsg.ProduceRequest).Topics {
			rt := kmsg.NewProduceResponseTopic()
			rt.Topic, rt.TopicID = topic.Topic, topic.TopicID
			for _, p := range topic.Partitions {
				rp := kmsg.NewProduceResponseTopicPartition()
				rp.Partition, rp.ErrorCode = p.Partition, kerr.TopicAuthorizationFailed.Code
				rt.Partitions = append(rt.Partitions, rp)
			}
			resp.Topics = append(resp.Topics, rt)
		}
		return resp, nil, true
	})
	p := newProducer(t, cfg, kafka.ProducerOptions{})
	record := &audit.Record{Topic: producerTopic, Partition: 2, Value: []byte("{}")}
	if err := p.Send(t.Context(), record); err != nil {
		t.Fatal(err)
	}
	written, err := p.Flush(t.Context())
	if written != 0 || err == nil || !strings.Contains(err.Error(), "write to produced/2: ") || !strings.Contains(err.Error(), "uthorized") {
		t.Errorf("Flush: %d, %v; want 0 and the refusal of produced/2", written, err)
	}
	if err := p.Send(t.Context(), record); err != nil {
		t.Fatal(err)
	}
	if written, err := p.Flush(t.Context()); written != 1 || err != nil {
		t.Errorf("second Flush: %d, %v; want 1, nil", written, err)
	}
	if written, err := p.Close(t.Context()); written != 1 || err != nil {
		t.Errorf("Close: %d, %v; want 1, nil", written, err)
	}
}

func TestProducerUnknownTopic(t *testing.T) {
	t.Parallel()
	_, cfg := producerCluster(t, kfake.AllowAutoTopicCreation())
	p := newProducer(t, cfg, kafka.ProducerOptions{})
	if err := p.Send(t.Context(), &audit.Record{Topic: "nowhere", Partition: -1, Value: []byte("{}")}); err != nil {
		t.Fatal(err)
	}
	if written, err := p.Close(t.Context()); written != 0 || err == nil || !strings.Contains(err.Error(), "write to nowhere") {
		t.Errorf("Close: %d, %v; want 0 and an error that names the topic", written, err)
	}
}

// TestProducerIsBounded holds that Send takes 32 MiB while the broker does not
// answer and no more, and that waiting ends with the context.
func TestProducerIsBounded(t *testing.T) {
	t.Parallel()
	c, cfg := producerCluster(t)
	answer := make(chan struct{})
	c.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
		c.SleepControl(func() { <-answer })
		return nil, nil, false
	})
	p := newProducer(t, cfg, kafka.ProducerOptions{})
	record := &audit.Record{Topic: producerTopic, Partition: -1, Value: make([]byte, 1<<19)}
	const fits = 63 // 64 of them are 32 MiB without what else a record costs
	for range fits {
		if err := p.Send(t.Context(), record); err != nil {
			t.Fatal(err)
		}
	}
	short, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := p.Send(short, record); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Send over the bound: %v, want %v", err, context.DeadlineExceeded)
	}
	if _, err := p.Flush(short); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Flush: %v, want %v", err, context.DeadlineExceeded)
	}
	close(answer)
	if written, err := p.Close(t.Context()); written != fits || err != nil {
		t.Errorf("Close: %d, %v; want %d, nil", written, err, fits)
	}
}

// TestProducerCloseEndsWithItsContext holds that Close does not wait for a
// broker that never answers, and says that records may be missing.
func TestProducerCloseEndsWithItsContext(t *testing.T) {
	t.Parallel()
	c, cfg := producerCluster(t)
	answer := make(chan struct{})
	defer close(answer)
	c.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
		c.SleepControl(func() { <-answer })
		return nil, nil, false
	})
	p := newProducer(t, cfg, kafka.ProducerOptions{})
	if err := p.Send(t.Context(), &audit.Record{Topic: producerTopic, Value: []byte("{}")}); err != nil {
		t.Fatal(err)
	}
	short, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if written, err := p.Close(short); written != 0 || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Close: %d, %v; want 0, %v", written, err, context.DeadlineExceeded)
	}
}

func TestProducerRefusesToStart(t *testing.T) {
	t.Parallel()
	_, cfg := producerCluster(t)
	if _, err := kafka.NewProducer(t.Context(), cfg, kafka.ProducerOptions{Compression: "rar"}); err == nil || !strings.Contains(err.Error(), `"rar" is unknown; allowed are none`) {
		t.Errorf("compression rar: %v", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := kafka.NewProducer(ended, cfg, kafka.ProducerOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("ended context: %v", err)
	}
}

package kafka_test

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"auditlog-forwarder/pkg/kafka"
)

// empty makes the first five fetches bring nothing of what a partition has.
func empty(c *kfake.Cluster, topic string, end int64, throttle int32) *atomic.Int32 {
	var asked atomic.Int32
	c.ControlKey(int16(kmsg.Fetch), func(req kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		if asked.Add(1) > 5 {
			return nil, nil, false
		}
		if throttle == 0 {
			<-time.After(500 * time.Millisecond) // what the request allows
		}
		fetch := req.(*kmsg.FetchRequest)
		resp := fetch.ResponseKind().(*kmsg.FetchResponse)
		resp.ThrottleMillis = throttle
		at := kmsg.NewFetchResponseTopicPartition()
		at.HighWatermark, at.LastStableOffset, at.LogStartOffset, at.RecordBatches = end, end, 0, []byte{}
		of := kmsg.NewFetchResponseTopic()
		of.Topic, of.TopicID, of.Partitions = topic, fetch.Topics[0].TopicID, append(of.Partitions, at)
		resp.Topics = append(resp.Topics, of)
		return resp, nil, true
	})
	return &asked
}

// TestRangeSlowBroker: a broker that has records but none at hand in time, such
// as one whose remote store is slow, or that throttles, is asked again; nothing
// that it has is passed over.
func TestRangeSlowBroker(t *testing.T) {
	t.Parallel()
	for _, throttle := range []int32{0, 1} {
		t.Run(fmt.Sprintf("throttle=%d", throttle), func(t *testing.T) {
			t.Parallel()
			const topic = "audit"
			c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, topic))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(c.Close)
			cl, err := kgo.NewClient(kgo.SeedBrokers(c.ListenAddrs()...), kgo.DefaultProduceTopic(topic))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(cl.Close)
			var want []string
			for i := range 3 {
				if err := cl.ProduceSync(t.Context(), kgo.StringRecord(fmt.Sprint(i))).FirstErr(); err != nil {
					t.Fatal(err)
				}
				want = append(want, fmt.Sprintf("%d:%d", i, i))
			}
			asked := empty(c, topic, 3, throttle)
			cfg := kafka.DefaultConfig()
			cfg.BootstrapServers, cfg.SecurityProtocol, cfg.Topics = c.ListenAddrs(), kafka.Plaintext, []string{topic}
			r, err := kafka.OpenReader(t.Context(), cfg)
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close() //nolint:errcheck // it only reads
			if got := values(t, r, topic, 0, 3); fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("read %v, want %v", got, want)
			}
			if n := asked.Load(); n < 6 {
				t.Errorf("the broker was asked %d times, so nothing is tested", n)
			}
		})
	}
}

// TestCopyReadThrottled: what a mirror wrote before its death is read as often
// as it takes, and no more of it is asked for at once.
func TestCopyReadThrottled(t *testing.T) {
	t.Parallel()
	c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "audit"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	cfg := kafka.DefaultCopyConfig()
	cfg.BootstrapServers, cfg.SecurityProtocol = c.ListenAddrs(), kafka.Plaintext
	most := int32(0)
	c.ControlKey(int16(kmsg.Fetch), func(req kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		most = max(most, req.(*kmsg.FetchRequest).MaxBytes)
		return nil, nil, false
	})
	asked := empty(c, "audit", 1, 1)
	if err := putOne(t.Context(), target(t, cfg), 0); err != nil {
		t.Error(err)
	}
	if n := asked.Load(); n < 6 || most > 1<<20 {
		t.Errorf("asked %d times, for %d bytes at most", n, most)
	}
}

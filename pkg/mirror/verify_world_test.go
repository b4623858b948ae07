package mirror_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"auditlog-forwarder/pkg/kafka"
	"auditlog-forwarder/pkg/mirror"
)

// cluster is one of the two sides.
type cluster struct {
	t       testing.TB
	servers []string
	client  *kgo.Client
	adm     *kadm.Client
	topic   string
}

func fake(t testing.TB, topic string, partitions int32) *cluster {
	t.Helper()
	c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(partitions, topic), kfake.ClusterID(rand.Text()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return reach(t, c.ListenAddrs(), topic)
}

func reach(t testing.TB, servers []string, topic string, opts ...kgo.Opt) *cluster {
	t.Helper()
	client, err := kgo.NewClient(append(opts, kgo.SeedBrokers(servers...), kgo.RecordPartitioner(kgo.ManualPartitioner()))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return &cluster{t: t, servers: servers, client: client, adm: kadm.NewClient(client), topic: topic}
}

func (c *cluster) leg(group string) mirror.Leg {
	cfg := kafka.DefaultConfig()
	cfg.BootstrapServers, cfg.SecurityProtocol, cfg.Topics, cfg.GroupID = c.servers, kafka.Plaintext, []string{c.topic}, group
	return mirror.Leg{Kafka: cfg, Topic: c.topic}
}

// by is leg by another address of the same broker.
func (c *cluster) by(address, group string) mirror.Leg {
	leg := c.leg(group)
	leg.Kafka.BootstrapServers = nil
	for _, s := range c.servers {
		leg.Kafka.BootstrapServers = append(leg.Kafka.BootstrapServers, strings.Replace(s, "127.0.0.1", address, 1))
	}
	return leg
}

// write appends records to partition 0, or to that of their own.
func (c *cluster) write(records ...kgo.Record) {
	c.t.Helper()
	for i := range records {
		r := records[i]
		r.Topic = c.topic
		if err := c.client.ProduceSync(context.WithoutCancel(c.t.Context()), &r).FirstErr(); err != nil {
			c.t.Fatal(err)
		}
	}
}

// expire deletes what stands before an offset, as retention does.
func (c *cluster) expire(before int64) {
	c.t.Helper()
	var offsets kadm.Offsets
	offsets.AddOffset(c.topic, 0, before, -1)
	res, err := c.adm.DeleteRecords(c.t.Context(), offsets)
	if err == nil {
		err = res.Error()
	}
	if err != nil {
		c.t.Fatal(err)
	}
}

func (c *cluster) commit(group string, next int64) { c.t.Helper(); c.commitAt(group, 0, next) }

func (c *cluster) commitAt(group string, partition int32, next int64) {
	c.t.Helper()
	var offsets kadm.Offsets
	offsets.AddOffset(c.topic, partition, next, -1)
	if err := c.adm.CommitAllOffsets(c.t.Context(), group, offsets); err != nil {
		c.t.Fatal(err)
	}
}

// committed returns -1 where there is nothing.
func (c *cluster) committed(group string) int64 {
	c.t.Helper()
	offsets, err := c.adm.FetchOffsets(c.t.Context(), group)
	if errors.Is(err, kerr.GroupIDNotFound) {
		return -1
	}
	if err != nil {
		c.t.Fatal(err)
	}
	if o, ok := offsets.Lookup(c.topic, 0); ok {
		return o.At
	}
	return -1
}

// epoch is when the records of these tests begin; they are a minute apart.
func epoch() time.Time { return time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC) }

func events(from, end int) (all []kgo.Record) {
	for i := from; i < end; i++ {
		r := kgo.Record{
			Key: []byte(fmt.Sprint("key", i)), Value: []byte(fmt.Sprint("value", i)), Timestamp: epoch().Add(time.Duration(i) * time.Minute),
			Headers: []kgo.RecordHeader{{Key: "a", Value: []byte("1")}, {Key: "b", Value: nil}},
		}
		switch i % 4 {
		case 0:
			r.Key = nil
		case 1:
			r.Key = []byte{}
		}
		all = append(all, r)
	}
	return all
}

// batch is write for many.
func (c *cluster) batch(records []kgo.Record) {
	c.t.Helper()
	for i := range records {
		r := records[i]
		r.Topic = c.topic
		c.client.Produce(c.t.Context(), &r, func(_ *kgo.Record, err error) {
			if err != nil {
				c.t.Error(err)
			}
		})
	}
	if err := c.client.Flush(c.t.Context()); err != nil {
		c.t.Fatal(err)
	}
}

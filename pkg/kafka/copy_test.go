package kafka_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"auditlog-forwarder/pkg/audit"
	"auditlog-forwarder/pkg/kafka"
)

// copying starts a source and a destination, and returns how to reach both.
func copying(t *testing.T) (from, to *kadm.Client, source kafka.Config, cfg kafka.CopyConfig) {
	t.Helper()
	cluster := func(id string, opts ...kfake.Opt) ([]string, *kadm.Client) {
		c, err := kfake.NewCluster(append(opts, kfake.NumBrokers(1), kfake.ClusterID(id))...)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.Close)
		cl, err := kgo.NewClient(kgo.SeedBrokers(c.ListenAddrs()...))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(cl.Close)
		return c.ListenAddrs(), kadm.NewClient(cl)
	}
	source, cfg = kafka.DefaultConfig(), kafka.DefaultCopyConfig()
	source.SecurityProtocol, cfg.SecurityProtocol = kafka.Plaintext, kafka.Plaintext
	source.Topics, source.GroupID = []string{"audit"}, cfg.GroupID
	source.BootstrapServers, from = cluster("theirs", kfake.SeedTopics(3, "audit"))
	cfg.BootstrapServers, to = cluster("mine")
	return from, to, source, cfg
}

func target(t *testing.T, cfg kafka.CopyConfig) *kafka.CopyTarget {
	t.Helper()
	c, err := kafka.NewCopyTarget(cfg, "audit")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestCopyCreates: the destination gets the source's partitions and what was
// asked for, and looking creates nothing.
func TestCopyCreates(t *testing.T) {
	t.Parallel()
	_, to, source, cfg := copying(t)
	cfg.Retention = 90 * 24 * time.Hour
	state, err := target(t, cfg).Inspect(t.Context(), source)
	if err != nil || state.Partitions != 0 || state.SourcePartitions != 3 || state.SourceCluster != "theirs" || state.Cluster != "mine" {
		t.Fatalf("inspected: %+v, %v", state, err)
	}
	if topics, err := to.ListTopics(t.Context()); err != nil || topics.Has("audit") {
		t.Fatalf("looking has made %v, %v", topics, err)
	}
	if state, err = target(t, cfg).Prepare(t.Context(), source); err != nil || !state.Created {
		t.Fatalf("prepared: %+v, %v", state, err)
	}
	topics, err := to.ListTopics(t.Context(), "audit")
	if err != nil || len(topics["audit"].Partitions) != 3 {
		t.Errorf("the topic is %v, %v", topics, err)
	}
	configs, err := to.DescribeTopicConfigs(t.Context(), "audit")
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, c := range configs[0].Configs {
		if c.Key == "retention.ms" || c.Key == "retention.bytes" || c.Key == "message.timestamp.type" || c.Key == "cleanup.policy" {
			got[c.Key] = c.MaybeValue()
		}
	}
	want := map[string]string{"retention.ms": "7776000000", "retention.bytes": "-1", "message.timestamp.type": "CreateTime", "cleanup.policy": "delete"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if state, err = target(t, cfg).Prepare(t.Context(), source); err != nil || state.Created || len(state.Warnings) > 0 {
		t.Errorf("prepared once more: %+v, %v", state, err)
	}
}

// TestCopyChecks: a topic that exists is not changed; what would make the copy
// wrong is an error, what only differs is a warning.
func TestCopyChecks(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name       string
		partitions int32
		config     map[string]string
		refused    string
		warned     string
	}{
		{"too few partitions", 2, nil, "topic audit has 2 partitions and its source 3", ""},
		{"more partitions", 5, nil, "", "those beyond stay empty"},
		{"other timestamps", 3, map[string]string{"message.timestamp.type": "LogAppendTime"}, "message.timestamp.type=LogAppendTime", ""},
		{"compacted", 3, map[string]string{"cleanup.policy": "compact,delete"}, "cleanup.policy=compact,delete", ""},
		{"kept shorter", 3, map[string]string{"retention.ms": "86400000"}, "", "keeps records for 24h0m0s"},
		{"kept less", 3, map[string]string{"retention.bytes": "1000000"}, "", "beyond 1000000 bytes"},
		{"kept longer", 3, map[string]string{"retention.ms": "-1"}, "", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			_, to, source, cfg := copying(t)
			cfg.Retention = 48 * time.Hour
			configs := map[string]*string{"retention.ms": new("200000000")}
			for k, v := range tc.config {
				configs[k] = &v
			}
			if _, err := to.CreateTopic(t.Context(), tc.partitions, 1, configs, "audit"); err != nil {
				t.Fatal(err)
			}
			state, err := target(t, cfg).Prepare(t.Context(), source)
			var mismatch *kafka.CopyMismatchError
			switch {
			case tc.refused == "" && err != nil, tc.refused != "" && (!errors.As(err, &mismatch) || !strings.Contains(err.Error(), tc.refused)):
				t.Errorf("the error is %v, want %q", err, tc.refused)
			}
			if got := strings.Join(state.Warnings, "; "); tc.warned == "" && got != "" || !strings.Contains(got, tc.warned) {
				t.Errorf("warned of %q, want %q", got, tc.warned)
			}
			topics, err := to.ListTopics(t.Context(), "audit")
			if err != nil || len(topics["audit"].Partitions) != int(tc.partitions) {
				t.Errorf("the topic was changed: %v, %v", topics, err)
			}
		})
	}
}

// TestCopyFollows: a source that has grown since the group began is followed.
func TestCopyFollows(t *testing.T) {
	t.Parallel()
	from, to, source, cfg := copying(t)
	c := target(t, cfg)
	if _, err := c.Prepare(t.Context(), source); err != nil {
		t.Fatal(err)
	}
	var offsets kadm.Offsets
	offsets.AddOffset("audit", 0, 0, -1)
	if err := from.CommitAllOffsets(t.Context(), cfg.GroupID, offsets); err != nil {
		t.Fatal(err)
	}
	if _, err := from.UpdatePartitions(t.Context(), 5, "audit"); err != nil {
		t.Fatal(err)
	}
	state, err := c.Prepare(t.Context(), source)
	if err != nil || len(state.Warnings) != 1 {
		t.Errorf("prepared: %+v, %v", state, err)
	}
	grown, err := c.Grow(t.Context(), 6)
	if err != nil || !grown {
		t.Errorf("grown: %v, %v", grown, err)
	}
	if grown, err = c.Grow(t.Context(), 6); err != nil || grown {
		t.Errorf("grown once more: %v, %v", grown, err)
	}
	topics, err := to.ListTopics(t.Context(), "audit")
	if err != nil || len(topics["audit"].Partitions) != 6 {
		t.Errorf("the topic is %v, %v", topics, err)
	}
}

// TestCopyIntoItself is refused by the clusters' ids, whatever the addresses.
func TestCopyIntoItself(t *testing.T) {
	t.Parallel()
	_, _, source, cfg := copying(t)
	cfg.BootstrapServers = []string{strings.Replace(source.BootstrapServers[0], "127.0.0.1", "localhost", 1)}
	_, err := target(t, cfg).Prepare(t.Context(), source)
	if err == nil || !strings.Contains(err.Error(), "the same cluster (theirs)") {
		t.Errorf("the error is %v", err)
	}
	cfg.Name = "other"
	state, err := target(t, cfg).Inspect(t.Context(), source)
	if err != nil || state.Topic != "other" {
		t.Errorf("another topic of the cluster: %+v, %v", state, err)
	}
}

// TestCopyNoAnswer: ctx ends whatever waits for a destination that is not there.
func TestCopyNoAnswer(t *testing.T) {
	t.Parallel()
	_, _, source, cfg := copying(t)
	cfg.BootstrapServers = []string{"127.0.0.1:1"}
	_, err := target(t, cfg).Prepare(t.Context(), source)
	if err == nil || !strings.Contains(err.Error(), "check mirror.bootstrap_servers") {
		t.Errorf("the error is %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := target(t, cfg).Partition(0).Bounds(ctx); err == nil {
		t.Error("nobody answers, and there are bounds")
	}
}

// TestCopyRecord: what is packed is what comes back, and its offset counts for
// nothing.
func TestCopyRecord(t *testing.T) {
	t.Parallel()
	_, to, _, cfg := copying(t)
	for _, compression := range []string{"none", "gzip", "snappy", "lz4", "zstd"} {
		cfg.Compression, cfg.Name = compression, "copy-"+compression
		if _, err := to.CreateTopic(t.Context(), 1, 1, nil, cfg.Name); err != nil {
			t.Fatal(err)
		}
		records := []audit.Record{
			{Offset: 9, Timestamp: time.UnixMilli(-500), Value: []byte("before 1970")},
			{Offset: 9, Timestamp: time.UnixMilli(5_000)},
			{Offset: 10, Timestamp: time.UnixMilli(4_000), Key: []byte{}, Value: []byte{}},
			{Offset: 12, Key: []byte("k"), Value: []byte("no timestamp")},
			{Offset: 13, Timestamp: time.UnixMilli(1_780_000_000_123), Value: []byte{0, 1}, Headers: []audit.Header{{Key: ""}, {Key: "h", Value: []byte{}}, {Key: "h", Value: []byte("v")}}},
		}
		var body []byte
		var ends []int
		var want [][]byte
		for i := range records {
			from := len(body)
			body, _ = kafka.PackRecord(body, &records[i])
			ends = append(ends, len(body))
			want = append(want, kafka.PackedContent(body[from:]))
			if got := kafka.PackedOffset(body[from:]); got != records[i].Offset {
				t.Errorf("offset %d is packed as %d", records[i].Offset, got)
			}
		}
		p := target(t, cfg).Partition(0)
		defer p.Close()
		base, err := p.Write(t.Context(), body, 0, ends)
		if err != nil || base != 0 {
			t.Fatalf("%s: at %d: %v", compression, base, err)
		}
		if base, err = p.Write(t.Context(), body, ends[0], ends[1:]); err != nil || base != 5 {
			t.Fatalf("%s: at %d: %v", compression, base, err)
		}
		want = append(want, want[1:]...)
		var got [][]byte
		if err := p.Read(t.Context(), 0, 9, func(_ int64, packed []byte) {
			got = append(got, append([]byte{}, kafka.PackedContent(packed)...))
		}); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: (-want +got):\n%s", compression, diff)
		}
	}
}

package kafka_test

import (
	"bytes"
	"context"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"auditlog-forwarder/pkg/audit"
	"auditlog-forwarder/pkg/creds"
	"auditlog-forwarder/pkg/kafka"
)

const deadTopic = "dead"

func deadCluster(t *testing.T) (*kfake.Cluster, kafka.TopicConfig) {
	t.Helper()
	c, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	cfg := kafka.DefaultTopicConfig()
	cfg.Name, cfg.BootstrapServers, cfg.SecurityProtocol = deadTopic, c.ListenAddrs(), kafka.Plaintext
	return c, cfg
}

func readDead(t *testing.T, cfg kafka.TopicConfig, n int) (got []*kgo.Record) {
	t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(cfg.BootstrapServers...), kgo.ConsumeTopics(deadTopic),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	for len(got) < n {
		fetches := cl.PollFetches(t.Context())
		if err := fetches.Err(); err != nil {
			t.Fatal(err)
		}
		fetches.EachRecord(func(r *kgo.Record) { got = append(got, r) })
	}
	return got
}

// TestTopicWriter: a topic that is missing is named and not created, and when
// it is there, records arrive as they were, but for their place.
func TestTopicWriter(t *testing.T) {
	t.Parallel()
	c, cfg := deadCluster(t)
	w := kafka.NewTopicWriter(cfg, zap.NewNop())
	defer w.Close(t.Context())
	at := time.Date(2026, 11, 1, 2, 3, 4, 0, time.UTC)
	records := []audit.Record{
		{Topic: "audit", Partition: 7, Offset: 1, Timestamp: at, Key: []byte("k"), Value: []byte("no"), Headers: []audit.Header{{Key: "h", Value: []byte("v")}, {Key: "null"}}},
		{Topic: "audit", Partition: 7, Offset: 2, Timestamp: at},
	}
	err := w.Write(t.Context(), records)
	if err == nil || !strings.Contains(err.Error(), "there is no topic dead") || !strings.Contains(err.Error(), "kafka topic create dead") {
		t.Fatalf("without the topic: %v", err)
	}
	if _, err := kafka.CheckTopic(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), "there is no topic dead") {
		t.Errorf("check without the topic: %v", err)
	}
	if err := c.CreateTopic(deadTopic, 1, nil); err != nil {
		t.Fatalf("it was created by writing: %v", err)
	}
	if found, err := kafka.CheckTopic(t.Context(), cfg); err != nil || !strings.Contains(found, "dead: 1 partitions") {
		t.Errorf("check: %q, %v", found, err)
	}
	if err := w.Write(t.Context(), records); err != nil {
		t.Fatal(err)
	}
	got := readDead(t, cfg, 2)
	first := audit.Record{
		Topic: "audit", Partition: 7, Offset: 1, Timestamp: got[0].Timestamp.UTC(), Key: got[0].Key, Value: got[0].Value,
	}
	for _, h := range got[0].Headers {
		first.Headers = append(first.Headers, audit.Header{Key: h.Key, Value: h.Value})
	}
	if diff := cmp.Diff(records[0], first); diff != "" {
		t.Errorf("the first record (-written +read):\n%s", diff)
	}
	if got[1].Value != nil || got[1].Key != nil || len(got) != 2 {
		t.Errorf("%d records, the tombstone is %+v", len(got), got[1])
	}
}

// TestTopicWriterHangs: a broker that does not answer is told about while
// somebody waits, and is written to when it answers again.
func TestTopicWriterHangs(t *testing.T) {
	t.Parallel()
	c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "dead"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	answer := make(chan struct{})
	var asked atomic.Int64
	c.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
		if c.KeepControl(); asked.Add(1) == 1 {
			c.SleepControl(func() { <-answer })
		}
		return nil, nil, false
	})
	cfg := kafka.DefaultTopicConfig()
	cfg.Name, cfg.BootstrapServers, cfg.SecurityProtocol = "dead", c.ListenAddrs(), kafka.Plaintext
	w := kafka.NewTopicWriter(cfg, zap.NewNop())
	defer w.Close(context.Background())
	ctx, cancel := context.WithTimeout(t.Context(), guard)
	defer cancel()
	records := []audit.Record{{Value: []byte("x")}}
	if err := w.Write(ctx, records); err == nil || ctx.Err() != nil || !strings.Contains(err.Error(), "no answer in time; check dead_letter_topic.") {
		t.Errorf("a broker that hangs: %v", err)
	}
	close(answer)
	if err := w.Write(t.Context(), records); err != nil {
		t.Errorf("the broker answers again: %v", err)
	}
}

// TestTopicWriterRotation: other credentials hold from the next write on, also
// when a connection is open with those of before.
func TestTopicWriterRotation(t *testing.T) {
	t.Parallel()
	c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "dead"), kfake.EnableSASL(),
		kfake.Superuser("PLAIN", "old", "secret-1"), kfake.Superuser("PLAIN", "new", "secret-2"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	cfg := kafka.DefaultTopicConfig()
	cfg.Name, cfg.BootstrapServers, cfg.SecurityProtocol = "dead", c.ListenAddrs(), kafka.SASLPlaintext
	cfg.SASL.Username, cfg.SASL.Password = "old", creds.NewSecret("secret-1")
	w := kafka.NewTopicWriter(cfg, zap.NewNop())
	defer w.Close(context.Background())
	for _, tc := range []struct{ user, password, says string }{
		{"old", "secret-1", ""},
		{"new", "secret-1", "wrong credentials"},
		{"new", "secret-2", ""},
	} {
		w.SetCredentials(kafka.SASL{Mechanism: "PLAIN", Username: tc.user, Password: creds.NewSecret(tc.password)})
		err := w.Write(t.Context(), []audit.Record{{Value: []byte("x")}})
		if (err == nil) != (tc.says == "") || err != nil && !strings.Contains(err.Error(), tc.says) {
			t.Errorf("%s with %s: %v, want %q", tc.user, tc.password, err, tc.says)
		}
	}
}

// TestTopicWriterCertificates: files that cannot be used are named, and what is
// in use stays in use.
func TestTopicWriterCertificates(t *testing.T) {
	t.Parallel()
	cfg := kafka.DefaultTopicConfig()
	cfg.Name, cfg.BootstrapServers, cfg.SecurityProtocol = "dead", []string{"127.0.0.1:1"}, kafka.SSL
	w := kafka.NewTopicWriter(cfg, zap.NewNop())
	defer w.Close(context.Background())
	bad := creds.TLS{MinVersion: "1.2", CAFile: filepath.Join(t.TempDir(), "none.pem")}
	if err := w.SetTLS(bad); err == nil || !strings.Contains(err.Error(), "dead_letter_topic.tls") || !strings.Contains(err.Error(), "none.pem") {
		t.Errorf("a file that is missing: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := w.Write(ctx, []audit.Record{{Value: []byte("x")}}); err == nil || strings.Contains(err.Error(), "none.pem") {
		t.Errorf("the next write: %v, want what was in use", err)
	}
}

// TestTopicWriterTooLarge: a value that the topic does not take is left out,
// and this is said; one that only a usual request is too small for is not.
func TestTopicWriterTooLarge(t *testing.T) {
	t.Parallel()
	c, cfg := deadCluster(t)
	if err := c.CreateTopic(deadTopic, 1, map[string]string{"max.message.bytes": "3000000"}); err != nil {
		t.Fatal(err)
	}
	core, logs := observer.New(zap.ErrorLevel)
	w := kafka.NewTopicWriter(cfg, zap.New(core))
	defer w.Close(t.Context())
	records := []audit.Record{
		{Topic: "audit", Offset: 1, Value: []byte("small")},
		{Topic: "audit", Offset: 2, Value: bytes.Repeat([]byte("x"), 2<<20)},
		{Topic: "audit", Offset: 3, Key: []byte("k"), Value: bytes.Repeat([]byte("y"), 4<<20)},
	}
	if err := w.Write(t.Context(), records); err != nil {
		t.Fatal(err)
	}
	if err := w.Write(t.Context(), records[:1]); err != nil {
		t.Fatal(err)
	}
	sizes := map[int]int{}
	omitted := ""
	for _, r := range readDead(t, cfg, 4) {
		sizes[len(r.Value)]++
		for _, h := range r.Headers {
			if h.Key == kafka.OmittedHeader {
				omitted = string(r.Key) + "=" + string(h.Value)
			}
		}
	}
	// The small one may come once more: it was there when its batch failed.
	if sizes[5] < 2 || sizes[2<<20] != 1 || sizes[0] != 1 || omitted != "k=4194304" {
		t.Errorf("values by size %v, omitted %q", sizes, omitted)
	}
	if logs.Len() != 1 || logs.All()[0].ContextMap()["record"] != "audit/0/3" {
		t.Errorf("the log says %v", logs.All())
	}
}

func TestTopicConfig(t *testing.T) {
	t.Parallel()
	off := kafka.DefaultTopicConfig()
	if errs := off.Validate(); len(errs) > 0 {
		t.Errorf("without a name: %v", errs)
	}
	on := off
	on.Name, on.Compression = "dead", "rar"
	var text strings.Builder
	for _, err := range on.Validate() {
		text.WriteString(err.Error() + "\n")
	}
	for _, want := range []string{"bootstrap_servers: missing", "sasl.username: missing", "dead_letter_topic.sasl.password_file", "compression: \"rar\""} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("no %q in:\n%s", want, text.String())
		}
	}
	on.BootstrapServers = []string{"a:9092", "B:9092"}
	for _, tc := range []struct {
		name string
		read kafka.Config
		want bool
	}{
		{"another cluster", kafka.Config{BootstrapServers: []string{"c:9092"}, Topics: []string{"dead"}}, false},
		{"another topic", kafka.Config{BootstrapServers: []string{"b:9092"}, Topics: []string{"audit"}}, false},
		{"the same", kafka.Config{BootstrapServers: []string{"b:9092"}, Topics: []string{"audit", "dead"}}, true},
		{"by a pattern", kafka.Config{BootstrapServers: []string{"b:9092"}, TopicPattern: "de.*"}, true},
		{"by none", kafka.Config{BootstrapServers: []string{"b:9092"}, TopicPattern: "de", Topics: []string{"dead"}}, false},
	} {
		if got := on.ReadBy(tc.read); got != tc.want {
			t.Errorf("%s: %v, want %v", tc.name, got, tc.want)
		}
	}
}

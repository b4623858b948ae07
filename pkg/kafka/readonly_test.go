package kafka_test

import (
	"bytes"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.uber.org/zap"

	"auditlog-forwarder/pkg/audit"
	"auditlog-forwarder/pkg/creds"
	"auditlog-forwarder/pkg/kafka"
	"auditlog-forwarder/pkg/kafka/kafkatest"
	"auditlog-forwarder/pkg/kafka/kafkatest/oidc"
)

// TestOnlyReads: whatever a member and a check ask of the cluster that they
// read, it creates nothing and writes nothing but the group's own offsets.
func TestOnlyReads(t *testing.T) {
	t.Parallel()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "audit"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	client, err := kgo.NewClient(kgo.SeedBrokers(cluster.ListenAddrs()...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	if err := client.ProduceSync(t.Context(), &kgo.Record{Topic: "audit", Value: []byte("{}")}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	client.Close() // what comes now is ours
	reads := []kmsg.Key{
		kmsg.ApiVersions, kmsg.Metadata, kmsg.FindCoordinator, kmsg.ListOffsets, kmsg.Fetch, kmsg.OffsetForLeaderEpoch,
		kmsg.JoinGroup, kmsg.SyncGroup, kmsg.Heartbeat, kmsg.LeaveGroup, kmsg.OffsetFetch, kmsg.OffsetCommit,
	}
	var mu sync.Mutex
	seen := map[kmsg.Key]int{}
	cluster.Control(func(req kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		mu.Lock()
		defer mu.Unlock()
		key := kmsg.Key(req.Key())
		seen[key]++
		if !slices.Contains(reads, key) {
			t.Errorf("it asks for %s", key.Name())
		}
		if m, ok := req.(*kmsg.MetadataRequest); ok && m.AllowAutoTopicCreation {
			t.Error("it lets topics be created")
		}
		return nil, nil, false
	})
	for name, change := range map[string]func(*kafka.Config){
		"a topic": func(c *kafka.Config) { c.Topics = []string{"audit"} },
		"a topic that is missing": func(c *kafka.Config) {
			c.Topics = []string{"misspelt"}
		},
		"a pattern": func(c *kafka.Config) { c.TopicPattern = "audit.*" },
	} {
		cfg := kafka.DefaultConfig()
		cfg.BootstrapServers, cfg.SecurityProtocol, cfg.GroupID = cluster.ListenAddrs(), kafka.Plaintext, name
		cfg.MetadataRefresh, cfg.FetchMaxWait = time.Second, 100*time.Millisecond
		change(&cfg)
		kafka.Check(t.Context(), cfg, func(string, string, error) {})
		r := join(t, cfg, nil)
		r.until("an end of "+name, func() bool {
			return r.covered > 0 || len(r.states) > 0 && strings.Contains(r.states[len(r.states)-1], "no topic misspelt")
		})
		r.stop()
	}
	mu.Lock()
	defer mu.Unlock()
	for _, key := range []kmsg.Key{kmsg.Metadata, kmsg.Fetch, kmsg.OffsetCommit} {
		if seen[key] == 0 {
			t.Errorf("no %s was seen, so nothing is proved", key.Name())
		}
	}
}

// writerWaysIn: the topic of dead letters is written by the same ways, on
// a real broker, and a topic that takes no writes says what may be the reason.
func writerWaysIn(t *testing.T, b *kafkatest.Broker, idp *oidc.Server) {
	t.Parallel()
	idp.SetSecret("writer", "s3cret-1")
	b.SetSCRAM(t, kafka.ScramSHA256, "user", "s3cret-1")
	topic := kafkatest.Name(t, "dead")
	b.CreateTopic(t, topic, 1)
	allow := func(op kadm.ACLOperation) {
		t.Helper()
		b.Allow(t, kadm.NewACLs().Allow("User:user", "User:writer").AllowHosts().Topics(topic).Operations(op).ResourcePatternType(kadm.ACLPatternLiteral))
	}
	allow(kadm.OpDescribe)
	configs := map[string]kafka.TopicConfig{}
	for _, way := range []string{kafka.ScramSHA256, kafka.OAuthBearer} {
		cfg := kafka.DefaultTopicConfig()
		cfg.Name, cfg.BootstrapServers, cfg.SecurityProtocol, cfg.TLS.CAFile = topic, b.SASLBootstrap(), kafka.SASLSSL, b.CAFile()
		cfg.SASL.Mechanism, cfg.SASL.Username, cfg.SASL.Password = way, "user", creds.NewSecret("s3cret-1")
		cfg.SASL.OAuth.TokenURL, cfg.SASL.OAuth.ClientID, cfg.SASL.OAuth.ClientSecret = idp.TokenURL(), "writer", creds.NewSecret("s3cret-1")
		configs[way] = cfg
		if errs := cfg.Validate(); len(errs) > 0 {
			t.Fatal(errs)
		}
		w := kafka.NewTopicWriter(cfg, zap.NewNop())
		err := w.Write(t.Context(), []audit.Record{{Value: []byte("x")}})
		if err == nil || !strings.Contains(err.Error(), "Confluent Cloud's audit log cluster is read-only") || !strings.Contains(err.Error(), "dead_letter_topic.bootstrap_servers") {
			t.Errorf("%s: a topic that takes no writes: %v", way, err)
		}
		w.Close(t.Context())
	}
	allow(kadm.OpWrite)
	before := grants(idp, "writer")
	for way, cfg := range configs {
		w := kafka.NewTopicWriter(cfg, zap.NewNop())
		for range 3 {
			if err := w.Write(t.Context(), []audit.Record{{Value: []byte("x")}}); err != nil {
				t.Errorf("%s: %v", way, err)
			}
			w.SetCredentials(cfg.SASL) // connects anew
		}
		w.Close(t.Context())
		cfg.SASL.Username, cfg.SASL.OAuth.ClientSecret = "nobody", creds.NewSecret("other")
		if _, err := kafka.CheckTopic(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), "dead_letter_topic.sasl.") {
			t.Errorf("%s: refused: %v", way, err)
		}
	}
	if granted := grants(idp, "writer") - before; granted != 1 {
		t.Errorf("%d tokens for three connections of one writer, want 1", granted)
	}
}

// extensionsOnTheWire: what stands beside the token in the first message
// is what Confluent Cloud looks for.
func extensionsOnTheWire(t *testing.T, b *kafkatest.Broker, idp *oidc.Server) {
	t.Parallel()
	idp.SetSecret("extended", "s3cret-1")
	address, said := overhear(t, b.SASLPlaintextBootstrap()[0])
	cfg := settings(b, kafkatest.Name(t, "g"), "none")
	cfg.BootstrapServers, cfg.SecurityProtocol, cfg.SASL.Mechanism = []string{address}, kafka.SASLPlaintext, kafka.OAuthBearer
	cfg.SASL.OAuth.TokenURL, cfg.SASL.OAuth.ClientID, cfg.SASL.OAuth.ClientSecret = idp.TokenURL(), "extended", creds.NewSecret("s3cret-1")
	cfg.SASL.OAuth.LogicalCluster, cfg.SASL.OAuth.IdentityPool, cfg.SASL.OAuth.Extensions = "lkc-abc12", "pool-xyz", []string{"traceId=a b"}
	connected := false
	kafka.Check(t.Context(), cfg, func(step, _ string, err error) { connected = connected || step == "kafka broker" && err == nil })
	want := "n,,\x01auth=Bearer " + asked(idp, "extended")[0].Token + "\x01identityPoolId=pool-xyz\x01logicalCluster=lkc-abc12\x01traceId=a b\x01\x01"
	if !connected || !bytes.Contains(said(), []byte(want)) {
		t.Errorf("connected %t; the first message is not as it should be", connected)
	}
}

// overhear passes connections on, and returns what clients have said in them.
func overhear(t *testing.T, to string) (address string, said func() []byte) {
	t.Helper()
	var lc net.ListenConfig
	l, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var heard bytes.Buffer
	var open sync.WaitGroup
	open.Go(func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			var d net.Dialer
			out, err := d.DialContext(t.Context(), "tcp", to)
			if err != nil {
				_ = in.Close()
				continue
			}
			open.Go(func() { _, _ = io.Copy(in, out); _ = in.Close() })
			open.Go(func() {
				_, _ = io.Copy(out, io.TeeReader(in, writer(func(p []byte) {
					mu.Lock()
					defer mu.Unlock()
					heard.Write(p)
				})))
				_ = out.Close()
			})
		}
	})
	t.Cleanup(func() { _ = l.Close(); open.Wait() })
	return l.Addr().String(), func() []byte {
		mu.Lock()
		defer mu.Unlock()
		return bytes.Clone(heard.Bytes())
	}
}

type writer func([]byte)

func (w writer) Write(p []byte) (int, error) { w(p); return len(p), nil }

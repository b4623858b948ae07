package kafka_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"auditlog-forwarder/pkg/creds"
	"auditlog-forwarder/pkg/kafka"
)

// silent listens and never says a word.
func silent(t *testing.T) string {
	t.Helper()
	var lc net.ListenConfig
	l, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l.Addr().String()
}

// TestCheckSteps: what each step says that is not simply well.
func TestCheckSteps(t *testing.T) {
	t.Parallel()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(2, "empty"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	good := kafka.DefaultConfig()
	good.BootstrapServers, good.SecurityProtocol = cluster.ListenAddrs(), kafka.Plaintext
	good.Topics = []string{"empty"}

	for _, tc := range []struct {
		name   string
		change func(*kafka.Config)
		want   []string // step: how it ended, and a part of what it says
	}{
		{"nothing to read", func(*kafka.Config) {}, []string{
			"kafka broker: ok connected", "kafka topic: ok 2 partitions", "kafka group: ok 2 partitions never read", "kafka read: not tried no records",
		}},
		{"a pattern that matches nothing", func(c *kafka.Config) { c.TopicPattern = "audit-.+" }, []string{
			"kafka broker: ok connected", "kafka topic: failed no topic matches kafka.topic_pattern audit-.+", "kafka group: ok no topic to compare",
		}},
		{"no CA file", func(c *kafka.Config) {
			c.SecurityProtocol, c.TLS.CAFile = kafka.SSL, filepath.Join("no", "such.pem")
		}, []string{"kafka certificate: failed kafka.tls.ca_file no/such.pem: no such file or directory; check the path"}},
		{"a port that keeps silent", func(c *kafka.Config) {
			c.SecurityProtocol, c.BootstrapServers = kafka.SSL, []string{silent(t)}
		}, []string{"kafka certificate: failed check kafka.bootstrap_servers, and kafka.security_protocol", "kafka broker: failed check kafka.bootstrap_servers, and kafka.security_protocol"}},
		{"each server", func(c *kafka.Config) {
			c.SecurityProtocol, c.BootstrapServers = kafka.SSL, []string{"127.0.0.1:1", "127.0.0.1:2"}
		}, []string{"kafka certificate: failed kafka at 127.0.0.1:1 (SSL)", "kafka certificate: failed kafka at 127.0.0.1:2 (SSL)", "kafka broker: failed unreachable"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			cfg := good
			tc.change(&cfg)
			compareSteps(t, cfg, tc.want)
		})
	}
}

// compareSteps runs Check and compares each step with "name: end text".
func compareSteps(t *testing.T, cfg kafka.Config, want []string) {
	t.Helper()
	i := 0
	kafka.Check(t.Context(), cfg, func(step, found string, err error) {
		end, text := "ok ", found
		var notTried *kafka.NotTriedError
		switch {
		case errors.As(err, &notTried):
			end, text = "not tried ", err.Error()
		case err != nil:
			end, text = "failed ", err.Error()
		}
		if i < len(want) {
			name, said, _ := strings.Cut(want[i], ": ")
			part, ok := strings.CutPrefix(said, end)
			if step != name || !ok || !strings.Contains(text, part) {
				t.Errorf("step %d: %s: %s%s\nwant %s", i, step, end, text, want[i])
			}
		}
		i++
	})
	if i != len(want) {
		t.Errorf("%d steps, want %d", i, len(want))
	}
}

// TestCheckUnknownGroup: a broker may answer for a group that never committed
// that there is no such group, which is no failure.
func TestCheckUnknownGroup(t *testing.T) {
	t.Parallel()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "empty"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	asked := make(chan bool, 10)
	cluster.ControlKey(kmsg.OffsetFetch.Int16(), func(req kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		asked <- true
		const noSuchGroup = 69
		return noOffsets(req, noSuchGroup), nil, true
	})
	cfg := kafka.DefaultConfig()
	cfg.BootstrapServers, cfg.SecurityProtocol, cfg.Topics = cluster.ListenAddrs(), kafka.Plaintext, []string{"empty"}
	compareSteps(t, cfg, []string{
		"kafka broker: ok connected", "kafka topic: ok 1 partitions", "kafka group: ok 1 partitions never read", "kafka read: not tried no records",
	})
	if len(asked) == 0 {
		t.Error("the broker was not asked for the group's offsets")
	}
}

// TestCheckBehind: what a group that never read has before it is told, and of
// several topics only the one that is missing.
func TestCheckBehind(t *testing.T) {
	t.Parallel()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "audit", "other"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	client, err := kgo.NewClient(kgo.SeedBrokers(cluster.ListenAddrs()...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	for range 3 {
		if err := client.ProduceSync(t.Context(), &kgo.Record{Topic: "audit", Value: []byte("{}")}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	cfg := kafka.DefaultConfig()
	cfg.BootstrapServers, cfg.SecurityProtocol = cluster.ListenAddrs(), kafka.Plaintext
	cfg.Topics = []string{"missing", "audit"}
	noTopic := "kafka topic: failed there is no topic missing, or it may not be seen"
	compareSteps(t, cfg, []string{
		"kafka broker: ok connected", noTopic, "kafka topic: ok audit: 1 partitions",
		"kafka group: ok 3 records behind; 1 partitions never read, they start at earliest", "kafka read: ok audit/0: offset 2",
	})
	cfg.Start = kafka.StartLatest
	compareSteps(t, cfg, []string{
		"kafka broker: ok connected", noTopic, "kafka topic: ok audit: 1 partitions",
		"kafka group: ok 0 records behind; 1 partitions never read, they start at latest", "kafka read: ok audit/0: offset 2",
	})
}

// TestOneTopicMissing: a member says which of its topics is missing.
func TestOneTopicMissing(t *testing.T) {
	t.Parallel()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "audit"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	cfg := kafka.DefaultConfig()
	cfg.BootstrapServers, cfg.SecurityProtocol = cluster.ListenAddrs(), kafka.Plaintext
	cfg.Topics = []string{"audit", "missing"}
	r := join(t, cfg, nil)
	r.until("the reason", func() bool { return strings.Contains(strings.Join(r.states, "\n"), "there is no topic missing, or") })
	r.stop()
}

// TestCheckTLS: what is wrong with certificates is said with the names they
// have, and with the keys that help.
func TestCheckTLS(t *testing.T) {
	t.Parallel()
	data := func(name string) string { return filepath.Join("..", "creds", "testdata", name) }
	cert, err := tls.LoadX509KeyPair(data("splunk.pem"), data("splunk.key"))
	if err != nil {
		t.Fatal(err)
	}
	ca, err := os.ReadFile(data("ca.pem"))
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(ca)
	serve := func(server *tls.Config) []string {
		server.Certificates = []tls.Certificate{cert}
		cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "empty"), kfake.TLS(server))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(cluster.Close)
		return cluster.ListenAddrs()
	}
	plain := serve(&tls.Config{MinVersion: tls.VersionTLS12})
	mutual := serve(&tls.Config{MinVersion: tls.VersionTLS13, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pool})
	strict := serve(&tls.Config{MinVersion: tls.VersionTLS13, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: x509.NewCertPool()})
	const name = "splunk.example.com"
	for _, tt := range []struct {
		what    string
		servers []string
		tls     creds.TLS
		want    string // of the step that fails first
	}{
		{
			"an address that is none of the names", plain,
			creds.TLS{CAFile: data("ca.pem")},
			"is for splunk.example.com, and not for 127.0.0.1; use one of its names in kafka.bootstrap_servers, or set kafka.tls.server_name to it",
		},
		{
			"an unknown CA", plain,
			creds.TLS{CAFile: data("client.pem"), ServerName: name},
			"comes from a CA that this machine does not know; give the CA in kafka.tls.ca_file (PEM) or kafka.tls.truststore_file",
		},
		{
			"another certificate than the pinned one", plain,
			creds.TLS{CAFile: data("ca.pem"), ServerName: name, PinnedSHA256: []string{strings.Repeat("ab", 32)}},
			"if it was renewed on purpose, pin one of these",
		},
		{
			"no client certificate", mutual,
			creds.TLS{CAFile: data("ca.pem"), ServerName: name},
			"the broker asks for a client certificate: certificate required; give one that it trusts in kafka.tls.client_cert_file and kafka.tls.client_key_file, or in kafka.tls.keystore_file",
		},
		{
			"a client certificate that is not trusted", strict,
			creds.TLS{CAFile: data("ca.pem"), ServerName: name, ClientCertFile: data("ed25519.pem"), ClientKeyFile: data("ed25519.key")},
			"the broker refused the client certificate: ",
		},
	} {
		t.Run(tt.what, func(t *testing.T) {
			t.Parallel()
			cfg := kafka.DefaultConfig()
			cfg.BootstrapServers, cfg.SecurityProtocol, cfg.TLS, cfg.Topics = tt.servers, kafka.SSL, tt.tls, []string{"empty"}
			var said []string
			kafka.Check(t.Context(), cfg, func(step, _ string, err error) {
				var notTried *kafka.NotTriedError
				if err == nil || errors.As(err, &notTried) {
					return
				}
				if said = append(said, step+": "+err.Error()); strings.Contains(err.Error(), "%!") || strings.Contains(err.Error(), "available brokers") {
					t.Errorf("unreadable: %v", err)
				}
			})
			if len(said) == 0 || !strings.Contains(said[0], tt.want) {
				t.Errorf("got %q\nwant %q", said, tt.want)
			}
		})
	}
}

// TestCheckWaitsForTheCoordinator: one that still loads the group's offsets, as
// after a broker's start, is asked again.
func TestCheckWaitsForTheCoordinator(t *testing.T) {
	t.Parallel()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "empty"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	var asked atomic.Int32
	cluster.ControlKey(kmsg.OffsetFetch.Int16(), func(req kmsg.Request) (kmsg.Response, error, bool) {
		if asked.Add(1) > 3 {
			return nil, nil, false // from now on kfake answers
		}
		cluster.KeepControl()
		const loading = 14
		return noOffsets(req, loading), nil, true
	})
	cfg := kafka.DefaultConfig()
	cfg.BootstrapServers, cfg.SecurityProtocol, cfg.Topics = cluster.ListenAddrs(), kafka.Plaintext, []string{"empty"}
	compareSteps(t, cfg, []string{
		"kafka broker: ok connected", "kafka topic: ok 1 partitions", "kafka group: ok 1 partitions never read", "kafka read: not tried no records",
	})
	if n := asked.Load(); n != 4 {
		t.Errorf("the coordinator was asked %d times, want 4", n)
	}
}

// noOffsets answers an OffsetFetch with an error for the group.
func noOffsets(req kmsg.Request, code int16) kmsg.Response {
	resp := &kmsg.OffsetFetchResponse{Version: req.GetVersion(), ErrorCode: code}
	if asks, ok := req.(*kmsg.OffsetFetchRequest); ok {
		for _, g := range asks.Groups { // from version 8 on the error is here
			resp.Groups = append(resp.Groups, kmsg.OffsetFetchResponseGroup{Group: g.Group, ErrorCode: code})
		}
	}
	return resp
}

// TestCheckRefusedOffset: what is said of one partition alone is no partition
// that the group has never read.
func TestCheckRefusedOffset(t *testing.T) {
	t.Parallel()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "empty"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	cluster.ControlKey(kmsg.OffsetFetch.Int16(), func(req kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		resp := noOffsets(req, 0).(*kmsg.OffsetFetchResponse)
		code := kerr.TopicAuthorizationFailed.Code
		resp.Topics = append(resp.Topics, kmsg.OffsetFetchResponseTopic{
			Topic: "empty", Partitions: []kmsg.OffsetFetchResponseTopicPartition{{Offset: -1, ErrorCode: code}},
		})
		for i := range resp.Groups {
			resp.Groups[i].Topics = append(resp.Groups[i].Topics, kmsg.OffsetFetchResponseGroupTopic{
				Topic: "empty", Partitions: []kmsg.OffsetFetchResponseGroupTopicPartition{{Offset: -1, ErrorCode: code}},
			})
		}
		return resp, nil, true
	})
	cfg := kafka.DefaultConfig()
	cfg.BootstrapServers, cfg.SecurityProtocol, cfg.Topics = cluster.ListenAddrs(), kafka.Plaintext, []string{"empty"}
	compareSteps(t, cfg, []string{
		"kafka broker: ok connected", "kafka topic: ok 1 partitions", "kafka group: failed no access to empty", "kafka read: not tried no records",
	})
}

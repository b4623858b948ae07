package kafka_test

import (
	"errors"
	"net"
	"path/filepath"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

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
		}, []string{"kafka certificate: failed kafka.tls.ca_file no/such.pem: open: no such file"}},
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
		resp, ok := req.ResponseKind().(*kmsg.OffsetFetchResponse)
		if !ok {
			return nil, errors.New("not an answer to OffsetFetch"), true
		}
		const noSuchGroup = 69
		resp.ErrorCode = noSuchGroup
		return resp, nil, true
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

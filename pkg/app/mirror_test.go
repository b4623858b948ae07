package app_test

import (
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"
	"go.uber.org/zap"

	"auditlog-forwarder/pkg/app"
	"auditlog-forwarder/pkg/config"
	"auditlog-forwarder/pkg/kafka"
)

func mirrorConfig(t *testing.T) (cfg config.Config) {
	t.Helper()
	cfg = config.Defaults()
	for id, servers := range map[string]*[]string{"theirs": &cfg.Kafka.BootstrapServers, "mine": &cfg.Mirror.BootstrapServers} {
		c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.ClusterID(id), kfake.SeedTopics(2, id+"-audit"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.Close)
		*servers = c.ListenAddrs()
	}
	cfg.Kafka.SecurityProtocol, cfg.Mirror.SecurityProtocol = kafka.Plaintext, kafka.Plaintext
	cfg.Kafka.Topics, cfg.Admin.Listen = []string{"theirs-audit"}, "127.0.0.1:0"
	return cfg
}

// TestMirrorSource: what a mirror cannot read is refused before it begins.
func TestMirrorSource(t *testing.T) {
	t.Parallel()
	for want, mutate := range map[string]func(*config.Config){
		"mirror.bootstrap_servers: missing":       func(c *config.Config) { c.Mirror.BootstrapServers = nil },
		"kafka.topics: a mirror copies one topic": func(c *config.Config) { c.Kafka.Topics = []string{"a", "b"} },
		"kafka.topic_pattern: a mirror copies":    func(c *config.Config) { c.Kafka.TopicPattern = "a.*" },
		"mirror.group_id: empty":                  func(c *config.Config) { c.Mirror.GroupID = "" },
		"is kafka.group_id as well":               func(c *config.Config) { c.Mirror.GroupID = c.Kafka.GroupID },
	} {
		cfg := config.Defaults()
		cfg.Mirror.BootstrapServers = []string{"a:9092"}
		mutate(&cfg)
		if _, err := app.MirrorSource(cfg); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error is %v, want %q", err, want)
		}
	}
	cfg := config.Defaults()
	cfg.Mirror.BootstrapServers, cfg.Mirror.GroupInstanceID = []string{"a:9092"}, "one"
	if got, err := app.MirrorSource(cfg); err != nil || got.GroupID != "auditlog-forwarder-mirror" || got.GroupInstanceID != "one" {
		t.Errorf("the source is %+v, %v", got, err)
	}
}

// TestMirrorIntoItself ends at once, with the reason: waiting mends nothing.
func TestMirrorIntoItself(t *testing.T) {
	t.Parallel()
	cfg := mirrorConfig(t)
	cfg.Mirror.BootstrapServers = cfg.Kafka.BootstrapServers
	m, err := app.NewMirror(t.Context(), app.Options{Config: cfg, Log: zap.NewNop()})
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "lead to the same cluster (theirs)") {
		t.Errorf("the error is %v", err)
	}
}

// TestCheckMirror looks at both ends, and creates nothing.
func TestCheckMirror(t *testing.T) {
	t.Parallel()
	cfg := mirrorConfig(t)
	status := func() (all []string) {
		for _, s := range app.CheckMirror(t.Context(), cfg) {
			all = append(all, s.Name+" "+string(s.Status))
			if s.Name == "destination" {
				all[len(all)-1] += ": " + s.Found
			}
		}
		return all
	}
	want := "configuration ok, kafka broker ok, kafka topic ok, kafka group ok, kafka read skipped, destination ok: theirs-audit is not there yet; it will be created with 2 partitions"
	for range 2 {
		if got := strings.Join(status(), ", "); got != want {
			t.Errorf("found %s, want %s", got, want)
		}
	}
	cfg.Mirror.Name = "mine-audit"
	want = "destination ok: mine-audit: 2 partitions, as many as the source; writing was not tried"
	if got := status(); got[len(got)-1] != want {
		t.Errorf("found %s, want %s", got[len(got)-1], want)
	}
	cfg.Mirror.BootstrapServers = []string{"127.0.0.1:1"}
	if got := status(); !strings.HasPrefix(got[len(got)-1], "destination failed: kafka at 127.0.0.1:1") {
		t.Errorf("found %s", got[len(got)-1])
	}
}

package app

import (
	"testing"

	"auditlog-forwarder/pkg/config"
)

// TestPartitionMemory: what makes the bound larger, and what does not.
func TestPartitionMemory(t *testing.T) {
	t.Parallel()
	base := partitionMemory(config.Defaults(), 0)
	for name, tc := range map[string]struct {
		change func(*config.Config)
		grows  bool
	}{
		"a second address":    {func(c *config.Config) { c.HEC.URLs = []string{"https://a", "https://b"} }, true},
		"one address":         {func(c *config.Config) { c.HEC.URLs = []string{"https://a"} }, false},
		"a larger window":     {func(c *config.Config) { c.Batch.Window++ }, true},
		"larger fetches":      {func(c *config.Config) { c.Kafka.FetchBytes *= 2 }, true},
		"acknowledgement":     {func(c *config.Config) { c.HEC.Ack.Enabled = true }, false},
		"a limit":             {func(c *config.Config) { c.HEC.Limit.BytesPerSecond = 1 << 20 }, false},
		"a higher gzip level": {func(c *config.Config) { c.HEC.GzipLevel = 9 }, false},
	} {
		cfg := config.Defaults()
		tc.change(&cfg)
		if got := partitionMemory(cfg, 0); got.usual > base.usual != tc.grows || got.most < got.usual {
			t.Errorf("%s: %+v, without it %+v; want it to grow: %t", name, got, base, tc.grows)
		}
	}
	second := config.Defaults()
	second.HEC.URLs = []string{"https://a", "https://b"}
	if more := partitionMemory(second, 0).usual - base.usual; more != int64(second.Batch.Window*perConnection)*(100+collectAt)/100 {
		t.Errorf("a second address costs %d bytes, want its connections and what Go leaves of them", more)
	}
}

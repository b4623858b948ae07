package app

import (
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"

	"go.uber.org/zap"

	"auditlog-forwarder/pkg/config"
	"auditlog-forwarder/pkg/creds"
)

// TestDayGoesOn: a forwarder that is started again counts on for the day's limit.
func TestDayGoesOn(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "hec-day.json"), []byte(`{"day":"2000-01-01","bytes":123}`), 0o600); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) { // its clock begins at 2000-01-01
		cfg := config.Defaults()
		cfg.Kafka.BootstrapServers, cfg.Kafka.SecurityProtocol = []string{"kafka:9092"}, "PLAINTEXT"
		cfg.HEC.URLs, cfg.HEC.Token = []string{"http://splunk:8088"}, creds.NewSecret("t")
		cfg.HEC.Limit.BytesPerDay = 1 << 30
		cfg.DeadLetter.Dir, cfg.Admin.Listen = dir, ""
		a, err := New(t.Context(), Options{Config: cfg, Log: zap.NewNop()})
		if err != nil {
			t.Fatal(err)
		}
		if n := a.hec.Today(); n != 123 {
			t.Errorf("the day's count is %d, want 123", n)
		}
		a.hec.Close()
		if err := a.store.Close(); err != nil {
			t.Error(err)
		}
	})
}

package app

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"auditlog-forwarder/pkg/audit"
	"auditlog-forwarder/pkg/config"
	"auditlog-forwarder/pkg/creds"
	"auditlog-forwarder/pkg/ops"
)

// TestProgressSaysWhy: the end of the log and the status page tell whether
// events flow, and if not, why, also long after it was told first.
func TestProgressSaysWhy(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		cfg := config.Defaults()
		cfg.Kafka.BootstrapServers, cfg.Kafka.SecurityProtocol = []string{"kafka:9092"}, "PLAINTEXT"
		cfg.HEC.URLs, cfg.HEC.Token = []string{"http://splunk:8088"}, creds.NewSecret("t")
		cfg.HEC.Limit.EventsPerSecond, cfg.HEC.Ack.Enabled = 1, true
		cfg.DeadLetter.Dir, cfg.Admin.Listen = t.TempDir(), ""
		core, logs := observer.New(zap.InfoLevel)
		a, err := New(t.Context(), Options{Config: cfg, Log: zap.New(core)})
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			a.hec.Close()
			if err := a.store.Close(); err != nil {
				t.Error(err)
			}
		}()
		row := func(name string) string {
			rows := a.status().Rows
			i := slices.IndexFunc(rows, func(r ops.Row) bool { return r.Name == name })
			if i < 0 {
				t.Fatalf("the status page has no row %q", name)
			}
			return rows[i].Value
		}
		line := func() observer.LoggedEntry {
			logs.TakeAll()
			a.progress(a.forward.Totals(), 0)
			all := logs.TakeAll()
			if len(all) != 1 || all[0].Message != "progress" {
				t.Fatalf("the log has %v", all)
			}
			return all[0]
		}

		a.health.Set(conditionKafka, nil)
		a.health.Set(conditionSplunk, errors.New("code 4; check hec.token"))
		<-time.After(3 * time.Hour)
		why, _ := line().ContextMap()["not_ready"].([]any)
		if len(why) != 1 || why[0] != "splunk: code 4; check hec.token (for 3h0m0s)" {
			t.Errorf("the log tells %v", why)
		}
		if line().Level != zap.WarnLevel {
			t.Error("a forwarder that is not ready tells its progress as if all were well")
		}

		a.health.Set(conditionSplunk, nil)
		if e := line(); e.Level != zap.InfoLevel || e.ContextMap()["not_ready"] != nil || e.ContextMap()["held_back_by"] != nil {
			t.Errorf("ready: %v %v", e.Level, e.ContextMap())
		}
		if got := row("held back by hec.limit"); got != "nothing" {
			t.Errorf("nothing is sent: %s", got)
		}
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() {
			_, err := a.hec.Deliver(ctx, audit.Batch{Ends: make([]int, 100)})
			done <- err
		}()
		synctest.Wait()
		if got := row("held back by hec.limit"); got != "hec.limit.events_per_second; batches that wait: 1" {
			t.Errorf("held back: %s", got)
		}
		if got := line().ContextMap()["held_back_by"]; got != "hec.limit.events_per_second" {
			t.Errorf("held back: the log tells %v", got)
		}
		if got := row("summary"); !strings.HasSuffix(got, ", held back by hec.limit.events_per_second") {
			t.Errorf("held back: %s", got)
		}
		if got := row("Splunk http://splunk:8088"); got != "not asked yet; 0 posts out, 0 taken and not acknowledged yet" {
			t.Errorf("the address: %s", got)
		}
		stop()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		if got := row("held back by hec.limit"); got != "nothing" {
			t.Errorf("after the end: %s", got)
		}
	})
}

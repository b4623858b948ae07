package app_test

import (
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/tidwall/gjson"

	"auditlog-forwarder/pkg/heartbeat"
	"auditlog-forwarder/pkg/hec/hectest"
)

// TestHeartbeats: Splunk is told how it goes, beside the events, which keep
// their accounts.
func TestHeartbeats(t *testing.T) {
	t.Parallel()
	const events = 20
	s := newStage(t, 2)
	splunk := hectest.Start(t)
	cfg := s.config()
	cfg.HEC.URLs, cfg.HEC.Index = []string{splunk.URL()}, "audit"
	cfg.Heartbeat.Interval, cfg.Heartbeat.Index = 100*time.Millisecond, "ops"
	d := s.run(cfg)
	s.feed(events)

	// One that was made after all events were settled.
	eventually(t, "all to be settled", func() string {
		ready, open := d.Ready()
		if got := d.Totals(); !ready || got.Accepted != events || got.Unsettled != 0 || got.Lag != 0 {
			return fmt.Sprintf("%+v %+v", got, open)
		}
		return ""
	})
	settled := time.Now()
	made := func(e hectest.Event) bool {
		at, err := time.Parse(time.RFC3339Nano, gjson.GetBytes(e.Event, "time").String())
		return e.Sourcetype == cfg.Heartbeat.Sourcetype && err == nil && at.After(settled)
	}
	eventually(t, "a heartbeat", func() string {
		if !slices.ContainsFunc(splunk.Events(), made) {
			return "none was made since"
		}
		return ""
	})
	d.stop()
	beat := splunk.Events()[slices.IndexFunc(splunk.Events(), made)]
	seen := 0
	for _, e := range splunk.Events() {
		if e.Sourcetype == cfg.Heartbeat.Sourcetype {
			continue
		}
		if seen++; e.Index != "audit" {
			t.Errorf("an event went to the index %q", e.Index)
		}
	}
	if got := d.Totals(); got.Accepted != events || seen != events {
		t.Errorf("accepted %d, indexed %d, want %d: a heartbeat is no event", got.Accepted, seen, events)
	}
	if beat.Index != "ops" || beat.Source != cfg.Heartbeat.Source || beat.Host == "" || beat.Fields != nil {
		t.Errorf("metadata: %+v", beat)
	}
	for path, want := range map[string]string{
		"type": heartbeat.Type, "heartbeat.delivered": strconv.Itoa(events), "source": heartbeat.Source, "specversion": "1.0",
		"heartbeat.version": "test", "heartbeat.group_id": testGroup, "heartbeat.ready": "true", "heartbeat.blocked": "",
		"heartbeat.partitions": "2", "heartbeat.lag_records": "0", "heartbeat.filtered": "0", "heartbeat.dead_lettered": "0",
	} {
		if got := gjson.GetBytes(beat.Event, path).String(); got != want {
			t.Errorf("%s is %q, want %q", path, got, want)
		}
	}
	for _, path := range []string{"time", "heartbeat.last_delivered", "heartbeat.last_event"} {
		at, err := time.Parse(time.RFC3339Nano, gjson.GetBytes(beat.Event, path).String())
		if err != nil || at.After(time.Now()) || at.Before(time.Now().Add(-time.Hour)) {
			t.Errorf("%s is %s (%v), want a time of now", path, at, err)
		}
	}
	if n, err := testutil.GatherAndCount(d.Gatherer(), "auditlog_forwarder_heartbeats_total"); err != nil || n != 2 {
		t.Errorf("%d series of auditlog_forwarder_heartbeats_total (%v), want 2", n, err)
	}
}

// TestHeartbeatSaysWhyNot: while Splunk refuses events but for heartbeats, they
// say why nothing flows.
func TestHeartbeatSaysWhyNot(t *testing.T) {
	t.Parallel()
	s := newStage(t, 1)
	splunk := hectest.Start(t)
	splunk.PoisonCode(7, func(event []byte) bool { return gjson.GetBytes(event, "type").String() != heartbeat.Type })
	cfg := s.config()
	cfg.HEC.URLs = []string{splunk.URL()}
	cfg.Heartbeat.Interval, cfg.Batch.Drain = 100*time.Millisecond, 100*time.Millisecond
	d := s.run(cfg)
	s.feed(1)
	for n := 1; ; n++ {
		if err := splunk.Wait(t.Context(), n); err != nil {
			t.Fatal(err)
		}
		e := splunk.Events()[n-1].Event
		if gjson.GetBytes(e, "heartbeat.ready").Bool() || gjson.GetBytes(e, "heartbeat.lag_records").Int() != 1 {
			continue
		}
		if why := gjson.GetBytes(e, "heartbeat.blocked").String(); why == "" {
			t.Errorf("not ready, and not why: %s", e)
		} else {
			t.Log(why)
		}
		break
	}
	d.cancel()
	<-d.ended
}

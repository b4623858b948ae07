package heartbeat_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"auditlog-forwarder/pkg/heartbeat"
)

// TestRun: one each interval, the first after one; a row of failures is told
// once, and so is its end; none of them comes again.
func TestRun(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		core, logs := observer.New(zap.InfoLevel)
		reg := prometheus.NewRegistry()
		began := time.Now()
		var sent []time.Duration
		heart := heartbeat.New(heartbeat.DefaultConfig(), heartbeat.Options{
			Log: zap.New(core), Registerer: reg, State: func() heartbeat.State { return heartbeat.State{} },
			Send: func(ctx context.Context, at time.Time, _ []byte) error {
				sent = append(sent, at.Sub(began))
				if len(sent) == 2 || len(sent) == 3 {
					return errors.New("refused")
				}
				if len(sent) == 4 { // hangs
					<-ctx.Done()
					return ctx.Err()
				}
				return nil
			},
		})
		ctx, cancel := context.WithTimeout(t.Context(), 6*time.Minute+time.Second)
		defer cancel()
		heart.Run(ctx)
		want := []time.Duration{time.Minute, 2 * time.Minute, 3 * time.Minute, 4 * time.Minute, 5 * time.Minute, 6 * time.Minute}
		if diff := cmp.Diff(want, sent); diff != "" {
			t.Errorf("sent at (-want +got):\n%s", diff)
		}
		var told []string
		for _, e := range logs.All() {
			told = append(told, e.Message[:strings.IndexByte(e.Message+";", ';')])
		}
		if diff := cmp.Diff([]string{"a heartbeat could not be sent to Splunk", "heartbeats are taken again"}, told); diff != "" {
			t.Errorf("told (-want +got):\n%s", diff)
		}
		if err := testutil.GatherAndCompare(reg, strings.NewReader(`
# HELP auditlog_forwarder_heartbeats_total Heartbeat events, by what became of them: accepted by Splunk, or failed. They are no records and in no other count.
# TYPE auditlog_forwarder_heartbeats_total counter
auditlog_forwarder_heartbeats_total{result="accepted"} 3
auditlog_forwarder_heartbeats_total{result="failed"} 3
`)); err != nil {
			t.Error(err)
		}
	})
}

func TestRunOff(t *testing.T) {
	t.Parallel()
	heart := heartbeat.New(heartbeat.Config{}, heartbeat.Options{Registerer: prometheus.NewRegistry()})
	heart.Run(t.Context()) // returns
}

func TestValidate(t *testing.T) {
	t.Parallel()
	for interval, want := range map[time.Duration]int{0: 0, 10 * time.Second: 0, time.Hour: 0, 9 * time.Second: 1, 2 * time.Hour: 1, -time.Minute: 1} {
		if errs := (heartbeat.Config{Interval: interval}).Validate(); len(errs) != want {
			t.Errorf("%s: %v", interval, errs)
		}
	}
}

// TestEvent: the fields that alerts and dashboards ask for.
func TestEvent(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 23, 1, 2, 3, 4_567_890, time.UTC)
	body, err := heartbeat.Event(at, heartbeat.State{
		Instance: "host", Version: "v1", GroupID: "g", UptimeSeconds: 61.4, Blocked: "splunk: code 4", Partitions: 6,
		LagRecords: 7, LagSeconds: 1.23456, Delivered: 1, Filtered: 2, DeadLettered: 3, LostGround: 4, LastDelivered: &at,
	})
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(body, &got); err != nil {
		t.Fatal(err)
	}
	if id, ok := got["id"].(string); !ok || len(id) < 20 {
		t.Errorf("id is %v", got["id"])
	}
	delete(got, "id")
	want := map[string]any{
		"specversion": "1.0", "type": "auditlog-forwarder.heartbeat.v1", "source": "urn:auditlog-forwarder",
		"time": "2026-11-23T01:02:03.004Z", "datacontenttype": "application/json",
		"heartbeat": map[string]any{
			"instance": "host", "version": "v1", "group_id": "g", "uptime_seconds": 61.0, "ready": false, "blocked": "splunk: code 4",
			"partitions": 6.0, "lag_records": 7.0, "lag_seconds": 1.235, "delivered": 1.0, "filtered": 2.0, "dead_lettered": 3.0,
			"lost_ground": 4.0, "last_delivered": "2026-11-23T01:02:03.00456789Z",
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("event (-want +got):\n%s", diff)
	}
}

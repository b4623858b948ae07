package app_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"auditlog-forwarder/pkg/alerts"
	"auditlog-forwarder/pkg/app"
)

const alertRules = `title: deleted
id: 00000000-0000-0000-0000-000000000001
description: a cluster is gone
level: high
logsource: {product: confluent, service: audit}
detection: {sel: {data.methodName: DeleteKafkaCluster}, condition: sel}
falsepositives: [none]
alert: {every: 5m, message: "{principal} deleted {resource}", suppress: {for: 6h, by: [principal]}}
examples:
  - {name: one, fires: true, events: [{event: {"time": "2026-11-01T10:00:00Z", "data": {"methodName": "DeleteKafkaCluster"}}}]}
  - {name: none, fires: false, events: [{event: {"time": "2026-11-01T10:00:00Z"}}]}
---
title: quiet
id: 00000000-0000-0000-0000-000000000002
description: no event
level: low
logsource: {product: confluent, service: audit}
detection: {sel: {data.methodName: '*'}, condition: sel}
falsepositives: [none]
alert: {every: 5m, absent: {for: 30m}, suppress: {for: 7d}}
examples:
  - {name: one, fires: true, events: [{event: {"time": "2026-11-01T10:00:00Z"}, repeat: 2, apart: 1h}]}
  - {name: none, fires: false, events: [{event: {"time": "2026-11-01T10:00:00Z", "data": {"methodName": "x"}}}]}
`

// loadedAlerts are those of alertRules.
func loadedAlerts(t *testing.T) []*alerts.Alert {
	t.Helper()
	file := filepath.Join(t.TempDir(), "alerts.yml")
	if err := os.WriteFile(file, []byte(alertRules), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := alerts.Load([]string{file}, "")
	if err != nil {
		t.Fatal(err)
	}
	return c.Alerts
}

// TestTryAlertsOnTopic: partitions are read one after the other and judged as one
// stream; what is no event is named; and the group does not move.
func TestTryAlertsOnTopic(t *testing.T) {
	t.Parallel()
	s := newStage(t, 2)
	now := time.Now()
	for i, value := range []string{
		`{"time":"%s","data":{"methodName":"DeleteKafkaCluster","resourceName":"lkc-1","authenticationInfo":{"principal":"User:u-1"}}}`,
		`{"time":"+999999999-12-31T23:59:59Z","data":{"methodName":"DeleteKafkaCluster","resourceName":"lkc-2","authenticationInfo":{"principal":"User:u-1"}}}`,
		`{"data":{"methodName":"DeleteKafkaCluster","resourceName":"lkc-3","authenticationInfo":{"principal":"User:u-2"}}}`,
		`no JSON`,
		`{"time":"1970-01-01T00:00:00Z","data":{"methodName":"DeleteKafkaCluster","resourceName":"lkc-4","authenticationInfo":{"principal":"User:u-2"}}}`,
	} {
		at := now.Add(-2 * time.Hour).Add(time.Duration(i) * time.Minute)
		rec := &kgo.Record{Topic: testTopic, Partition: int32(i % 2), Value: []byte(strings.ReplaceAll(value, "%s", at.Format(time.RFC3339Nano))), Timestamp: at}
		if err := s.client.ProduceSync(t.Context(), rec).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	done := 0
	r, err := app.TryAlerts(t.Context(), app.AlertTrialOptions{
		Config: s.config(), Alerts: loadedAlerts(t), Last: 24 * time.Hour, Top: 5, Progress: func(d, _ int) { done = d },
	})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, v := range r.Alerts {
		got = append(got, fmt.Sprintf("%s: judged %t, %d events, %d messages, %d suppressed", v.Alert, v.Judged, v.Matched, v.Fired, v.Suppressed))
		for _, g := range v.Groups {
			got = append(got, fmt.Sprintf("%d of %s: %s", g.Rows, g.Subjects["principal"], g.Message))
		}
	}
	want := []string{
		"deleted: judged true, 4 events, 2 messages, 2 suppressed",
		"1 of u-1: u-1 deleted lkc-1", "1 of u-2: u-2 deleted lkc-3",
	}
	if diff := cmp.Diff(want, got[:min(3, len(got))]); diff != "" {
		t.Error(diff)
	}
	// The topic is silent since, up to now.
	if quiet := r.Alerts[1]; quiet.Fired != 1 || quiet.Matched != 4 {
		t.Errorf("quiet fires %d times on %d events, want once, on 4", quiet.Fired, quiet.Matched)
	}
	// The day is known whole, though its events are of a few minutes.
	if day := r.To.Sub(r.From); day != 24*time.Hour || r.Alerts[0].PerDay == nil || *r.Alerts[0].PerDay != 2 {
		t.Errorf("%s, with %v messages a day, want a day with 2", day, r.Alerts[0].PerDay)
	}
	if want := []string{testTopic + "/1 at offset 1: not JSON at byte 0: a value is missing"}; r.Unreadable != 1 || !cmp.Equal(want, r.Named) {
		t.Errorf("unreadable %d: %q, want %q", r.Unreadable, r.Named, want)
	}
	if done != 5 {
		t.Errorf("progress ends at %d of 5 records", done)
	}
	if groups, err := s.adm.ListGroups(t.Context()); err != nil || len(groups) != 0 {
		t.Errorf("groups %v, %v; want none", groups, err)
	}

	// Where records are gone, nobody knows what was before those that are left.
	gone := kadm.Offsets{}
	gone.Add(kadm.Offset{Topic: testTopic, Partition: 0, At: 1})
	if _, err := s.adm.DeleteRecords(t.Context(), gone); err != nil {
		t.Fatal(err)
	}
	r, err = app.TryAlerts(t.Context(), app.AlertTrialOptions{Config: s.config(), Alerts: loadedAlerts(t), Last: 24 * time.Hour})
	if err != nil || r.Events != 3 || !r.From.Equal(r.First) {
		t.Errorf("%d events from %s, %v; want 3 from %s, that of the first", r.Events, r.From, err, r.First)
	}
	// Unless another partition has what is older still.
	last := 2*time.Hour - 121*time.Second
	r, err = app.TryAlerts(t.Context(), app.AlertTrialOptions{Config: s.config(), Alerts: loadedAlerts(t), Last: last})
	if err != nil || r.Events != 1 || r.To.Sub(r.From) != last {
		t.Errorf("%d events in %s, %v; want 1 in %s", r.Events, r.To.Sub(r.From), err, last)
	}
}

// TestTryAlertsOnLines: what lines may be, and from where their times are.
func TestTryAlertsOnLines(t *testing.T) {
	t.Parallel()
	const event = `{"data":{"methodName":"DeleteKafkaCluster","resourceName":"R","authenticationInfo":{"principal":"User:R"}}}`
	line := func(resource, at string) string {
		text := strings.ReplaceAll(event, "R", resource)
		if at != "" {
			text = strings.Replace(text, "{", `{"time":"`+at+`",`, 1)
		}
		return text
	}
	quoted := func(text string) string { return strings.ReplaceAll(text, `"`, `\"`) }
	in := strings.Join([]string{
		line("early", ""), // there is no time before it
		line("plain", "2026-11-01t10:00:00z"),
		line("timeless", ""),
		`{"event":` + line("hec", "2026-11-01T11:00:00+01:00") + `,"time":1}`,
		`{"event":"` + quoted(line("text", "2026-11-01T10:00:00Z")) + `"}`,
		`{"_raw":"` + quoted(line("raw", "2026-11-01T10:00:00Z")) + `","_time":"now"}`,
		`{"preview":false,"offset":0,"result":{"_raw":"` + quoted(line("exported", "2026-11-01T10:00:00Z")) + `"}}` + "\r",
		`{"event":"no JSON"}`,
		`{"preview":false,"lastrow":true}`, // of an export without a result
		`{"results":[{"_raw":"{}"}]}`,
		strings.Replace(line("escaped", `2026-11-01T10:0\u0030:00Z`), `"time"`, `"t\u0069me"`, 1),
		`{"specversion":"1.0"}`,
		`{"type":"x"}`,
		line("old", "1970-01-01T00:00:00Z"),
		line("far", "9999-12-31T23:59:59Z"),
		line("later", "2026-11-01T10:10:00Z"),
	}, "\n")
	r, err := app.TryAlerts(t.Context(), app.AlertTrialOptions{Alerts: loadedAlerts(t)[:1], Events: strings.NewReader(in), Top: 20})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, g := range r.Alerts[0].Groups {
		got = append(got, g.Subjects["principal"]+" "+g.First.Format("15:04"))
	}
	want := []string{"escaped 10:00", "exported 10:00", "hec 10:00", "plain 10:00", "raw 10:00", "text 10:00", "timeless 10:00", "later 10:10"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	named := []string{
		"line 1: the event has no time, nor has one before it",
		"line 8: not JSON at byte 0: a value is missing",
		"line 9: it is no event, nor does it hold one as HEC's envelope and Splunk's export do",
		"line 10: it is no event, nor does it hold one as HEC's envelope and Splunk's export do",
		"line 14: the event is of 1970-01-01T00:00:00Z; correct its time",
	}
	if diff := cmp.Diff(named, r.Named); diff != "" {
		t.Error(diff)
	}
	if r.Events != 10 || r.Unreadable != 6 {
		t.Errorf("%d events, %d unreadable, want 10 and 6", r.Events, r.Unreadable)
	}
}

package app_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"

	"auditlog-forwarder/pkg/app"
	"auditlog-forwarder/pkg/config"
	"auditlog-forwarder/pkg/hec/hectest"
)

const filterRules = `title: keep denials
logsource: {product: confluent}
detection: {sel: {data.authorizationInfo.granted: false}, condition: sel}
auditlog-forwarder: {action: keep}
---
title: hide
logsource: {product: confluent}
detection: {sel: {data.methodName: SignIn}, condition: sel}
auditlog-forwarder: {action: redact, redact: {fields: data.email}}
---
title: elsewhere
logsource: {product: confluent}
detection: {sel: {data.methodName: SignIn}, condition: sel}
auditlog-forwarder: {action: route, route: {index: people}}
---
title: noise
logsource: {product: confluent}
detection: {sel: {data.methodName: noise}, condition: sel}
auditlog-forwarder: {action: drop}
---
title: many
logsource: {product: confluent}
detection: {sel: {data.methodName: many}, condition: sel}
auditlog-forwarder: {action: summarise, summarise: {by: data.who}, route: {index: sums}}
`

// withRules is cfg with filterRules.
func withRules(t *testing.T, cfg config.Config) config.Config {
	t.Helper()
	file := filepath.Join(t.TempDir(), "rules.yml")
	if err := os.WriteFile(file, []byte(filterRules), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg.Filter.Rules = []string{file}
	if errs := cfg.Filter.Validate(); len(errs) > 0 {
		t.Fatal(errs)
	}
	return cfg
}

// filtered is a stage whose events are kept as Splunk has them, with rules and
// events in Kafka.
func filtered(t *testing.T) (*stage, config.Config) {
	t.Helper()
	s := newStage(t, 1)
	s.hec = hectest.Start(t)
	cfg := withRules(t, s.config())
	start := time.Now().Add(-10 * time.Minute).Truncate(time.Minute)
	for i, value := range []string{
		`{"id":"0","data":{"methodName":"other"}}`,
		`{"id":"1","data":{"methodName":"many","who":"a"}}`,
		`{"id":"2","data":{"methodName":"many","who":"a","authorizationInfo":{"granted":false}}}`,
		`{"id":"3","data":{"methodName":"noise"}}`,
		`{ "id":"4","data":{"methodName":"SignIn" ,"email":"x@example.com", "n":1.0}}`,
		`{"id":"5","data":{"methodName":"many","who":"a"}}`,
		`{"id":"6","data":{"methodName":"many","who":"b"}}`,
		`{"id":"7","data":{"methodName":"late"}}`,
	} {
		at := start.Add(time.Duration(i) * time.Second)
		if i == 7 {
			at = at.Add(2 * time.Minute) // closes the window
		}
		rec := &kgo.Record{Topic: testTopic, Value: []byte(value), Timestamp: at}
		if err := s.client.ProduceSync(t.Context(), rec).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	return s, cfg
}

// TestFilterRules: what rules say of events is what Splunk gets.
func TestFilterRules(t *testing.T) {
	t.Parallel()
	s, cfg := filtered(t)
	d := s.run(cfg)
	eventually(t, "six events", func() string {
		if n := s.hec.Len(); n < 6 {
			return fmt.Sprintf("%d events", n)
		}
		return ""
	})
	d.cancel()
	<-d.ended
	if d.err != nil {
		t.Error(d.err)
	}
	if got := d.Totals(); got.Accepted != 6 || got.Filtered != 4 || got.Missing() != 0 {
		t.Errorf("totals %+v, want 6 accepted (2 of them summaries) and 4 filtered", got)
	}
	var got []string
	for _, e := range s.hec.Events() {
		text := string(e.Event)
		if strings.Contains(text, `"summary"`) {
			_, who, _ := strings.Cut(text, `"who":`)
			_, count, _ := strings.Cut(text, `"count":`)
			text = fmt.Sprintf("summary of %.3s: %.1s", who, count)
		}
		got = append(got, e.Index+" "+text)
	}
	slices.Sort(got)
	want := []string{
		` { "id":"4","data":{"methodName":"SignIn" ,"email":"REDACTED", "n":1.0}}`,
		` {"id":"0","data":{"methodName":"other"}}`,
		` {"id":"2","data":{"methodName":"many","who":"a","authorizationInfo":{"granted":false}}}`,
		` {"id":"7","data":{"methodName":"late"}}`,
		`sums summary of "a": 2`,
		`sums summary of "b": 1`,
	}
	want[0] = "people" + want[0]
	for i := 1; i < 4; i++ { // the token's own index
		want[i] = got[0][:strings.IndexByte(got[0], ' ')] + want[i]
	}
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestCheckTellsRules: somebody who checks a configuration sees its rules.
func TestCheckTellsRules(t *testing.T) {
	t.Parallel()
	s := newStage(t, 1)
	cfg := s.config()
	cfg.Filter.Rules = []string{"preset:keep-security", "preset:noise-authorize"}
	const want = "valid; rules in their order: keep-security-failures (keep), keep-security-routine (drop), noise-authorize (summarise)"
	if got := app.Check(t.Context(), cfg, "test")[0].Found; got != want {
		t.Errorf("found %q\nwant  %q", got, want)
	}
}

// TestTryFilter: what is told of the topic's events is what becomes of them, and
// the group does not move.
func TestTryFilter(t *testing.T) {
	t.Parallel()
	s, cfg := filtered(t)
	report, err := app.TryFilter(t.Context(), app.TrialOptions{Config: cfg, Last: time.Hour, Show: "hide", Examples: 5})
	if err != nil {
		t.Fatal(err)
	}
	type figures struct{ Read, Sent, Untouched, Redacted, Dropped, Summarised, Summaries, Examples int64 }
	got := figures{
		report.Read.Events, report.Sent.Events, report.Untouched.Events, report.Redacted.Events,
		report.Dropped.Events, report.Summarised.Events, report.Summaries.Events, int64(len(report.Examples)),
	}
	if diff := cmp.Diff(figures{8, 4, 2, 1, 1, 3, 2, 1}, got); diff != "" {
		t.Error(diff)
	}
	if report.PerDay == nil || report.SavedBytes != report.Read.Bytes-report.Sent.Bytes-report.Summaries.Bytes {
		t.Errorf("per day %+v, saved %d", report.PerDay, report.SavedBytes)
	}
	groups, err := s.adm.ListGroups(t.Context())
	if err != nil || len(groups) != 0 {
		t.Errorf("groups %v, %v; want none", groups, err)
	}
	if last, err := app.TryFilter(t.Context(), app.TrialOptions{Config: cfg, Last: time.Minute}); err != nil || last.Read.Events != 0 {
		t.Errorf("%d events of the last minute, %v; want none", last.Read.Events, err)
	}
}

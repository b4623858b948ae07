package app_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"go.uber.org/zap"

	"auditlog-forwarder/pkg/app"
	"auditlog-forwarder/pkg/deadletter"
	"auditlog-forwarder/pkg/hec/hectest"
)

const hidingRules = `title: keep failures
logsource: {product: confluent}
detection: {sel: {data.result.status: FAILURE}, condition: sel}
auditlog-forwarder: {action: keep}
---
title: many
logsource: {product: confluent}
detection: {sel: {data.methodName: many}, condition: sel}
auditlog-forwarder: {action: summarise, summarise: {by: [data.who, 'data.list{}.who']}}
---
title: hide
logsource: {product: confluent}
detection: {sel: {data.methodName: '*'}, condition: sel}
auditlog-forwarder: {action: redact, redact: {fields: [id, data.who, 'data.list{}.who']}}
`

// TestRedactionHolds: what a rule hides is nowhere that an event goes to: not in
// Splunk, summaries, dead letters, their topic, logs or metrics, whichever rule
// stands in front and however the event is written.
func TestRedactionHolds(t *testing.T) {
	t.Parallel()
	const secret = "s3cr3t"
	s := newStage(t, 1)
	s.hec = hectest.Start(t)
	s.hec.Poison(func(event []byte) bool { return bytes.Contains(event, []byte("poison")) })
	cfg := s.config()
	cfg.DeadLetterTopic.Name, cfg.DeadLetterTopic.BootstrapServers = "dead", s.kafka.ListenAddrs()
	cfg.DeadLetterTopic.SecurityProtocol = "PLAINTEXT"
	if err := s.kafka.CreateTopic("dead", 1, nil); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "rules.yml")
	if err := os.WriteFile(file, []byte(hidingRules), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg.Filter.Rules = []string{file}
	start := time.Now().Add(-10 * time.Minute).Truncate(time.Minute)
	values := []string{
		`{"id":"s3cr3t","data":{"methodName":"one","who":"s3cr3t","list":{"who":"s3cr3t"}}}`,
		`{"id":1,"data":{"methodName":"two","result":{"status":"FAILURE"},"WHO":"s3cr3t","list":[[{"wh\u006f":"s3cr3t","who":"s3cr3t"}]]}}`,
		`{"id":1,"data":{"methodName":"poison","data.who":1,"who":{"name":"s3cr3t"}},"data":{"who":["s3cr3t"]}}`,
		`{"id":1,"data":{"methodName":"poison","result":{"status":"FAILURE"}},"data.who":"s3cr3t","data.list":[{"who":"s3cr3t"}]}`,
		`{"id":"s3cr3t","data":{"methodName":"many","who":"s3cr3t","list":[{"who":"s3cr3t"},{"who":"s3cr3t"}]}}`,
		`{"id":"last","data":{"methodName":"late"}}`,
	}
	for i, value := range values {
		at := start.Add(time.Duration(i) * time.Second)
		if i == len(values)-1 {
			at = at.Add(2 * time.Minute) // closes the window
		}
		if err := s.client.ProduceSync(t.Context(), &kgo.Record{Topic: testTopic, Value: []byte(value), Timestamp: at}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	core, logs := observer.New(zapcore.DebugLevel)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	a, err := app.New(ctx, app.Options{Config: cfg, Version: "test", Log: zap.New(core)})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	eventually(t, "all of it", func() string {
		return uncommitted(t, s.adm, testGroup, testTopic, []int64{int64(len(values))})
	})
	metrics, err := a.Gatherer().Gather()
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}

	places := map[string]string{"metrics": fmt.Sprint(metrics), "logs": fmt.Sprint(logs.All())}
	for _, e := range s.hec.Events() {
		places["splunk"] += string(e.Event) + "\n"
	}
	if err := deadletter.Scan(cfg.DeadLetter.Dir, func(e deadletter.Entry, _ deadletter.Status) error {
		places["dead letters"] += fmt.Sprintf("%s %s %s\n", e.Record.Value, e.Detail, e.Reply)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(s.kafka.ListenAddrs()...), kgo.ConsumeTopics("dead"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	for strings.Count(places["topic"], "\n") < 2 { // a fetch may bring one
		fetches := client.PollFetches(t.Context())
		if err := fetches.Err(); err != nil {
			t.Fatal(err)
		}
		for _, r := range fetches.Records() {
			places["topic"] += fmt.Sprintf("%s %v\n", r.Value, r.Headers)
		}
	}
	for place, text := range places {
		if strings.Contains(text, secret) {
			t.Errorf("%s: the secret is there: %s", place, text)
		}
	}
	for place, lines := range map[string]int{"splunk": 4, "dead letters": 2, "topic": 2} {
		text := places[place]
		if got := strings.Count(text, "\n"); got != lines || !strings.Contains(text, "REDACTED") {
			t.Errorf("%s: %d events, want %d, redacted: %s", place, got, lines, text)
		}
	}
}

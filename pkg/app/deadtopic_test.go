package app_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"

	"auditlog-forwarder/pkg/app"
)

// TestDeadLetterTopic: a dead letter is on disk and in the topic before its
// offset is committed; while the topic is missing, the partition waits.
func TestDeadLetterTopic(t *testing.T) {
	t.Parallel()
	s := newStage(t, 1)
	cfg := s.config()
	cfg.DeadLetterTopic.Name, cfg.DeadLetterTopic.BootstrapServers = "dead", s.kafka.ListenAddrs()
	cfg.DeadLetterTopic.SecurityProtocol = "PLAINTEXT"
	broken := &kgo.Record{Topic: testTopic, Partition: 0, Key: []byte("k"), Value: []byte("no event"), Headers: []kgo.RecordHeader{{Key: "own", Value: []byte("1")}}}
	if err := s.client.ProduceSync(t.Context(), broken).FirstErr(); err != nil {
		t.Fatal(err)
	}
	d := s.run(cfg)
	eventually(t, "the reason", func() string {
		_, conditions := d.Ready()
		for _, c := range conditions {
			if c.Name == "dead letters" && strings.Contains(c.Reason, "there is no topic dead") {
				return ""
			}
		}
		return "conditions"
	})
	if steps := check(t, cfg); steps["dead-letter topic"].OK || !strings.Contains(steps["dead-letter topic"].Fix, "create it") {
		t.Errorf("check says %+v", steps["dead-letter topic"])
	}
	if behind := uncommitted(t, s.adm, testGroup, testTopic, []int64{1}); behind == "" {
		t.Error("it is committed and nowhere in the topic")
	}
	if err := s.kafka.CreateTopic("dead", 1, nil); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the commit", func() string { return uncommitted(t, s.adm, testGroup, testTopic, []int64{1}) })
	d.stop()
	if n := d.Totals().DeadLettered; n != 1 {
		t.Errorf("%d dead letters, want 1", n)
	}
	if steps := check(t, cfg); steps["dead-letter topic"].Status != app.StatusOK || !strings.HasPrefix(steps["dead letters"].Found, "1 waiting") {
		t.Errorf("check says %+v and %+v", steps["dead-letter topic"], steps["dead letters"])
	}

	client, err := kgo.NewClient(kgo.SeedBrokers(s.kafka.ListenAddrs()...), kgo.ConsumeTopics("dead"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	got := client.PollFetches(t.Context()).Records()
	if len(got) != 1 || string(got[0].Value) != "no event" || string(got[0].Key) != "k" || !got[0].Timestamp.Equal(broken.Timestamp) {
		t.Fatalf("the topic holds %+v", got)
	}
	headers := map[string]string{}
	for _, h := range got[0].Headers {
		headers[h.Key] = string(h.Value)
	}
	message := headers["__connect.errors.exception.message"]
	delete(headers, "__connect.errors.exception.message")
	want := map[string]string{
		"own":                                   "1",
		"__connect.errors.topic":                testTopic,
		"__connect.errors.partition":            "0",
		"__connect.errors.offset":               "0",
		"__connect.errors.connector.name":       testGroup,
		"__connect.errors.task.id":              "0",
		"__connect.errors.stage":                "VALUE_CONVERTER",
		"__connect.errors.class.name":           "auditlog-forwarder",
		"__connect.errors.exception.class.name": "not_json",
		"auditlog_forwarder.reason":             "not_json",
		"auditlog_forwarder.code":               "0",
	}
	if diff := cmp.Diff(want, headers); diff != "" || message == "" {
		t.Errorf("headers (-want +got):\n%s\nmessage %q", diff, message)
	}
}

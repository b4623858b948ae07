package app_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tidwall/gjson"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"auditlog-forwarder/pkg/app"
	"auditlog-forwarder/pkg/config"
	"auditlog-forwarder/pkg/hec/hectest"
)

// TestResend: a window is sent once more, marked, and nobody else's offsets move;
// once it is complete nothing more is sent, but again.
func TestResend(t *testing.T) {
	t.Parallel()
	s := newStage(t, 2)
	day := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	for hour := range 72 { // from the day before to the day after
		value := s.gen.Next(nil, day)
		partition := int32(hour % 2)
		s.ledger.expect(partition, value)
		rec := &kgo.Record{Topic: testTopic, Partition: partition, Value: value, Timestamp: day.Add(time.Duration(hour-24) * time.Hour)}
		if err := s.client.ProduceSync(t.Context(), rec).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	main, _ := s.bounded(s.config(), time.Time{})
	main.end()
	s.checkCommitted()

	got := make(chan hectest.Event, 1000)
	s.hec = hectest.Start(t, hectest.WithSink(func(ev hectest.Event) { got <- ev }))
	window := app.Resend{From: day, To: day.AddDate(0, 0, 1)}
	cfg, err := window.Apply(s.config(), "")
	if err != nil {
		t.Fatal(err)
	}
	if want := testGroup + "-resend-20261101T000000Z-20261102T000000Z"; cfg.Kafka.GroupID != want {
		t.Errorf("group %s, want %s", cfg.Kafka.GroupID, want)
	}
	arrived := func() map[string]int {
		seen := map[string]int{}
		for len(got) > 0 {
			ev := <-got
			f := gjson.GetManyBytes(ev.Fields, "kafka_partition", "kafka_offset", app.ResendField)
			if f[2].String() != "2026-11-01T00:00:00Z/2026-11-02T00:00:00Z" {
				t.Errorf("fields %s are not marked", ev.Fields)
			}
			seen[f[0].String()+"/"+f[1].String()]++
		}
		return seen
	}
	want := map[string]int{}
	for hour := 24; hour < 48; hour++ {
		want[fmt.Sprintf("%d/%d", hour%2, hour/2)] = 1
	}
	for _, again := range []bool{false, true} {
		if again {
			if err := window.Again(t.Context(), cfg); err != nil {
				t.Fatal(err)
			}
		}
		d, _ := s.bounded(cfg, window.To)
		d.end()
		if diff := cmp.Diff(want, arrived()); diff != "" {
			t.Errorf("again %t: what arrived differs (-want +got):\n%s", again, diff)
		}
		second, _ := s.bounded(cfg, window.To)
		second.end()
		if n := arrived(); len(n) > 0 {
			t.Errorf("a window that is complete was sent again: %v", n)
		}
	}
	s.checkCommitted()
}

// TestResendCut: a window whose beginning has expired is told as such, and one
// that is whole is not.
func TestResendCut(t *testing.T) {
	t.Parallel()
	s := newStage(t, 2)
	day := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	for hour := range 8 {
		rec := &kgo.Record{Topic: testTopic, Partition: int32(hour % 2), Value: []byte(`{}`), Timestamp: day.Add(time.Duration(hour) * time.Hour)}
		if err := s.client.ProduceSync(t.Context(), rec).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	var gone kadm.Offsets
	gone.Add(kadm.Offset{Topic: testTopic, Partition: 1, At: 1}) // 01:00
	if _, err := s.adm.DeleteRecords(t.Context(), gone); err != nil {
		t.Fatal(err)
	}
	for from, want := range map[int]string{1: "[audit/1 at offset 1 of 2026-11-01T03:00:00Z]", 3: ""} {
		window := app.Resend{From: day.Add(time.Duration(from) * time.Hour), To: day.Add(8 * time.Hour)}
		cfg, err := window.Apply(s.config(), "")
		if err != nil {
			t.Fatal(err)
		}
		core, logged := observer.New(zap.WarnLevel)
		a, err := app.New(t.Context(), app.Options{Config: cfg, Log: zap.New(core), Bounded: &app.Bounded{From: window.From, Until: window.To}})
		if err != nil {
			t.Fatal(err)
		}
		if err := a.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, e := range logged.FilterMessageSnippet("within the window").All() {
			got = fmt.Sprint(e.ContextMap()["partitions"])
		}
		if got != want {
			t.Errorf("from %s: told %q, want %q", window.From, got, want)
		}
	}
}

// TestResendDeadLetters: what Splunk refused of a window bears its mark also when
// it is replayed.
func TestResendDeadLetters(t *testing.T) {
	t.Parallel()
	s := newStage(t, 1)
	s.hec = hectest.Start(t)
	day := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	for hour := range 4 {
		rec := &kgo.Record{Topic: testTopic, Value: fmt.Appendf(nil, `{"id":"%d"}`, hour), Timestamp: day.Add(time.Duration(hour) * time.Hour)}
		if err := s.client.ProduceSync(t.Context(), rec).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	window := app.Resend{From: day.Add(time.Hour), To: day.Add(3 * time.Hour)}
	cfg, err := window.Apply(s.config(), "")
	if err != nil {
		t.Fatal(err)
	}
	cfg.DeadLetter.Dir = window.Folder(cfg.DeadLetter.Dir)
	s.hec.Poison(func(event []byte) bool { return strings.Contains(string(event), `"id":"2"`) })
	d, _ := s.bounded(cfg, window.To)
	d.end()
	if got := d.Totals(); got.DeadLettered != 1 {
		t.Fatalf("totals %+v, want one dead letter", got)
	}
	s.hec.Poison(nil)
	plain := s.config()
	plain.DeadLetter.Dir = cfg.DeadLetter.Dir
	if result, err := app.Replay(t.Context(), app.ReplayOptions{Config: plain, Log: zap.NewNop()}); err != nil || result.Replayed != 1 {
		t.Fatalf("replay: %+v, %v", result, err)
	}
	var marks []string
	for _, ev := range s.hec.Events() {
		f := gjson.GetManyBytes(ev.Fields, "kafka_offset", app.ResendField)
		marks = append(marks, f[0].String()+" "+f[1].String())
	}
	if diff := cmp.Diff([]string{"1 " + window.String(), "2 " + window.String()}, marks); diff != "" {
		t.Errorf("what arrived differs (-want +got):\n%s", diff)
	}
}

// TestResendRefuses: what could not be told apart, or would touch the group.
func TestResendRefuses(t *testing.T) {
	t.Parallel()
	s := newStage(t, 1)
	window := app.Resend{From: time.Unix(0, 0), To: time.Unix(60, 0)}
	formatted, raw, marked, same := s.config(), s.config(), s.config(), s.config()
	formatted.HEC.Formatted = true
	raw.HEC.Endpoint = "raw"
	marked.HEC.Fields = []string{"resend=x"}
	for _, tt := range []struct {
		cfg         config.Config
		group, want string
	}{
		{formatted, "", "hec.formatted: "},
		{raw, "", "hec.endpoint: "},
		{marked, "", "given twice"},
		{same, testGroup, "must not touch"},
	} {
		if _, err := window.Apply(tt.cfg, tt.group); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("got %v, want an error with %q", err, tt.want)
		}
	}
}

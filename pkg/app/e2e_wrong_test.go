package app_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"

	"auditlog-forwarder/pkg/audit"
	"auditlog-forwarder/pkg/deadletter"
	"auditlog-forwarder/pkg/hec/hectest"
	"auditlog-forwarder/pkg/kafka/kafkatest"
)

const (
	smallLimit = 8 << 10
	poisonMark = `"poison":true`
)

// wrongRecords are bodies that cannot be delivered, with the reason.
func wrongRecords(event []byte) map[string]deadletter.Reason {
	large := append(bytes.TrimSuffix(bytes.Clone(event), []byte("}")), `,"padding":"`+strings.Repeat("x", smallLimit)+`"}`...)
	poison := func(n int) string {
		return string(bytes.TrimSuffix(event, []byte("}"))) + fmt.Sprintf(`,"n":%d,%s}`, n, poisonMark)
	}
	return map[string]deadletter.Reason{
		"this is no JSON":             deadletter.NotJSON,
		string(event[:len(event)/2]):  deadletter.NotJSON,
		string(event) + string(event): deadletter.NotJSON,
		`[{"id":1}]`:                  deadletter.NotJSON,
		"42":                          deadletter.NotJSON,
		"\xff\xfe\x00":                deadletter.NotJSON,
		"":                            deadletter.Empty,
		" \n\t":                       deadletter.Empty,
		string(large):                 deadletter.TooLarge,
		poison(1):                     deadletter.Refused,
		poison(2):                     deadletter.Refused,
		poison(3):                     deadletter.Refused,
	}
}

// TestEndToEndWrongInput: what cannot be delivered is kept on disk as it came,
// everything else arrives, and what Splunk has refused is replayed once.
func TestEndToEndWrongInput(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it is about what people are told")
	}
	b := kafkatest.Shared(t)
	topic, group, adm := kafkatest.Name(t, "wrong"), kafkatest.Name(t, "g"), b.Admin(t)
	f := newFeeder(t, b, topic, 2)
	l := f.ledger
	hec := hectest.Start(t, hectest.WithSink(l.take))
	hec.Poison(func(event []byte) bool { return bytes.Contains(event, []byte(poisonMark)) })
	set := local(t, b, hec, topic, group).with(settings{"hec.max_event_bytes": fmt.Sprint(smallLimit)})

	// Good events before, between and behind the wrong ones.
	f.must(200)
	want := map[string]deadletter.Entry{}
	when := time.UnixMilli(1_793_000_000_000).UTC()
	wrong := func(value []byte, reason deadletter.Reason) {
		partition := int32(len(want) % 2)
		offset := l.expect(partition, value)
		rec := &kgo.Record{
			Topic: topic, Partition: partition, Value: value, Key: fmt.Appendf(nil, "key\x00%d", len(want)), Timestamp: when,
			Headers: []kgo.RecordHeader{{Key: "h", Value: []byte("v\xff")}, {Key: "h", Value: nil}, {Key: "", Value: []byte{}}},
		}
		if err := f.client.ProduceSync(t.Context(), rec).FirstErr(); err != nil {
			t.Fatal(err)
		}
		if rec.Offset != offset {
			t.Fatalf("a record got offset %d, expected %d", rec.Offset, offset)
		}
		e := deadletter.Entry{Reason: reason, Record: audit.Record{
			Topic: topic, Partition: partition, Offset: offset, Timestamp: when, Key: rec.Key, Value: value,
			Headers: []audit.Header{{Key: "h", Value: []byte("v\xff")}, {Key: "h"}, {Key: "", Value: []byte{}}},
		}}
		want[e.ID()] = e
		f.must(5)
	}
	wrong(nil, deadletter.Tombstone)
	for body, reason := range wrongRecords(f.gen.Next(nil, time.Now())) {
		wrong([]byte(body), reason)
	}
	f.must(200)

	p := start(t, "forwarder", set)
	l.until(t, "the good events", func(_, missing int) bool { return missing == len(want) })
	eventually(t, "the commit", func() string { return uncommitted(t, adm, group, topic, l.ends()) })
	// A batch is marked first and booked then.
	eventually(t, "all dead letters to be counted", func() string {
		if got, series := p.metric("auditlog_forwarder_events_dead_lettered_total"); int(got) != len(want) {
			return fmt.Sprintf("%v records dead-lettered in %d series, want %d", got, series, len(want))
		}
		return ""
	})
	p.ready() // wrong input does not make it unready
	checkDeadLetters(t, set["dead_letter.dir"], want)
	l.pending(t, len(want))

	list := func(wantLines int, args ...string) (entries []deadletter.Entry) {
		t.Helper()
		out, _, code := command(t, set, append([]string{"deadletter", "list", "-o", "json"}, args...)...)
		for line := range strings.Lines(out) {
			var got struct{ ID, Reason string }
			if err := json.Unmarshal([]byte(line), &got); err != nil {
				t.Errorf("list: %v in %s", err, line)
			}
			if e, ok := want[got.ID]; !ok || string(e.Reason) != got.Reason {
				t.Errorf("list names %+v, which is not what was sent", got)
			}
		}
		if n := strings.Count(out, "\n"); n != wantLines || code != 0 {
			t.Errorf("list %v has %d lines, want %d; exit code %d", args, n, wantLines, code)
		}
		return entries
	}
	list(len(want))
	list(3, "--reason", "refused")

	replay := func(wantOut string, more settings) {
		t.Helper()
		out, errs, code := command(t, set.with(more), "deadletter", "replay")
		// Some cannot be sent and stay every time.
		if out != wantOut+"\n" || code != 1 {
			t.Errorf("replay: exit code %d, want 1; printed %q, want %q\n%s", code, out, wantOut, errs)
		}
	}
	// Still poisoned; then not; then once more. The forwarder goes on meanwhile.
	replay(fmt.Sprintf("0 replayed, 3 refused again, %d not sent", len(want)-3), nil)
	hec.Poison(nil)
	replay(fmt.Sprintf("3 replayed, 0 refused again, %d not sent", len(want)-3), nil)
	l.pending(t, len(want)-3)
	replay(fmt.Sprintf("0 replayed, 0 refused again, %d not sent", len(want)-3), nil)
	// Too large is a question of the limit.
	replay(fmt.Sprintf("1 replayed, 0 refused again, %d not sent", len(want)-4), settings{"hec.max_event_bytes": "1MiB"})
	l.pending(t, len(want)-4)
	list(len(want) - 4)
	p.stop()
}

// pending wants so many to be missing, and nothing to be wrong or repeated.
func (l *ledger) pending(t *testing.T, wantMissing int) {
	t.Helper()
	_, repeated, missing := l.figures()
	if missing != wantMissing || repeated != 0 || len(l.faults) > 0 {
		t.Errorf("%d missing, want %d; %d repeated; %q", missing, wantMissing, repeated, l.faults)
	}
}

// checkDeadLetters compares a folder with what must be in it, to the byte.
func checkDeadLetters(t *testing.T, dir string, want map[string]deadletter.Entry) {
	t.Helper()
	got := map[string]deadletter.Entry{}
	err := deadletter.Scan(dir, func(e deadletter.Entry, status deadletter.Status) error {
		if _, twice := got[e.ID()]; twice || status != deadletter.Pending || e.StoredAt.IsZero() || e.Detail == "" {
			t.Errorf("%s: twice %v, status %s, stored at %s, detail %q", e.ID(), twice, status, e.StoredAt, e.Detail)
		}
		if (e.Reply != "") != (e.Reason == deadletter.Refused) {
			t.Errorf("%s: %s with Splunk's reply %q", e.ID(), e.Reason, e.Reply)
		}
		e.StoredAt, e.Detail, e.Reply, e.Code = time.Time{}, "", "", 0
		got[e.ID()] = e
		return nil
	})
	if err != nil {
		t.Errorf("read the dead letters: %v", err)
	}
	if diff := cmp.Diff(maps.Clone(want), got); diff != "" {
		t.Errorf("dead letters (-want +got):\n%s", diff)
	}
}

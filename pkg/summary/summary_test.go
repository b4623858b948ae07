package summary

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"auditlog-forwarder/pkg/audit"
)

func rule(t testing.TB, paths ...string) *Rule {
	t.Helper()
	r, err := NewRule("noise", paths, nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func at(second int) time.Time { return time.Date(2026, 11, 1, 10, 0, second, 0, time.UTC) }

func record(offset int64, second int) *audit.Record {
	return &audit.Record{Topic: "audit", Partition: 3, Offset: offset, Timestamp: at(second), Value: make([]byte, 100)}
}

// item makes an item of JSON texts; "-" is no value.
func item(r *Rule, id string, values ...string) *Item {
	i := &Item{Rule: r}
	for _, v := range values {
		if v == "-" {
			i.Values = append(i.Values, nil)
			continue
		}
		i.Values = append(i.Values, []byte(v))
	}
	if id != "" {
		i.ID = []byte(id)
	}
	return i
}

// drain returns all summaries that are due, and says that they were made.
func drain(t testing.TB, w *Window, next int64) (made []string) {
	t.Helper()
	for w.Left() {
		text, _ := w.Append(nil)
		if !json.Valid(text) {
			t.Errorf("not JSON: %s", text)
		}
		made = append(made, string(text))
	}
	w.Sent(next)
	return made
}

func TestEvent(t *testing.T) {
	t.Parallel()
	r := rule(t, "data.methodName", "data.authenticationInfo.principal", "data.result.status", "data.cloudResources{}.id", "data.result", "id")
	w := NewWindow(DefaultConfig(), "audit", 3)
	values := []string{`"mds.Authorize"`, `"User:u-1"`, `"SUCCESS"`, `["a","b"]`, "-", "7"}
	w.Add(record(40, 5), item(r, `"e1"`, values...))
	w.Add(record(41, 3), item(r, `"e2"`, values...))
	w.Add(record(43, 4), item(r, "", values...))
	for i, id := range []string{"e3", "e4", strings.Repeat("x", 300)} {
		w.Add(record(int64(44+i), 30), item(r, fmt.Sprintf("%q", id), values...))
	}
	got := drain(t, w, 50)
	want := `{"specversion":"1.0","id":"ID","type":"auditlog-forwarder.summary.v1","source":"urn:auditlog-forwarder","time":"2026-11-01T10:00:05.000Z","datacontenttype":"application/json",` +
		`"data":{"methodName":"mds.Authorize","authenticationInfo":{"principal":"User:u-1"},"result":{"status":"SUCCESS"}},` +
		`"summary":{"rule":"noise","count":6,"first":"2026-11-01T10:00:03.000Z","last":"2026-11-01T10:00:30.000Z","topic":"audit","partition":3,` +
		`"window_offset":40,"first_offset":40,"last_offset":46,"bytes":600,"sample_ids":["e1","e2","e3"],"key":{"data.cloudResources{}.id":["a","b"],"id":7}}}`
	if len(got) != 1 {
		t.Fatalf("%d summaries, want 1", len(got))
	}
	var ev struct{ ID string }
	if err := json.Unmarshal([]byte(got[0]), &ev); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Replace(want, "ID", ev.ID, 1), got[0]); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if len(ev.ID) != 36 || ev.ID[14] != '8' || !strings.ContainsRune("89ab", rune(ev.ID[19])) {
		t.Errorf("the id %q is no UUID of version 8", ev.ID)
	}
	// A second look finds nothing new; one more record makes it due again, under
	// the same id.
	if more := drain(t, w, 50); len(more) != 0 {
		t.Errorf("made again without need: %s", more)
	}
	w.Add(record(50, 31), item(r, "", values...))
	more := drain(t, w, 51)
	if len(more) != 1 || !strings.Contains(more[0], ev.ID) || !strings.Contains(more[0], `"count":7`) || !strings.Contains(more[0], `"last_offset":50`) {
		t.Errorf("one more record makes %s", more)
	}
}

// TestIDs: whatever tells two summaries apart makes another id, and an absent
// value is none of the present ones.
func TestIDs(t *testing.T) {
	t.Parallel()
	two, other := rule(t, "a", "b"), rule(t, "a", "b")
	other.name = "other"
	seen := map[string]string{}
	for _, tc := range []struct {
		name      string
		topic     string
		partition int32
		offset    int64
		item      *Item
		second    int
	}{
		{"plain", "audit", 3, 40, item(two, "", `"x"`, `"y"`), 0},
		{"topic", "audit2", 3, 40, item(two, "", `"x"`, `"y"`), 0},
		{"partition", "audit", 4, 40, item(two, "", `"x"`, `"y"`), 0},
		{"offset", "audit", 3, 41, item(two, "", `"x"`, `"y"`), 0},
		{"rule", "audit", 3, 40, item(other, "", `"x"`, `"y"`), 0},
		{"null", "audit", 3, 40, item(two, "", `"x"`, `null`), 0},
		{"absent", "audit", 3, 40, item(two, "", `"x"`, "-"), 0},
		{"the other absent", "audit", 3, 40, item(two, "", "-", `"x"`), 0},
		{"swapped", "audit", 3, 40, item(two, "", `"y"`, `"x"`), 0},
		// The offset is counted anew in a copy of the topic.
		{"time", "audit", 3, 40, item(two, "", `"x"`, `"y"`), 600},
		{"type", "audit", 3, 40, item(two, "", `"1"`, `1`), 0},
	} {
		w := NewWindow(DefaultConfig(), tc.topic, tc.partition)
		w.Add(record(tc.offset, tc.second), tc.item)
		var ev struct{ ID string }
		if err := json.Unmarshal([]byte(drain(t, w, 100)[0]), &ev); err != nil {
			t.Fatal(err)
		}
		if twin, twice := seen[ev.ID]; twice {
			t.Errorf("%s and %s have one id", twin, tc.name)
		}
		seen[ev.ID] = tc.name
	}
}

// TestCloses: what ends a window, and that nothing else does.
func TestCloses(t *testing.T) {
	t.Parallel()
	r := rule(t, "a")
	cfg := Config{Every: time.Minute, MaxKeys: 2, Samples: 1}
	filled := func(first *audit.Record, keys ...string) *Window {
		w := NewWindow(cfg, "audit", 3)
		for i, k := range keys {
			rec := *first
			rec.Offset += int64(i)
			w.Add(&rec, item(r, "", k))
		}
		return w
	}
	none := record(100, 5)
	none.Timestamp = time.Time{}
	for _, tc := range []struct {
		name string
		w    *Window
		rec  *audit.Record
		want bool
	}{
		{"not open", filled(record(10, 5)), record(11, 300), false},
		{"within", filled(record(10, 5), "1"), record(11, 59), false},
		{"the next minute", filled(record(10, 5), "1"), record(11, 60), true},
		{"earlier", filled(record(10, 5), "1"), record(11, -600), false},
		{"no time", filled(record(10, 5), "1"), none, false},
		{"opened without a time", filled(none, "1"), record(101, 5), true},
		{"many offsets", filled(record(10, 5), "1"), record(10+MaxSpan, 6), true},
		{"not so many", filled(record(10, 5), "1"), record(9+MaxSpan, 6), false},
		{"the same key", filled(record(10, 5), "1", "1"), record(12, 6), false},
		{"many keys", filled(record(10, 5), "1", "2"), record(12, 6), true},
	} {
		if got := tc.w.Closes(tc.rec); got != tc.want {
			t.Errorf("%s: closes %v, want %v", tc.name, got, tc.want)
		}
	}
	cfg.MaxKeys = 1 << 20
	w := NewWindow(cfg, "audit", 3)
	n := int64(0)
	for ; !w.Closes(record(n, 5)); n++ {
		w.Add(record(n, 5), item(r, "", fmt.Sprintf("%q", fmt.Sprint(strings.Repeat("k", 4000), n))))
	}
	if n < 900 || n > 1100 {
		t.Errorf("a window closed after %d keys of 4,000 bytes, want about %d", n, MaxBytes/4256)
	}
	if w.Close(); w.Open() || w.Closes(record(n, 600)) || w.Keys() != 0 {
		t.Error("a closed window is not empty")
	}
}

func TestKeyTooLong(t *testing.T) {
	t.Parallel()
	w := NewWindow(DefaultConfig(), "audit", 3)
	r := rule(t, "a", "b")
	long := `"` + strings.Repeat("x", MaxKey-10) + `"`
	if !w.Add(record(1, 0), item(r, "", long, "1")) {
		t.Error("a key that is not too long was not counted")
	}
	if w.Add(record(2, 0), item(r, "", long, `"0123456789"`)) || w.Seen() != 1 {
		t.Error("a key that is too long was counted")
	}
}

// TestReadAgain: a window that is restored and filled again makes what is new,
// with the counts of all of it, and nothing else.
func TestReadAgain(t *testing.T) {
	t.Parallel()
	r := rule(t, "a")
	first := NewWindow(DefaultConfig(), "audit", 3)
	for n := range int64(10) {
		first.Add(record(n, int(n)), item(r, "", fmt.Sprint(n%2)))
	}
	drain(t, first, 10)
	first.Add(record(10, 10), item(r, "", "0"))
	text := first.Note("abc").String()
	if Rewind(11, text) != 0 || Rewind(11, "") != 11 || Rewind(11, "someone else's") != 11 {
		t.Error("rewinds to the wrong place")
	}
	note, err := ParseNote(text)
	if err != nil || note != (Note{Start: 0, End: at(60).UnixMilli(), Sent: 10, Seen: 11, Unsent: 1, Rules: "abc"}) {
		t.Fatalf("the note %q is read as %+v: %v", text, note, err)
	}
	second := NewWindow(DefaultConfig(), "audit", 3)
	second.Restore(note, false)
	for n := range int64(10) {
		second.Add(record(n, int(n)), item(r, "", fmt.Sprint(n%2)))
	}
	if second.Due() || second.Left() {
		t.Error("what was sent is due again")
	}
	second.Add(record(10, 10), item(r, "", "0"))
	if got := second.Note("abc"); got != note {
		t.Errorf("the note of the window that was read again is %+v, was %+v", got, note)
	}
	if diff := cmp.Diff(drain(t, first, 11), drain(t, second, 11)); diff != "" {
		t.Errorf("read again, the summaries differ (-want +got):\n%s", diff)
	}
}

func TestParseNote(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{
		"x", "summary/1", "summary/2 1 2 3 4 4 abc", "summary/1 1 2 3 4 4 abc more", "summary/1 5 2 3 4 4 abc",
		"summary/1 1 2 3 4 5 abc", "summary/1 -1 2 3 4 4 abc", "summary/1 1 2 3 4 4",
	} {
		if n, err := ParseNote(bad); err == nil || n.Open() {
			t.Errorf("%q is read as %+v", bad, n)
		}
	}
	if n, err := ParseNote(""); err != nil || n.Open() {
		t.Errorf("no note is read as %+v: %v", n, err)
	}
}

func TestNewRule(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name  string
		paths []string
		want  string
	}{
		{"", []string{"a"}, "a rule that summarises needs a name"},
		{"n", nil, "rule n: a key has 1 to 16 fields, this one has 0"},
		{"n", strings.Split(strings.Repeat("x", 16), ""), "rule n: the key has the field x twice"},
		{"n", make([]string, 17), "rule n: a key has 1 to 16 fields, this one has 17"},
	} {
		if _, err := NewRule(tc.name, tc.paths, nil); err == nil || err.Error() != tc.want {
			t.Errorf("NewRule(%q, %v): %v, want %s", tc.name, tc.paths, err, tc.want)
		}
	}
}

func TestValidate(t *testing.T) {
	t.Parallel()
	if errs := DefaultConfig().Validate(); len(errs) != 0 {
		t.Error(errs)
	}
	errs := Config{Every: time.Millisecond, MaxKeys: 0, Samples: -1}.Validate()
	if len(errs) != 3 {
		t.Errorf("%d mistakes, want 3: %v", len(errs), errs)
	}
}

// TestAddAllocatesNothing: a known key costs no memory.
func TestAddAllocatesNothing(t *testing.T) {
	r := rule(t, "data.methodName", "data.authenticationInfo.principal", "data.result.status")
	w := NewWindow(DefaultConfig(), "audit", 3)
	it := item(r, `"e"`, `"mds.Authorize"`, `"User:u-1"`, `"SUCCESS"`)
	rec := record(1, 0)
	add := func() { rec.Offset++; w.Add(rec, it) }
	for range 5 {
		add()
	}
	if n := testing.AllocsPerRun(100, add); n != 0 {
		t.Errorf("%v allocations for a known key", n)
	}
}

func BenchmarkAdd(b *testing.B) {
	r := rule(b, "data.methodName", "data.authenticationInfo.principal", "data.result.status")
	w := NewWindow(DefaultConfig(), "audit", 3)
	var items []*Item
	for n := range 500 {
		items = append(items, item(r, `"0f5c3e5e-7f5e-4b0e-9a53-0123456789ab"`, `"mds.Authorize"`, fmt.Sprintf(`"User:u-%d"`, n), `"SUCCESS"`))
	}
	rec := record(1, 0)
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		rec.Offset++
		w.Add(rec, items[n%len(items)])
	}
}

func BenchmarkAppend(b *testing.B) {
	r := rule(b, "data.methodName", "data.authenticationInfo.principal", "data.result.status")
	w := NewWindow(DefaultConfig(), "audit", 3)
	rec, it := record(1, 0), item(r, `"e"`, `"mds.Authorize"`, `"User:u-1"`, `"SUCCESS"`)
	var dst []byte
	b.ReportAllocs()
	for b.Loop() {
		rec.Offset++
		w.Add(rec, it)
		w.Left()
		dst, _ = w.Append(dst[:0])
		w.Sent(rec.Offset)
	}
}

// TestID: an id is the same for the same window and key, read once or again, and
// another one for all else, also for a topic of the same name that has a window
// at the same offset.
func TestID(t *testing.T) {
	t.Parallel()
	r := rule(t, "a")
	id := func(topic string, offset int64, second int, value string, again bool) string {
		w := NewWindow(DefaultConfig(), topic, 3)
		w.Add(record(offset, second), item(r, "", value))
		if again {
			n := w.Note("rules")
			w = NewWindow(DefaultConfig(), topic, 3)
			w.Restore(n, false)
			w.Add(record(offset, second), item(r, "", value))
		}
		text, _ := w.Append(nil)
		var e struct {
			ID string `json:"id"`
		}
		if err := json.Unmarshal(text, &e); err != nil {
			t.Fatal(err)
		}
		return e.ID
	}
	first := id("audit", 40, 5, `"x"`, false)
	if got := id("audit", 40, 5, `"x"`, true); got != first {
		t.Errorf("read again: %s, before %s", got, first)
	}
	for name, got := range map[string]string{
		"another topic":  id("audit2", 40, 5, `"x"`, false),
		"another window": id("audit", 41, 5, `"x"`, false),
		"another key":    id("audit", 40, 5, `"y"`, false),
		"another minute": id("audit", 40, 65, `"x"`, false),
	} {
		if got == first {
			t.Errorf("%s has the same id", name)
		}
	}
}

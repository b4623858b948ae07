package deadletter

import (
	"bytes"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"auditlog-forwarder/pkg/audit"
)

func roundTrip(t *testing.T, e Entry) Entry {
	t.Helper()
	var buf bytes.Buffer
	if err := encode(&buf, e); err != nil {
		t.Fatal(err)
	}
	line, isLine := bytes.CutSuffix(buf.Bytes(), []byte("\n"))
	if !isLine || bytes.IndexByte(line, '\n') >= 0 {
		t.Fatalf("not exactly one line: %q", buf.Bytes())
	}
	got, err := decode(line)
	if err != nil {
		t.Fatalf("decode %s: %v", line, err)
	}
	return got
}

func TestEntryRoundTrip(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 22, 3, 4, 5, 123456789, time.UTC)
	for name, change := range map[string]func(*Entry){
		"plain":                 func(*Entry) {},
		"null key":              func(e *Entry) { e.Record.Key = nil },
		"empty key":             func(e *Entry) { e.Record.Key = []byte{} },
		"tombstone":             func(e *Entry) { e.Record.Value = nil },
		"empty body":            func(e *Entry) { e.Record.Value = []byte{} },
		"body not UTF-8":        func(e *Entry) { e.Record.Value = []byte("a\xffb") },
		"lone surrogate":        func(e *Entry) { e.Record.Value = []byte("\xed\xa0\x80") },
		"replacement character": func(e *Entry) { e.Record.Value = []byte("\ufffd") },
		"line separators":       func(e *Entry) { e.Record.Value = []byte("\u2028\u2029\r\n\x00<&>") },
		"header values": func(e *Entry) {
			e.Record.Headers = []audit.Header{{Key: "a"}, {Key: "a", Value: []byte{}}, {Key: "", Value: []byte("\xfe")}, {Key: "\xff", Value: []byte("v")}}
		},
		"no timestamp":            func(e *Entry) { e.Record.Timestamp = time.Time{} },
		"timestamp at the epoch":  func(e *Entry) { e.Record.Timestamp = time.UnixMilli(0).UTC() },
		"timestamp in year 10000": func(e *Entry) { e.Record.Timestamp = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC) },
		"timestamp at the limit":  func(e *Entry) { e.Record.Timestamp = time.UnixMilli(math.MaxInt64).UTC() },
		"negative timestamp":      func(e *Entry) { e.Record.Timestamp = time.UnixMilli(math.MinInt64).UTC() },
		"every reason field":      func(e *Entry) { e.Reason, e.Detail, e.Code, e.Reply = NotJSON, "offset 17: unexpected end", 0, "" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want := sample(17)
			want.StoredAt, want.Record.Timestamp = at, at.Add(-time.Minute)
			change(&want)
			if diff := cmp.Diff(want, roundTrip(t, want)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestLongBody: escapes must not blow a line up beyond what readers take.
func TestLongBody(t *testing.T) {
	t.Parallel()
	body := make([]byte, maxText+1)
	if text, raw := toText(body); text != nil || len(raw) != len(body) {
		t.Errorf("a body of %d bytes was made a string", len(body))
	}
	if text, raw := toText(body[:17]); text == nil || raw != nil {
		t.Error("a short body was not made a string")
	}
	if longest := max(maxText*6, maxLine/4*3); longest > maxLine {
		t.Errorf("a body may take %d bytes, readers take %d", longest, maxLine)
	}
}

// TestEntryOnDisk holds the format that people and jq read.
func TestEntryOnDisk(t *testing.T) {
	t.Parallel()
	e := Entry{
		StoredAt: time.Date(2026, 11, 22, 3, 4, 5, 6, time.FixedZone("", 3600)),
		Record: audit.Record{
			Topic: "t", Partition: 1, Offset: 17, Timestamp: time.Date(2026, 11, 22, 1, 2, 3, 4000000, time.UTC),
			Value: []byte(`{"a":"<b>"`), Headers: []audit.Header{{Key: "h", Value: []byte{0xff}}},
		},
		Reason: NotJSON, Detail: "offset 10: unexpected end of JSON",
	}
	var buf bytes.Buffer
	if err := encode(&buf, e); err != nil {
		t.Fatal(err)
	}
	want := `{"id":"t/1/17","stored_at":"2026-11-22T02:04:05.000000006Z","topic":"t","partition":1,"offset":17,` +
		`"timestamp":"2026-11-22T01:02:03.004Z","reason":"not_json","detail":"offset 10: unexpected end of JSON",` +
		`"headers":[{"key":"h","value_base64":"/w=="}],"body":"{\"a\":\"<b>\""}` + "\n"
	if diff := cmp.Diff(want, buf.String()); diff != "" {
		t.Error(diff)
	}
}

func TestDecodeRefusesDamage(t *testing.T) {
	t.Parallel()
	good := `{"id":"t/1/17","stored_at":"2026-11-22T02:04:05Z","topic":"t","partition":1,"offset":17,"reason":"refused","body":"x"}`
	if _, err := decode([]byte(good)); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ from, to, want string }{
		"cut":          {`"body":"x"}`, `"bo`, "unexpected end"},
		"not UTF-8":    {`"x"`, "\"\xff\"", "not UTF-8"},
		"other offset": {`"offset":17`, `"offset":18`, `id is "t/1/17", but topic, partition and offset make "t/1/18"`},
		"two bodies":   {`"body":"x"`, `"body":"x","body_base64":"eA=="`, "body is given twice"},
		"bad base64":   {`"body":"x"`, `"body_base64":"%"`, "illegal base64"},
		"empty":        {good, "", "unexpected end"},
		"other JSON":   {good, "{}", "id is"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := decode([]byte(strings.Replace(good, c.from, c.to, 1)))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want it to say %q", err, c.want)
			}
		})
	}
}

func TestParseReason(t *testing.T) {
	t.Parallel()
	for _, r := range Reasons() {
		if got, err := ParseReason(string(r)); got != r || err != nil {
			t.Errorf("ParseReason(%q) = %q, %v", r, got, err)
		}
	}
	if _, err := ParseReason("other"); err == nil {
		t.Error("an unknown reason was taken")
	}
}

func FuzzEntryRoundTrip(f *testing.F) {
	f.Add("topic", int32(0), int64(17), int64(1_700_000_000_000), []byte("k"), []byte(`{"a":1}`), "h", []byte("v"), uint8(0))
	f.Add("", int32(-1), int64(-5), int64(math.MaxInt64), []byte("\xff"), []byte("\ufffd\u2028\x00"), "\xfe", []byte{}, uint8(0xff))
	f.Fuzz(func(t *testing.T, topic string, partition int32, offset, ms int64, key, value []byte, hkey string, hvalue []byte, null uint8) {
		want := Entry{
			StoredAt: time.Unix(0, ms).UTC(),
			Record: audit.Record{
				Topic: strings.ToValidUTF8(topic, "?"), Partition: partition, Offset: offset, Timestamp: time.UnixMilli(ms).UTC(),
				Key: key, Value: value,
				Headers: []audit.Header{{Key: hkey, Value: hvalue}, {Key: hkey + "2"}},
			},
			Reason: Refused,
		}
		if null&1 != 0 {
			want.Record.Key = nil
		}
		if null&2 != 0 {
			want.Record.Value = nil
		}
		if null&4 != 0 {
			want.Record.Headers = nil
		}
		if diff := cmp.Diff(want, roundTrip(t, want)); diff != "" {
			t.Error(diff)
		}
	})
}

// FuzzDecode feeds the reader what a damaged disk might hold.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"id":"t/1/17","stored_at":"2026-11-22T02:04:05Z","topic":"t","partition":1,"offset":17,"reason":"refused","body":"x"}`))
	f.Add([]byte("\x00\x00{"))
	f.Fuzz(func(t *testing.T, data []byte) {
		e, err := decode(data)
		if err != nil {
			return
		}
		if diff := cmp.Diff(e, roundTrip(t, e), cmp.Comparer(func(a, b time.Time) bool { return a.Equal(b) })); diff != "" {
			t.Error(diff)
		}
	})
}

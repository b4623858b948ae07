package deadletter

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"auditlog-forwarder/pkg/audit"
)

// sendAll replays all of dir and returns what was sent.
func sendAll(t *testing.T, dir string, filter Filter) (sent []string, res Result) {
	t.Helper()
	res, err := Replay(t.Context(), dir, filter, func(_ context.Context, e Entry) error {
		sent = append(sent, fmt.Sprint(e.Record.Offset, " ", string(e.Record.Value)))
		return nil
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return sent, res
}

// bodied is an entry with that body, stored at that second.
func bodied(offset int64, body string, at int64) Entry {
	e := sample(offset)
	e.Record.Value, e.StoredAt = []byte(body), time.Unix(at, 0)
	return e
}

// TestSameRecordIsSentOnce: a forwarder that was killed before its commit
// stores the same records twice.
func TestSameRecordIsSentOnce(t *testing.T) {
	t.Parallel()
	dir, s := filled(t, 0)
	put(t, s, bodied(1, "a", 1), bodied(2, "b", 2), bodied(1, "a", 3), bodied(1, "made again", 4))
	sent, res := sendAll(t, dir, Filter{})
	if diff := cmp.Diff([]string{"1 a", "2 b", "1 made again"}, sent); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(Result{Replayed: 3, Repeated: 1}, res); diff != "" {
		t.Error(diff)
	}
	// Also when the first was replayed in an earlier run, and when its entry
	// has been cleared out since.
	put(t, s, bodied(1, "a", 5), bodied(2, "again", 6))
	if sent, _ := sendAll(t, dir, Filter{}); !cmp.Equal([]string{"2 again"}, sent) {
		t.Errorf("second run: sent %q", sent)
	}
	s.mu.Lock()
	freed, err := s.compact()
	s.mu.Unlock()
	if err != nil || freed == 0 || s.journal.size != 0 {
		t.Errorf("%d bytes freed, %d left, %v", freed, s.journal.size, err)
	}
	put(t, s, bodied(2, "b", 7), bodied(3, "c", 8))
	if sent, _ := sendAll(t, dir, Filter{}); !cmp.Equal([]string{"3 c"}, sent) {
		t.Errorf("third run: sent %q", sent)
	}
}

// TestOneFilterOfTwo: an entry that the filter leaves out is settled all the
// same when its record is delivered through another.
func TestOneFilterOfTwo(t *testing.T) {
	t.Parallel()
	dir, s := filled(t, 0)
	put(t, s, bodied(1, "a", 100), bodied(1, "a", 200))
	if sent, _ := sendAll(t, dir, Filter{Since: time.Unix(150, 0)}); len(sent) != 1 {
		t.Errorf("sent %q", sent)
	}
	if diff := cmp.Diff([]string{"1 replayed", "1 replayed"}, ids(t, dir)); diff != "" {
		t.Error(diff)
	}
}

// TestOldMarks: lines of the first version have no digest. They name their
// entry, and so its record.
func TestOldMarks(t *testing.T) {
	t.Parallel()
	dir, s := filled(t, 0)
	put(t, s, bodied(1, "a", 1), bodied(2, "b", 2), bodied(1, "a", 3), bodied(2, "made again", 4))
	const id = "confluent-audit-log-events/3/"
	old := `{"id":"` + id + `1","stored_at":"1970-01-01T00:00:01Z","replayed_at":"2026-11-01T00:00:00Z"}` + "\n" +
		`{"id":"` + id + `2","stored_at":"1970-01-01T00:00:02Z","replayed_at":"2026-11-01T00:00:00Z"}` + "\n"
	if err := os.WriteFile(filepath.Join(dir, marksFile), []byte(old), 0o600); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"1 replayed", "2 replayed", "1 replayed", "2 pending"}, ids(t, dir)); diff != "" {
		t.Error(diff)
	}
	if sent, _ := sendAll(t, dir, Filter{}); !cmp.Equal([]string{"2 made again"}, sent) {
		t.Errorf("sent %q", sent)
	}
}

// TestDigest: every part of a record counts, its borders too, and what is
// read back from disk has the same one.
func TestDigest(t *testing.T) {
	t.Parallel()
	base := func() Entry {
		e := sample(7)
		e.Record.Timestamp = time.UnixMilli(1793491200250)
		e.Record.Headers = []audit.Header{{Key: "h", Value: []byte("v")}, {Key: "n"}}
		return e
	}
	seen := map[digest]string{}
	for name, change := range map[string]func(*audit.Record){
		"nothing":         func(*audit.Record) {},
		"topic":           func(r *audit.Record) { r.Topic += "x" },
		"partition":       func(r *audit.Record) { r.Partition++ },
		"offset":          func(r *audit.Record) { r.Offset++ },
		"timestamp":       func(r *audit.Record) { r.Timestamp = r.Timestamp.Add(time.Millisecond) },
		"no timestamp":    func(r *audit.Record) { r.Timestamp = time.Time{} },
		"odd timestamp":   func(r *audit.Record) { r.Timestamp = time.UnixMilli(1 << 60) },
		"key":             func(r *audit.Record) { r.Key = []byte("l") },
		"empty key":       func(r *audit.Record) { r.Key = []byte{} },
		"no key":          func(r *audit.Record) { r.Key = nil },
		"border":          func(r *audit.Record) { r.Key, r.Value = append(r.Key, r.Value[0]), r.Value[1:] },
		"no text":         func(r *audit.Record) { r.Value = []byte{0xff, 0} },
		"tombstone":       func(r *audit.Record) { r.Value = nil },
		"no headers":      func(r *audit.Record) { r.Headers = nil },
		"header's key":    func(r *audit.Record) { r.Headers[0].Key = "g" },
		"header's value":  func(r *audit.Record) { r.Headers[0].Value = nil },
		"headers' border": func(r *audit.Record) { r.Headers[0] = audit.Header{Key: "hv", Value: []byte{}} },
	} {
		e := base()
		change(&e.Record)
		d := e.digest()
		if other, twice := seen[d]; twice {
			t.Errorf("%s and %s have one digest", name, other)
		}
		seen[d] = name
		var buf bytes.Buffer
		if err := encode(&buf, e); err != nil {
			t.Fatal(err)
		}
		back, err := decode(buf.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		if back.digest() != d {
			t.Errorf("%s: the digest changes on disk", name)
		}
	}
	e := base()
	e.StoredAt, e.Reason, e.Detail, e.Code, e.Reply = time.Now(), TooLarge, "x", 7, "y"
	if e.digest() != base().digest() {
		t.Error("what is not the record's own changes its digest")
	}
}

// TestDamagedMarks: their entries are sent once more, the others are not, and
// the lines are named.
func TestDamagedMarks(t *testing.T) {
	t.Parallel()
	for name, broken := range map[string]string{
		"no JSON":   "\x00\x00\x00",
		"no id":     `{"record":"00000000000000000000000000000000"}`,
		"no digest": `{"id":"x","record":"00"}`,
		"no digits": `{"id":"x","record":"zz000000000000000000000000000000"}`,
		"too long":  strings.Repeat("x", 2<<20),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir, _ := filled(t, 3)
			sendAll(t, dir, Filter{})
			path := filepath.Join(dir, marksFile)
			raw, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			lines := strings.SplitAfter(string(raw), "\n")
			lines[1] = broken + "\n"
			if err := os.WriteFile(path, []byte(strings.Join(lines, "")), 0o600); err != nil {
				t.Fatal(err)
			}
			var sent []int64
			_, err = Replay(t.Context(), dir, Filter{}, func(_ context.Context, e Entry) error {
				sent = append(sent, e.Record.Offset)
				return nil
			}, nil)
			var damage *DamageError
			if !errors.As(err, &damage) || damage.Total != 1 || damage.Lines[0].File != marksFile || damage.Lines[0].Line != 2 {
				t.Errorf("got %v", err)
			}
			if diff := cmp.Diff([]int64{1}, sent); diff != "" {
				t.Error(diff)
			}
			if got, _ := Replay(t.Context(), dir, Filter{}, deliver, nil); got.Replayed != 0 {
				t.Errorf("%d are sent a third time", got.Replayed)
			}
		})
	}
}

// TestMarksAreTrimmed: the newest stay, whole.
func TestMarksAreTrimmed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, marksFile)
	var all bytes.Buffer
	n := int64(0)
	for ; all.Len() < keptMarks*3/2; n++ {
		e := sample(n)
		line, err := encodeMark(e, e.digest(), time.Now())
		if err != nil {
			t.Fatal(err)
		}
		all.Write(line)
	}
	if err := os.WriteFile(path, all.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second time there is nothing to do
		if err := trimMarks(dir); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if len(got) > keptMarks || len(got) < keptMarks-300 || !bytes.HasSuffix(all.Bytes(), got) || got[0] != '{' {
			t.Fatalf("%d bytes are left, beginning %.30q", len(got), got)
		}
	}
	var damage DamageError
	done, err := readMarks(dir, &damage)
	if err != nil || damage.Total != 0 {
		t.Fatal(err, damage.Total)
	}
	if done.has(sample(0)) || !done.has(sample(n-1)) {
		t.Error("the wrong marks were dropped")
	}
	if left, err := filepath.Glob(filepath.Join(dir, "*"+tempSuffix)); err != nil || len(left) != 0 {
		t.Error("left behind: ", left, err)
	}
}

// TestMovedDuringReplay: whoever moves the store away ends the replay, for a
// mark in the wrong place would count for nothing.
func TestMovedDuringReplay(t *testing.T) {
	t.Parallel()
	for name, move := range map[string]func(dir string) error{
		"folder moved":  func(dir string) error { return os.Rename(dir, dir+".old") },
		"marks deleted": func(dir string) error { return os.Remove(filepath.Join(dir, marksFile)) },
		"lock deleted":  func(dir string) error { return os.Remove(filepath.Join(dir, marksLock)) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir, _ := filled(t, 3)
			res, err := Replay(t.Context(), dir, Filter{}, func(context.Context, Entry) error { return move(dir) }, nil)
			if err == nil || !strings.Contains(err.Error(), "moved or deleted meanwhile") || res.Replayed != 1 {
				t.Errorf("%+v, %v", res, err)
			}
		})
	}
}

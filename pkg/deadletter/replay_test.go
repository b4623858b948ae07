package deadletter

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/zap"
)

// filled returns the folder of a store that is still open and holds entries
// with the offsets 0 to n-1, which do not fit into a reader's buffer at once.
func filled(t *testing.T, n int64) (string, *Store) {
	t.Helper()
	cfg := Config{Dir: t.TempDir(), MaxBytes: 1 << 20}
	s := open(t, cfg, zap.NewNop())
	for i := range n {
		e := sample(i)
		e.Record.Value = bytes.Repeat([]byte("x"), 20<<10)
		put(t, s, e)
	}
	return cfg.Dir, s
}

func TestReplay(t *testing.T) {
	t.Parallel()
	dir, s := filled(t, 5)
	var sent []int64
	var steps []string
	send := func(_ context.Context, e Entry) error {
		sent = append(sent, e.Record.Offset)
		if len(sent) == 1 {
			put(t, s, sample(99)) // arrives while the replay runs
		}
		switch e.Record.Offset {
		case 1:
			return fmt.Errorf("code 6: %w", ErrRefusedAgain)
		case 3:
			return ErrSkip
		}
		return nil
	}
	progress := func(done, total int) { steps = append(steps, fmt.Sprint(done, "/", total)) }
	res, err := Replay(t.Context(), dir, Filter{}, send, progress)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(Result{Replayed: 3, StillRefused: 1, Skipped: 1}, res); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"0/5", "1/5", "2/5", "3/5", "4/5", "5/5"}, steps); diff != "" {
		t.Error(diff)
	}
	want := []string{"0 replayed", "1 pending", "2 replayed", "3 pending", "4 replayed", "99 pending"}
	if diff := cmp.Diff(want, ids(t, dir)); diff != "" {
		t.Error(diff)
	}

	sent = nil
	if _, err := Replay(t.Context(), dir, Filter{}, send, nil); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]int64{1, 3, 99}, sent); diff != "" {
		t.Error("second replay: ", diff)
	}
}

func TestReplayStopsOnError(t *testing.T) {
	t.Parallel()
	dir, _ := filled(t, 3)
	down := errors.New("connection refused")
	res, err := Replay(t.Context(), dir, Filter{}, func(_ context.Context, e Entry) error {
		if e.Record.Offset == 1 {
			return down
		}
		return nil
	}, nil)
	if !errors.Is(err, down) || !strings.Contains(err.Error(), "confluent-audit-log-events/3/1") {
		t.Errorf("got %v", err)
	}
	if diff := cmp.Diff(Result{Replayed: 1, Left: 2}, res); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"0 replayed", "1 pending", "2 pending"}, ids(t, dir)); diff != "" {
		t.Error(diff)
	}
}

// TestReplayMarksAfterCancel: what was sent is marked although ctx has ended.
func TestReplayMarksAfterCancel(t *testing.T) {
	t.Parallel()
	dir, _ := filled(t, 3)
	ctx, cancel := context.WithCancel(t.Context())
	_, err := Replay(ctx, dir, Filter{}, func(context.Context, Entry) error { cancel(); return nil }, nil)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if diff := cmp.Diff([]string{"0 replayed", "1 pending", "2 pending"}, ids(t, dir)); diff != "" {
		t.Error(diff)
	}
}

// TestReplayKilled kills a replaying process between a send and its mark.
func TestReplayKilled(t *testing.T) {
	t.Parallel()
	dir, _ := filled(t, 5)
	if out, err := childCmd(t, "killed", dir).Output(); err == nil || !strings.Contains(err.Error(), "killed") {
		t.Fatalf("child: %v: %s", err, out)
	}
	raw, err := os.ReadFile(filepath.Join(dir, "delivered"))
	if err != nil {
		t.Fatal(err)
	}
	delivered := strings.Fields(string(raw))
	if _, err := Replay(t.Context(), dir, Filter{}, func(_ context.Context, e Entry) error {
		delivered = append(delivered, e.ID())
		return nil
	}, nil); err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, offset := range []int64{0, 1, 2, 2, 3, 4} { // one event twice, none missing
		want = append(want, sample(offset).ID())
	}
	if diff := cmp.Diff(want, delivered); diff != "" {
		t.Error(diff)
	}
}

func TestReplayTornMark(t *testing.T) {
	t.Parallel()
	dir, _ := filled(t, 2)
	if err := os.WriteFile(filepath.Join(dir, marksFile), []byte(`{"id":"conflu`), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, want := range []int{2, 0} {
		res, err := Replay(t.Context(), dir, Filter{}, func(context.Context, Entry) error { return nil }, nil)
		if err != nil {
			t.Fatal(err)
		}
		if res.Replayed != want {
			t.Errorf("%d replayed, want %d", res.Replayed, want)
		}
	}
}

func TestSecondReplayIsRefused(t *testing.T) {
	t.Parallel()
	dir, _ := filled(t, 1)
	res, err := Replay(t.Context(), dir, Filter{}, func(ctx context.Context, _ Entry) error {
		_, err := Replay(ctx, dir, Filter{}, func(context.Context, Entry) error { return nil }, nil)
		if err == nil || !strings.Contains(err.Error(), "another replay is active in "+dir) {
			t.Errorf("got %v", err)
		}
		return nil
	}, nil)
	if err != nil || res.Replayed != 1 {
		t.Errorf("got %+v, %v", res, err)
	}
}

// TestSameOffsetAgain: an entry is not taken for replayed because an earlier
// one of the same place was; the topic may have been made anew.
func TestSameOffsetAgain(t *testing.T) {
	t.Parallel()
	dir, s := filled(t, 1)
	ok := func(context.Context, Entry) error { return nil }
	if _, err := Replay(t.Context(), dir, Filter{}, ok, nil); err != nil {
		t.Fatal(err)
	}
	put(t, s, sample(0))
	if diff := cmp.Diff([]string{"0 replayed", "0 pending"}, ids(t, dir)); diff != "" {
		t.Error(diff)
	}
}

func TestNothingToReplay(t *testing.T) {
	t.Parallel()
	never := func(context.Context, Entry) error { return errors.New("sent") }
	if res, err := Replay(t.Context(), t.TempDir(), Filter{}, never, nil); err != nil || res != (Result{}) {
		t.Errorf("empty folder: %+v, %v", res, err)
	}
	missing := filepath.Join(t.TempDir(), "wrong")
	_, err := Replay(t.Context(), missing, Filter{}, never, nil)
	if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), missing) {
		t.Errorf("missing folder, replay: %v", err)
	}
	err = Scan(missing, func(Entry, Status) error { return nil })
	if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), missing) {
		t.Errorf("missing folder, scan: %v", err)
	}
}

func TestFilter(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 22, 3, 0, 0, 0, time.UTC)
	e := sample(17)
	e.StoredAt = at
	for name, c := range map[string]struct {
		f    Filter
		want bool
	}{
		"all":              {Filter{}, true},
		"reason":           {Filter{Reasons: []Reason{NotJSON, Refused}}, true},
		"other reason":     {Filter{Reasons: []Reason{NotJSON}}, false},
		"topic":            {Filter{Topics: []string{"confluent-audit-log-events"}}, true},
		"other topic":      {Filter{Topics: []string{"x"}}, false},
		"partition":        {Filter{Partitions: []int32{3}}, true},
		"other partition":  {Filter{Partitions: []int32{0}}, false},
		"id":               {Filter{IDs: []string{"confluent-audit-log-events/3/17"}}, true},
		"other id":         {Filter{IDs: []string{"confluent-audit-log-events/3/1"}}, false},
		"code":             {Filter{Codes: []int{413, 6}}, true},
		"other code":       {Filter{Codes: []int{7}}, false},
		"body":             {Filter{Body: `"e17"`}, true},
		"other body":       {Filter{Body: "e18"}, false},
		"since then":       {Filter{Since: at}, true},
		"since later":      {Filter{Since: at.Add(1)}, false},
		"until then":       {Filter{Until: at}, false},
		"until later":      {Filter{Until: at.Add(1)}, true},
		"one field of two": {Filter{Reasons: []Reason{Refused}, Topics: []string{"x"}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := c.f.Match(e); got != c.want {
				t.Errorf("got %v", got)
			}
			if c.f.All() != (name == "all") {
				t.Errorf("it says that it selects all: %v", c.f.All())
			}
		})
	}
}

func TestDamagedLinesAreReported(t *testing.T) {
	t.Parallel()
	dir, s := filled(t, 3)
	path := filepath.Join(dir, dataFile)
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := bytes.SplitAfter(raw, []byte("\n"))
	lines[1][3] = 0xff // a flipped byte in line 2
	if err := os.WriteFile(path, bytes.Join(lines, nil), 0o600); err != nil {
		t.Fatal(err)
	}
	var seen []int64
	note := func(_ context.Context, e Entry) error { seen = append(seen, e.Record.Offset); return nil }
	_, replayErr := Replay(t.Context(), dir, Filter{}, note, nil)
	scanErr := Scan(dir, func(e Entry, _ Status) error { return note(t.Context(), e) })
	for name, err := range map[string]error{"replay": replayErr, "scan": scanErr} {
		var damage *DamageError
		if !errors.As(err, &damage) || damage.Total != 1 || damage.Lines[0].Line != 2 {
			t.Errorf("%s: got %v, want line 2", name, err)
		}
	}
	if diff := cmp.Diff([]int64{0, 2, 0, 2}, seen); diff != "" {
		t.Error(diff)
	}
	// Making room must not throw away what could not be read.
	s.cfg.MaxBytes = s.journal.size
	put(t, s, sample(4))
	after, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.HasPrefix(after, lines[1]) {
		t.Errorf("the damaged line is gone: %q", after)
	}
}

func TestScanStopsOnCallersError(t *testing.T) {
	t.Parallel()
	dir, _ := filled(t, 3)
	enough := errors.New("enough")
	calls := 0
	if err := Scan(dir, func(Entry, Status) error { calls++; return enough }); !errors.Is(err, enough) || calls != 1 {
		t.Errorf("%v after %d calls", err, calls)
	}
}

func TestEachLineBoundsMemory(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("y", 300_000)
	text := "a\n" + long + "\n\nb\n" + long[:200_000] + "\nunfinished"
	var got []string
	if err := eachLine(strings.NewReader(text), 250_000, func(l span) error {
		if whole := text[l.start:l.end]; !l.tooLong && whole != string(l.data)+"\n" {
			t.Errorf("line %d: span and bytes differ", l.num)
		}
		got = append(got, fmt.Sprint(l.num, " ", l.end-l.start, " ", len(l.data), " ", l.tooLong))
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	want := []string{"1 2 1 false", "2 300001 0 true", "3 1 0 false", "4 2 1 false", "5 200001 200000 false"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestRoomIsWonBack: replaying is the way out of a full store.
func TestRoomIsWonBack(t *testing.T) {
	t.Parallel()
	dir, s := filled(t, 4)
	s.cfg.MaxBytes = s.journal.size
	if err := s.Put([]Entry{sample(4)}); !errors.Is(err, ErrFull) {
		t.Fatalf("got %v, want ErrFull", err)
	}
	onlyEven := func(_ context.Context, e Entry) error {
		if e.Record.Offset%2 == 1 {
			return ErrRefusedAgain
		}
		if err := s.Put([]Entry{sample(5)}); !errors.Is(err, ErrFull) {
			t.Errorf("room was made under an active replay: %v", err)
		}
		return nil
	}
	if _, err := Replay(t.Context(), dir, Filter{}, onlyEven, nil); err != nil {
		t.Fatal(err)
	}
	put(t, s, sample(6))
	s.cfg.MaxBytes = 1 << 20
	if freed, err := s.compact(); freed != 0 || err != nil || s.compacted == nil {
		t.Errorf("the same marks are worked off again: %d bytes, %v", freed, err)
	}
	if diff := cmp.Diff([]string{"1 pending", "3 pending", "6 pending"}, ids(t, dir)); diff != "" {
		t.Error(diff)
	}
	if _, err := os.Stat(filepath.Join(dir, dataFile+tempSuffix)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the temporary file is left: %v", err)
	}
}

package deadletter

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/zap"
)

// reasoned returns an entry of that reason with a body of n bytes.
func reasoned(offset int64, r Reason, n int) Entry {
	e := sample(offset)
	e.Reason = r
	e.Record.Value = bytes.Repeat([]byte("x"), n)
	return e
}

// TestFullNamesTheWayOut: the advice depends on what waits.
func TestFullNamesTheWayOut(t *testing.T) {
	t.Parallel()
	cfg := Config{Dir: t.TempDir(), MaxBytes: 1 << 20}
	s := open(t, cfg, zap.NewNop())
	put(t, s, reasoned(0, NotJSON, 300<<10), reasoned(1, Empty, 0), reasoned(2, Tombstone, 0))
	big := []Entry{reasoned(9, NotJSON, 900<<10)}
	says := func(want, not []string) {
		t.Helper()
		err := s.Put(big)
		if !errors.Is(err, ErrFull) {
			t.Fatalf("got %v, want ErrFull", err)
		}
		for _, part := range want {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%q does not say %q", err, part)
			}
		}
		for _, part := range not {
			if strings.Contains(err.Error(), part) {
				t.Errorf("%q says %q", err, part)
			}
		}
	}
	archive := []string{"keep 1 records in ", "move dead-letter.jsonl away", "raise dead_letter.max_bytes"}
	says(append(archive, "of the 3 records there (1 not_json, 1 empty, 1 tombstone) none can be replayed"), []string{"deadletter replay"})

	put(t, s, reasoned(3, TooLarge, 10), sample(4), sample(5))
	says(append(archive, "of the 6 records there", "1 too_large, 2 refused", "3 may be replayed: run `auditlog-forwarder deadletter replay`"), nil)

	// An active replay has the room that it wins; nobody shall start another.
	replayed := false
	if _, err := Replay(t.Context(), cfg.Dir, Filter{Reasons: []Reason{TooLarge, Refused}}, func(context.Context, Entry) error {
		if replayed {
			says(append(archive, "a replay or a purge is active"), []string{"deadletter replay"})
		}
		replayed = true
		return nil
	}, nil); err != nil {
		t.Fatal(err)
	}
	says(append(archive, "of the 3 records there", "none can be replayed"), []string{"deadletter replay"})

	// The file was archived: what was counted is gone with it.
	if err := os.Rename(filepath.Join(cfg.Dir, dataFile), filepath.Join(t.TempDir(), "archive")); err != nil {
		t.Fatal(err)
	}
	put(t, s, reasoned(6, Refused, 300<<10))
	says(append(archive, "of the 1 records there (1 refused) 1 may be replayed"), nil)
}

// TestFullCountsDamage: lines that nobody can read cannot be replayed.
func TestFullCountsDamage(t *testing.T) {
	t.Parallel()
	cfg := Config{Dir: t.TempDir(), MaxBytes: 1 << 20}
	lines := strings.Repeat("x", 500) + "\n{}\n" + `{"reason":"odd"}` + "\n"
	if err := os.WriteFile(filepath.Join(cfg.Dir, dataFile), []byte(lines), 0o600); err != nil {
		t.Fatal(err)
	}
	s := open(t, cfg, zap.NewNop())
	s.cfg.MaxBytes = 1000
	err := s.Put([]Entry{reasoned(0, NotJSON, 600)})
	if !errors.Is(err, ErrFull) || !strings.Contains(err.Error(), "of the 3 records there (3 damaged) none can be replayed") {
		t.Errorf("got %v", err)
	}
}

// TestNeverFits: what a cap can never hold is not called full, and the cap
// that the error names is enough.
func TestNeverFits(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		before []Entry
		want   string
	}{
		"empty store": {nil, "to at least 4MiB and restart"},
		"some held":   {[]Entry{reasoned(0, NotJSON, 900<<10)}, "to at least 5MiB (counting the 900 KiB that it holds) and restart"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := Config{Dir: t.TempDir(), MaxBytes: 1 << 20}
			s, err := Open(cfg, zap.NewNop())
			if err != nil {
				t.Fatal(err)
			}
			if len(c.before) > 0 {
				put(t, s, c.before...)
			}
			batch := []Entry{reasoned(1, NotJSON, 800<<10), reasoned(2, NotJSON, 800<<10), reasoned(3, NotJSON, 800<<10)}
			err = s.Put(batch)
			if !errors.Is(err, ErrTooSmall) || errors.Is(err, ErrFull) {
				t.Fatalf("got %v, want ErrTooSmall", err)
			}
			for _, part := range []string{c.want, "keep 3 records in", "take 2,45", "dead_letter.max_bytes (1.0 MiB)"} {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%q does not say %q", err, part)
				}
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			cfg.MaxBytes = 4 << 20
			if len(c.before) > 0 {
				cfg.MaxBytes = 5 << 20
			}
			put(t, open(t, cfg, zap.NewNop()), batch...)
		})
	}
}

func TestSummary(t *testing.T) {
	t.Parallel()
	cfg := Config{Dir: t.TempDir(), MaxBytes: 1 << 20}
	s := open(t, cfg, zap.NewNop())
	same := func(want map[Reason]int) {
		t.Helper()
		pending, size, err := Summary(cfg.Dir)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, pending); diff != "" {
			t.Error(diff)
		}
		info, err := os.Stat(filepath.Join(cfg.Dir, dataFile))
		if err != nil || info.Size() != size {
			t.Errorf("the file has %d bytes, not %d (%v)", info.Size(), size, err)
		}
	}
	same(map[Reason]int{})
	put(t, s, reasoned(0, NotJSON, 10), sample(1), sample(2))
	same(map[Reason]int{NotJSON: 1, Refused: 2})
	if _, err := Replay(t.Context(), cfg.Dir, Filter{IDs: []string{sample(1).ID()}}, deliver, nil); err != nil {
		t.Fatal(err)
	}
	same(map[Reason]int{NotJSON: 1, Refused: 1})
	s.cfg.MaxBytes = s.journal.size // win room back
	put(t, s, reasoned(3, Empty, 0))
	s.cfg.MaxBytes = cfg.MaxBytes
	same(map[Reason]int{NotJSON: 1, Refused: 1, Empty: 1})

	if pending, size, err := Summary(t.TempDir()); err != nil || len(pending) != 0 || size != 0 {
		t.Errorf("a folder without a store: %v, %d, %v", pending, size, err)
	}
	if _, _, err := Summary(filepath.Join(cfg.Dir, "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no folder: %v", err)
	}
	path := filepath.Join(cfg.Dir, dataFile)
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, append([]byte("broken\n"), raw...), 0o600); err != nil {
		t.Fatal(err)
	}
	pending, size, err := Summary(cfg.Dir)
	var damage *DamageError
	if !errors.As(err, &damage) || damage.Total != 1 || len(pending) != 3 || size != int64(len(raw)+7) {
		t.Errorf("a broken line: %v, %d, %v", pending, size, err)
	}
}

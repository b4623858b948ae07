package deadletter

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

// mixed returns a store with two replayed entries, two that wait for Splunk
// and two that are no events.
func mixed(t *testing.T) (string, *Store) {
	t.Helper()
	dir, s := filled(t, 4)
	put(t, s, reasoned(4, NotJSON, 10), reasoned(5, Tombstone, 0))
	if _, err := Replay(t.Context(), dir, Filter{IDs: []string{sample(1).ID(), sample(2).ID()}}, deliver, nil); err != nil {
		t.Fatal(err)
	}
	return dir, s
}

func fileSize(t *testing.T, path string) int64 {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

func TestPurge(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		opts              PurgeOptions
		pending, replayed map[Reason]int
		stay              []string
	}{
		"replayed": {
			PurgeOptions{Replayed: true},
			nil,
			map[Reason]int{Refused: 2},
			[]string{"0 pending", "3 pending", "4 pending", "5 pending"},
		},
		"reasons": {
			PurgeOptions{Filter: Filter{Reasons: []Reason{NotJSON, Tombstone}}},
			map[Reason]int{NotJSON: 1, Tombstone: 1},
			nil,
			[]string{"0 pending", "1 replayed", "2 replayed", "3 pending"},
		},
		"one of the replayed": {
			PurgeOptions{Replayed: true, Filter: Filter{IDs: []string{sample(2).ID(), sample(3).ID()}}},
			nil,
			map[Reason]int{Refused: 1},
			[]string{"0 pending", "1 replayed", "3 pending", "4 pending", "5 pending"},
		},
		"all":     {PurgeOptions{}, map[Reason]int{Refused: 2, NotJSON: 1, Tombstone: 1}, map[Reason]int{Refused: 2}, nil},
		"nothing": {PurgeOptions{Filter: Filter{Topics: []string{"other"}}}, nil, nil, []string{"0 pending", "1 replayed", "2 replayed", "3 pending", "4 pending", "5 pending"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir, s := mixed(t)
			before, path := ids(t, dir), filepath.Join(dir, dataFile)
			size := fileSize(t, path)
			dry := c.opts
			dry.DryRun = true
			would, err := Purge(t.Context(), dir, dry)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(before, ids(t, dir)); diff != "" {
				t.Fatal("a dry run changes something: ", diff)
			}
			did, err := Purge(t.Context(), dir, c.opts)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(would, did); diff != "" {
				t.Error("announced and done differ: ", diff)
			}
			if diff := cmp.Diff(c.stay, ids(t, dir)); diff != "" {
				t.Error(diff)
			}
			count := func(of map[Reason]Heap) map[Reason]int {
				var n map[Reason]int
				for r, h := range of {
					if n == nil {
						n = map[Reason]int{}
					}
					n[r] = h.Entries
				}
				return n
			}
			if diff := cmp.Diff(c.pending, count(did.Pending)); diff != "" {
				t.Error("pending: ", diff)
			}
			if diff := cmp.Diff(c.replayed, count(did.Replayed)); diff != "" {
				t.Error("replayed: ", diff)
			}
			if freed := size - fileSize(t, path); freed != did.Gone().Bytes || did.Stays.Entries != len(c.stay) || did.Stays.Bytes != fileSize(t, path) {
				t.Errorf("%d bytes are freed, %+v", freed, did)
			}
			// The store goes on in the new file.
			put(t, s, sample(9))
			if diff := cmp.Diff(append(c.stay, "9 pending"), ids(t, dir)); diff != "" {
				t.Error(diff)
			}
			if left, err := filepath.Glob(filepath.Join(dir, "*"+tempSuffix)); err != nil || len(left) != 0 {
				t.Error("left behind: ", left, err)
			}
		})
	}
}

// TestPurgeBeside: lanes put while purges run. What was acknowledged and not
// selected is there once, in order of its lane.
func TestPurgeBeside(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	core, logs := observer.New(zap.ErrorLevel)
	s := open(t, Config{Dir: dir, MaxBytes: 16 << 20}, zap.New(core))
	const lanes, puts = 3, 40
	purged := make(chan struct{}) // closed after the first purge that removes something
	var lanesWG, purges sync.WaitGroup
	for lane := range int64(lanes) {
		lanesWG.Go(func() {
			for i := range int64(puts) {
				if i == puts/2 {
					<-purged
				}
				keep, drop := sample(lane*puts+i), reasoned(1_000_000+lane*puts+i, NotJSON, 5000)
				if err := s.Put([]Entry{drop, keep}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	ended := make(chan struct{})
	removed, rounds := 0, 0
	purges.Go(func() {
		first := sync.OnceFunc(func() { close(purged) })
		defer first()
		for last := false; !last; {
			select {
			case <-ended:
				last = true
			default:
			}
			res, err := Purge(t.Context(), dir, PurgeOptions{Filter: Filter{Reasons: []Reason{NotJSON}}})
			if err != nil {
				t.Error(err)
				return
			}
			if n := res.Gone().Entries; n > 0 {
				removed += n
				rounds++
				first()
			}
		}
	})
	lanesWG.Wait()
	close(ended)
	purges.Wait()
	seen := map[int64]int{}
	for _, line := range ids(t, dir) {
		var offset int64
		var status string
		if _, err := fmt.Sscan(line, &offset, &status); err != nil {
			t.Fatal(err)
		}
		seen[offset]++
	}
	for offset := range int64(lanes * puts) {
		if seen[offset] != 1 {
			t.Errorf("%d is there %d times", offset, seen[offset])
		}
	}
	if len(seen) != lanes*puts || removed != lanes*puts || rounds < 2 || logs.Len() > 0 {
		t.Errorf("%d kept, %d removed in %d rounds, logged %v", len(seen), removed, rounds, logs.All())
	}
}

// TestPurgeInterrupted leaves all as it was.
func TestPurgeInterrupted(t *testing.T) {
	t.Parallel()
	dir, _ := filled(t, 3)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := Purge(ctx, dir, PurgeOptions{})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	p := purge{done: &marks{}}
	if err := p.remove(ctx, dir); !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "nothing was removed") {
		t.Errorf("while copying: %v", err)
	}
	if diff := cmp.Diff([]string{"0 pending", "1 pending", "2 pending"}, ids(t, dir)); diff != "" {
		t.Error(diff)
	}
	if left, err := filepath.Glob(filepath.Join(dir, "*"+tempSuffix)); err != nil || len(left) != 0 {
		t.Error("left behind: ", left, err)
	}
}

// meddler is a context that does something at one of the looks that are taken
// at it: before each line.
type meddler struct {
	context.Context
	looks, at int
	do        func()
}

func (m *meddler) Err() error {
	if m.looks++; m.looks == m.at {
		m.do()
	}
	return nil
}

// TestMovedDuringPurge: whoever archives the file meanwhile has all of it, and
// the store goes on without.
func TestMovedDuringPurge(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		do   func(path string) error
		here []string
	}{
		"moved": {func(path string) error { return os.Rename(path, path+".old") }, []string{"7 pending"}},
		"moved, and another there": {func(path string) error {
			raw, err := os.ReadFile(path)
			return errors.Join(err, os.Rename(path, path+".old"), os.WriteFile(path, append(raw, raw...), 0o600))
		}, []string{"0 pending", "1 pending", "2 pending", "0 pending", "1 pending", "2 pending", "7 pending"}},
		"cut": {func(path string) error { return os.Truncate(path, 0) }, []string{"7 pending"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir, s := filled(t, 3)
			path := filepath.Join(dir, dataFile)
			ctx := &meddler{Context: t.Context(), at: 6, do: func() { // 3 looks to count, 3 to copy
				if err := c.do(path); err != nil {
					t.Error(err)
				}
			}}
			_, err := Purge(ctx, dir, PurgeOptions{Filter: Filter{IDs: []string{sample(0).ID()}}})
			if err == nil || !strings.Contains(err.Error(), "nothing was removed: "+path+" was moved or changed meanwhile") {
				t.Errorf("got %v", err)
			}
			if name != "cut" {
				old, err := os.ReadFile(path + ".old")
				if err != nil || strings.Count(string(old), "\n") != 3 {
					t.Errorf("the archive has %d bytes, %v", len(old), err)
				}
			}
			put(t, s, sample(7))
			if diff := cmp.Diff(c.here, ids(t, dir)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestPurgeRefuses: a replay goes first, and another folder is none of ours.
func TestPurgeRefuses(t *testing.T) {
	t.Parallel()
	dir, _ := filled(t, 1)
	if _, err := Replay(t.Context(), dir, Filter{}, func(ctx context.Context, _ Entry) error {
		_, err := Purge(ctx, dir, PurgeOptions{})
		if err == nil || !strings.Contains(err.Error(), "another replay is active in "+dir) {
			t.Errorf("beside a replay: %v", err)
		}
		if _, err := Purge(ctx, dir, PurgeOptions{DryRun: true}); err != nil {
			t.Errorf("a dry run beside a replay: %v", err)
		}
		return nil
	}, nil); err != nil {
		t.Fatal(err)
	}
	for _, dry := range []bool{true, false} {
		missing := filepath.Join(dir, "missing")
		if _, err := Purge(t.Context(), missing, PurgeOptions{DryRun: dry}); err == nil || !strings.Contains(err.Error(), missing) {
			t.Errorf("missing folder: %v", err)
		}
		if res, err := Purge(t.Context(), t.TempDir(), PurgeOptions{DryRun: dry}); err != nil || res.Gone().Entries != 0 {
			t.Errorf("empty folder: %+v, %v", res, err)
		}
	}
}

// TestPurgeKeepsDamage: what cannot be read is never removed.
func TestPurgeKeepsDamage(t *testing.T) {
	t.Parallel()
	dir, s := filled(t, 1)
	path := filepath.Join(dir, dataFile)
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, append([]byte("odd\n"), raw...), 0o600); err != nil {
		t.Fatal(err)
	}
	res, err := Purge(t.Context(), dir, PurgeOptions{})
	var damage *DamageError
	if !errors.As(err, &damage) || damage.Total != 1 || res.Gone().Entries != 1 {
		t.Errorf("%+v, %v", res, err)
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != "odd\n" {
		t.Errorf("%q is left, %v", got, err)
	}
	put(t, s, sample(1))
}

// TestPurgeAndMarks: the marks of entries that stay must stay, all of them.
func TestPurgeAndMarks(t *testing.T) {
	t.Parallel()
	dir, _ := mixed(t)
	marks := filepath.Join(dir, marksFile)
	fill := strings.Repeat(`{"id":"other/0/1","stored_at":"2026-11-01T00:00:00Z","replayed_at":"2026-11-01T00:00:00Z"}`+"\n", keptMarks/80)
	raw, err := os.ReadFile(marks)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(marks, append(raw, fill...), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Purge(t.Context(), dir, PurgeOptions{Filter: Filter{Reasons: []Reason{NotJSON}}}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"0 pending", "1 replayed", "2 replayed", "3 pending", "5 pending"}, ids(t, dir)); diff != "" {
		t.Error(diff)
	}
	if _, err := Purge(t.Context(), dir, PurgeOptions{Replayed: true}); err != nil {
		t.Fatal(err)
	}
	if n := fileSize(t, marks); n > keptMarks || n == 0 {
		t.Errorf("%d bytes of marks are left", n)
	}
}

// TestPutWaitsForPurge: a purge that was stopped in the wrong moment is named.
func TestPutWaitsForPurge(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		dir, s := filled(t, 1)
		lock, err := lockFile(dir, writeLock)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Put([]Entry{sample(2)}); err == nil || !strings.Contains(err.Error(), "`deadletter purge` that was stopped") {
			t.Errorf("got %v", err)
		}
		_, err = Purge(t.Context(), dir, PurgeOptions{})
		if err == nil || !strings.Contains(err.Error(), "nothing was removed: the forwarder has been writing for 1m") {
			t.Errorf("purge: %v", err)
		}
		if err := lock.Unlock(); err != nil {
			t.Fatal(err)
		}
		put(t, s, sample(3))
		if diff := cmp.Diff([]string{"0 pending", "3 pending"}, ids(t, dir)); diff != "" {
			t.Error(diff)
		}
	})
}

// TestCopiesAreSwept: what a killed purge leaves goes with the next start, but
// not while one is at work.
func TestCopiesAreSwept(t *testing.T) {
	t.Parallel()
	cfg := Config{Dir: t.TempDir(), MaxBytes: 1 << 20}
	temp := filepath.Join(cfg.Dir, dataFile+tempSuffix)
	for _, active := range []bool{true, false} {
		if err := os.WriteFile(temp, []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
		if active {
			lock, err := lockFile(cfg.Dir, marksLock)
			if err != nil {
				t.Fatal(err)
			}
			defer lock.Unlock() //nolint:errcheck // unlocked below
			s := open(t, cfg, zap.NewNop())
			if err := errors.Join(lock.Unlock(), s.Close()); err != nil {
				t.Fatal(err)
			}
		} else {
			open(t, cfg, zap.NewNop())
		}
		if _, err := os.Stat(temp); (err == nil) != active {
			t.Errorf("a purge is active: %v; the copy: %v", active, err)
		}
	}
}

package deadletter

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

func TestPutAndReopen(t *testing.T) {
	t.Parallel()
	cfg := Config{Dir: filepath.Join(t.TempDir(), "var", "dead-letter"), MaxBytes: 1 << 20}
	s, err := Open(cfg, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	put(t, s, sample(1), sample(2))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Put([]Entry{sample(3)}); err == nil {
		t.Error("a closed store took an entry")
	}
	put(t, open(t, cfg, zap.NewNop()), sample(4))
	if diff := cmp.Diff([]string{"1 pending", "2 pending", "4 pending"}, ids(t, cfg.Dir)); diff != "" {
		t.Error(diff)
	}
	for path, want := range map[string]fs.FileMode{cfg.Dir: 0o700, filepath.Join(cfg.Dir, dataFile): 0o600} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != want {
			t.Errorf("%s has mode %v, want %v", path, info.Mode().Perm(), want)
		}
	}
	if err := Scan(cfg.Dir, func(e Entry, _ Status) error {
		if e.StoredAt.IsZero() {
			t.Errorf("%s has no stored_at", e.ID())
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

func TestOpenCutsTornLine(t *testing.T) {
	t.Parallel()
	for name, torn := range map[string]string{
		"half a line":      `{"id":"confluent-audit`,
		"zeros":            strings.Repeat("\x00", 4096),
		"longer than 64 K": strings.Repeat("x", 200_000),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := Config{Dir: t.TempDir(), MaxBytes: 1 << 20}
			path := filepath.Join(cfg.Dir, dataFile)
			s, err := Open(cfg, zap.NewNop())
			if err != nil {
				t.Fatal(err)
			}
			put(t, s, sample(1))
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			whole, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, append(bytes.Clone(whole), torn...), 0o600); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]string{"1 pending"}, ids(t, cfg.Dir)); diff != "" {
				t.Error("before the repair: ", diff)
			}

			core, logs := observer.New(zap.WarnLevel)
			s = open(t, cfg, zap.New(core))
			if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, whole) {
				t.Errorf("%d bytes left, want the %d whole ones (%v)", len(got), len(whole), err)
			}
			warnings := logs.FilterField(zap.Int64("bytes", int64(len(torn)))).All()
			if len(warnings) != 1 {
				t.Errorf("%d warnings with the size %d, want 1: %v", len(warnings), len(torn), logs.All())
			}
			put(t, s, sample(2))
			if diff := cmp.Diff([]string{"1 pending", "2 pending"}, ids(t, cfg.Dir)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestSecondOpenIsRefused(t *testing.T) {
	t.Parallel()
	cfg := Config{Dir: t.TempDir(), MaxBytes: 1 << 20}
	refused := func(by string) {
		t.Helper()
		s, err := Open(cfg, zap.NewNop())
		if err == nil {
			s.Close() //nolint:errcheck // the test has failed already
			t.Fatalf("the folder could be opened although %s has it", by)
		}
		for _, part := range []string{cfg.Dir, "dead_letter.dir of its own", "`run` is active"} {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%q does not say %q", err, part)
			}
		}
	}

	s, err := Open(cfg, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	refused("this process")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}

	cmd := childCmd(t, "hold", cfg.Dir)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(out)
	if line, err := r.ReadString('\n'); line != "open\n" {
		t.Fatalf("child: %q, %v", line, err)
	}
	refused("another process")
	if err := in.Close(); err != nil {
		t.Fatal(err)
	}
	rest, err := io.ReadAll(r)
	if err := errors.Join(err, cmd.Wait()); err != nil {
		t.Fatalf("child: %v: %s", err, rest)
	}
	open(t, cfg, zap.NewNop())
}

func TestOpenErrorsNameTheFolder(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	odd := t.TempDir()
	if err := os.Mkdir(filepath.Join(odd, dataFile), 0o700); err != nil {
		t.Fatal(err)
	}
	const notAFolder = "a file stands where the folder should be"
	for dir, step := range map[string]string{file: notAFolder, filepath.Join(file, "below"): notAFolder, odd: "is a directory"} {
		_, err := Open(Config{Dir: dir, MaxBytes: 1 << 20}, zap.NewNop())
		if err == nil || !strings.Contains(err.Error(), dir) || !strings.Contains(err.Error(), step) {
			t.Errorf("Open in %s: %v", dir, err)
		}
	}
}

func TestCap(t *testing.T) {
	t.Parallel()
	cfg := Config{Dir: t.TempDir(), MaxBytes: 1 << 20}
	s := open(t, cfg, zap.NewNop())
	big := sample(1)
	big.Record.Value = bytes.Repeat([]byte("x"), 700<<10)
	put(t, s, big)

	big.Record.Offset = 2
	err := s.Put([]Entry{sample(3), big})
	if !errors.Is(err, ErrFull) {
		t.Fatalf("got %v, want ErrFull", err)
	}
	for _, part := range []string{filepath.Join(cfg.Dir, dataFile), "1.0 MiB", "700 KiB", "deadletter replay", "dead_letter.max_bytes"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q does not say %q", err, part)
		}
	}
	put(t, s, sample(4)) // what fits is still taken
	if diff := cmp.Diff([]string{"1 pending", "4 pending"}, ids(t, cfg.Dir)); diff != "" {
		t.Error(diff)
	}
}

// TestFileSizeLimit lets the kernel refuse a write half-way (EFBIG).
func TestFileSizeLimit(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	out, err := childCmd(t, "limited", dir).Output()
	if err != nil {
		t.Fatalf("child: %v: %s", err, out)
	}
	var report limitedReport
	if err := json.Unmarshal(out, &report); err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{filepath.Join(dir, dataFile), "file too large", "file size limit reached"} {
		if !strings.Contains(report.Error, part) {
			t.Errorf("%q does not say %q", report.Error, part)
		}
	}
	got := ids(t, dir)
	if len(got) != report.Kept || len(got) != 21 { // ten pairs and the small one
		t.Fatalf("%d entries on disk, %d acknowledged", len(got), report.Kept)
	}
	if last := got[len(got)-1]; last != "1000000 pending" {
		t.Errorf("last entry is %q", last)
	}
}

func TestExplainNamesTheNextStep(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("only Linux has /dev/full")
	}
	f, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close() //nolint:errcheck // nothing was written
	_, err = f.WriteString("x")
	if err = explain(err); !strings.Contains(err.Error(), "disk full: free space") {
		t.Errorf("got %v", err)
	}
}

// TestFailedWriteAndFsync puts real descriptors that fail under the store.
func TestFailedWriteAndFsync(t *testing.T) {
	t.Parallel()
	for name, sabotage := range map[string]func(*testing.T, *Store){
		"write fails": func(t *testing.T, s *Store) {
			if err := s.journal.file.Close(); err != nil {
				t.Fatal(err)
			}
		},
		// A pipe takes the bytes and then answers fsync with EINVAL.
		"fsync fails": func(t *testing.T, s *Store) {
			r, w, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { r.Close() }) //nolint:errcheck // a pipe's reading end
			s.journal.close()
			s.journal.file = w
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := Config{Dir: t.TempDir(), MaxBytes: 1 << 20}
			s := open(t, cfg, zap.NewNop())
			put(t, s, sample(1))
			sabotage(t, s)
			if err := s.Put([]Entry{sample(2)}); err == nil {
				t.Fatal("the entry was acknowledged")
			}
			if diff := cmp.Diff([]string{"1 pending"}, ids(t, cfg.Dir)); diff != "" {
				t.Error(diff)
			}
			put(t, s, sample(2))
			if diff := cmp.Diff([]string{"1 pending", "2 pending"}, ids(t, cfg.Dir)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestFailedAppendIsCutBack covers whole lines that were written and then
// not confirmed, with a first repair that does not work either.
func TestFailedAppendIsCutBack(t *testing.T) {
	t.Parallel()
	cfg := Config{Dir: t.TempDir(), MaxBytes: 1 << 20}
	path := filepath.Join(cfg.Dir, dataFile)
	s := open(t, cfg, zap.NewNop())
	put(t, s, sample(1))
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, append(bytes.Clone(whole), whole...), 0o600); err != nil {
		t.Fatal(err)
	}
	s.journal.torn = true
	s.journal.close()
	put(t, s, sample(2))
	if diff := cmp.Diff([]string{"1 pending", "2 pending"}, ids(t, cfg.Dir)); diff != "" {
		t.Error(diff)
	}
}

func TestMovedAway(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		do   func(dir string) error
		want []string
	}{
		"folder moved":   {func(dir string) error { return os.Rename(dir, dir+".old") }, []string{"2 pending"}},
		"folder deleted": {os.RemoveAll, []string{"2 pending"}},
		"file moved": {func(dir string) error {
			return os.Rename(filepath.Join(dir, dataFile), filepath.Join(dir, "archive"))
		}, []string{"2 pending"}},
		"file deleted":   {func(dir string) error { return os.Remove(filepath.Join(dir, dataFile)) }, []string{"2 pending"}},
		"lock deleted":   {func(dir string) error { return os.Remove(filepath.Join(dir, dataLock)) }, []string{"1 pending", "2 pending"}},
		"file truncated": {func(dir string) error { return os.Truncate(filepath.Join(dir, dataFile), 0) }, []string{"2 pending"}},
		"file cut":       {func(dir string) error { return os.Truncate(filepath.Join(dir, dataFile), 20) }, []string{"2 pending"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := Config{Dir: filepath.Join(t.TempDir(), "dead-letter"), MaxBytes: 1 << 20}
			core, logs := observer.New(zap.WarnLevel)
			s := open(t, cfg, zap.New(core))
			put(t, s, sample(1))
			if err := c.do(cfg.Dir); err != nil {
				t.Fatal(err)
			}
			put(t, s, sample(2))
			if diff := cmp.Diff(c.want, ids(t, cfg.Dir)); diff != "" {
				t.Error(diff)
			}
			if logs.Len() == 0 {
				t.Error("no warning was logged")
			}
			if _, err := Open(cfg, zap.NewNop()); err == nil {
				t.Error("the folder is no longer locked")
			}
		})
	}
}

// TestMovedDuringPut: the file is moved between the look at its name and the
// write, so the bytes land in the moved one.
func TestMovedDuringPut(t *testing.T) {
	t.Parallel()
	cfg := Config{Dir: t.TempDir(), MaxBytes: 1 << 20}
	s := open(t, cfg, zap.NewNop())
	put(t, s, sample(1))
	moved, err := os.Create(filepath.Join(t.TempDir(), dataFile))
	if err != nil {
		t.Fatal(err)
	}
	s.journal.close()
	s.journal.file = moved
	put(t, s, sample(2))
	if diff := cmp.Diff([]string{"1 pending", "2 pending"}, ids(t, cfg.Dir)); diff != "" {
		t.Error(diff)
	}
}

// TestMovedWhileAnotherTakesOver: the new folder of that name belongs to
// someone else, so nothing may be written there.
func TestMovedWhileAnotherTakesOver(t *testing.T) {
	t.Parallel()
	cfg := Config{Dir: filepath.Join(t.TempDir(), "dead-letter"), MaxBytes: 1 << 20}
	first := open(t, cfg, zap.NewNop())
	if err := os.Rename(cfg.Dir, cfg.Dir+".old"); err != nil {
		t.Fatal(err)
	}
	second, err := Open(cfg, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	put(t, second, sample(1))
	if err := first.Put([]Entry{sample(2)}); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Fatalf("got %v", err)
	}
	if err := second.Close(); err != nil {
		t.Fatal(err)
	}
	put(t, first, sample(3))
	if diff := cmp.Diff([]string{"1 pending", "3 pending"}, ids(t, cfg.Dir)); diff != "" {
		t.Error(diff)
	}
}

// TestConcurrentPuts: lanes put while the file is archived under them and a
// reader lists. What was acknowledged is in the archives or in the store.
func TestConcurrentPuts(t *testing.T) {
	t.Parallel()
	cfg := Config{Dir: t.TempDir(), MaxBytes: 16 << 20}
	s := open(t, cfg, zap.NewNop())
	const lanes, puts, archives = 4, 25, 5
	var wg sync.WaitGroup
	for lane := range int64(lanes) {
		wg.Go(func() {
			for i := range int64(puts) {
				first := (lane*puts + i) * 2
				if err := s.Put([]Entry{sample(first), sample(first + 1)}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Go(func() {
		for range archives {
			if err := Scan(cfg.Dir, func(Entry, Status) error { return nil }); err != nil {
				t.Error(err)
			}
		}
	})
	wg.Go(func() {
		for n := range archives {
			away := filepath.Join(cfg.Dir, fmt.Sprintf("archive-%d", n))
			if err := os.Mkdir(away, 0o700); err != nil {
				t.Error(err)
			}
			if err := os.Rename(filepath.Join(cfg.Dir, dataFile), filepath.Join(away, dataFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
				t.Error(err)
			}
		}
	})
	wg.Wait()
	seen := map[int64]bool{}
	dirs := []string{cfg.Dir}
	for n := range archives {
		dirs = append(dirs, filepath.Join(cfg.Dir, fmt.Sprintf("archive-%d", n)))
	}
	for _, dir := range dirs {
		if err := Scan(dir, func(e Entry, _ Status) error { seen[e.Record.Offset] = true; return nil }); err != nil {
			t.Error(err)
		}
	}
	if len(seen) != lanes*puts*2 {
		t.Errorf("%d entries kept, want %d", len(seen), lanes*puts*2)
	}
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	cfg := Config{Dir: t.TempDir(), MaxBytes: 1 << 20}
	s := open(t, cfg, zap.NewNop())
	reg := prometheus.NewPedanticRegistry()
	if err := s.Register(reg); err != nil {
		t.Fatal(err)
	}
	put(t, s, sample(1), sample(2))
	tooBig := sample(4)
	tooBig.Record.Value = bytes.Repeat([]byte("x"), 2<<20)
	if err := s.Put([]Entry{tooBig}); !errors.Is(err, ErrTooSmall) {
		t.Fatal(err)
	}
	info, err := os.Stat(filepath.Join(cfg.Dir, dataFile))
	if err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf(`
# HELP auditlog_forwarder_dead_letter_bytes Size of the dead-letter file.
# TYPE auditlog_forwarder_dead_letter_bytes gauge
auditlog_forwarder_dead_letter_bytes %d
# HELP auditlog_forwarder_dead_letter_errors_total Attempts to put records into the dead-letter store that did not work; they are repeated.
# TYPE auditlog_forwarder_dead_letter_errors_total counter
auditlog_forwarder_dead_letter_errors_total 1
# HELP auditlog_forwarder_dead_letter_max_bytes Cap of the dead-letter file (dead_letter.max_bytes).
# TYPE auditlog_forwarder_dead_letter_max_bytes gauge
auditlog_forwarder_dead_letter_max_bytes 1.048576e+06
# HELP auditlog_forwarder_dead_letter_pending Dead letters that wait: stored, and neither replayed nor removed.
# TYPE auditlog_forwarder_dead_letter_pending gauge
auditlog_forwarder_dead_letter_pending{reason="bad_envelope"} 0
auditlog_forwarder_dead_letter_pending{reason="empty"} 0
auditlog_forwarder_dead_letter_pending{reason="not_json"} 0
auditlog_forwarder_dead_letter_pending{reason="refused"} 2
auditlog_forwarder_dead_letter_pending{reason="tombstone"} 0
auditlog_forwarder_dead_letter_pending{reason="too_large"} 0
`, info.Size())
	if err := testutil.GatherAndCompare(reg, strings.NewReader(want)); err != nil {
		t.Error(err)
	}
	if err := s.Register(reg); err == nil {
		t.Error("registering twice was not refused")
	}
}

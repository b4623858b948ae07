package deadletter

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"go.uber.org/goleak"
	"go.uber.org/zap"

	"auditlog-forwarder/pkg/audit"
)

// childRole makes the test binary act as another process: a limit on file
// sizes, a SIGKILL and another user's id cannot be had within the test's own.
const (
	childRole = "DEADLETTER_TEST_CHILD"
	childUID  = "DEADLETTER_TEST_UID" // with which the child goes on; its group has the same number
)

func TestMain(m *testing.M) {
	if role := os.Getenv(childRole); role != "" {
		os.Exit(child(role, os.Getenv("DEADLETTER_TEST_DIR")))
	}
	goleak.VerifyTestMain(m)
}

func child(role, dir string) int {
	if err := becomeUser(os.Getenv(childUID)); err != nil {
		fmt.Println("child:", err)
		return 1
	}
	var err error
	switch role {
	case "limited":
		err = childLimited(dir)
	case "killed":
		err = childKilled(dir)
	case "hold":
		err = childHold(dir)
	case "put":
		err = childPut(dir)
	case "make room":
		err = childMakeRoom(dir)
	case "full disk":
		err = childFullDisk(dir)
	case "try":
		childTry(dir)
	default:
		err = fmt.Errorf("unknown role %q", role)
	}
	if err != nil {
		fmt.Println("child:", err)
		return 1
	}
	return 0
}

// childLimited puts pairs of entries until the kernel refuses to let the
// file grow, prints that error as JSON, and puts a small one that still fits.
// The limit falls into the middle of a pair's second line, so that the first
// is written whole and must not stay.
func childLimited(dir string) error {
	signal.Ignore(syscall.SIGXFSZ)
	s, err := Open(Config{Dir: dir, MaxBytes: 1 << 30}, zap.NewNop())
	if err != nil {
		return err
	}
	var report limitedReport
	for offset := int64(0); ; offset++ {
		pair := []Entry{sample(2 * offset), sample(2*offset + 1)}
		for i := range pair {
			pair[i].Record.Value = []byte(strings.Repeat("x", 2000))
		}
		if err := s.Put(pair); err != nil {
			report.Error = err.Error()
			break
		}
		report.Kept += 2
		if offset == 0 {
			limit := uint64(s.journal.size*10 + s.journal.size*3/4)
			if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: limit, Max: limit}); err != nil {
				return err
			}
		}
	}
	if err := s.Put([]Entry{sample(1_000_000)}); err != nil {
		return fmt.Errorf("a small entry after the refused ones: %w", err)
	}
	report.Kept++
	if err := s.Close(); err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(report)
}

type limitedReport struct {
	Kept  int
	Error string
}

// childKilled replays, and dies by SIGKILL when the third entry has been
// delivered but not yet noted.
func childKilled(dir string) error {
	out, err := os.OpenFile(filepath.Join(dir, "delivered"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	sent := 0
	_, err = Replay(context.Background(), dir, Filter{}, func(_ context.Context, e Entry) error {
		if _, err := fmt.Fprintln(out, e.ID()); err != nil {
			return err
		}
		if sent++; sent == 3 {
			return syscall.Kill(os.Getpid(), syscall.SIGKILL)
		}
		return nil
	}, nil)
	return fmt.Errorf("still alive after the kill: %w", err)
}

// childHold opens the store and holds it until stdin ends.
func childHold(dir string) error {
	s, err := Open(Config{Dir: dir, MaxBytes: 1 << 20}, zap.NewNop())
	if err != nil {
		return err
	}
	fmt.Println("open")
	if _, err := os.Stdin.Read(make([]byte, 1)); err == nil {
		return fmt.Errorf("unexpected input")
	}
	return s.Close()
}

// becomeUser gives up root's rights for good.
func becomeUser(id string) error {
	if id == "" {
		return nil
	}
	uid, err := strconv.Atoi(id)
	if err != nil {
		return err
	}
	if err := syscall.Setgroups(nil); err != nil {
		return err
	}
	if err := syscall.Setgid(uid); err != nil {
		return err
	}
	return syscall.Setuid(uid)
}

// childPut puts two entries.
func childPut(dir string) error {
	s, err := Open(Config{Dir: dir, MaxBytes: 1 << 20}, zap.NewNop())
	if err != nil {
		return err
	}
	return errors.Join(s.Put([]Entry{sample(0), sample(1)}), s.Close())
}

// childMakeRoom lists, and puts an entry that fits only where the replayed
// ones were.
func childMakeRoom(dir string) error {
	if err := Scan(dir, func(Entry, Status) error { return nil }); err != nil {
		return err
	}
	s, err := Open(Config{Dir: dir, MaxBytes: 1 << 20}, zap.NewNop())
	if err != nil {
		return err
	}
	s.cfg.MaxBytes = s.journal.size + 100
	return errors.Join(s.Put([]Entry{sample(2)}), s.Close())
}

// childTry prints what each way into the store says, one a line.
func childTry(dir string) {
	s, err := Open(Config{Dir: dir, MaxBytes: 1 << 20}, zap.NewNop())
	if err == nil {
		err = s.Close()
	}
	fmt.Println("open:", err)
	fmt.Println("scan:", Scan(dir, func(Entry, Status) error { return nil }))
	_, err = Replay(context.Background(), dir, Filter{}, func(context.Context, Entry) error { return nil }, nil)
	fmt.Println("replay:", err)
}

// childCmd returns a command that runs this test binary in a role.
func childCmd(t *testing.T, role, dir string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Env = append(os.Environ(), childRole+"="+role, "DEADLETTER_TEST_DIR="+dir,
		"GORACE="+os.Getenv("GORACE")+" atexit_sleep_ms=0") // else each child waits a second when it is done
	return cmd
}

// sample returns a plausible entry with that offset.
func sample(offset int64) Entry {
	return Entry{
		Record: audit.Record{
			Topic: "confluent-audit-log-events", Partition: 3, Offset: offset,
			Key: []byte("k"), Value: []byte(`{"id":"e` + fmt.Sprint(offset) + `"}`),
		},
		Reason: Refused, Detail: "refused by number", Code: 6, Reply: `{"text":"Invalid data format","code":6}`,
	}
}

// open opens a store that the test's end closes.
func open(t *testing.T, cfg Config, log *zap.Logger) *Store {
	t.Helper()
	s, err := Open(cfg, log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func put(t *testing.T, s *Store, entries ...Entry) {
	t.Helper()
	if err := s.Put(entries); err != nil {
		t.Fatal(err)
	}
}

// ids lists what dir holds as "offset status".
func ids(t *testing.T, dir string) []string {
	t.Helper()
	var got []string
	if err := Scan(dir, func(e Entry, st Status) error {
		got = append(got, fmt.Sprint(e.Record.Offset, " ", st))
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return got
}

package deadletter

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"go.uber.org/zap"

	"auditlog-forwarder/testdata/skip"
)

// TestFullDisk works in a file system of its own, which is small.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("only Linux mounts for one process")
	}
	dir := t.TempDir()
	private := []string{"--mount"}
	if os.Geteuid() != 0 {
		private = []string{"--user", "--map-root-user", "--mount"}
	}
	const mount = `mount -t tmpfs -o size=512k none "$DEADLETTER_TEST_DIR" && `
	if out, err := exec.CommandContext(t.Context(), "unshare", append(private, "true")...).CombinedOutput(); err != nil {
		skip.Missing(t, "unshare with a mount of its own: "+strings.TrimSpace(fmt.Sprint(string(out), err)), "run as root, or allow user namespaces")
	}
	child := childCmd(t, "full disk", dir)
	cmd := exec.CommandContext(t.Context(), "unshare", append(private, "sh", "-c", mount+`exec "$0"`, child.Path)...)
	cmd.Env = child.Env
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

// childFullDisk lives through a disk that fills up, and returns what went
// otherwise than it should.
func childFullDisk(dir string) error {
	dir = filepath.Join(dir, "store")
	s, err := Open(Config{Dir: dir, MaxBytes: 1 << 20}, zap.NewNop())
	if err != nil {
		return err
	}
	var wrong []error
	check := func(what string, ok bool, got ...any) {
		if !ok {
			wrong = append(wrong, fmt.Errorf("%s: %v", what, got))
		}
	}
	says := func(what string, err error, parts ...string) {
		for _, part := range parts {
			check(what, err != nil && strings.Contains(err.Error(), part), err, "does not say", part)
		}
	}
	pending := func(want int) {
		got := 0
		err := Scan(dir, func(_ Entry, st Status) error {
			if st == Pending {
				got++
			}
			return nil
		})
		check("pending", err == nil && got == want, got, "want", want, err)
	}
	if err := s.Put([]Entry{sample(0), sample(1), sample(2), reasoned(3, NotJSON, 8000)}); err != nil {
		return err
	}
	use := filler{filepath.Join(dir, "..", "filler")}

	// The first mark needs a page that nobody has.
	if err := use.up(0); err != nil {
		return err
	}
	sends := 0
	count := func(context.Context, Entry) error { sends++; return nil }
	_, err = Replay(context.Background(), dir, Filter{Reasons: []Reason{Refused}}, count, nil)
	says("replay on a full disk", err, "nothing was sent", "disk full: free space")
	check("sends", sends == 0, sends)
	err = s.Put([]Entry{reasoned(4, NotJSON, 20000)})
	says("put on a full disk", err, "disk full: free space")
	_, err = Purge(context.Background(), dir, PurgeOptions{Filter: Filter{IDs: []string{sample(0).ID()}}})
	says("purge on a full disk", err, "nothing was removed", "disk full: free space")
	pending(4)

	// It fills up between a send and its mark: the reserve takes that one.
	if err := use.up(reserveSize); err != nil {
		return err
	}
	res, err := Replay(context.Background(), dir, Filter{Reasons: []Reason{Refused}}, func(context.Context, Entry) error {
		sends++
		return use.up(0)
	}, nil)
	says("replay when the disk fills up", err, sample(0).ID()+" was sent and noted in the last room there was", "disk full: free space")
	check("result", res == Result{Replayed: 1, Left: 2} && sends == 1, res, sends)
	pending(3)

	if err := use.up(2 * reserveSize); err != nil {
		return err
	}
	res, err = Replay(context.Background(), dir, Filter{Reasons: []Reason{Refused}}, count, nil)
	check("replay goes on", err == nil && res == Result{Replayed: 2} && sends == 3, res, sends, err)

	// What nothing stays of needs no room.
	if err := use.up(0); err != nil {
		return err
	}
	_, err = Purge(context.Background(), dir, PurgeOptions{})
	check("purge of everything on a full disk", err == nil, err)
	pending(0)
	if err := s.Put([]Entry{sample(7)}); err != nil {
		return err
	}
	pending(1)
	return errors.Join(append(wrong, s.Close())...)
}

// filler is a file that takes the room of a file system.
type filler struct{ path string }

// up leaves so many bytes free.
func (f filler) up(free int) error {
	file, err := os.OpenFile(f.path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer file.Close() //nolint:errcheck // what it holds is of no interest
	for {
		if _, err = file.Write(make([]byte, 4096)); err != nil {
			break
		}
	}
	if !errors.Is(err, syscall.ENOSPC) {
		return err
	}
	info, err := file.Stat()
	if err != nil {
		return err
	}
	return file.Truncate(info.Size() - int64(free))
}

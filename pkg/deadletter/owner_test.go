package deadletter

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/zap"
)

// service is the user whom the forwarder runs as in these tests.
const service = 54321

// serviceDir returns a folder with that mode which the service can reach.
func serviceDir(t *testing.T, uid int, mode os.FileMode) string {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can act as two users")
	}
	base := t.TempDir()
	dir := filepath.Join(base, "dead-letter")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(dir, uid, service); err != nil {
		t.Fatal(err)
	}
	for path, mode := range map[string]os.FileMode{filepath.Dir(base): 0o755, base: 0o755, dir: mode} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// as runs a child as that user and returns what it prints.
func as(t *testing.T, uid int, role, dir string) string {
	t.Helper()
	cmd := childCmd(t, role, dir)
	cmd.Env = append(cmd.Env, childUID+"="+strconv.Itoa(uid))
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s as %d: %v: %s", role, uid, err, out)
	}
	return string(out)
}

func deliver(context.Context, Entry) error { return nil }

// TestRootLeavesTheFilesToTheService: an operator replays as root while the
// forwarder runs as another user, and that user goes on afterwards.
func TestRootLeavesTheFilesToTheService(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		uid  int // whose the folder is
		mode os.FileMode
		fill func(t *testing.T, dir string)
		want []string
	}{
		"replay": {service, 0o700, func(t *testing.T, dir string) {
			as(t, service, "put", dir)
		}, []string{"2 pending"}},
		"replay where a group may write": {0, 0o770, func(t *testing.T, dir string) {
			as(t, service, "put", dir)
		}, []string{"2 pending"}},
		"all of it": {service, 0o700, func(t *testing.T, dir string) {
			if err := childPut(dir); err != nil {
				t.Fatal(err)
			}
			if _, err := Replay(t.Context(), dir, Filter{}, deliver, nil); err != nil {
				t.Fatal(err)
			}
			// What a crash left must not hand its owner on.
			if err := os.WriteFile(filepath.Join(dir, dataFile+tempSuffix), []byte("x"), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := childMakeRoom(dir); err != nil {
				t.Fatal(err)
			}
		}, []string{"2 replayed"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := serviceDir(t, c.uid, c.mode)
			c.fill(t, dir)
			if _, err := Replay(t.Context(), dir, Filter{}, deliver, nil); err != nil {
				t.Fatal(err)
			}
			got := map[string]string{}
			files, err := os.ReadDir(dir)
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range files {
				info, err := f.Info()
				if err != nil {
					t.Fatal(err)
				}
				st := info.Sys().(*syscall.Stat_t)
				got[f.Name()] = fmt.Sprint(st.Uid, " ", st.Gid, " ", info.Mode())
			}
			const own = "54321 54321 -rw-------"
			if diff := cmp.Diff(map[string]string{dataFile: own, dataLock: own, marksFile: own, marksLock: own, writeLock: own}, got); diff != "" {
				t.Error(diff)
			}
			as(t, service, "make room", dir)
			if diff := cmp.Diff(c.want, ids(t, dir)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestRootFollowsNoLink: the folder's owner must not have root change files
// of others.
func TestRootFollowsNoLink(t *testing.T) {
	t.Parallel()
	for _, name := range []string{marksFile, marksLock} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := serviceDir(t, service, 0o700)
			as(t, service, "put", dir)
			victim := filepath.Join(t.TempDir(), "victim")
			if err := os.WriteFile(victim, []byte("no newline"), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink(victim, filepath.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
			_, err := Replay(t.Context(), dir, Filter{}, deliver, nil)
			if err == nil || !strings.Contains(err.Error(), "symbolic link") {
				t.Errorf("got %v", err)
			}
			if got, err := os.ReadFile(victim); err != nil || string(got) != "no newline" {
				t.Errorf("the file behind the link is %q now (%v)", got, err)
			}
		})
	}
}

// TestWrongUserIsTold: whoever may not open the files learns who may.
func TestWrongUserIsTold(t *testing.T) {
	t.Parallel()
	const other = 54322
	runAs := "belongs to uid 54321 and this process runs as uid 54322: run this as uid 54321 or as root"
	for name, c := range map[string]struct {
		mode os.FileMode
		uid  int
		do   func(t *testing.T, dir string)
		want map[string]string
	}{
		"closed folder": {0o700, other, nil, map[string]string{"open": runAs, "scan": runAs, "replay": runAs}},
		"closed files":  {0o755, other, nil, map[string]string{"open": runAs, "scan": runAs, "replay": runAs}},
		"files of root in the own folder": {0o700, service, func(t *testing.T, dir string) {
			for _, name := range []string{marksLock, marksFile} {
				if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
					t.Fatal(err)
				}
			}
		}, map[string]string{
			"open":   "<nil>",
			"scan":   marksFile + " belongs to user root and this process runs as uid 54321, whose folder it is: give it back as root, `chown 54321:54321 ",
			"replay": marksLock + " belongs to user root and this process runs as uid 54321, whose folder it is: give it back as root, `chown 54321:54321 ",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := serviceDir(t, service, c.mode)
			as(t, service, "put", dir)
			if c.do != nil {
				c.do(t, dir)
			}
			wantLines(t, as(t, c.uid, "try", dir), c.want)
		})
	}
}

// TestNobodyIsTold needs no root: the root folder is another user's, always.
func TestNobodyIsTold(t *testing.T) {
	t.Parallel()
	const dir = "/dead-letter-test"
	if os.Geteuid() == 0 {
		wantLines(t, as(t, service, "try", dir), map[string]string{"open": "/ belongs to user root and this process runs as uid 54321: run this as user root, or give"})
		return
	}
	_, err := Open(Config{Dir: dir, MaxBytes: 1 << 20}, zap.NewNop())
	if err == nil || !strings.Contains(err.Error(), "/ belongs to user root and this process runs as ") {
		t.Errorf("got %v", err)
	}
}

// wantLines looks for the lines "key: …text…".
func wantLines(t *testing.T, out string, want map[string]string) {
	t.Helper()
	for key, text := range want {
		found := false
		for line := range strings.Lines(out) {
			found = found || strings.HasPrefix(line, key+":") && strings.Contains(line, text)
		}
		if !found {
			t.Errorf("%s does not say %q:\n%s", key, text, out)
		}
	}
}

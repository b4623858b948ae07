package creds_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"auditlog-forwarder/pkg/creds"
)

// TestWatch changes real files in every way in which credentials are rotated.
func TestWatch(t *testing.T) {
	t.Parallel()
	must := func(t *testing.T, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	put := func(t *testing.T, path, text string) { t.Helper(); must(t, os.WriteFile(path, []byte(text), 0o600)) }
	// aged gives a file times that lie back: the stat alone must then tell.
	aged := func(t *testing.T, path string) {
		t.Helper()
		day := time.Now().Add(-24 * time.Hour)
		must(t, os.Chtimes(path, day, day))
	}
	type step struct {
		what string
		do   func(t *testing.T, path string)
		want bool // it is noticed
	}
	nothing := func(*testing.T, string) {}
	for _, tt := range []struct {
		what  string
		steps []step
	}{
		{"written in place", []step{
			{"nothing", nothing, false},
			{"longer", func(t *testing.T, path string) { put(t, path, "longer than before") }, true},
			{"as long, at once", func(t *testing.T, path string) { put(t, path, "LONGER THAN BEFORE") }, true},
			{"nothing more", nothing, false},
			{"the same again", func(t *testing.T, path string) { put(t, path, "LONGER THAN BEFORE") }, false},
			{"empty", func(t *testing.T, path string) { put(t, path, "") }, true},
			{"full again", func(t *testing.T, path string) { put(t, path, "new") }, true},
		}},
		{"with the same time and size", []step{
			{"aged", aged, false},
			{"in place", func(t *testing.T, path string) {
				info, err := os.Stat(path)
				must(t, err)
				put(t, path, "OLD")
				must(t, os.Chtimes(path, info.ModTime(), info.ModTime()))
			}, true},
			{"by a rename", func(t *testing.T, path string) {
				info, err := os.Stat(path)
				must(t, err)
				put(t, path+".new", "0ld")
				must(t, os.Chtimes(path+".new", info.ModTime(), info.ModTime()))
				must(t, os.Rename(path+".new", path))
			}, true},
			{"nothing more", nothing, false},
		}},
		{"touched", []step{
			{"newer", func(t *testing.T, path string) { aged(t, path) }, false},
			{"replaced by the same", func(t *testing.T, path string) {
				put(t, path+".new", "old")
				must(t, os.Rename(path+".new", path))
			}, false},
		}},
		{"deleted and back", []step{
			{"deleted", func(t *testing.T, path string) { must(t, os.Remove(path)) }, true},
			{"still", nothing, false},
			{"back", func(t *testing.T, path string) { put(t, path, "old") }, true},
			{"still", nothing, false},
			{"a folder in its place", func(t *testing.T, path string) {
				must(t, os.Remove(path))
				must(t, os.Mkdir(path, 0o700))
			}, true},
			{"still", nothing, false},
			{"gone", func(t *testing.T, path string) { must(t, os.Remove(path)) }, true},
			{"empty", func(t *testing.T, path string) { put(t, path, "") }, true},
			{"back", func(t *testing.T, path string) { put(t, path, "old") }, true},
			{"away and back in between", func(t *testing.T, path string) {
				must(t, os.Remove(path))
				put(t, path, "old")
			}, false},
		}},
		{"a link that leads elsewhere, as Kubernetes does it", []step{
			{"becomes a link", func(t *testing.T, path string) {
				dir := filepath.Dir(path)
				for _, version := range []string{"..1", "..2", "..3"} {
					must(t, os.Mkdir(filepath.Join(dir, version), 0o700))
				}
				put(t, filepath.Join(dir, "..1", "file"), "old")
				put(t, filepath.Join(dir, "..2", "file"), "two")
				put(t, filepath.Join(dir, "..3", "file"), "two")
				must(t, os.Symlink("..1", filepath.Join(dir, "..data")))
				must(t, os.Remove(path))
				must(t, os.Symlink(filepath.Join("..data", "file"), path))
			}, false},
			{"other content", swap("..2"), true},
			{"the same content elsewhere", swap("..3"), false},
			{"the first again", swap("..1"), true},
			{"nowhere", swap("..9"), true},
		}},
	} {
		// A young file is read at every look, an old one only if its stat differs.
		for age, newWatch := range map[string]func(...string) *creds.Watch{"young": creds.NewWatch, "old": creds.NewWatchLater} {
			t.Run(tt.what+", "+age, func(t *testing.T) {
				t.Parallel()
				path := filepath.Join(t.TempDir(), "file")
				still := filepath.Join(t.TempDir(), "still")
				put(t, path, "old")
				put(t, still, "still")
				w := newWatch(path, "", still, path)
				for i, s := range tt.steps {
					if age == "old" {
						tick(t, path)
					}
					s.do(t, path)
					var want []string
					if s.want {
						want = []string{path}
					}
					if diff := cmp.Diff(want, w.Changed()); diff != "" {
						t.Fatalf("step %d, %s (-want +got):\n%s", i+1, s.what, diff)
					}
				}
			})
		}
	}
}

// tick waits until the file system's clock has gone on since path was changed.
func tick(t *testing.T, path string) {
	t.Helper()
	last, err := os.Stat(path)
	if err != nil {
		return // there is nothing that could look unchanged
	}
	probe := filepath.Join(t.TempDir(), "probe")
	for {
		if err := os.WriteFile(probe, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(probe)
		if err != nil {
			t.Fatal(err)
		}
		if at := creds.ChangeTime(info); at.IsZero() || at.After(creds.ChangeTime(last)) {
			return
		}
	}
}

// swap turns the link ..data to another folder, in one step.
func swap(to string) func(*testing.T, string) {
	return func(t *testing.T, path string) {
		t.Helper()
		data := filepath.Join(filepath.Dir(path), "..data")
		if err := os.Symlink(to, data+"_tmp"); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(data+"_tmp", data); err != nil {
			t.Fatal(err)
		}
	}
}

// TestWatchSeveral: files that change together are told together, and one that
// is missing at the start is awaited.
func TestWatchSeveral(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	a, b, c := filepath.Join(dir, "a"), filepath.Join(dir, "b"), filepath.Join(dir, "c")
	for _, path := range []string{a, c} {
		if err := os.WriteFile(path, []byte("1"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	w := creds.NewWatch(c, b, a)
	for _, path := range []string{a, b} {
		if err := os.WriteFile(path, []byte("2"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff([]string{a, b}, w.Changed()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string(nil), w.Changed()); diff != "" {
		t.Error(diff)
	}
	if got := creds.NewWatch().Changed(); got != nil {
		t.Errorf("nothing is watched, and %q changed", got)
	}
}

// TestRotation swaps a CA and its store under a watch, as an owner would.
func TestRotation(t *testing.T) {
	t.Parallel()
	year := time.Now().Add(365 * 24 * time.Hour)
	before, after := newAuthority(t, "before", year), newAuthority(t, "after", year)
	c := creds.TLS{CAFile: write(t, before.pem()), ClientCertFile: write(t, read(t, "client.pem")), ClientKeyFile: write(t, read(t, "client.key"))}
	w := creds.NewWatch(c.Files()...)
	if _, err := c.Config(name); err != nil {
		t.Fatal(err)
	}
	// The certificate is there before its key: not to be used yet.
	for _, s := range []struct {
		path, text string
		ok         bool
	}{
		{c.ClientCertFile, read(t, "rsa.pem"), false},
		{c.ClientKeyFile, read(t, "rsa.key"), true},
		{c.CAFile, after.pem(), true},
	} {
		if err := os.WriteFile(s.path, []byte(s.text), 0o600); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{s.path}, w.Changed()); diff != "" {
			t.Fatal(diff)
		}
		if _, err := c.Config(name); (err == nil) != s.ok {
			t.Errorf("%s: %v", s.path, err)
		}
	}
}

// TestWatchDistrustsYoungFiles: what was just written may be written again
// within one tick of the file system's clock.
func TestWatchDistrustsYoungFiles(t *testing.T) {
	t.Parallel()
	path := write(t, "x")
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	changed := creds.ChangeTime(info)
	known := !changed.IsZero()
	if !known {
		changed = info.ModTime()
	}
	for age, want := range map[time.Duration]bool{0: false, creds.Racy: false, creds.Racy + 1: known, time.Hour: known} {
		if got := creds.NewWatchAt(changed.Add(age), path).Sure(); got != want {
			t.Errorf("goes by the stat of a file that was changed %s ago: %v, want %v", age, got, want)
		}
	}
}

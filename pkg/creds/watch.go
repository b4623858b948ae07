package creds

import (
	"crypto/sha256"
	"os"
	"slices"
	"time"
)

// racy is how long after a change a file's times may not yet tell of the next
// one: file systems keep them to 2 s at worst.
const racy = 3 * time.Second

// Watch notices when files change, for credentials that are rotated while the
// program runs. It has no goroutine: the owner calls Changed as often as it
// likes, and from one goroutine at a time. A call costs one stat for each file
// and reads only files whose stat differs.
//
// Make it before the files are read for use, so that no change falls between.
type Watch struct {
	files []watched
	now   func() time.Time
}

type watched struct {
	path string
	info os.FileInfo // nil: it could not be looked at
	sure bool        // a change since then would show in the stat
	sum  [sha256.Size]byte
	trap string // why it cannot be read; empty if it can
}

// NewWatch remembers what the files hold now. A missing file is a state like
// any other; an empty path is ignored.
func NewWatch(paths ...string) *Watch { return newWatch(time.Now, paths) }

func newWatch(now func() time.Time, paths []string) *Watch {
	paths = slices.Compact(slices.Sorted(slices.Values(paths)))
	w := &Watch{now: now}
	for _, path := range paths {
		if path != "" {
			w.files = append(w.files, w.look(path))
		}
	}
	return w
}

// Changed returns the files that do not hold what they held when it was last
// asked, or went, or came back. How they changed does not matter: written in
// place, replaced by a rename, or behind a link that leads elsewhere now, as
// Kubernetes does it.
//
// It tells each change once. An owner that could not use what it found, as
// when only one of two files that belong together is there yet, either waits
// for the other's change or tries again on its own.
func (w *Watch) Changed() []string {
	var changed []string
	for i, before := range w.files {
		if info, err := os.Stat(before.path); err == nil && before.sure && sameStat(before.info, info) {
			continue
		}
		after := w.look(before.path)
		if after.sum != before.sum || after.trap != before.trap {
			changed = append(changed, before.path)
		}
		w.files[i] = after
	}
	return changed
}

// look takes the stat first, so that a change while it reads shows next time.
func (w *Watch) look(path string) watched {
	f := watched{path: path}
	now := w.now()
	info, err := os.Stat(path)
	if err != nil {
		f.trap = withoutPath(err).Error()
		return f
	}
	f.info = info
	changed, known := changeTime(info)
	f.sure = known && now.Sub(changed) > racy && now.Sub(info.ModTime()) > racy
	data, err := readFile(path)
	if err != nil {
		f.trap, f.sure = err.Error(), false
		return f
	}
	f.sum = sha256.Sum256(data)
	return f
}

func sameStat(a, b os.FileInfo) bool {
	if a == nil || b == nil {
		return false
	}
	aTime, _ := changeTime(a)
	bTime, _ := changeTime(b)
	return a.Size() == b.Size() && a.ModTime().Equal(b.ModTime()) && aTime.Equal(bTime) && os.SameFile(a, b)
}

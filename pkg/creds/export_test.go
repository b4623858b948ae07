package creds

import (
	"os"
	"time"
)

// NewWatchLater is NewWatch for files that have been as they are for long.
func NewWatchLater(paths ...string) *Watch {
	return newWatch(func() time.Time { return time.Now().Add(time.Hour) }, paths)
}

// NewWatchAt is NewWatch at a time.
func NewWatchAt(at time.Time, path string) *Watch {
	return newWatch(func() time.Time { return at }, []string{path})
}

// Racy is how long after a change a file is read at every look.
const Racy = racy

// ChangeTime is what a Watch goes by.
func ChangeTime(info os.FileInfo) time.Time { t, _ := changeTime(info); return t }

// Sure reports whether the stat alone would tell of the next change.
func (w *Watch) Sure() bool { return w.files[0].sure }

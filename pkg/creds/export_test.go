package creds

import (
	"os"
	"time"
)

// NewWatchLater is NewWatch for files that have been as they are for long.
func NewWatchLater(paths ...string) *Watch {
	return newWatch(func() time.Time { return time.Now().Add(time.Hour) }, paths)
}

// ChangeTime is what a Watch goes by.
func ChangeTime(info os.FileInfo) time.Time { t, _ := changeTime(info); return t }

// Sure reports whether the stat alone would tell of the next change.
func (w *Watch) Sure() bool { return w.files[0].sure }

//go:build !linux

package creds

import (
	"os"
	"time"
)

// changeTime is not known here, so that files are always read.
func changeTime(os.FileInfo) (time.Time, bool) { return time.Time{}, false }

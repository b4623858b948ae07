package creds

import (
	"os"
	"syscall"
	"time"
)

// changeTime is when the file was last changed in any way. Unlike the time of
// modification nobody can set it back.
func changeTime(info os.FileInfo) (time.Time, bool) {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return time.Time{}, false
	}
	return time.Unix(st.Ctim.Unix()), true
}

package hec

import (
	"syscall"
	"time"
)

// tcpUserTimeout is TCP_USER_TIMEOUT, which package syscall does not name.
const tcpUserTimeout = 18

// endUnacknowledged ends a connection when what was sent is not acknowledged, or
// the peer has no room for what is to be sent, for so long. Linux would go on for a
// quarter of an hour, and in the second case for ever.
func endUnacknowledged(after time.Duration) func(string, string, syscall.RawConn) error {
	return func(_, _ string, raw syscall.RawConn) error {
		// A kernel that does not do it only leaves hec.timeout to decide.
		return raw.Control(func(fd uintptr) {
			_ = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, tcpUserTimeout, int(after.Milliseconds()))
		})
	}
}

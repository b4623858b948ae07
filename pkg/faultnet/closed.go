package faultnet

import (
	"net"
	"testing"
)

// ClosedPort returns an address of this machine that refuses connections until
// the test ends. A port that was listened on and given up could be anybody's a
// moment later; this one is taken: it is the client's end of a connection.
func ClosedPort(tb testing.TB) string {
	tb.Helper()
	var lc net.ListenConfig
	l, err := lc.Listen(tb.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = l.Close() }) // nothing was written
	var d net.Dialer
	held, err := d.DialContext(tb.Context(), "tcp", l.Addr().String())
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = held.Close() }) // nothing was written
	return held.LocalAddr().String()
}

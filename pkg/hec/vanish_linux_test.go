package hec

import (
	"errors"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"
)

// nobody is an address that connects, where nothing is ever read: after some
// megabytes the kernel has no room for more, which counts as if it were gone.
func nobody(t *testing.T) string {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l.Addr().String()
}

// TestVanished: a connection whose peer takes nothing ends by itself, which is told
// as what it can be, the peer's own stall included, and leads to a new connection.
func TestVanished(t *testing.T) {
	t.Parallel()
	conn, err := newDialer(200*time.Millisecond).DialContext(t.Context(), "tcp", nobody(t))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()                                                        //nolint:errcheck // the end
	if err := conn.SetDeadline(time.Now().Add(2 * time.Minute)); err != nil { // where the kernel does not end it
		t.Fatal(err)
	}
	for some := make([]byte, 1<<20); err == nil; {
		_, err = conn.Write(some)
	}
	if !errors.Is(err, syscall.ETIMEDOUT) {
		t.Fatalf("the connection ended with %v", err)
	}
	r := unanswered(&awaited{got: gotConnection, err: err})
	if r.class != Transient || !r.fresh || !r.uncertain || !strings.Contains(r.Error(), "the host is gone") || !strings.Contains(r.Error(), "has stopped reading") || strings.Contains(r.Error(), "hec.timeout") {
		t.Errorf("%+v: %v", r, r)
	}
}

// TestVanishedEverywhere: each connection to Splunk has that limit.
func TestVanishedEverywhere(t *testing.T) {
	t.Parallel()
	tr, err := newTransport(DefaultConfig(), nil)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := tr.DialContext(t.Context(), "tcp", nobody(t))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close() //nolint:errcheck // the end
	raw, err := conn.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	const keepIdle = 4 // TCP_KEEPIDLE
	for option, want := range map[int]int{tcpUserTimeout: 15000, keepIdle: 5} {
		var got int
		var oerr error
		if err := raw.Control(func(fd uintptr) { got, oerr = syscall.GetsockoptInt(int(fd), syscall.IPPROTO_TCP, option) }); err != nil || oerr != nil {
			t.Fatal(err, oerr)
		}
		if got != want {
			t.Errorf("option %d is %d, want %d", option, got, want)
		}
	}
}

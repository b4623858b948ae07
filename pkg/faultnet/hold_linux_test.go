package faultnet_test

import (
	"errors"
	"net"
	"net/netip"
	"syscall"
	"testing"

	"auditlog-forwarder/pkg/faultnet"
)

// bindAlone tries to have a port for itself.
func bindAlone(t *testing.T, addr string) error {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = syscall.Close(fd) }()
	at := netip.MustParseAddrPort(addr)
	return syscall.Bind(fd, &syscall.SockaddrInet4{Addr: at.Addr().As4(), Port: int(at.Port())})
}

// TestHold holds that a port stays with its holder while nobody listens there:
// a proxy that is shut finds it free again.
func TestHold(t *testing.T) {
	t.Parallel()
	s := newStage(t, 0)
	addr := s.proxy.Addr()
	s.proxy.Shut()
	if err := bindAlone(t, addr); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("the port of a shut proxy is given away: %v", err)
	}
	if _, err := s.post("body"); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("got %v, want connection refused", err)
	}
	if err := s.proxy.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got, err := s.post("body"); err != nil || got != answer {
		t.Errorf("after Open: %q, %v", got, err)
	}
}

func TestHoldRefuses(t *testing.T) {
	t.Parallel()
	ln, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = ln.Close() }()
	for _, addr := range []string{ln.Addr().String(), "localhost:0", "[::1]:0", "127.0.0.1"} {
		if held, _, err := faultnet.Hold(addr); err == nil {
			t.Errorf("%s is held as %s", addr, held)
		}
	}
}

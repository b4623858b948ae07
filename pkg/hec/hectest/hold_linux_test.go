package hectest_test

import (
	"errors"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"testing"

	"auditlog-forwarder/pkg/hec/hectest"
)

// TestPausedPortIsHeld: nobody else gets the port of a paused server, so that
// it can come back, and nobody answers in its place.
func TestPausedPortIsHeld(t *testing.T) {
	t.Parallel()
	s, other := hectest.Start(t), hectest.Start(t)
	at := func(s *hectest.Server) string { return strings.TrimPrefix(s.URL(), "http://") }
	// An outgoing connection from the server's port shows whether it is free.
	from := net.Dialer{LocalAddr: net.TCPAddrFromAddrPort(netip.MustParseAddrPort(at(s)))}
	taken := func() error {
		conn, err := from.DialContext(t.Context(), "tcp", at(other))
		if err == nil {
			_ = conn.Close()
		}
		return err
	}
	s.Pause()
	if err := taken(); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("the port of a paused server: %v", err)
	}
	if _, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", at(s)); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("a connection to a paused server: %v", err)
	}
	if err := s.Resume(); err != nil {
		t.Error(err)
	}
	if conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", at(s)); err != nil {
		t.Error(err)
	} else {
		_ = conn.Close()
	}
}

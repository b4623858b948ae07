package faultnet_test

import (
	"errors"
	"net"
	"net/netip"
	"syscall"
	"testing"
)

// TestShutPortIsHeld: nobody else gets the port of a shut proxy.
func TestShutPortIsHeld(t *testing.T) {
	t.Parallel()
	shut, other := newStage(t), newStage(t)
	shut.proxy.Shut()
	// An outgoing connection from the proxy's port shows whether it is free.
	from := net.Dialer{LocalAddr: net.TCPAddrFromAddrPort(netip.MustParseAddrPort(shut.proxy.Addr()))}
	conn, err := from.DialContext(t.Context(), "tcp", other.proxy.Addr())
	if err == nil {
		_ = conn.Close()
	}
	if !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("the port of a shut proxy: %v", err)
	}
}

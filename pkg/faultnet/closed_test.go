package faultnet_test

import (
	"net"
	"testing"

	"auditlog-forwarder/pkg/faultnet"
)

// TestClosedPort holds that nothing listens there, and nobody else can.
func TestClosedPort(t *testing.T) {
	t.Parallel()
	address := faultnet.ClosedPort(t)
	var d net.Dialer
	if conn, err := d.DialContext(t.Context(), "tcp", address); err == nil {
		_ = conn.Close()
		t.Error("somebody listens there")
	}
	var lc net.ListenConfig
	if l, err := lc.Listen(t.Context(), "tcp", address); err == nil {
		_ = l.Close()
		t.Error("somebody can listen there")
	}
}

package hec

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"auditlog-forwarder/pkg/hec/hectest"
)

// TestDeliverResendsUnconfirmed: STUB, goes with stubs.go. What Splunk does not
// confirm goes again, that range alone, and refusals come in order all the same.
func TestDeliverResendsUnconfirmed(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *Config) { c.Ack.Enabled = true }, hectest.WithToken(hectest.Token{Value: hectest.DefaultToken, UseACK: true}))
	r.server.Poison(func(event []byte) bool { return bytes.Contains(event, []byte("poison")) })
	acks := r.pool.endpoints[0].acks
	acks.script = []error{nil, errUnconfirmed, errUnconfirmed}
	events := append(numbered(3), `{"id":"poison"}`, `{"id":"3"}`, `{"id":"4"}`)
	refused, err := r.Deliver(t.Context(), r.batch(events...))
	if err != nil || len(refused) != 1 || refused[0].Index != 3 {
		t.Fatal(refused, err)
	}
	want := append(append(events[:3:3], events[4:]...), append(events[4:], events[4:]...)...)
	if diff := cmp.Diff(want, r.bodies()); diff != "" {
		t.Errorf("indexed (-want +got):\n%s", diff)
	}
	if n := testutil.ToFloat64(r.metrics.ackResends); n != 2 {
		t.Errorf("%v resends counted", n)
	}
	acks.script = []error{context.Canceled}
	if _, err := r.Deliver(t.Context(), r.batch(events[0])); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

package hec

import (
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/zap/zapcore"

	"auditlog-forwarder/pkg/hec/hectest"
)

// TestUnheardIsTold holds what the debug log says of a post without an answer: who
// looks at the network finds its connection, and how long it waited is by our
// own clock, so never less than the timeout.
func TestUnheardIsTold(t *testing.T) {
	t.Parallel()
	const timeout = 50 * time.Millisecond
	r := newRig(t, func(c *Config) { c.Timeout = timeout })
	var hung atomic.Pointer[string]
	r.server.SetFault(func(_ int, req *http.Request) *hectest.Reply {
		if req.URL.Path != pathEvent || !hung.CompareAndSwap(nil, &req.RemoteAddr) {
			return nil
		}
		hang := hectest.Hang()
		return &hang
	})
	if refused, err := r.Deliver(t.Context(), r.batch(numbered(1)...)); err != nil || len(refused) != 0 {
		t.Fatal(refused, err)
	}
	lines := r.logs.FilterMessage("no answer to a post").FilterLevelExact(zapcore.DebugLevel).All()
	for _, line := range lines {
		said := line.ContextMap()
		if said["from"] != *hung.Load() {
			continue // a stall of this machine
		}
		if waited, ok := said["waited"].(time.Duration); !ok || waited < timeout || said["endpoint"] != r.server.URL() || said["error"] == "" {
			t.Errorf("it says %v", said)
		}
		return
	}
	t.Errorf("nothing is told of the post from %s: %v", *hung.Load(), lines)
}

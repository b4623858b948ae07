package hec

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"auditlog-forwarder/pkg/hec/hectest"
)

// TestEventTooLargeForSplunk: an event over Splunk's maxEventSize is refused by
// number, wherever it stands, and takes no other with it.
func TestEventTooLargeForSplunk(t *testing.T) {
	t.Parallel()
	for _, at := range [][]int{{0}, {2}, {4}, {0, 1}, {1, 3}} {
		r := newRig(t, nil, hectest.WithMaxEventSize(1000))
		events := numbered(5)
		for _, i := range at {
			events[i] = `{"id":"` + strings.Repeat("x", 2000) + `"}`
		}
		refused, err := r.Deliver(t.Context(), r.batch(events...))
		if err != nil {
			t.Fatal(err)
		}
		var got []int
		for _, f := range refused {
			got = append(got, f.Index)
			if f.Code != codeFormat {
				t.Errorf("refused with code %d", f.Code)
			}
		}
		if diff := cmp.Diff(at, got); diff != "" {
			t.Errorf("refused (-want +got):\n%s", diff)
		}
		var want []string
		for _, e := range events {
			if len(e) < 1000 {
				want = append(want, e)
			}
		}
		if diff := cmp.Diff(want, r.bodies()); diff != "" {
			t.Errorf("indexed (-want +got):\n%s", diff)
		}
	}
}

// TestIdleBelowSplunks: Splunk closes what is idle for busyKeepAliveIdleTimeout,
// 12 s at least; who closes later finds a connection that is closed under its post.
func TestIdleBelowSplunks(t *testing.T) {
	t.Parallel()
	tr, err := newTransport(DefaultConfig(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if tr.IdleConnTimeout <= 0 || tr.IdleConnTimeout > 11*time.Second {
		t.Errorf("connections are idle for %s", tr.IdleConnTimeout)
	}
}

package ops

import (
	"errors"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestHealth(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		minute := func() time.Time { <-time.After(time.Minute); return time.Now() }
		h := NewHealth()
		want := func(open ...Condition) {
			t.Helper()
			ready, got := h.Ready()
			if ready != (len(open) == 0) {
				t.Errorf("ready is %v with %d open conditions", ready, len(open))
			}
			if diff := cmp.Diff(append([]Condition{}, open...), got); diff != "" {
				t.Error(diff)
			}
		}
		set := func(name string, err error, changed bool) {
			t.Helper()
			if got := h.Set(name, err); got != changed {
				t.Errorf("Set(%q, %v) reports changed=%v", name, err, got)
			}
		}

		want()
		h.Require("kafka", "joining the group")
		want(Condition{Name: "kafka", Reason: "joining the group", Since: start})
		set("kafka", nil, true)
		set("kafka", nil, false)
		want()

		set("splunk", nil, false) // new and well is nothing to log
		want()
		down := minute()
		set("splunk", errors.New("connection\nrefused"), true)
		set("splunk", errors.New("connection refused"), false)
		minute()
		set("splunk", errors.New("wrong token"), true) // another reason, the same outage
		want(Condition{Name: "splunk", Reason: "wrong token", Since: down})
		set("dead-letter", errors.New(""), true)
		want(Condition{Name: "dead-letter", Reason: "unknown", Since: time.Now()},
			Condition{Name: "splunk", Reason: "wrong token", Since: down})
		set("dead-letter", nil, true)
		up := minute()
		set("splunk", nil, true)
		want()
		all := h.Conditions()
		if diff := cmp.Diff(Condition{Name: "splunk", Ready: true, Since: up}, all[len(all)-1]); diff != "" {
			t.Error(diff)
		}
	})
}

// TestHealthConcurrent: each change is reported to exactly one caller.
func TestHealthConcurrent(t *testing.T) {
	t.Parallel()
	h := NewHealth()
	down := errors.New("down")
	changes := make(chan bool, 8)
	var wg sync.WaitGroup
	for i := range cap(changes) {
		wg.Go(func() {
			changes <- h.Set("splunk", down)
			h.Set(strconv.Itoa(i), down)
			h.Ready()
		})
	}
	wg.Wait()
	close(changes)
	n := 0
	for changed := range changes {
		if changed {
			n++
		}
	}
	if n != 1 {
		t.Errorf("%d callers were told of one change", n)
	}
}

package hec

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"auditlog-forwarder/pkg/hec/hectest"
)

// deliverAll delivers lanes × batches of three events at once, calls between
// after each batch of the first lane, and returns all events.
func (r *rig) deliverAll(t *testing.T, lanes, batches int, between func(n int)) (events []string) {
	t.Helper()
	var wg sync.WaitGroup
	for lane := range lanes {
		var mine [][]string
		for n := range batches {
			b := make([]string, 3)
			for i := range b {
				b[i] = fmt.Sprintf(`{"id":"%d-%d-%d"}`, lane, n, i)
			}
			mine = append(mine, b)
			events = append(events, b...)
		}
		wg.Go(func() {
			for n, b := range mine {
				refused, err := r.Deliver(t.Context(), r.batch(b...))
				if err != nil || len(refused) > 0 {
					t.Error(refused, err)
					return
				}
				if lane == 0 && between != nil {
					between(n)
				}
			}
		})
	}
	wg.Wait()
	return events
}

// indexed counts how often each event is there, in all servers together.
func indexed(servers ...*hectest.Server) map[string]int {
	there := map[string]int{}
	for _, s := range servers {
		for _, e := range s.Events() {
			there[string(e.Event)]++
		}
	}
	return there
}

// onlyPosts applies a reply to posts that carry something: asking goes through.
func onlyPosts(reply hectest.Reply) func(int, *http.Request) *hectest.Reply {
	return func(_ int, req *http.Request) *hectest.Reply {
		if body, err := io.ReadAll(req.Body); err == nil && len(body) > 0 {
			return &reply
		}
		return nil
	}
}

// TestSeveralEndpoints: with one endpoint in trouble, the others take all, and
// where every answer was clear nothing is there twice. How much each takes is
// up to the machine here; TestPoolShares has it.
func TestSeveralEndpoints(t *testing.T) {
	t.Parallel()
	allow := func(r *rig) float64 { return 3 * testutil.ToFloat64(r.metrics.uncertain) } // events of the posts that may be there twice
	for _, tc := range []struct {
		name    string
		trouble func(sick *hectest.Server)
		between func(t *testing.T, sick *hectest.Server, n int)
		clear   bool   // no answer is lost
		says    string // in the log
	}{
		{name: "all well", clear: true},
		{name: "dead from the start", trouble: (*hectest.Server).Pause, clear: true, says: "nothing listens"},
		{name: "token unknown", trouble: func(s *hectest.Server) { s.RemoveToken(hectest.DefaultToken) }, clear: true, says: "HEC code 4"},
		{name: "busy", trouble: func(s *hectest.Server) { s.SetDown(true) }, clear: true, says: "HEC code 18"},
		{name: "busy for all but asking", trouble: func(s *hectest.Server) { s.SetFault(onlyPosts(hectest.HEC(9))) }, clear: true, says: "HEC code 9"},
		{name: "resets", trouble: func(s *hectest.Server) { s.SetFault(onlyPosts(hectest.Reset().Took())) }, says: ""},
		{name: "a page that says 200", trouble: func(s *hectest.Server) { s.SetFault(onlyPosts(hectest.HTML(200))) }, says: "no answer of HEC"},
		{name: "dies midway and comes back", between: func(t *testing.T, s *hectest.Server, n int) {
			switch n {
			case 5:
				s.Pause()
			case 20:
				if err := s.Resume(); err != nil {
					t.Error(err)
				}
			}
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			servers := []*hectest.Server{hectest.Start(t), hectest.Start(t), hectest.Start(t)}
			sick := servers[1]
			r := newRigOf(t, nil, servers...)
			if tc.trouble != nil {
				tc.trouble(sick)
			}
			want := r.deliverAll(t, 4, 30, func(n int) {
				if tc.between != nil {
					tc.between(t, sick, n)
				}
			})
			// One that is only busy is told when it was so for a while, which takes
			// some posts more where these were quick.
			for n := 0; tc.says != "" && r.logs.FilterMessageSnippet("endpoint takes no events").Len() == 0; n++ {
				e := fmt.Sprintf(`{"id":"more-%d"}`, n)
				want = append(want, e)
				if refused, err := r.Deliver(t.Context(), r.batch(e)); err != nil || len(refused) > 0 {
					t.Fatal(refused, err)
				}
			}
			there := indexed(servers...)
			twice := 0
			for _, e := range want {
				if there[e] == 0 {
					t.Fatalf("%s is lost", e)
				}
				twice += there[e] - 1
			}
			if tc.clear && (twice > 0 || allow(r) > 0) || float64(twice) > allow(r) {
				t.Errorf("%d events are there twice; %v may be", twice, allow(r))
			}
			if told := r.told(); len(told) > 0 {
				t.Errorf("told %q while two endpoints take events", told)
			}
			for _, e := range r.logs.All() {
				if e.Message == "this splunk endpoint takes no events; the others go on" {
					at, reason := e.ContextMap()["endpoint"], fmt.Sprint(e.ContextMap()["reason"])
					if at != sick.URL() || !strings.Contains(reason, tc.says) {
						t.Errorf("the log blames %v: %s", at, reason)
					}
				}
			}
			for _, s := range servers {
				if (s != sick || tc.name == "all well") && s.Len() == 0 {
					t.Errorf("%s has no event of %d", s.URL(), len(want))
				}
				up := testutil.ToFloat64(r.metrics.up.WithLabelValues(s.URL()))
				if s != sick && up != 1 || tc.says != "" && s == sick && up != 0 {
					t.Errorf("%s: up is %v", s.URL(), up)
				}
				if n := testutil.ToFloat64(r.metrics.inFlight.WithLabelValues(s.URL())); n != 0 {
					t.Errorf("%v posts are out at the end", n)
				}
			}
		})
	}
}

// TestHangingEndpoint: an endpoint that never answers holds the one lane whose
// post it has, and nothing else waits for it. What it held goes elsewhere.
func TestHangingEndpoint(t *testing.T) {
	t.Parallel()
	servers := []*hectest.Server{hectest.Start(t), hectest.Start(t), hectest.Start(t)}
	release := make(chan struct{})
	servers[1].SetFault(onlyPosts(hectest.Hang().Until(release)))
	r := newRigOf(t, func(c *Config) { c.Timeout = time.Hour }, servers...)
	const lanes, batches = 4, 30
	done := make(chan struct{}, lanes)
	var want []string
	for lane := range lanes {
		var mine []string
		for n := range batches {
			mine = append(mine, fmt.Sprintf(`{"id":"%d-%d"}`, lane, n))
		}
		want = append(want, mine...)
		go func() {
			defer func() { done <- struct{}{} }()
			for _, e := range mine {
				if refused, err := r.Deliver(t.Context(), r.batch(e)); err != nil || len(refused) > 0 {
					t.Error(refused, err)
				}
			}
		}()
	}
	for range lanes - 1 {
		<-done
	}
	if n := len(servers[1].Requests()); n != 1 {
		t.Errorf("%d posts to the one that hangs, want 1", n)
	}
	if len(done) > 0 {
		t.Error("the lane whose post hangs has ended")
	}
	close(release)
	<-done
	there := indexed(servers...)
	for _, e := range want {
		if there[e] != 1 {
			t.Errorf("%s is there %d times", e, there[e])
		}
	}
	if told := r.told(); len(told) > 0 {
		t.Errorf("told %q while two endpoints take events", told)
	}
}

// TestAllEndpointsDown: it is told with each one's reason, and one that comes
// back is enough.
func TestAllEndpointsDown(t *testing.T) {
	t.Parallel()
	a, b := hectest.Start(t), hectest.Start(t)
	a.RemoveToken(hectest.DefaultToken)
	b.Pause()
	r := newRigOf(t, nil, a, b)
	delivered := make(chan []string)
	go func() { delivered <- r.deliverAll(t, 3, 5, nil) }()
	told := r.await(t, func(told []string) bool {
		last := len(told) - 1
		return last >= 0 && strings.Contains(told[last], "HEC code 4") && strings.Contains(told[last], "nothing listens")
	})
	last := told[len(told)-1]
	if !strings.Contains(last, a.URL()+": ") || !strings.Contains(last, b.URL()+": ") {
		t.Errorf("told %q, want both addresses", last)
	}
	if err := b.Resume(); err != nil {
		t.Fatal(err)
	}
	want := <-delivered
	there := indexed(a, b)
	for _, e := range want {
		if there[e] != 1 {
			t.Errorf("%s is there %d times", e, there[e])
		}
	}
	if told := r.told(); told[len(told)-1] != "" {
		t.Errorf("told %q, want that it is over", told)
	}
	if a.Len() != 0 {
		t.Errorf("%d events went with a token that does not exist", a.Len())
	}
}

// await waits until OnProblem was told what cond looks for.
func (r *rig) await(t *testing.T, cond func(told []string) bool) []string {
	t.Helper()
	for {
		r.mu.Lock()
		changed := r.changed
		r.mu.Unlock()
		if told := r.told(); cond(told) {
			return told
		}
		select {
		case <-changed:
		case <-t.Context().Done():
			t.Fatal(context.Cause(t.Context()))
		}
	}
}

// TestWatchCoversAll: the news of a good endpoint does not wait for one that
// hangs, and each is asked.
func TestWatchCoversAll(t *testing.T) {
	t.Parallel()
	good, hanging := hectest.Start(t), hectest.Start(t)
	hanging.SetFault(func(int, *http.Request) *hectest.Reply { h := hectest.Hang(); return &h })
	r := newRigOf(t, nil, hanging, good)
	news := make(chan error, 10)
	r.pool.tell = func(err error) { news <- err }
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); r.Watch(ctx) }()
	if err := <-news; err != nil {
		t.Errorf("told %v", err)
	}
	if err := hanging.WaitUntil(t.Context(), func(s hectest.Stats) bool { return s.Arrived > 0 }); err != nil {
		t.Error(err)
	}
	cancel()
	<-done
}

// TestCheckCoversAll: a step for each address, with its name.
func TestCheckCoversAll(t *testing.T) {
	t.Parallel()
	good, bad := hectest.Start(t), hectest.Start(t)
	bad.RemoveToken(hectest.DefaultToken)
	r := newRigOf(t, nil, good, bad)
	var lines []string
	r.Check(t.Context(), func(step, found string, err error) {
		if err != nil {
			found = "error: " + err.Error()
		}
		lines = append(lines, step+": "+found)
	})
	host := func(s *hectest.Server) string { return strings.TrimPrefix(s.URL(), "http://") }
	want := []string{
		"splunk health: " + good.URL() + pathHealth + ": HEC is healthy",
		"splunk token: " + host(good) + ": the token is good",
		"splunk health: " + bad.URL() + pathHealth + ": HEC is healthy",
		"splunk token: error: " + bad.URL() + pathEvent + ": HEC code 4",
	}
	if len(lines) != len(want) {
		t.Fatalf("steps %q", lines)
	}
	for i := range want {
		if !strings.HasPrefix(lines[i], want[i]) {
			t.Errorf("step %d is %q, want %q", i, lines[i], want[i])
		}
	}
}

// TestUnconfirmedElsewhere: an endpoint that is withdrawn with requests that it
// has not acknowledged is told, until others have taken these; then Splunk works.
func TestUnconfirmedElsewhere(t *testing.T) {
	bubble(t, func(t *testing.T) {
		sick, well := ackServer(hectest.WithManualAck()), ackServer()
		r := newPipeRig(t, func(c *Config) {
			c.Ack = Ack{Enabled: true, PollInterval: time.Second, Timeout: 10 * time.Second}
		}, sick, well)
		sick.SetFault(func(int, *http.Request) *hectest.Reply {
			if sick.Len() == 0 {
				return nil
			}
			reply := hectest.HEC(1)
			return &reply
		})
		for !r.isDown(0) {
			if _, err := r.Deliver(t.Context(), r.batch(numbered(1)...)); err != nil {
				t.Fatal(err)
			}
		}
		told := r.await(t, func(told []string) bool { return len(told) > 1 })
		if len(told) != 2 || !strings.Contains(told[0], "whether it has indexed") || told[1] != "" {
			t.Errorf("told %q", told)
		}
		// It is told again of requests that it takes later and does not acknowledge.
		sick.SetFault(func(_ int, req *http.Request) *hectest.Reply {
			if reply := hectest.HEC(1); req.URL.Path == pathAck {
				return &reply
			}
			return nil
		})
		for before := sick.Len(); sick.Len() == before; {
			if _, err := r.Deliver(t.Context(), r.batch(numbered(1)...)); err != nil {
				t.Fatal(err)
			}
		}
		r.await(t, func(now []string) bool {
			return len(now) > len(told) && strings.Contains(now[len(told)], "whether it has indexed")
		})
	})
}

func (r *rig) isDown(n int) bool {
	r.pool.mu.Lock()
	defer r.pool.mu.Unlock()
	return r.pool.endpoints[n].down
}

package hectest_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"auditlog-forwarder/pkg/hec/hectest"
)

func TestRequestLogHoldsNoToken(t *testing.T) {
	t.Parallel()
	s := hectest.New(tokens()...)
	zipped := gzipped(t, `{"event":1}{"event":2}`)
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, event+"?channel=c&token="+queryT, strings.NewReader(zipped))
	r.Header.Set("Authorization", "Splunk "+queryT)
	r.Header.Set("Content-Encoding", "gzip")
	s.ServeHTTP(httptest.NewRecorder(), r)
	want := []hectest.Request{{
		Method: "POST", Path: event, Query: map[string][]string{"channel": {"c"}}, Header: http.Header{"Content-Encoding": {"gzip"}},
		WireBytes: len(zipped), BodyBytes: 22, Events: 2, Status: 200, Code: 0,
	}}
	if diff := cmp.Diff(want, s.Requests()); diff != "" {
		t.Errorf("log (-want +got):\n%s", diff)
	}
	stats := hectest.Stats{Arrived: 1, Answered: 1, Events: 2, EventBytes: 2, WireBytes: int64(len(zipped)), BodyBytes: 22, Codes: map[int]int64{0: 1}}
	if diff := cmp.Diff(stats, s.Stats()); diff != "" {
		t.Errorf("stats (-want +got):\n%s", diff)
	}
}

func TestWaitGivesUpWithItsContext(t *testing.T) {
	t.Parallel()
	s := hectest.New()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Wait(ctx, 1); !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "0 indexed") {
		t.Errorf("got %v", err)
	}
}

// Requests come at once; each one's events stay together and in order, and a
// sink may ask the server.
func TestSinkIsSerialised(t *testing.T) {
	t.Parallel()
	const requests, each = 16, 50
	var got []string
	var s *hectest.Server
	s = hectest.New(hectest.WithSink(func(e hectest.Event) {
		if s.Len() > requests*each {
			t.Error("more events than sent")
		}
		got = append(got, string(e.Event))
	}))
	var wg sync.WaitGroup
	for q := range requests {
		wg.Go(func() {
			var body bytes.Buffer
			for i := range each {
				fmt.Fprintf(&body, `{"event":%d}`, q*each+i)
			}
			serve(t, s, event, hectest.DefaultToken, "", body.String())
		})
	}
	wg.Wait()
	if len(got) != requests*each || s.Len() != len(got) || len(s.Events()) != 0 {
		t.Fatalf("sink got %d events, Len %d, stored %d", len(got), s.Len(), len(s.Events()))
	}
	seen := map[string]bool{}
	for i, e := range got {
		var n, before int
		_, _ = fmt.Sscan(e, &n)
		if seen[e] {
			t.Fatalf("event %s came twice", e)
		}
		seen[e] = true
		if n%each != i%each {
			t.Fatalf("event %s is at place %d of its request", e, i%each)
		}
		if i%each > 0 {
			if _, _ = fmt.Sscan(got[i-1], &before); n != before+1 {
				t.Fatalf("event %d follows %d", n, before)
			}
		}
	}
}

func TestEventsDoNotShareBuffers(t *testing.T) {
	t.Parallel()
	s := hectest.New()
	for i := range 20 {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, event, strings.NewReader(gzipped(t, fmt.Sprintf(`{"event":"%030d"}`, i))))
		r.Header.Set("Authorization", "Splunk "+hectest.DefaultToken)
		r.Header.Set("Content-Encoding", "gzip")
		s.ServeHTTP(httptest.NewRecorder(), r)
	}
	for i, e := range s.Events() {
		if want := fmt.Sprintf(`"%030d"`, i); string(e.Event) != want {
			t.Errorf("event %d is %s", i, e.Event)
		}
	}
	if s.Len() != 20 {
		t.Errorf("indexed %d, want 20", s.Len())
	}
}

// Close and Pause must not return while a request may still index.
func TestCloseWaitsForRequestsInFlight(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		s := hectest.New(hectest.WithSink(func(hectest.Event) { <-release }))
		go serve(t, s, event, hectest.DefaultToken, "", `{"event":1}`)
		synctest.Wait()
		closed := false
		go func() {
			s.Close()
			closed = true
		}()
		synctest.Wait()
		if closed {
			t.Error("closed while a sink was at work")
		}
		close(release)
		synctest.Wait()
		if !closed || s.Len() != 1 {
			t.Errorf("closed = %t with %d indexed, want true and 1", closed, s.Len())
		}
	})
}

// A request that slips in while the server stops must not read as success.
func TestClosedServerAnswersNothing(t *testing.T) {
	t.Parallel()
	s := hectest.New()
	front := httptest.NewServer(s)
	defer front.Close()
	s.Close()
	if got, body, err := post(t.Context(), t, client(t, nil), front.URL+event, `{"event":1}`); err == nil {
		t.Errorf("a closed server answered %d %s", got.status, body)
	}
}

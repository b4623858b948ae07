package faultnet_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"auditlog-forwarder/pkg/faultnet"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const answer = `{"text":"Success","code":0}`

// stage is a client, a network and a server that counts whole requests.
type stage struct {
	t      *testing.T
	net    *faultnet.Net
	proxy  *faultnet.Proxy
	faults *faultnet.Queue
	client *http.Client
	got    atomic.Int64                      // whole requests that the server has read
	last   atomic.Pointer[faultnet.Exchange] // of the request that the server saw last
}

func newStage(t *testing.T) *stage {
	t.Helper()
	s := &stage{t: t, net: faultnet.New(), faults: &faultnet.Queue{}}
	ln, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(s.serve)}
	done := make(chan struct{})
	go func() { defer close(done); _ = server.Serve(ln) }()
	s.proxy, err = s.net.Listen(t.Context(), ln.Addr().String(), s.faults)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{}
	s.client = &http.Client{Transport: transport}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		s.net.Close()
		_ = server.Close()
		<-done
	})
	return s
}

func (s *stage) serve(w http.ResponseWriter, r *http.Request) {
	s.last.Store(s.net.Exchange(r.RemoteAddr))
	if _, err := io.Copy(io.Discard, r.Body); err != nil {
		return
	}
	s.got.Add(1)
	_, _ = io.WriteString(w, answer)
}

func (s *stage) post(ctx context.Context, body string) (string, error) {
	s.t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+s.proxy.Addr(), strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	resp, err := s.client.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return string(text), err
}

// hangs posts what gets no answer: once the fault is met and so many requests have
// reached the server, and nothing has come for a moment, the client gives up.
func (s *stage) hangs(body string, reached int64) {
	s.t.Helper()
	ctx, cancel := context.WithCancel(s.t.Context())
	defer cancel()
	done := make(chan error, 1)
	go func() {
		got, err := s.post(ctx, body)
		if err == nil {
			s.t.Errorf("got %q; want no answer", got)
		}
		done <- err
	}()
	look := time.NewTicker(time.Millisecond)
	defer look.Stop()
	for s.faults.Left() > 0 || s.got.Load() < reached {
		<-look.C
	}
	select {
	case err := <-done:
		s.t.Errorf("the client is told: %v", err)
	case <-time.After(50 * time.Millisecond):
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			s.t.Errorf("got %v after giving up", err)
		}
	}
}

// want is what a client must see of a fault.
type want struct {
	err     func(error) bool // nil: the answer
	hangs   bool             // no answer, and no error
	reached int64            // requests that the server has read whole
	heard   bool             // the network says that the answer went out
	atLeast time.Duration
	cuts    int // requests that may have got lost unseen
}

func isReset(err error) bool { return errors.Is(err, syscall.ECONNRESET) }

// isBroken is a reset while the client still writes: its writer sees it, or that
// its reader has seen it and closed the connection.
func isBroken(err error) bool {
	return isReset(err) || errors.Is(err, syscall.EPIPE) || errors.Is(err, net.ErrClosed)
}

func isCut(err error) bool { return errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) }

// answers posts what gets an answer, or an error.
func (s *stage) answers(body string, want want) {
	s.t.Helper()
	began := time.Now()
	got, err := s.post(s.t.Context(), body)
	if took := time.Since(began); took < want.atLeast {
		s.t.Errorf("it took %s, at least %s are on purpose", took, want.atLeast)
	}
	switch {
	case want.err == nil && (err != nil || got != answer):
		s.t.Errorf("got %q, %v; want the answer", got, err)
	case want.err != nil && (err == nil || !want.err(err)):
		s.t.Errorf("got %q, %v: another error is expected", got, err)
	}
}

// TestFaults holds that a client sees each fault, and none on its next
// request.
func TestFaults(t *testing.T) {
	t.Parallel()
	body := strings.Repeat("x", 40_000)
	for _, tc := range []struct {
		fault faultnet.Fault
		want  want
	}{
		{faultnet.Fault{}, want{reached: 1, heard: true}},
		{faultnet.Fault{Kind: faultnet.Refuse}, want{err: isBroken, cuts: 1}},
		{faultnet.Fault{Kind: faultnet.DelayRequest, Delay: 50 * time.Millisecond}, want{reached: 1, heard: true, atLeast: 50 * time.Millisecond}},
		{faultnet.Fault{Kind: faultnet.SlowRequest, Bytes: 10_000, Delay: 10 * time.Millisecond}, want{reached: 1, heard: true, atLeast: 30 * time.Millisecond}},
		{faultnet.Fault{Kind: faultnet.CutRequest, Bytes: 20_000}, want{err: isBroken}},
		{faultnet.Fault{Kind: faultnet.CutRequest, Bytes: 1}, want{err: isBroken}},
		{faultnet.Fault{Kind: faultnet.SwallowRequest}, want{hangs: true}},
		{faultnet.Fault{Kind: faultnet.DelayReply, Delay: 50 * time.Millisecond}, want{reached: 1, heard: true, atLeast: 50 * time.Millisecond}},
		{faultnet.Fault{Kind: faultnet.DelayReply, Delay: time.Hour}, want{hangs: true, reached: 1}},
		{faultnet.Fault{Kind: faultnet.SlowReply, Bytes: 20, Delay: 5 * time.Millisecond}, want{reached: 1, heard: true, atLeast: 25 * time.Millisecond}},
		{faultnet.Fault{Kind: faultnet.CutReply}, want{err: isReset, reached: 1}},
		{faultnet.Fault{Kind: faultnet.CutReply, Bytes: 1 << 20}, want{err: isReset, reached: 1}},
		{faultnet.Fault{Kind: faultnet.TruncateReply}, want{err: isCut, reached: 1}},
		{faultnet.Fault{Kind: faultnet.TruncateReply, Bytes: 30}, want{err: isCut, reached: 1}},
		{faultnet.Fault{Kind: faultnet.TruncateReply, Bytes: 1 << 20}, want{err: isCut, reached: 1}},
		{faultnet.Fault{Kind: faultnet.SwallowReply}, want{hangs: true, reached: 1}},
	} {
		t.Run(tc.fault.Kind.String(), func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			s.faults.Add(tc.fault)
			if tc.want.hangs {
				s.hangs(body, tc.want.reached)
			} else {
				s.answers(body, tc.want)
			}
			if n := s.got.Load(); n != tc.want.reached {
				t.Errorf("%d requests have reached the server, want %d", n, tc.want.reached)
			}
			if x := s.last.Load(); x != nil && tc.want.heard == x.State().Replied.IsZero() {
				t.Errorf("the network says %+v", x.State())
			}
			if n := len(s.proxy.Cuts()); n != tc.want.cuts {
				t.Errorf("%d cuts, want %d", n, tc.want.cuts)
			}
			if n := s.faults.Left(); n != 0 {
				t.Errorf("%d faults are left", n)
			}
			if got, err := s.post(t.Context(), body); err != nil || got != answer {
				t.Errorf("the next request: %q, %v", got, err)
			}
		})
	}
}

// TestFollowed holds that a second request on a connection proves that the
// answer to the first was read, and that each is an exchange of its own.
func TestFollowed(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	// One connection by hand: a client of net/http leaves one now and then where
	// the machine is slow.
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", s.proxy.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close() //nolint:errcheck // it is broken by then
	r := bufio.NewReader(conn)
	var all []*faultnet.Exchange
	for range 50 {
		if _, err := io.WriteString(conn, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody"); err != nil {
			t.Fatal(err)
		}
		resp, err := http.ReadResponse(r, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(resp.Body); err != nil || string(got) != answer {
			t.Fatalf("got %q, %v", got, err)
		}
		if err := resp.Body.Close(); err != nil {
			t.Fatal(err)
		}
		all = append(all, s.last.Load())
	}
	for i, x := range all {
		state := x.State()
		if state.Replied.IsZero() || state.Followed != (i < len(all)-1) || !state.Ended.IsZero() {
			t.Errorf("exchange %d: %+v", i, state)
		}
		if i > 0 && x == all[i-1] {
			t.Errorf("exchange %d is the one before", i)
		}
	}
	if len(s.proxy.Cuts()) != 0 {
		t.Errorf("nothing was cut: %v", s.proxy.Cuts())
	}
	s.proxy.Break()
	if state := all[len(all)-1].State(); state.Ended.IsZero() || state.By != faultnet.ByNet {
		t.Errorf("after Break: %+v", state)
	}
	if !slices.Equal(s.proxy.Exchanges(), all) || len(s.proxy.Cuts()) != 1 {
		t.Errorf("%d exchanges of %d, cuts at %v; want one", len(s.proxy.Exchanges()), len(all), s.proxy.Cuts())
	}
}

// TestShut holds that nothing listens at a shut address, and that it comes
// back at the same one.
func TestShut(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	addr := s.proxy.Addr()
	s.proxy.Shut()
	if _, err := s.post(t.Context(), "body"); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("got %v, want connection refused", err)
	}
	if err := s.proxy.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got, err := s.post(t.Context(), "body"); err != nil || got != answer || s.proxy.Addr() != addr {
		t.Errorf("after Open at %s, was %s: %q, %v", s.proxy.Addr(), addr, got, err)
	}
}

// TestUnknownRemote holds that a stranger's connection is nobody's exchange.
func TestUnknownRemote(t *testing.T) {
	t.Parallel()
	if x := faultnet.New().Exchange("127.0.0.1:1"); x != nil {
		t.Errorf("got %+v", x)
	}
}

// TestFrames holds that answers are told apart however they are cut up.
func TestFrames(t *testing.T) {
	t.Parallel()
	const one = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
	const none = "HTTP/1.1 204 No Content\r\n\r\n"
	const endless = "HTTP/1.1 200 OK\r\n\r\nhello"
	for _, tc := range []struct {
		name, text string
		ended      bool
	}{
		{"whole", one, true},
		{"two", one + one, true},
		{"no body", none, true},
		{"cut", one[:len(one)-1], false},
		{"half a head", one + "HTTP/1.1 200", false},
		{"no length", endless, false},
	} {
		for size := 1; size <= len(tc.text); size++ {
			if got := faultnet.Ended([]byte(tc.text), size); got != tc.ended {
				t.Errorf("%s in pieces of %d: ended %v, want %v", tc.name, size, got, tc.ended)
			}
		}
	}
	if faultnet.Ended(bytes.Repeat([]byte("x"), 1<<20), 1<<12) {
		t.Error("no head ends nothing")
	}
}

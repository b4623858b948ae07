package hectest_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"auditlog-forwarder/pkg/hec/hectest"
)

// client returns one whose connections are its own, and closed with the test.
func client(t *testing.T, conf *tls.Config) *http.Client {
	t.Helper()
	tr := &http.Transport{TLSClientConfig: conf}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// answer is what a client got.
type answer struct {
	status int
	header http.Header
	proto  int
}

// post sends over the wire. A body without GetBody keeps net/http from retrying
// by itself, which would use up scripts.
func post(ctx context.Context, t *testing.T, c *http.Client, url, body string) (answer, string, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, io.NopCloser(strings.NewReader(body)))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Splunk "+hectest.DefaultToken)
	resp, err := c.Do(req)
	if err != nil {
		return answer{}, "", err
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	return answer{resp.StatusCode, resp.Header, resp.ProtoMajor}, string(text), err
}

func TestScript(t *testing.T) {
	t.Parallel()
	const three = `{"event":1}{"event":2}{"event":3}`
	for _, tc := range []struct {
		name    string
		reply   hectest.Reply
		status  int // 0 if the client gets no whole reply
		body    string
		header  [2]string
		indexed int
	}{
		{"1.5 code 9", hectest.HEC(9), 503, `{"text":"Server is busy","code":9}`, [2]string{}, 0},
		{"1.6 code 9 with number, nothing taken", hectest.HECEvent(9, 2), 503, `{"text":"Server is busy","code":9,"invalid-event-number":2}`, [2]string{}, 0},
		{"1.6 code 9 with number, prefix taken", hectest.HECEvent(9, 2).TookFirst(2), 503, `{"text":"Server is busy","code":9,"invalid-event-number":2}`, [2]string{}, 2},
		{"a number that fewer events than it says come before", hectest.HECEvent(9, 5).TookFirst(5), 200, `{"text":"Success","code":0}`, [2]string{}, 3},
		{"1.6 code 6 takes the prefix", hectest.HECEvent(6, 1), 400, `{"text":"Invalid data format","code":6,"invalid-event-number":1}`, [2]string{}, 1},
		{"1.6 code 7 takes up to the bad one", hectest.HECEvent(7, 2), 400, `{"text":"Incorrect index","code":7,"invalid-event-number":2}`, [2]string{}, 1},
		{"code 6 without prefix", hectest.HECEvent(6, 2).Lost(), 400, `{"text":"Invalid data format","code":6,"invalid-event-number":2}`, [2]string{}, 0},
		{"1.5 code 24 accepts", hectest.HEC(24), 200, `{"text":"HEC queue is approaching its capacity limit","code":24}`, [2]string{}, 3},
		{"1.8 code 23, connection kept", hectest.HEC(23), 503, `{"text":"Server is shutting down","code":23}`, [2]string{"Connection", ""}, 0},
		{"Retry-After", hectest.HEC(26).RetryAfter("7"), 429, `{"text":"HEC queue is at capacity and cannot process any more requests","code":26}`, [2]string{"Retry-After", "7"}, 0},
		{"1.5 page", hectest.HTML(502).WithText("x"), 502, `<!doctype html><html><head><title>502 Bad Gateway</title></head><body><h1>x</h1></body></html>` + "\r\n", [2]string{"Content-Type", "text/html; charset=UTF-8"}, 0},
		{"page after taking all", hectest.HTML(504).Took(), 504, "", [2]string{}, 3},
		{"redirect", hectest.Redirect("/en-US/"), 303, "", [2]string{"Location", "/en-US/"}, 0},
		{"1.5 I 408", hectest.TimedOut(), 408, "", [2]string{}, 0},
		{"no body", hectest.Empty(200).Took(), 200, "", [2]string{"Content-Length", "0"}, 3},
		{"dropped", hectest.Drop(), 0, "", [2]string{}, 0},
		{"reset after taking all", hectest.Reset().Took(), 0, "", [2]string{}, 3},
		{"cut short after taking all", hectest.HEC(0).Truncated(), 0, "", [2]string{}, 3},
		{"an empty Reply", hectest.Reply{}, 500, `{"text":"","code":0}`, [2]string{}, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s := hectest.Start(t)
			c := client(t, nil)
			s.Script(tc.reply)
			resp, body, err := post(t.Context(), t, c, s.URL()+event, three)
			if (err != nil) != (tc.status == 0) {
				t.Fatalf("client error: %v", err)
			}
			if err == nil {
				if resp.status != tc.status || tc.body != "" && body != tc.body {
					t.Errorf("got %d %s, want %d %s", resp.status, body, tc.status, tc.body)
				}
				if got := resp.header.Get(tc.header[0]); tc.header[0] != "" && got != tc.header[1] {
					t.Errorf("%s = %q, want %q", tc.header[0], got, tc.header[1])
				}
			}
			if got := s.Len(); got != tc.indexed {
				t.Errorf("indexed %d, want %d", got, tc.indexed)
			}
			if _, body, err := post(t.Context(), t, c, s.URL()+event, three); err != nil || body != ok || s.Scripted() != 0 {
				t.Errorf("after the script: %s, %v", body, err)
			}
		})
	}
}

func TestResetIsAReset(t *testing.T) {
	t.Parallel()
	for _, opts := range [][]hectest.Option{nil, {hectest.WithSelfSignedTLS()}} {
		s := hectest.Start(t, opts...)
		s.Script(hectest.Reset())
		_, _, err := post(t.Context(), t, client(t, trusting(t, s)), s.URL()+event, `{"event":1}`)
		if !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("%s: %v, want a connection reset", s.URL(), err)
		}
	}
}

func trusting(t *testing.T, s *hectest.Server) *tls.Config {
	t.Helper()
	if s.CAPEM() == nil {
		return nil
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(s.CAPEM()) {
		t.Fatal("CAPEM holds no certificate")
	}
	return &tls.Config{RootCAs: pool}
}

func TestTLS(t *testing.T) {
	t.Parallel()
	s := hectest.Start(t, hectest.WithSelfSignedTLS())
	resp, body, err := post(t.Context(), t, client(t, trusting(t, s)), s.URL()+event, `{"event":1}`)
	if err != nil || body != ok || resp.proto != 1 {
		t.Errorf("trusted: %s, %v", body, err)
	}
	var unknown x509.UnknownAuthorityError
	if _, _, err := post(t.Context(), t, client(t, nil), s.URL()+event, `{"event":1}`); !errors.As(err, &unknown) {
		t.Errorf("untrusted: %v", err)
	}
}

func TestHold(t *testing.T) {
	t.Parallel()
	s := hectest.Start(t)
	c := client(t, nil)
	release := make(chan struct{})
	s.Script(hectest.Normal().Until(release), hectest.Hang())
	held := make(chan string, 1)
	go func() {
		_, body, err := post(t.Context(), t, c, s.URL()+event, `{"event":1}`)
		if err != nil {
			body = err.Error()
		}
		held <- body
	}()
	if err := s.Wait(t.Context(), 1); err != nil { // indexed before the reply
		t.Fatal(err)
	}
	close(release)
	if got := <-held; got != ok {
		t.Errorf("held reply: %s", got)
	}

	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		_, _, err := post(ctx, t, c, s.URL()+event, `{"event":2}`)
		if !errors.Is(err, context.Canceled) {
			t.Errorf("hanging request: %v", err)
		}
		held <- ""
	}()
	if err := s.WaitUntil(t.Context(), func(st hectest.Stats) bool { return st.Answered == 2 }); err != nil {
		t.Fatal(err)
	}
	cancel()
	<-held
	if s.Len() != 1 {
		t.Errorf("indexed %d, want 1", s.Len())
	}
}

func TestPauseAndResume(t *testing.T) {
	t.Parallel()
	s := hectest.Start(t)
	c := client(t, nil)
	url := s.URL()
	hung := make(chan error, 1)
	s.Script(hectest.Hang())
	go func() {
		_, _, err := post(t.Context(), t, c, url+event, `{"event":0}`)
		hung <- err
	}()
	if err := s.WaitUntil(t.Context(), func(st hectest.Stats) bool { return st.Answered == 1 }); err != nil {
		t.Fatal(err)
	}
	s.Pause()
	if err := <-hung; err == nil {
		t.Error("a request in flight got a reply through an outage")
	}
	if _, _, err := post(t.Context(), t, c, url+event, `{"event":1}`); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("during the outage: %v, want connection refused", err)
	}
	if err := s.Resume(); err != nil {
		t.Fatal(err)
	}
	if _, body, err := post(t.Context(), t, c, url+event, `{"event":2}`); err != nil || body != ok {
		t.Errorf("after the outage: %s, %v", body, err)
	}
	s.Close()
	if err := s.Resume(); err == nil {
		t.Error("a closed server resumed")
	}
	if s.Len() != 1 {
		t.Errorf("indexed %d, want 1", s.Len())
	}
}

func TestDownFaultAndPoison(t *testing.T) {
	t.Parallel()
	s := hectest.Start(t)
	c := client(t, nil)
	send := func(body string) string {
		_, got, err := post(t.Context(), t, c, s.URL()+event, body)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	health := func() int {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL()+"/services/collector/health", nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := c.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		if err := resp.Body.Close(); err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode
	}
	if got := health(); got != http.StatusOK {
		t.Errorf("health: %d", got)
	}
	s.SetDown(true)
	if got := send(`{"event":1}`); got != `{"text":"Server is busy","code":9}` {
		t.Errorf("down: %s", got)
	}
	if got := health(); got != http.StatusServiceUnavailable {
		t.Errorf("health when down: %d", got)
	}
	s.SetDown(false)

	var seen []string
	s.SetFault(func(n int, r *http.Request) *hectest.Reply {
		b, _ := io.ReadAll(r.Body)
		seen = append(seen, string(b))
		if n == 2 {
			rep := hectest.HTML(http.StatusRequestEntityTooLarge)
			return &rep
		}
		return nil
	})
	for range 2 {
		_ = send(`{"event":1}`)
	}
	s.SetFault(nil)
	if diff := cmp.Diff([]string{`{"event":1}`, `{"event":1}`}, seen); diff != "" || s.Len() != 1 {
		t.Errorf("fault hook saw (-want +got):\n%s; indexed %d", diff, s.Len())
	}

	s.Poison(func(e []byte) bool { return bytes.Contains(e, []byte("bad")) })
	if got := send(`{"event":"good"}{"event":"bad"}{"event":"good"}`); got != `{"text":"Invalid data format","code":6,"invalid-event-number":1}` {
		t.Errorf("poison: %s", got)
	}
	s.PoisonCode(7, func(e []byte) bool { return bytes.Contains(e, []byte("bad")) })
	if got := send(`{"event":"good"}{"event":"bad"}{"event":"good"}`); got != `{"text":"Incorrect index","code":7,"invalid-event-number":2}` {
		t.Errorf("poison by index: %s", got)
	}
	if s.Len() != 3 {
		t.Errorf("indexed %d, want 3", s.Len())
	}
}

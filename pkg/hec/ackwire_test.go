package hec

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"auditlog-forwarder/pkg/hec/hectest"
)

// TestAckWire polls over TCP: HTTP/1.1, HTTP/2, and through a load balancer.
func TestAckWire(t *testing.T) {
	t.Parallel()
	token := hectest.WithToken(hectest.Token{Value: hectest.DefaultToken, UseACK: true})
	for _, tc := range []struct {
		name  string
		start func(t *testing.T) (base string, ca []byte, servers []*hectest.Server)
		proto int
	}{
		{"plain", func(t *testing.T) (string, []byte, []*hectest.Server) {
			s := hectest.Start(t, token)
			return s.URL(), nil, []*hectest.Server{s}
		}, 1},
		{"HTTP/2", func(t *testing.T) (string, []byte, []*hectest.Server) {
			s := hectest.Start(t, token, hectest.WithSelfSignedTLS(), hectest.WithHTTP2())
			return s.URL(), s.CAPEM(), []*hectest.Server{s}
		}, 2},
		{"balancer", func(t *testing.T) (string, []byte, []*hectest.Server) {
			x, y := hectest.New(token), hectest.New(token)
			return hectest.Balance(t, hectest.BalancerOptions{Cookie: "AWSALB", Fresh: true}, x, y).URL(), nil, []*hectest.Server{x, y}
		}, 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			base, ca, servers := tc.start(t)
			transport := &http.Transport{ForceAttemptHTTP2: true}
			if ca != nil {
				pool := x509.NewCertPool()
				pool.AppendCertsFromPEM(ca)
				transport.TLSClientConfig = &tls.Config{RootCAs: pool}
			}
			t.Cleanup(transport.CloseIdleConnections)
			client := &http.Client{Transport: transport}
			wire := &ackWire{do: client.Do, url: base + pathAck, hide: strings.Clone, header: func() http.Header {
				return http.Header{"Authorization": {"Splunk " + hectest.DefaultToken}, "User-Agent": {"test"}}
			}}
			a := newAcks(ackOptions{
				enabled: true, interval: 10 * time.Millisecond, timeout: time.Minute, endpoint: base, poll: wire.poll,
				metrics: newAckMetrics(prometheus.NewRegistry()), log: zap.NewNop(),
			})
			r := &ackRig{t: t, acks: a}
			servers[0].ScriptPolls(hectest.Drop(), hectest.Raw(200, `{"acks":{"0":false}}`).Truncated(), hectest.HEC(9))
			for range 5 {
				s := r.session()
				req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, base+pathEvent, strings.NewReader(`{"event":1}`))
				if err != nil {
					t.Fatal(err)
				}
				req.Header = wire.header()
				s.sign(req)
				resp, err := client.Do(req)
				if err != nil {
					t.Fatal(err)
				}
				if resp.ProtoMajor != tc.proto {
					t.Errorf("HTTP/%d, want %d", resp.ProtoMajor, tc.proto)
				}
				body, err := io.ReadAll(resp.Body)
				if err != nil {
					t.Fatal(err)
				}
				if err := resp.Body.Close(); err != nil {
					t.Fatal(err)
				}
				p := r.answer(t.Context(), s, &answered{resp.Header, resp.Request, body})
				if err := r.wait(t.Context(), s, p.id); err != nil {
					t.Errorf("id %d: %v", p.id, err)
				}
			}
			if n := servers[0].Scripted(); n != 0 {
				t.Errorf("%d polls were not answered badly", n)
			}
			events := 0
			for _, s := range servers {
				events = max(events, s.Len())
			}
			if events != 5 {
				t.Errorf("%d events together, want 5", events)
			}
		})
	}
}

// TestAckWireHides takes the token out of what a poll's answer says.
func TestAckWireHides(t *testing.T) {
	t.Parallel()
	r := newAckRig(t, http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		w.WriteHeader(http.StatusForbidden)
		_, _ = w.Write([]byte(req.Header.Get("Authorization")))
	}), nil)
	wire := &ackWire{
		do: r.do, url: "http://splunk.test" + pathAck, header: func() http.Header { return http.Header{"Authorization": {"Splunk s3cret"}} },
		hide: func(text string) string { return strings.ReplaceAll(text, "s3cret", "[redacted]") },
	}
	for range 2 {
		_, err := wire.poll(t.Context(), &ackSession{id: "x"}, []int64{1}, func(*http.Response) {})
		if err == nil || strings.Contains(err.Error(), "s3cret") || !strings.Contains(err.Error(), "[redacted]") {
			t.Error(err)
		}
		r.handler = http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			http.Redirect(w, req, "/login?"+req.Header.Get("Authorization"), http.StatusSeeOther)
		})
	}
}

// FuzzAckReply: whatever is answered to a poll, nothing breaks, an error has a
// class that is tried again, and an id is true only if the answer says so.
func FuzzAckReply(f *testing.F) {
	for _, seed := range []string{
		`{"acks":{"0":true,"1":false}}`, `{"acks":{}}`, `{"acks":null}`, `{"acks":{"0":null}}`, `{"acks":{"00":true,"+1":true,"-1":true,"9223372036854775808":true}}`,
		`{"text":"ACK is disabled","code":14}`, `{"acks":{"0":true},"code":9}`, `<html>`, ``, `{"acks":{"0":true`, `{"acks":{"0":true,"0":false}}`, `{"ACKS":{"0":true}}`,
	} {
		f.Add(200, []byte(seed))
		f.Add(503, []byte(seed))
	}
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		answer, r := readAcks(status, "", body)
		if (answer == nil) == (r == nil) {
			t.Fatalf("answer %v and reply %v", answer, r)
		}
		if r != nil && (!r.class.retried() || r.Error() == "") {
			t.Fatalf("class %s: %v", r.class, r)
		}
		for id, yes := range answer {
			if yes && (status < 200 || status > 299 || !strings.Contains(string(body), "true")) {
				t.Fatalf("id %d is indexed by %q", id, body)
			}
		}
	})
}

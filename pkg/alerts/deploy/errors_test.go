package deploy

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"auditlog-forwarder/pkg/alerts/deploy/resttest"
	"auditlog-forwarder/pkg/creds"
	"auditlog-forwarder/pkg/faultnet"
)

func writeFile(t *testing.T, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestErrorsSayWhatToDo holds the reason and the next step of what goes wrong.
func TestErrorsSayWhatToDo(t *testing.T) {
	t.Parallel()
	page := &resttest.Fault{Status: http.StatusOK, ContentType: "text/html", Body: "<!doctype html><html><title>Login</title></html>"}
	always := func(f *resttest.Fault) func(*http.Request) *resttest.Fault {
		return func(*http.Request) *resttest.Fault { return f }
	}
	for name, tt := range map[string]struct {
		opts   resttest.Options
		change func(t *testing.T, w *world)
		fault  *resttest.Fault
		want   []string
	}{
		"wrong token": {opts: resttest.Options{Token: "-"}, want: []string{"HTTP 401", "call not properly authenticated", "expired", "turned off", "not the HEC token"}},
		"wrong password": {
			opts: resttest.Options{User: "alice", Password: "right"},
			change: func(_ *testing.T, w *world) {
				w.cfg.Token, w.cfg.Username, w.cfg.Password = creds.Secret{}, "alice", creds.NewSecret("wrong-one")
			},
			want: []string{"HTTP 401", "Login failed", "alerts.splunk.password", "SAML"},
		},
		"an error in XML": {
			fault: &resttest.Fault{Status: http.StatusUnauthorized, ContentType: "text/xml", Body: "<?xml version=\"1.0\"?>\n<response><messages><msg type=\"WARN\">call not properly authenticated</msg></messages></response>"},
			want:  []string{"HTTP 401", "call not properly authenticated"},
		},
		"no app":       {opts: resttest.Options{Apps: []string{"search"}}, want: []string{"no app confluent_audit_alerts", "alerts package", "--create-app"}},
		"app disabled": {change: func(_ *testing.T, w *world) { w.splunk.Disable(appID) }, want: []string{"is disabled", "Manage Apps"}},
		"free licence": {opts: resttest.Options{Free: true}, want: []string{"free licence", "enterprise"}},
		"no right":     {opts: resttest.Options{Lacks: []string{"write"}}, want: []string{"HTTP 403", "cannot write", "schedule_search", "admin_all_objects"}},
		"no capability": {
			opts: resttest.Options{Lacks: []string{"schedule_search"}},
			want: []string{"HTTP 400", `is not supported by this handler`, "schedule_search for is_scheduled"},
		},
		"Splunk Web":           {fault: page, want: []string{"web page", "8089", "8000"}},
		"Splunk Web redirects": {fault: &resttest.Fault{Status: http.StatusSeeOther, Header: http.Header{"Location": {"/en-US/"}}}, want: []string{"HTTP 303", "8089"}},
		"no JSON":              {fault: &resttest.Fault{Status: http.StatusOK, Body: "hello"}, want: []string{"neither JSON nor XML"}},
		"licence over":         {fault: &resttest.Fault{Status: http.StatusPaymentRequired, Body: `{"messages":[{"type":"WARN","text":"Requested action has been disabled by license"}]}`}, want: []string{"HTTP 402", "licence does not allow"}},
		"unknown CA":           {opts: resttest.Options{TLS: true}, want: []string{"a CA that this machine does not know", "alerts.splunk.tls.ca_file", "truststore_file", "cacert.pem"}},
		"wrong name": {
			opts: resttest.Options{TLS: true},
			change: func(t *testing.T, w *world) {
				w.cfg.TLS.CAFile = writeFile(t, "ca.pem", w.splunk.CAPEM())
				w.cfg.TLS.ServerName = "splunk.example.net"
			},
			want: []string{"the certificate is for example.com, ", "alerts.splunk.tls.server_name"},
		},
		"HTTPS to a plain port": {
			change: func(_ *testing.T, w *world) { w.cfg.URL = "https" + strings.TrimPrefix(w.cfg.URL, "http") },
			want:   []string{"plain HTTP", "8089"},
		},
		"plain to a TLS port": {
			change: func(t *testing.T, w *world) {
				ln, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { _ = ln.Close() }) // ends the goroutine
				go func() {
					for {
						conn, err := ln.Accept()
						if err != nil {
							return
						}
						_ = conn.Close() // as splunkd does with what is no TLS
					}
				}()
				w.cfg.URL = "http://" + ln.Addr().String()
			},
			want: []string{"speaks TLS", "https://"},
		},
		"nothing listens": {
			change: func(t *testing.T, w *world) { w.cfg.URL = "http://" + faultnet.ClosedPort(t) },
			want:   []string{"connection refused", "8089", "alerts package"},
		},
		"macros closed": {
			change: func(_ *testing.T, w *world) {
				w.splunk.SetFault(func(r *http.Request) *resttest.Fault {
					if strings.HasSuffix(r.URL.Path, "conf-macros") {
						return &resttest.Fault{Status: http.StatusNotFound, Body: `{"messages":[{"type":"ERROR","text":"Not Found"}]}`}
					}
					return nil
				})
			},
			want: []string{"read configs/conf-macros", "HTTP 404", "Splunk Cloud keeps the endpoint closed", "alerts package"},
		},
		"409": {
			fault: &resttest.Fault{Status: http.StatusConflict, Body: `{"messages":[{"type":"ERROR","text":"already exists"}]}`},
			want:  []string{"HTTP 409", "already exists", "may not see it"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, tt.opts)
			if tt.change != nil {
				tt.change(t, w)
			}
			if tt.fault != nil {
				w.splunk.SetFault(always(tt.fault))
			}
			c := w.client()
			p, err := c.Plan(t.Context(), w.wanted, Options{})
			if err == nil {
				err = c.Apply(t.Context(), p, func(Result) {})
			}
			if err == nil {
				t.Fatal("no error")
			}
			for _, text := range tt.want {
				if !strings.Contains(err.Error(), text) {
					t.Errorf("the error lacks %q:\n%v", text, err)
				}
			}
		})
	}
}

func TestClosedAPIOfSplunkCloud(t *testing.T) {
	t.Parallel()
	dial := &net.OpError{Op: "dial", Net: "tcp", Addr: &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 8089}, Err: os.ErrDeadlineExceeded}
	e := unanswered(dial, "acme.splunkcloud.com")
	for _, text := range []string{"nobody answers at 192.0.2.1:8089", "support", "trial stacks have none", "alerts package"} {
		if !strings.Contains(e.Error(), text) {
			t.Errorf("the error lacks %q: %v", text, e)
		}
	}
	// Whoever waits for a closed port waits once.
	if e.again || !e.never {
		t.Errorf("again %t, never reached Splunk %t; want false and true", e.again, e.never)
	}
	// Whoever leaves out the port meets Splunk Web.
	if e := refused(http.StatusNotFound, answer{page: true}, Config{URL: "https://acme.splunkcloud.com"}); !strings.Contains(e.Hint, "port 8089 closed") {
		t.Errorf("Splunk Web of Splunk Cloud: %v", e)
	}
	if e := unanswered(context.DeadlineExceeded, "acme.splunkcloud.com"); !strings.Contains(e.Error(), "trial stacks have none") {
		t.Errorf("a port that takes the connection and is silent: %v", e)
	}
}

// TestWaitsOnceForASilentSplunk holds what is told of a port that takes the
// connection and says nothing, and that neither a request nor what comes behind
// it waits for the timeout again. Its time is virtual, so it dials a pipe.
func TestWaitsOnceForASilentSplunk(t *testing.T) {
	t.Parallel()
	w := newWorld(t, resttest.Options{})
	p := w.plan(Options{})
	synctest.Test(t, func(t *testing.T) {
		c := w.client()
		dialed := 0
		var silent sync.WaitGroup
		c.http.Transport.(*http.Transport).DialContext = func(context.Context, string, string) (net.Conn, error) {
			dialed++
			ours, theirs := net.Pipe()
			silent.Go(func() { _, _ = io.Copy(io.Discard, theirs) }) // until the client gives up
			return ours, nil
		}
		tried, began := 0, time.Now()
		err := c.Apply(t.Context(), p, func(Result) { tried++ })
		if dialed != 1 || tried != 1 || time.Since(began) != w.cfg.Timeout || err == nil {
			t.Errorf("%d connections, %d of %d objects tried in %s: %v; want one of each, in %s", dialed, tried, p.Pending(), time.Since(began), err, w.cfg.Timeout)
		}
		for _, text := range []string{"no answer in alerts.splunk.timeout", "Splunk is slow", "alerts package", "the rest is not tried"} {
			if !strings.Contains(fmt.Sprint(err), text) {
				t.Errorf("the error lacks %q: %v", text, err)
			}
		}
		silent.Wait()
	})
}

// TestStopsWithoutASignIn covers a token that is taken back in the midst: the
// same refusal for each alert helps nobody, and may lock the user.
func TestStopsWithoutASignIn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, resttest.Options{})
	p := w.plan(Options{})
	w.splunk.Requests()
	w.splunk.SetFault(func(*http.Request) *resttest.Fault {
		return &resttest.Fault{Status: http.StatusUnauthorized, Body: `{"messages":[{"type":"WARN","text":"call not properly authenticated"}]}`}
	})
	err := w.client().Apply(t.Context(), p, func(Result) {})
	if n := len(w.splunk.Requests()); n != 1 || err == nil || !strings.Contains(err.Error(), "the rest is not tried") {
		t.Errorf("%d requests, %v; want one, and that the rest is not tried", n, err)
	}
}

// TestInterruptIsToldAsSuch covers a context that ends in the midst of a
// request, with a cause as that of a signal.
func TestInterruptIsToldAsSuch(t *testing.T) {
	t.Parallel()
	w := newWorld(t, resttest.Options{})
	p := w.plan(Options{})
	ctx, cancel := context.WithCancelCause(t.Context())
	w.splunk.SetFault(func(*http.Request) *resttest.Fault {
		cancel(errors.New("interrupt signal"))
		return &resttest.Fault{Drop: true}
	})
	var told []string
	_ = w.client().Apply(ctx, p, func(r Result) { told = append(told, fmt.Sprint(r.Err)) }) // told has what it says
	if diff := cmp.Diff([]string{`create macro "confluent_audit_events": interrupted`}, told); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
}

// TestCertificateOfSplunkItself covers what every Splunk has until somebody
// gives it another: a certificate whose name is in its subject alone.
func TestCertificateOfSplunkItself(t *testing.T) {
	t.Parallel()
	e := unanswered(x509.HostnameError{Certificate: &x509.Certificate{}, Host: "splunk"}, "splunk")
	if e.again || !strings.Contains(e.Hint, "alerts.splunk.tls.pinned_sha256") {
		t.Errorf("again %t: %v; want the hint to pin it", e.again, e)
	}
}

// TestHalfDoneIsMended holds that permissions that could not be set are set by
// the next run.
func TestHalfDoneIsMended(t *testing.T) {
	t.Parallel()
	w := newWorld(t, resttest.Options{})
	w.cfg.ACL.Write = []string{"power"}
	w.splunk.SetFault(func(r *http.Request) *resttest.Fault {
		if strings.HasSuffix(r.URL.Path, "/acl") {
			return &resttest.Fault{Status: http.StatusForbidden, Body: `{"messages":[{"type":"ERROR","text":"not yours"}]}`}
		}
		return nil
	})
	err := w.client().Apply(t.Context(), w.plan(Options{}), func(Result) {})
	if err == nil || !strings.Contains(err.Error(), "set its permissions: Splunk answers HTTP 403: not yours") {
		t.Errorf("error %v, want that permissions were refused", err)
	}
	w.splunk.SetFault(nil)
	w.want(w.apply(Options{}), "change macro confluent_audit_events [acl.write: admin -> power]",
		"change alert "+first+" [acl.write: admin -> power]", "change alert "+second+" [acl.write: admin -> power]")
}

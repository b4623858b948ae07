package hec

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"auditlog-forwarder/pkg/creds"
	"auditlog-forwarder/pkg/hec/hectest"
)

// TestRotateToken: tokens change while posts go on, the old one is withdrawn
// at once, and nothing is lost or repeated.
func TestRotateToken(t *testing.T) {
	t.Parallel()
	token := func(n int) string { return "00000000-0000-4000-8000-" + strings.Repeat(string(rune('a'+n)), 12) }
	servers := []*hectest.Server{
		hectest.Start(t, hectest.WithToken(hectest.Token{Value: token(0)})), hectest.Start(t, hectest.WithToken(hectest.Token{Value: token(0)})),
	}
	r := newRigOf(t, func(c *Config) {
		c.Token = creds.NewSecret(token(0))
		c.BackoffMax = time.Hour // only being woken helps
	}, servers...)
	now := 0
	want := r.deliverAll(t, 4, 40, func(n int) {
		if n%8 != 7 {
			return
		}
		for _, s := range servers { // a moment in which no token is good
			s.RemoveToken(token(now))
			s.SetToken(hectest.Token{Value: token(now + 1)})
		}
		now++
		r.SetToken(creds.NewSecret(token(now)))
	})
	there := indexed(servers...)
	for _, e := range want {
		if there[e] != 1 {
			t.Errorf("%s is there %d times", e, there[e])
		}
	}
}

// TestSetTokenWakes: what waits because the token was refused goes at once.
func TestSetTokenWakes(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *Config) {
		c.Token = creds.NewSecret("0badc0de-old")
		c.BackoffMin, c.BackoffMax = time.Hour, time.Hour
	})
	done := make(chan []string)
	go func() { done <- r.deliverAll(t, 3, 1, nil) }()
	r.await(t, func(told []string) bool { return len(told) > 0 })
	r.SetToken(creds.NewSecret(hectest.DefaultToken))
	if n := len(<-done); r.server.Len() != n {
		t.Errorf("%d events of %d", r.server.Len(), n)
	}
}

// TestRedactsOldAndNew: a page that sends either token back shows none.
func TestRedactsOldAndNew(t *testing.T) {
	t.Parallel()
	cfg := DefaultConfig()
	cfg.Token, cfg.Proxy = creds.NewSecret("first-token"), creds.NewSecret("http://me:pass-word@proxy:3128")
	s := newSecrets(cfg, "test")
	s = s.with(creds.NewSecret("second-token")).with(creds.NewSecret("third-token")).with(creds.NewSecret("second-token"))
	got := s.redact("first-token second-token third-token pass-word bWU6cGFzcy13b3Jk")
	if want := strings.TrimSuffix(strings.Repeat("[redacted] ", 5), " "); got != want {
		t.Errorf("got %q", got)
	}
	if auth := s.header.Get("Authorization"); auth != "Splunk second-token" {
		t.Error("the token in use is not the last one set")
	}
	for range 100 {
		s = s.with(creds.NewSecret(strings.Repeat("x", 1+len(s.tokens[0]))))
	}
	if len(s.tokens) > manyTokens {
		t.Errorf("%d tokens are remembered", len(s.tokens))
	}
}

// TestRedactingBreaksNoReply: a secret may look like a part of an answer.
func TestRedactingBreaksNoReply(t *testing.T) {
	t.Parallel()
	for _, secret := range []string{"0", "code", "Success"} {
		t.Run(secret, func(t *testing.T) {
			t.Parallel()
			token := hectest.Token{Value: secret, UseACK: true}
			r := newRig(t, func(c *Config) {
				c.Token, c.Ack.Enabled, c.Ack.PollInterval = creds.NewSecret(secret), true, 10*time.Millisecond
			}, hectest.WithToken(token))
			if _, err := r.Deliver(t.Context(), r.batch(numbered(2)...)); err != nil {
				t.Fatal(err)
			}
			r.server.Script(hectest.HEC(4).WithText("no " + secret + " here"))
			if _, err := r.Deliver(t.Context(), r.batch(numbered(2)...)); err != nil {
				t.Fatal(err)
			}
			if told := r.told(); len(told) != 2 || strings.Contains(told[0], "no "+secret) || !strings.Contains(told[0], "HEC code 4 ") {
				t.Errorf("told %q", told)
			}
		})
	}
}

// TestReloadTLS: a new CA file counts from the next connection on, and one that
// cannot be read changes nothing.
func TestReloadTLS(t *testing.T) {
	t.Parallel()
	server, other := hectest.Start(t, hectest.WithSelfSignedTLS()), hectest.Start(t, hectest.WithSelfSignedTLS())
	path := filepath.Join(t.TempDir(), "ca.pem")
	write := func(pem []byte) {
		if err := os.WriteFile(path, pem, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(other.CAPEM())
	r := newRigOf(t, func(c *Config) { c.TLS.CAFile, c.BackoffMin, c.BackoffMax = path, time.Hour, time.Hour }, server)
	done := make(chan []string)
	go func() { done <- r.deliverAll(t, 2, 1, nil) }()
	r.await(t, func(told []string) bool { return len(told) > 0 && strings.Contains(told[0], "hec.tls.ca_file") })
	write([]byte("no certificate"))
	if err := r.SetTLS(r.cfg.TLS); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("error %v of a file without a certificate", err)
	}
	write(server.CAPEM())
	if err := r.SetTLS(r.cfg.TLS); err != nil {
		t.Fatal(err)
	}
	if n := len(<-done); server.Len() != n {
		t.Errorf("%d events of %d", server.Len(), n)
	}
	// Under load: nothing is lost or repeated.
	var reload sync.WaitGroup
	want := r.deliverAll(t, 4, 30, func(int) {
		reload.Go(func() {
			if err := r.SetTLS(r.cfg.TLS); err != nil {
				t.Error(err)
			}
		})
	})
	reload.Wait()
	write([]byte("no certificate"))
	if err := r.SetTLS(r.cfg.TLS); err == nil {
		t.Error("no error")
	}
	if _, err := r.Deliver(t.Context(), r.batch(`{"id":"last"}`)); err != nil {
		t.Error(err)
	}
	there := indexed(server)
	for _, e := range want {
		if there[e] != 1 && !strings.HasPrefix(e, `{"id":"0-0-`) && !strings.HasPrefix(e, `{"id":"1-0-`) {
			t.Errorf("%s is there %d times", e, there[e])
		}
	}
}

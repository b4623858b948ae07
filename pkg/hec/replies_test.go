package hec

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"auditlog-forwarder/pkg/creds"
	"auditlog-forwarder/pkg/hec/hectest"
)

// TestEveryReply sends each answer of docs/hec.md over the wire, to the first
// post of a batch, and looks at what becomes of the batch.
func TestEveryReply(t *testing.T) {
	t.Parallel()
	const none = -1
	for i, tc := range []struct {
		reply   hectest.Reply
		class   Class
		refused int    // the event that goes to the dead letters
		posts   int    // until all is settled
		says    string // told at once; "": it passes untold
	}{
		{hectest.HEC(0), Accepted, none, 1, ""},
		{hectest.HEC(24), AcceptedSlow, none, 1, ""},
		{hectest.HEC(25), AcceptedSlow, none, 1, ""},
		{hectest.HEC(1), Blocked, none, 2, "hec.token"},
		{hectest.HEC(2), Blocked, none, 2, "hec.token"},
		{hectest.HEC(3), Blocked, none, 2, "hec.token"},
		{hectest.HEC(4), Blocked, none, 2, "hec.token"},
		{hectest.HEC(16), Blocked, none, 2, "hec.token"},
		{hectest.HEC(21), Blocked, none, 2, "hec.token"},
		{hectest.HEC(22), Blocked, none, 2, "hec.token"},
		{hectest.HEC(5), Blocked, none, 2, "without its body"},
		{hectest.HECEvent(6, 1), RefusedEvent, 1, 2, ""},
		{hectest.HECEvent(12, 0), RefusedEvent, 0, 2, ""},
		{hectest.HECEvent(13, 2), RefusedEvent, 2, 2, ""},
		{hectest.HECEvent(15, 3), RefusedEvent, 3, 1, ""},
		{hectest.HEC(6), RefusedBatch, none, 3, ""},
		{hectest.HECEvent(6, 99).Lost(), RefusedEvent, none, 3, ""},
		{hectest.HTML(413), RefusedBatch, none, 3, ""},
		{hectest.HECEvent(7, 1), Blocked, none, 2, "hec.index"},
		{hectest.HEC(8), Transient, none, 2, ""},
		{hectest.HEC(9), Transient, none, 2, ""},
		{hectest.HECEvent(9, 2), Transient, none, 2, ""},
		{hectest.HEC(10), Blocked, none, 2, "hec.ack.enabled"},
		{hectest.HEC(11), Blocked, none, 2, "hec.ack.enabled"},
		{hectest.HEC(14), Blocked, none, 2, "hec.ack.enabled"},
		{hectest.HEC(28), Blocked, none, 2, "hec.ack.enabled"},
		{hectest.HEC(17).Lost(), Blocked, none, 2, "no answer of HEC"},
		{hectest.HEC(18), Transient, none, 2, ""},
		{hectest.HEC(19), Transient, none, 2, ""},
		{hectest.HEC(20), Transient, none, 2, ""},
		{hectest.HEC(23), Transient, none, 2, ""},
		{hectest.HEC(26), Transient, none, 2, ""},
		{hectest.HEC(27), Transient, none, 2, ""},
		{hectest.HTML(200), Blocked, none, 2, "no answer of HEC"},
		{hectest.Empty(204), Blocked, none, 2, "no answer of HEC"},
		{hectest.Redirect("/en-US/"), Blocked, none, 2, "Splunk Web"},
		{hectest.HTML(400), Blocked, none, 2, "http or https"},
		{hectest.HTML(401), Blocked, none, 2, "proxy in between"},
		{hectest.HTML(403), Blocked, none, 2, "proxy in between"},
		{hectest.Empty(404), Blocked, none, 2, "hec.url"},
		{hectest.Empty(405), Blocked, none, 2, "takes no posts"},
		{hectest.Empty(407), Blocked, none, 2, "hec.proxy"},
		{hectest.TimedOut(), Transient, none, 2, ""},
		{hectest.HTML(415), Blocked, none, 2, "hec.gzip"},
		{hectest.Empty(418), Blocked, none, 2, "no answer of HEC"},
		{hectest.Empty(425), Transient, none, 2, ""},
		{hectest.Empty(429), Transient, none, 2, ""},
		{hectest.HTML(500), Transient, none, 2, ""},
		{hectest.HTML(502), Transient, none, 2, ""},
		{hectest.HTML(503), Transient, none, 2, ""},
		{hectest.HTML(504), Transient, none, 2, ""},
		{hectest.Drop(), Transient, none, 2, ""},
		{hectest.Reset(), Transient, none, 2, ""},
		{hectest.HEC(9).Truncated(), Transient, none, 2, ""},
	} {
		t.Run(fmt.Sprintf("%d %s %s", i, tc.class, tc.says), func(t *testing.T) {
			t.Parallel()
			r := newRig(t, func(c *Config) { c.Index = "ours" })
			r.server.Script(tc.reply)
			events := numbered(4)
			refused, err := r.Deliver(t.Context(), r.batch(events...))
			if err != nil {
				t.Fatal(err)
			}
			want := slices.Clone(events)
			if tc.refused != none {
				if len(refused) != 1 || refused[0].Index != tc.refused || refused[0].Reply == "" {
					t.Errorf("refused %+v, want %d", refused, tc.refused)
				}
				want = slices.Delete(want, tc.refused, tc.refused+1)
			} else if len(refused) > 0 {
				t.Errorf("refused %+v", refused)
			}
			if diff := cmp.Diff(want, r.bodies()); diff != "" {
				t.Errorf("indexed (-want +got):\n%s", diff)
			}
			if n := len(r.server.Requests()); n != tc.posts {
				t.Errorf("%d posts, want %d", n, tc.posts)
			}
			if n := testutil.ToFloat64(r.metrics.requests.WithLabelValues(tc.class.String())); n < 1 {
				t.Errorf("no answer of class %s is counted", tc.class)
			}
			told := r.told()
			if tc.says == "" && len(told) > 0 || tc.says != "" && (len(told) != 2 || !strings.Contains(told[0], tc.says) || told[1] != "") {
				t.Errorf("told %q, want %q", told, tc.says)
			}
		})
	}
}

// TestCertificates: what is wrong with one is said, and what to do.
func TestCertificates(t *testing.T) {
	t.Parallel()
	t.Run("another name", func(t *testing.T) {
		t.Parallel()
		server := hectest.Start(t, hectest.WithSelfSignedTLS())
		r := newRigOf(t, func(c *Config) {
			c.TLS.CAFile = writeFile(t, server.CAPEM())
			c.Proxy = creds.NewSecret(newForward(t, strings.TrimPrefix(server.URL(), "https://")))
			c.URLs = []string{"https://splunk.example.com:8088"}
		}, server)
		told := r.blocked(t)
		for _, part := range []string{"localhost, 127.0.0.1", "hec.url", "hec.tls.server_name"} {
			if !strings.Contains(told, part) {
				t.Errorf("told %q, want %q", told, part)
			}
		}
	})
	t.Run("a client certificate is asked for", func(t *testing.T) {
		t.Parallel()
		server := hectest.Start(t, hectest.WithSelfSignedTLS(), hectest.WithClientCAs(x509.NewCertPool()))
		r := newRigOf(t, func(c *Config) { c.TLS.InsecureSkipVerify = true }, server)
		if told := r.blocked(t); !strings.Contains(told, "hec.tls.client_cert_file") {
			t.Errorf("told %q", told)
		}
	})
	t.Run("unknown CA", func(t *testing.T) {
		t.Parallel()
		r := newRigOf(t, nil, hectest.Start(t, hectest.WithSelfSignedTLS()))
		if told := r.blocked(t); !strings.Contains(told, "hec.tls.ca_file") || !strings.Contains(told, "hec.tls.truststore_file") {
			t.Errorf("told %q", told)
		}
	})
	t.Run("a pin that does not match", func(t *testing.T) {
		t.Parallel()
		server := hectest.Start(t, hectest.WithSelfSignedTLS())
		r := newRigOf(t, func(c *Config) {
			c.TLS.CAFile = writeFile(t, server.CAPEM())
			c.TLS.PinnedSHA256 = []string{strings.Repeat("ab", 32)}
		}, server)
		if told := r.blocked(t); !strings.Contains(told, "matches none of pinned_sha256") || !strings.HasSuffix(told, "; if it was renewed on purpose, pin one of these") {
			t.Errorf("told %q", told)
		}
	})
}

// newForward is a proxy that connects to one address, whatever it is asked for.
func newForward(t *testing.T, to string) string {
	t.Helper()
	p := newProxy(t, nil, 0)
	p.to = to
	return p.URL
}

// blocked delivers until it is told why that does not go.
func (r *rig) blocked(t *testing.T) string {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() {
		_, err := r.Deliver(ctx, r.batch(numbered(1)...))
		done <- err
	}()
	told := r.await(t, func(told []string) bool { return len(told) > 0 })
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("delivered: %v", err)
	}
	return told[0]
}

// writeFile makes a PEM file.
func writeFile(t *testing.T, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file.pem")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

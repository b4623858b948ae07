package deploy

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"software.sslmate.com/src/go-pkcs12"

	"auditlog-forwarder/pkg/alerts/deploy/resttest"
	"auditlog-forwarder/pkg/creds"
)

func TestConfig(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		change func(*Config)
		want   string // the beginning of the one mistake; empty: none
	}{
		"defaults":          {change: func(c *Config) { *c = DefaultConfig() }},
		"whole":             {change: func(*Config) {}},
		"no scheme":         {change: func(c *Config) { c.URL = "splunk:8089" }, want: "url: this is not an address"},
		"user in it":        {change: func(c *Config) { c.URL = "https://a:b@splunk:8089" }, want: "url: the address holds a user"},
		"app with a slash":  {change: func(c *Config) { c.App = "../search" }, want: "app: "},
		"no app":            {change: func(c *Config) { c.App = "" }, want: "app: "},
		"wildcard owner":    {change: func(c *Config) { c.Owner = "-" }, want: "owner: "},
		"sharing":           {change: func(c *Config) { c.Sharing = "all" }, want: `sharing: "all" is unknown; allowed are app, global, user`},
		"roles of a user's": {change: func(c *Config) { c.Sharing, c.Owner, c.ACL.Read = SharingUser, "alice", []string{"*"} }, want: "acl: roles have no effect"},
		"two roles in one":  {change: func(c *Config) { c.ACL.Write = []string{"admin,power"} }, want: "acl.write: "},
		"timeout":           {change: func(c *Config) { c.Timeout = time.Millisecond }, want: "timeout: 1ms is too short"},
		"both ways":         {change: func(c *Config) { c.Username = "alice" }, want: "token: given beside username"},
		"password alone": {
			change: func(c *Config) { c.Token, c.Password = creds.Secret{}, creds.NewSecret("x") }, want: "username: missing",
		},
		"TLS": {change: func(c *Config) { c.TLS.MinVersion = "1.0" }, want: "tls.min_version: "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := DefaultConfig()
			c.URL, c.Token = "https://splunk:8089", creds.NewSecret(token)
			tt.change(&c)
			errs := c.Validate()
			switch {
			case tt.want == "" && len(errs) > 0:
				t.Error(errs)
			case tt.want != "" && (len(errs) != 1 || !strings.HasPrefix(errs[0].Error(), tt.want)):
				t.Errorf("mistakes %v, want one that begins with %q", errs, tt.want)
			}
		})
	}
}

func TestReady(t *testing.T) {
	t.Parallel()
	lines := func(err error) []string {
		if err == nil {
			return nil
		}
		var keys []string
		for line := range strings.Lines(err.Error()) {
			key, _, _ := strings.Cut(line, ":")
			keys = append(keys, key)
		}
		return keys
	}
	c := DefaultConfig()
	if diff := cmp.Diff([]string{"alerts.splunk.url", "alerts.splunk.token"}, lines(c.Ready())); diff != "" {
		t.Errorf("missing (-want +got):\n%s", diff)
	}
	c.URL, c.Username, c.Sharing = "https://splunk:8089", "alice", SharingUser
	if diff := cmp.Diff([]string{"alerts.splunk.password", "alerts.splunk.sharing"}, lines(c.Ready())); diff != "" {
		t.Errorf("missing (-want +got):\n%s", diff)
	}
	c.Owner, c.Password = "alice", creds.NewSecret("x")
	if err := c.Ready(); err != nil {
		t.Error(err)
	}
}

func TestOpen(t *testing.T) {
	t.Parallel()
	for url, open := range map[string]bool{
		"http://splunk:8089": true, "https://splunk:8089": false, "http://127.0.0.1:8089": false, "http://localhost:8089": false, "http://10.0.0.1": true,
	} {
		if got := (Config{URL: url}).Open(); got != open {
			t.Errorf("%s: open is %t, want %t", url, got, open)
		}
	}
}

// TestTruststore reaches Splunk with a store as Java's tools make it, and not
// with its wrong password.
func TestTruststore(t *testing.T) {
	t.Parallel()
	w := newWorld(t, resttest.Options{TLS: true})
	block, _ := pem.Decode(w.splunk.CAPEM())
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	store, err := pkcs12.Modern.EncodeTrustStore([]*x509.Certificate{cert}, "changeit")
	if err != nil {
		t.Fatal(err)
	}
	w.cfg.TLS.TruststoreFile, w.cfg.TLS.TruststorePassword = writeFile(t, "trust.p12", store), creds.NewSecret("changeit")
	w.apply(Options{})
	w.cfg.TLS.TruststorePassword = creds.NewSecret("wrong")
	if _, err := New(w.cfg, "test"); err == nil || !strings.HasPrefix(err.Error(), "alerts.splunk.tls.truststore_file") {
		t.Errorf("error %v, want one about alerts.splunk.tls.truststore_file", err)
	}
	// Whoever says so takes any certificate.
	w.cfg.TLS = creds.DefaultTLS()
	w.cfg.TLS.InsecureSkipVerify = true
	w.want(w.plan(Options{}), "same macro confluent_audit_events", "same alert "+first, "same alert "+second)
}

func TestLines(t *testing.T) {
	t.Parallel()
	got := Lines("a\nb\nc\nd", "a\nx\nc\nd\ne")
	if diff := cmp.Diff([]string{" a", "-b", "+x", " c", " d", "+e"}, got); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
	long := strings.Repeat("x\n", maxDiff+1)
	if got := Lines(long, "x"); len(got) != maxDiff+3 {
		t.Errorf("%d lines of a long text, want all of both", len(got))
	}
}

func TestMarker(t *testing.T) {
	t.Parallel()
	m := marker{name: sumOf("X")}
	m.parts[schedule] = sumOf("a")
	for text, want := range map[string]ownership{
		m.String(): deployed, owner: packaged, owner + ":short": packaged, "": foreign, "another": foreign, owner + "s": foreign,
		marker{name: sumOf("Y")}.String(): cloned,
	} {
		got, whose := readMarker(text, "X")
		if whose != want || whose == deployed && got != m {
			t.Errorf("%q: %d and %v, want %d", text, whose, got, want)
		}
	}
}

func TestErrorKeepsItsCause(t *testing.T) {
	t.Parallel()
	cause := errors.New("cause")
	if err := error(unanswered(cause, "splunk")); !errors.Is(err, cause) {
		t.Errorf("%v hides its cause", err)
	}
}

package creds_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"auditlog-forwarder/pkg/creds"
)

const name = "splunk.example.com"

func isUnknown(err error) bool  { return errors.As(err, new(x509.UnknownAuthorityError)) }
func isHostname(err error) bool { return errors.As(err, new(x509.HostnameError)) }

func TestTLSHandshake(t *testing.T) {
	t.Parallel()
	year := time.Now().Add(365 * 24 * time.Hour)
	ours, other := newAuthority(t, "ours", year), newAuthority(t, "other", year)
	old := newAuthority(t, "old", time.Now().Add(-24*time.Hour))
	cert := ours.server(t, name)
	for _, tt := range []struct {
		what       string
		tls        creds.TLS
		name       string
		maxVersion uint16
		want       func(error) bool // the error is what it should be
		wantErr    string           // or holds this
	}{
		{what: "our CA", tls: creds.TLS{CAFile: write(t, ours.pem())}, name: name},
		{what: "a byte order mark", tls: creds.TLS{CAFile: write(t, "\xef\xbb\xbf"+ours.pem())}, name: name},
		{what: "TLS 1.2", tls: creds.TLS{CAFile: write(t, ours.pem())}, name: name, maxVersion: tls.VersionTLS12},
		{what: "TLS 1.1", tls: creds.TLS{CAFile: write(t, ours.pem())}, name: name, maxVersion: tls.VersionTLS11, wantErr: "protocol version"},
		{what: "TLS 1.3 wanted", tls: creds.TLS{CAFile: write(t, ours.pem()), MinVersion: "1.3"}, name: name},
		{what: "TLS 1.3 wanted, 1.2 offered", tls: creds.TLS{CAFile: write(t, ours.pem()), MinVersion: "1.3"}, name: name, maxVersion: tls.VersionTLS12, wantErr: "protocol version"},
		{what: "bundle with an expired one and text", tls: creds.TLS{CAFile: write(t, "# old\n"+old.pem()+"# ours\n"+ours.pem())}, name: name},
		{what: "another CA", tls: creds.TLS{CAFile: write(t, other.pem())}, name: name, want: isUnknown},
		{what: "the system's CAs", name: name, want: isUnknown},
		{what: "another name", tls: creds.TLS{CAFile: write(t, ours.pem())}, name: "other.example.com", want: isHostname},
		{what: "no check", tls: creds.TLS{InsecureSkipVerify: true}, name: "other.example.com"},
	} {
		t.Run(tt.what, func(t *testing.T) {
			t.Parallel()
			cfg, err := tt.tls.Config(tt.name)
			if err != nil {
				t.Fatal(err)
			}
			p := serve(t, &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS10, MaxVersion: tt.maxVersion})
			_, err = p.call(t, cfg)
			switch {
			case tt.want != nil:
				if !tt.want(err) {
					t.Errorf("error %v (%T) is not the right one", err, err)
				}
			case tt.wantErr != "":
				if err == nil || !strings.Contains(err.Error(), tt.wantErr) {
					t.Errorf("error %v, want one with %q", err, tt.wantErr)
				}
			case err != nil:
				t.Error(err)
			}
		})
	}
}

// TestTruststore shakes hands with every store that Java and openssl make, and
// each alone must be what lets the server pass.
func TestTruststore(t *testing.T) {
	t.Parallel()
	other := newAuthority(t, "other", time.Now().Add(time.Hour))
	for _, tt := range []struct {
		what string
		tls  creds.TLS
		want func(error) bool
	}{
		{what: "JKS", tls: creds.TLS{TruststoreFile: data("trust.jks"), TruststorePassword: secret(password)}},
		{what: "JKS without its password", tls: creds.TLS{TruststoreFile: data("trust.jks")}},
		{what: "JKS with a key too", tls: creds.TLS{TruststoreFile: data("both.jks"), TruststorePassword: secret(password)}},
		{what: "PKCS#12", tls: creds.TLS{TruststoreFile: data("trust.p12"), TruststorePassword: secret(password)}},
		{what: "PKCS#12 of Java 8", tls: creds.TLS{TruststoreFile: data("trust-legacy.p12"), TruststorePassword: secret(password)}},
		{what: "PKCS#12 without a password", tls: creds.TLS{TruststoreFile: data("trust-plain.p12")}},
		{what: "PKCS#12 of openssl", tls: creds.TLS{TruststoreFile: data("trust-openssl.p12"), TruststorePassword: secret(password)}},
		{what: "PKCS#12 with a key too", tls: creds.TLS{TruststoreFile: data("both.p12"), TruststorePassword: secret(password)}},
		{what: "another CA beside it", tls: creds.TLS{TruststoreFile: data("trust.jks"), CAFile: write(t, other.pem())}},
		{what: "PEM beside it", tls: creds.TLS{TruststoreFile: data("trust.jks"), CAFile: data("ca.pem")}},
		{what: "another CA alone", tls: creds.TLS{CAFile: write(t, other.pem())}, want: isUnknown},
	} {
		t.Run(tt.what, func(t *testing.T) {
			t.Parallel()
			cfg, err := tt.tls.Config(name)
			if err != nil {
				t.Fatal(err)
			}
			_, err = serve(t, &tls.Config{Certificates: []tls.Certificate{splunk(t)}}).call(t, cfg)
			if tt.want == nil && err != nil || tt.want != nil && !tt.want(err) {
				t.Errorf("error %v", err)
			}
		})
	}
}

func TestFiles(t *testing.T) {
	t.Parallel()
	if got := (creds.TLS{}).Files(); len(got) != 0 {
		t.Errorf("got %q of nothing", got)
	}
	all := creds.TLS{CAFile: "a", TruststoreFile: "b", ClientCertFile: "c", ClientKeyFile: "d", KeystoreFile: "e"}
	if diff := cmp.Diff([]string{"a", "b", "c", "d", "e"}, all.Files()); diff != "" {
		t.Error(diff)
	}
}

func TestValidate(t *testing.T) {
	t.Parallel()
	const digest = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
	for _, tt := range []struct {
		what   string
		change func(*creds.TLS)
		want   []string // how each error begins
	}{
		{"the defaults", func(*creds.TLS) {}, nil},
		{"all that goes together", func(c *creds.TLS) {
			c.CAFile, c.TruststoreFile, c.TruststorePassword = "a", "b", secret("p")
			c.ClientCertFile, c.ClientKeyFile, c.ClientKeyPassword = "c", "d", secret("p")
			c.ServerName, c.MinVersion, c.PinnedSHA256 = "splunk.example.com", "1.3", []string{digest}
		}, nil},
		{"a keystore whose key has an own password", func(c *creds.TLS) {
			c.KeystoreFile, c.KeystorePassword, c.ClientKeyPassword = "e", secret("p"), secret("q")
		}, nil},
		{"no key", func(c *creds.TLS) { c.ClientCertFile = "c" }, []string{"client_key_file: missing; "}},
		{"no certificate", func(c *creds.TLS) { c.ClientKeyFile = "c" }, []string{"client_cert_file: missing; "}},
		{"both forms", func(c *creds.TLS) { c.ClientCertFile, c.KeystoreFile = "c", "k" }, []string{"keystore_file: given beside client_cert_file "}},
		{"passwords of nothing", func(c *creds.TLS) {
			c.TruststorePassword, c.KeystorePassword, c.ClientKeyPassword = secret("p"), secret("p"), secret("p")
		}, []string{"truststore_file: missing; ", "client_key_file: missing; ", "keystore_file: missing; "}},
		{"an address for a name", func(c *creds.TLS) { c.ServerName = "https://splunk:8088" }, []string{`server_name: "https://splunk:8088" is no host name; `}},
		{"a port in the name", func(c *creds.TLS) { c.ServerName = "splunk:8088" }, []string{`server_name: "splunk:8088" is no host name; `}},
		{"an IPv6 address", func(c *creds.TLS) { c.ServerName = "2001:db8::1" }, nil},
		{"an unknown version", func(c *creds.TLS) { c.MinVersion = "1.1" }, []string{`min_version: "1.1" is unknown; `}},
		{"a SHA-1", func(c *creds.TLS) { c.PinnedSHA256 = []string{digest, digest[:40]} }, []string{`pinned_sha256: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b" is no SHA-256; `}},
	} {
		t.Run(tt.what, func(t *testing.T) {
			t.Parallel()
			c := creds.DefaultTLS()
			tt.change(&c)
			errs := c.Validate()
			if len(errs) != len(tt.want) {
				t.Fatalf("errors %v, want %d", errs, len(tt.want))
			}
			for i, err := range errs {
				if !strings.HasPrefix(err.Error(), tt.want[i]) {
					t.Errorf("error %q, want %q…", err, tt.want[i])
				}
			}
		})
	}
}

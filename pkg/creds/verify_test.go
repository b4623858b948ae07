package creds_test

import (
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"auditlog-forwarder/pkg/creds"
)

// TestServerName: the name that is configured is the one that is checked,
// whatever name the caller dials or asks for.
func TestServerName(t *testing.T) {
	t.Parallel()
	ca := data("ca.pem")
	asIs := func(*tls.Config) {}
	for _, tt := range []struct {
		what   string
		tls    creds.TLS
		dial   string
		change func(*tls.Config)
		sni    string // what the server is asked for
		want   func(error) bool
	}{
		{"an alias", creds.TLS{CAFile: ca, ServerName: name}, "alias.example.com", asIs, name, nil},
		{"an address", creds.TLS{CAFile: ca, ServerName: name}, "127.0.0.1", asIs, name, nil},
		{"no name at all", creds.TLS{CAFile: ca, ServerName: name}, "", asIs, name, nil},
		{"cleared by the caller", creds.TLS{CAFile: ca, ServerName: name}, "", func(c *tls.Config) { c.ServerName = "" }, "", nil},
		{"replaced by the caller", creds.TLS{CAFile: ca, ServerName: name}, "", func(c *tls.Config) { c.ServerName = "broker-1.example.com" }, "broker-1.example.com", nil},
		{"cloned, as net/http does", creds.TLS{CAFile: ca, ServerName: "other.example.com"}, "", func(c *tls.Config) { *c = *c.Clone() }, "", isHostname},
		{"the wrong one", creds.TLS{CAFile: ca, ServerName: "other.example.com"}, name, asIs, "", isHostname},
		{"the wrong one, and the caller knows the right one", creds.TLS{CAFile: ca, ServerName: "other.example.com"}, "", func(c *tls.Config) { c.ServerName = name }, "", isHostname},
		{"the right one and no CA", creds.TLS{ServerName: name}, name, asIs, "", isUnknown},
		{"the wrong one, and nothing is checked", creds.TLS{ServerName: "other.example.com", InsecureSkipVerify: true}, name, asIs, "other.example.com", nil},
	} {
		t.Run(tt.what, func(t *testing.T) {
			t.Parallel()
			cfg, err := tt.tls.Config(tt.dial)
			if err != nil {
				t.Fatal(err)
			}
			tt.change(cfg)
			p := serve(t, &tls.Config{Certificates: []tls.Certificate{splunk(t)}})
			_, err = p.call(t, cfg)
			if tt.want != nil {
				var verification *tls.CertificateVerificationError
				if !tt.want(err) || !errors.As(err, &verification) || len(verification.UnverifiedCertificates) == 0 {
					t.Errorf("error %v is not the one of crypto/tls", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := <-p.seen; cfg.ServerName != "" && got.ServerName != tt.sni {
				t.Errorf("the server was asked for %q, want %q", got.ServerName, tt.sni)
			}
		})
	}
}

// TestServerNameChain: what the server sends between its certificate and the CA
// counts for our check too.
func TestServerNameChain(t *testing.T) {
	t.Parallel()
	year := time.Now().Add(365 * 24 * time.Hour)
	root, between := newAuthority(t, "root", year), newAuthority(t, "between", year)
	signed := *between.cert
	signed.SubjectKeyId, signed.AuthorityKeyId = nil, nil
	between.cert = sign(t, &signed, root.cert, between.key, root.key)
	cert := between.server(t, name)
	c := creds.TLS{CAFile: write(t, root.pem()), ServerName: name}
	for _, tt := range []struct {
		what  string
		chain [][]byte
		want  func(error) bool
	}{
		{"whole", append(slices.Clone(cert.Certificate), between.cert.Raw), nil},
		{"without what is between", cert.Certificate, isUnknown},
	} {
		t.Run(tt.what, func(t *testing.T) {
			t.Parallel()
			cfg, err := c.Config("alias.example.com")
			if err != nil {
				t.Fatal(err)
			}
			shown := cert
			shown.Certificate = tt.chain
			_, err = serve(t, &tls.Config{Certificates: []tls.Certificate{shown}}).call(t, cfg)
			if tt.want == nil && err != nil || tt.want != nil && !tt.want(err) {
				t.Errorf("error %v", err)
			}
		})
	}
}

func sum(b []byte) string { s := sha256.Sum256(b); return hex.EncodeToString(s[:]) }

func TestPins(t *testing.T) {
	t.Parallel()
	cert := splunk(t)
	certSum, keySum, other := sum(cert.Leaf.Raw), sum(cert.Leaf.RawSubjectPublicKeyInfo), sum(nil)
	colons := func(s string) string {
		var pairs []string
		for i := 0; i < len(s); i += 2 {
			pairs = append(pairs, strings.ToUpper(s[i:i+2]))
		}
		return strings.Join(pairs, ":")
	}
	b64 := func(enc *base64.Encoding, s string) string {
		raw, _ := hex.DecodeString(s)
		return enc.EncodeToString(raw)
	}
	pinned := func(err error) bool {
		var pin *creds.PinError
		return errors.As(err, &pin) && pin.Certificate == certSum && pin.PublicKey == keySum && strings.Contains(err.Error(), certSum)
	}
	good := creds.TLS{CAFile: data("ca.pem")}
	for _, tt := range []struct {
		what string
		tls  creds.TLS
		pins []string
		name string
		want func(error) bool
	}{
		{"the certificate's", good, []string{certSum}, name, nil},
		{"the key's", good, []string{keySum}, name, nil},
		{"with colons", good, []string{colons(certSum)}, name, nil},
		{"in base64", good, []string{b64(base64.StdEncoding, keySum)}, name, nil},
		{"in base64 for URLs", good, []string{b64(base64.RawURLEncoding, certSum)}, name, nil},
		{"the second of two", good, []string{other, keySum}, name, nil},
		{"another", good, []string{other}, name, pinned},
		{"the CA's", good, []string{sum([]byte(read(t, "ca.der")))}, name, pinned},
		{"the right one does not make up for the name", good, []string{certSum}, "other.example.com", isHostname},
		{"the right one does not make up for the CA", creds.TLS{}, []string{certSum}, name, isUnknown},
		{"alone", creds.TLS{InsecureSkipVerify: true}, []string{certSum}, "other.example.com", nil},
		{"alone and another", creds.TLS{InsecureSkipVerify: true}, []string{other}, name, pinned},
		{"with a server name", creds.TLS{CAFile: data("ca.pem"), ServerName: name}, []string{certSum}, "x", nil},
		{"another with a server name", creds.TLS{CAFile: data("ca.pem"), ServerName: name}, []string{other}, "x", pinned},
		{"with the wrong server name", creds.TLS{CAFile: data("ca.pem"), ServerName: "x"}, []string{certSum}, name, isHostname},
	} {
		t.Run(tt.what, func(t *testing.T) {
			t.Parallel()
			c := tt.tls
			c.PinnedSHA256 = tt.pins
			cfg, err := c.Config(tt.name)
			if err != nil {
				t.Fatal(err)
			}
			_, err = serve(t, &tls.Config{Certificates: []tls.Certificate{cert}}).call(t, cfg)
			if tt.want == nil && err != nil || tt.want != nil && !tt.want(err) {
				t.Errorf("error %v", err)
			}
		})
	}
}

// TestResumedSession: a session that was begun under other rules passes no
// certificate by.
func TestResumedSession(t *testing.T) {
	t.Parallel()
	cert := splunk(t)
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		t.Run(tls.VersionName(version), func(t *testing.T) {
			t.Parallel()
			p := serve(t, &tls.Config{Certificates: []tls.Certificate{cert}, MaxVersion: version})
			cache := tls.NewLRUClientSessionCache(1)
			call := func(c creds.TLS) (tls.ConnectionState, error) {
				c.CAFile = data("ca.pem")
				cfg, err := c.Config(name)
				if err != nil {
					t.Fatal(err)
				}
				cfg.ClientSessionCache = cache
				return p.call(t, cfg)
			}
			right := creds.TLS{PinnedSHA256: []string{sum(cert.Leaf.Raw)}, ServerName: name}
			for i := range 2 {
				state, err := call(right)
				if err != nil || state.DidResume != (i == 1) {
					t.Fatalf("call %d: resumed %v, error %v", i, state.DidResume, err)
				}
			}
			if _, err := call(creds.TLS{PinnedSHA256: []string{sum(nil)}, ServerName: name}); !errors.As(err, new(*creds.PinError)) {
				t.Errorf("another pin: %v", err)
			}
		})
	}
}

// FuzzPin: what is taken for a pin is what some writer of SHA-256 would print.
func FuzzPin(f *testing.F) {
	digest := sha256.Sum256([]byte("seed"))
	f.Add(hex.EncodeToString(digest[:]))
	f.Add(fmt.Sprintf("% X", digest))
	f.Add(base64.StdEncoding.EncodeToString(digest[:]))
	f.Add(base64.RawURLEncoding.EncodeToString(digest[:]))
	f.Add("")
	f.Add(strings.Repeat(":", 64))
	f.Fuzz(func(t *testing.T, text string) {
		c := creds.TLS{MinVersion: "1.2", PinnedSHA256: []string{text}}
		errs := c.Validate()
		if _, err := c.Config("x"); (err == nil) != (len(errs) == 0) {
			t.Fatalf("Config says %v, Validate %v", err, errs)
		}
		if len(errs) > 0 {
			return
		}
		// 32 bytes are 64 digits or 43 characters of base64, whatever stands between.
		digits := 0
		for _, r := range text {
			if r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || strings.ContainsRune("+/-_", r) {
				digits++
			}
		}
		if digits != 64 && digits != 43 {
			t.Errorf("%q has %d digits", text, digits)
		}
	})
}

// TestConnectionWithoutCertificate: Go never asks so, but what asks might.
func TestConnectionWithoutCertificate(t *testing.T) {
	t.Parallel()
	cfg, err := creds.TLS{PinnedSHA256: []string{sum(nil)}, InsecureSkipVerify: true}.Config(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := cfg.VerifyConnection(tls.ConnectionState{HandshakeComplete: true, Version: tls.VersionTLS13}); err == nil {
		t.Error("nobody at all is let pass")
	}
}

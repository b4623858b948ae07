package creds_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"auditlog-forwarder/pkg/creds"
)

// authority is a CA and what it signs, made for one test.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// newAuthority makes a CA that is valid until end.
func newAuthority(t *testing.T, name string, end time.Time) authority {
	t.Helper()
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name},
		NotBefore: end.AddDate(-10, 0, 0), NotAfter: end,
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	key := newKey(t)
	return authority{cert: sign(t, tmpl, tmpl, key, key), key: key}
}

// server makes a certificate for a name, signed by a.
func (a authority) server(t *testing.T, name string) tls.Certificate {
	t.Helper()
	key := newKey(t)
	cert := sign(t, &x509.Certificate{
		SerialNumber: big.NewInt(2), DNSNames: []string{name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}, a.cert, key, a.key)
	return tls.Certificate{Certificate: [][]byte{cert.Raw}, PrivateKey: key}
}

func (a authority) pem() string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw}))
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func sign(t *testing.T, tmpl, parent *x509.Certificate, key, by *ecdsa.PrivateKey) *x509.Certificate {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, tmpl, parent, &key.PublicKey, by)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

func write(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// handshake connects a client to a server that shows cert and speaks at most
// the TLS version max (0: any). It returns the client's error.
func handshake(t *testing.T, client *tls.Config, cert tls.Certificate, maxVersion uint16) error {
	t.Helper()
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{
		Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS10, MaxVersion: maxVersion,
	})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		conn, err := listener.Accept()
		if err != nil {
			return // the listener is closed
		}
		defer conn.Close()               //nolint:errcheck // the client has gone
		_, _ = io.Copy(io.Discard, conn) // shakes hands, then waits until the client has gone
	}()
	conn, err := (&tls.Dialer{Config: client}).DialContext(t.Context(), "tcp", listener.Addr().String())
	if err == nil {
		err = conn.Close()
	}
	if closeErr := listener.Close(); closeErr != nil {
		t.Error(closeErr)
	}
	<-done
	return err
}

func TestTLSHandshake(t *testing.T) {
	t.Parallel()
	year := time.Now().Add(365 * 24 * time.Hour)
	ours, other := newAuthority(t, "ours", year), newAuthority(t, "other", year)
	old := newAuthority(t, "old", time.Now().Add(-24*time.Hour))
	cert := ours.server(t, "splunk.example.com")
	const name = "splunk.example.com"
	isUnknown := func(err error) bool { return errors.As(err, new(x509.UnknownAuthorityError)) }
	isHostname := func(err error) bool { return errors.As(err, new(x509.HostnameError)) }
	for _, tt := range []struct {
		what       string
		tls        creds.TLS
		name       string
		maxVersion uint16
		want       func(error) bool // the error is what it should be
		wantErr    string           // or holds this
	}{
		{what: "our CA", tls: creds.TLS{CAFile: write(t, ours.pem())}, name: name},
		{what: "TLS 1.2", tls: creds.TLS{CAFile: write(t, ours.pem())}, name: name, maxVersion: tls.VersionTLS12},
		{what: "TLS 1.1", tls: creds.TLS{CAFile: write(t, ours.pem())}, name: name, maxVersion: tls.VersionTLS11, wantErr: "protocol version"},
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
			err = handshake(t, cfg, cert, tt.maxVersion)
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

func TestTLSBadFile(t *testing.T) {
	t.Parallel()
	end := time.Date(2020, 5, 17, 12, 0, 0, 0, time.UTC)
	old := newAuthority(t, "old", end)
	older := newAuthority(t, "older", end.AddDate(-1, 0, 0))
	valid := newAuthority(t, "valid", time.Now().Add(time.Hour))
	keyDER, err := x509.MarshalPKCS8PrivateKey(valid.key)
	if err != nil {
		t.Fatal(err)
	}
	key := string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}))
	damaged := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("nonsense")}))
	missing := filepath.Join(t.TempDir(), "missing.pem")
	for _, tt := range []struct {
		what, path string
		want       string // behind "ca_file <path>: "
	}{
		{"missing", missing, "open: no such file or directory"},
		{"a directory", t.TempDir(), "it is a directory; name a PEM file"},
		{"empty", write(t, "\n"), "it is empty; put the CA's certificate into it, in PEM form"},
		{"text", write(t, "hello"), "no certificate found; a PEM file holds lines that begin with -----BEGIN CERTIFICATE-----"},
		{"a private key", write(t, key), "it holds a private key and no certificate; give the CA's certificate, which begins with -----BEGIN CERTIFICATE-----"},
		{"damaged", write(t, valid.pem()+damaged), "certificate 2 in it is damaged: x509: malformed certificate"},
		{"expired", write(t, older.pem()+old.pem()), "every certificate in it has expired, the last one on 2020-05-17; get the current CA certificate"},
		{"JKS", write(t, "\xfe\xed\xfe\xed\x00\x00\x00\x02"), "it is a Java keystore (JKS), not PEM; export each certificate with keytool -exportcert -rfc -keystore FILE -alias NAME"},
		{"PKCS#12", write(t, "\x30\x82\x09\x9a\x02\x01\x03"), "it is a PKCS#12 store or other binary data, not PEM; convert it with openssl pkcs12 -in FILE -cacerts -nokeys -out ca.pem"},
		{"DER", write(t, string(valid.cert.Raw)), "it is a certificate in DER form, not PEM; convert it with openssl x509 -inform der -in FILE -out ca.pem"},
		{"too large", write(t, strings.Repeat("x", 8<<20+1)), "it is larger than 8 MiB and so no PEM bundle"},
	} {
		t.Run(tt.what, func(t *testing.T) {
			t.Parallel()
			cfg, err := creds.TLS{CAFile: tt.path}.Config("name")
			if want := "ca_file " + tt.path + ": " + tt.want; err == nil || err.Error() != want {
				t.Errorf("error\n%v, want\n%s", err, want)
			}
			if cfg != nil {
				t.Error("a configuration beside an error")
			}
		})
	}
}

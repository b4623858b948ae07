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
	"testing"
	"time"

	"auditlog-forwarder/pkg/creds"
)

// password is that of every store which testdata/make.sh makes.
const password = "changeit"

func secret(s string) creds.Secret { return creds.NewSecret(s) }

// data is the path of a file that testdata/make.sh makes.
func data(name string) string { return filepath.Join("testdata", name) }

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
	return tls.Certificate{Certificate: [][]byte{cert.Raw}, PrivateKey: key, Leaf: cert}
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

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(data(name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// splunk is the server that testdata/ca.pem signed, for splunk.example.com.
func splunk(t *testing.T) tls.Certificate {
	t.Helper()
	cert, err := tls.LoadX509KeyPair(data("splunk.pem"), data("splunk.key"))
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

// peer is a TLS server. It closes each connection after the first byte, which
// it answers: so both sides have finished the handshake, in TLS 1.3 too.
type peer struct {
	addr string
	seen chan tls.ConnectionState // one for each client it took
}

func serve(t *testing.T, config *tls.Config) *peer {
	t.Helper()
	listener, err := tls.Listen("tcp", "127.0.0.1:0", config)
	if err != nil {
		t.Fatal(err)
	}
	p := &peer{addr: listener.Addr().String(), seen: make(chan tls.ConnectionState, 8)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return // the listener is closed
			}
			var b [1]byte
			if _, err := io.ReadFull(conn, b[:]); err == nil {
				p.seen <- conn.(*tls.Conn).ConnectionState()
				_, _ = conn.Write(b[:]) // the client sees whether it came
			}
			_ = conn.Close() // the client has what it wants
		}
	}()
	t.Cleanup(func() {
		if err := listener.Close(); err != nil {
			t.Error(err)
		}
		<-done
	})
	return p
}

// call shakes hands and says one byte. It returns the client's error.
func (p *peer) call(t *testing.T, client *tls.Config) (tls.ConnectionState, error) {
	t.Helper()
	conn, err := (&tls.Dialer{Config: client}).DialContext(t.Context(), "tcp", p.addr)
	if err != nil {
		return tls.ConnectionState{}, err
	}
	_, writeErr := conn.Write([]byte{1})
	var b [1]byte
	_, readErr := io.ReadFull(conn, b[:])
	state := conn.(*tls.Conn).ConnectionState()
	_ = conn.Close() // what counts was said before
	return state, errors.Join(writeErr, readErr)
}

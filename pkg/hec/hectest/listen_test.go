package hectest_test

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"auditlog-forwarder/pkg/hec/hectest"
)

// ownCert is a self-signed certificate for both ends of a connection.
func ownCert(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "own"}, DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}

func TestOwnAndClientCertificates(t *testing.T) {
	t.Parallel()
	cert, pool := ownCert(t)
	s := hectest.Start(t, hectest.WithTLS(cert), hectest.WithClientCAs(pool))
	with, without := trusting(t, s), trusting(t, s)
	with.Certificates = []tls.Certificate{cert}
	if _, body, err := post(t.Context(), t, client(t, with), s.URL()+event, `{"event":1}`); err != nil || body != ok {
		t.Errorf("with a client certificate: %s, %v", body, err)
	}
	if _, _, err := post(t.Context(), t, client(t, without), s.URL()+event, `{"event":1}`); err == nil {
		t.Error("served without a client certificate")
	}
	if s.Len() != 1 {
		t.Errorf("indexed %d, want 1", s.Len())
	}
}

func TestListenNamesTheAddress(t *testing.T) {
	t.Parallel()
	s := hectest.Start(t)
	addr := strings.TrimPrefix(s.URL(), "http://")
	if other, err := hectest.Listen(addr); err == nil || other != nil || !strings.Contains(err.Error(), addr) {
		t.Errorf("a port twice: %v, %v", other, err)
	}
}

// dial sends one request by hand, reads the reply, and tells whether that
// announced a close.
func dial(t *testing.T, s *hectest.Server, request string) (rest *bufio.Reader, closing bool) {
	t.Helper()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", strings.TrimPrefix(s.URL(), "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(conn)
	resp, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		t.Fatal(err)
	}
	if err := resp.Body.Close(); err != nil {
		t.Fatal(err)
	}
	return r, resp.Close
}

func TestIdleConnectionIsClosed(t *testing.T) {
	t.Parallel() // 1.7 D busyKeepAliveIdleTimeout
	s := hectest.Start(t, hectest.WithIdleTimeout(time.Millisecond))
	r, closing := dial(t, s, "GET /services/collector/health HTTP/1.1\r\nHost: x\r\nUser-Agent: x\r\n\r\n")
	if closing {
		t.Error("the reply announced a close")
	}
	if rest, err := io.ReadAll(r); err != nil || len(rest) > 0 { // ends only if the server closes
		t.Errorf("after the reply: %q, %v", rest, err)
	}
}

func TestNoUserAgentClosesTheConnection(t *testing.T) {
	t.Parallel() // 1.2 D forceHttp10
	r, closing := dial(t, hectest.Start(t), "GET /services/collector/health HTTP/1.1\r\nHost: x\r\n\r\n")
	if !closing {
		t.Error("the reply did not announce a close")
	}
	if rest, err := io.ReadAll(r); err != nil || len(rest) > 0 {
		t.Errorf("after the reply: %q, %v", rest, err)
	}
}

func TestOversizedBodyGetsItsReply(t *testing.T) {
	t.Parallel() // 1.7 M2
	s := hectest.Start(t, hectest.WithMaxContentLength(1000))
	got, body, err := post(t.Context(), t, client(t, nil), s.URL()+event, strings.Repeat(`{"event":1}`, 1<<19))
	if err != nil || got.status != http.StatusRequestEntityTooLarge || !strings.Contains(body, "<html>") || s.Len() != 0 {
		t.Errorf("got %d %s, %v, %d indexed", got.status, body, err, s.Len())
	}
}

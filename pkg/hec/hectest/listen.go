package hectest

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"testing"
	"time"

	"auditlog-forwarder/pkg/faultnet"
)

// listener is the part of a server that holds a port. Pause and Resume replace
// http and done; the rest stays. It is guarded by the server's mu.
type listener struct {
	addr    string
	release func() // gives the port up
	tls     *tls.Config
	caPEM   []byte
	http    *http.Server
	done    chan struct{} // closed when http's accept loop has ended
	closed  bool
}

// Start listens on a free port of 127.0.0.1 until the test ends.
func Start(tb testing.TB, opts ...Option) *Server {
	tb.Helper()
	s, err := Listen("127.0.0.1:0", opts...)
	if err != nil {
		tb.Fatalf("start HEC server: %v", err)
	}
	tb.Cleanup(s.Close)
	return s
}

// Listen serves on addr until Close.
func Listen(addr string, opts ...Option) (*Server, error) {
	s := New(opts...)
	conf, ca, err := s.newTLS()
	if err != nil {
		return nil, fmt.Errorf("prepare TLS: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.listener = listener{tls: conf, caPEM: ca}
	s.listener.addr, s.listener.release = faultnet.Hold(addr)
	if err := s.listen(); err != nil {
		s.listener.release()
		return nil, err
	}
	return s, nil
}

// listen needs s.mu.
func (s *Server) listen() error {
	ln, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", s.listener.addr)
	if err != nil {
		return fmt.Errorf("listen on %s: %w", s.listener.addr, err)
	}
	s.listener.addr = ln.Addr().String() // Resume wants the same port
	srv := &http.Server{
		Handler:     s,
		IdleTimeout: s.cfg.idle,
		// Broken handshakes are what some tests are about; they need no log.
		ErrorLog:  slog.NewLogLogger(slog.DiscardHandler, slog.LevelError),
		Protocols: new(http.Protocols),
	}
	srv.Protocols.SetHTTP1(true)
	srv.Protocols.SetHTTP2(s.cfg.http2) // splunkd does not speak it
	if s.listener.tls != nil {
		ln = tls.NewListener(ln, s.listener.tls)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = srv.Serve(ln) // always ErrServerClosed, by stop
	}()
	s.listener.http, s.listener.done = srv, done
	return nil
}

// URL returns the base address, without a path.
func (s *Server) URL() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.listener.tls != nil {
		return "https://" + s.listener.addr
	}
	return "http://" + s.listener.addr
}

// CAPEM returns the certificate a client must trust, or nil without TLS. With
// WithTLS it is the last of the given chain.
func (s *Server) CAPEM() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.listener.caPEM
}

// Pause closes the port and all connections and waits for the requests in
// flight, whose replies are lost. Nothing is indexed once it has returned. On
// Linux the port stays the server's: connections to it are refused. A sink or
// hook must not call it, nor Close: both would wait for each other.
func (s *Server) Pause() { s.stop(false) }

// Close is Pause for good.
func (s *Server) Close() { s.stop(true) }

func (s *Server) stop(forGood bool) {
	s.mu.Lock()
	s.listener.closed = s.listener.closed || forGood
	if !s.stopped {
		s.stopped = true
		close(s.gone)
	}
	srv, done, release := s.listener.http, s.listener.done, s.listener.release
	s.mu.Unlock()
	if srv != nil {
		_ = srv.Close() // cuts every connection; its error is the listener's
		<-done
	}
	if forGood && release != nil {
		release()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.inFlight > 0 {
		changed := s.changed
		s.mu.Unlock()
		<-changed
		s.mu.Lock()
	}
}

// Resume listens again on the port that Pause closed.
func (s *Server) Resume() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.listener.closed:
		return errors.New("resume: the server is closed")
	case !s.stopped:
		return nil
	}
	if s.listener.http != nil {
		if err := s.listen(); err != nil {
			return fmt.Errorf("resume: %w", err)
		}
	}
	s.stopped, s.gone = false, make(chan struct{})
	return nil
}

// selfSigned makes an authority and a certificate for this machine's loopback.
func selfSigned() (tls.Certificate, []byte, error) {
	now := time.Now()
	template := func(serial int64, name string) *x509.Certificate {
		return &x509.Certificate{
			SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: name},
			NotBefore: now.Add(-time.Hour), NotAfter: now.Add(365 * 24 * time.Hour),
			BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature,
		}
	}
	ca := template(1, "hectest authority")
	ca.IsCA, ca.KeyUsage = true, x509.KeyUsageCertSign
	leaf := template(2, "hectest")
	leaf.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	leaf.DNSNames = []string{"localhost"}
	leaf.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}

	caKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	caDER, err := x509.CreateCertificate(rand.Reader, ca, ca, &caKey.PublicKey, caKey)
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	der, err := x509.CreateCertificate(rand.Reader, leaf, ca, &key.PublicKey, caKey)
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pemOf("CERTIFICATE", caDER), nil
}

func pemOf(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

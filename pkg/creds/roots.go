package creds

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
	"time"

	"auditlog-forwarder/pkg/creds/keystore"
)

// roots returns the CAs of ca_file and truststore_file together, or nil for
// the system's.
func (t TLS) roots(now time.Time) (*x509.CertPool, error) {
	if t.CAFile == "" && t.TruststoreFile == "" {
		return nil, nil
	}
	pool := x509.NewCertPool()
	for _, source := range []struct {
		key, path string
		read      func(path string) ([]*x509.Certificate, error)
	}{
		{"ca_file", t.CAFile, func(path string) ([]*x509.Certificate, error) { return readCertificates(path, trust()) }},
		{"truststore_file", t.TruststoreFile, func(path string) ([]*x509.Certificate, error) {
			return readTruststore(path, t.TruststorePassword)
		}},
	} {
		if source.path == "" {
			continue
		}
		certs, err := source.read(source.path)
		if err == nil {
			err = anyValid(certs, now)
		}
		if err != nil {
			return nil, fmt.Errorf("%s %s: %w", source.key, source.path, err)
		}
		for _, cert := range certs {
			pool.AddCert(cert)
		}
	}
	return pool, nil
}

func readTruststore(path string, password Secret) ([]*x509.Certificate, error) {
	store, err := readStore(path, password, trust())
	if err != nil {
		return nil, err
	}
	const add = "add the CA's with keytool -importcert -keystore FILE -alias ca -file CA.pem"
	switch {
	case len(store.Trusted) > 0:
	case len(store.Keys) > 0:
		return nil, errors.New("it holds a private key and no trusted certificate; " + add)
	default:
		return nil, errors.New("it is an empty store, without a certificate; " + add)
	}
	certs := make([]*x509.Certificate, len(store.Trusted))
	for i, entry := range store.Trusted {
		certs[i] = entry.Certificate
	}
	return certs, nil
}

// readStore reads a JKS or a PKCS#12.
func readStore(path string, password Secret, r role) (*keystore.Store, error) {
	data, err := readFile(path)
	if err != nil {
		return nil, err
	}
	if err := r.notStore(data); err != nil {
		return nil, err
	}
	store, err := keystore.Read(data, password.Reveal())
	if err != nil {
		return nil, r.storeError(err)
	}
	return store, nil
}

// readCertificates reads a PEM bundle. Go's own AppendCertsFromPEM skips in
// silence what it cannot read; here every way to get nothing is an error.
func readCertificates(path string, r role) ([]*x509.Certificate, error) {
	data, err := readFile(path)
	if err != nil {
		return nil, err
	}
	if err := r.notPEM(data); err != nil {
		return nil, err
	}
	var certs []*x509.Certificate
	key := false
	for _, block := range blocks(data) {
		if block.Type != "CERTIFICATE" {
			key = key || isKey(block)
			continue
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("certificate %d in it is damaged: %w; copy it here again", len(certs)+1, err)
		}
		certs = append(certs, cert)
	}
	switch {
	case len(certs) > 0:
		return certs, nil
	case key:
		return nil, errors.New("it holds a private key and no certificate; give the certificate, which begins with -----BEGIN CERTIFICATE-----")
	default:
		return nil, errors.New("no certificate found; a PEM file holds lines that begin with -----BEGIN CERTIFICATE-----")
	}
}

// blocks splits PEM. A byte order mark would hide the first block.
func blocks(data []byte) []*pem.Block {
	var all []*pem.Block
	for rest := bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")); ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return all
		}
		all = append(all, block)
	}
}

func isKey(block *pem.Block) bool { return strings.HasSuffix(block.Type, "PRIVATE KEY") }

// anyValid refuses CAs of which none is valid today. Bundles hold expired ones
// beside their successors; the check of a peer passes those by.
func anyValid(certs []*x509.Certificate, now time.Time) error {
	var latest, earliest time.Time // end of what has expired, begin of what is to come
	for _, cert := range certs {
		switch {
		case now.After(cert.NotAfter):
			if cert.NotAfter.After(latest) {
				latest = cert.NotAfter
			}
		case now.Before(cert.NotBefore):
			if earliest.IsZero() || cert.NotBefore.Before(earliest) {
				earliest = cert.NotBefore
			}
		default:
			return nil
		}
	}
	if !earliest.IsZero() {
		return fmt.Errorf("no certificate in it is valid yet, the first one from %s; check the clock of this machine", day(earliest))
	}
	return fmt.Errorf("every certificate in it has expired, the last one on %s; get the current CA certificate", day(latest))
}

func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }

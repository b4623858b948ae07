package creds

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// verification sets what is checked of the peer's certificate. Checks of our
// own are a VerifyConnection: it is called for resumed sessions too.
func (t TLS) verification(c *tls.Config) error {
	var checks []func(tls.ConnectionState) error
	switch {
	case t.InsecureSkipVerify:
		c.InsecureSkipVerify = true //nolint:gosec // off by default, and warned about at every start
	case t.ServerName != "":
		// Go would check the name that it asks for, and callers change that.
		// So its check is replaced by the same one for our name.
		c.InsecureSkipVerify = true //nolint:gosec // see chain
		checks = append(checks, chain(t.ServerName, c.RootCAs))
	}
	pins := make([][sha256.Size]byte, 0, len(t.PinnedSHA256))
	for _, text := range t.PinnedSHA256 {
		pin, err := parsePin(text)
		if err != nil {
			return fmt.Errorf("pinned_sha256: %w", err)
		}
		pins = append(pins, pin)
	}
	if len(pins) > 0 {
		checks = append(checks, pinned(pins))
	}
	if len(checks) == 0 {
		return nil
	}
	c.VerifyConnection = func(state tls.ConnectionState) error {
		if len(state.PeerCertificates) == 0 {
			return errors.New("the peer shows no certificate")
		}
		for _, check := range checks {
			if err := check(state); err != nil {
				return err
			}
		}
		return nil
	}
	return nil
}

// chain checks the peer's certificate as crypto/tls does, for a name of ours,
// and with its errors.
func chain(name string, roots *x509.CertPool) func(tls.ConnectionState) error {
	return func(state tls.ConnectionState) error {
		opts := x509.VerifyOptions{DNSName: name, Roots: roots, Intermediates: x509.NewCertPool()}
		for _, cert := range state.PeerCertificates[1:] {
			opts.Intermediates.AddCert(cert)
		}
		if _, err := state.PeerCertificates[0].Verify(opts); err != nil {
			return &tls.CertificateVerificationError{UnverifiedCertificates: state.PeerCertificates, Err: err}
		}
		return nil
	}
}

// PinError is a peer whose certificate matches no pin. The fingerprints are
// in hex.
type PinError struct{ Certificate, PublicKey string }

// Error implements error.
func (e *PinError) Error() string {
	return fmt.Sprintf("the certificate matches none of pinned_sha256: its SHA-256 is %s, that of its public key %s; if it was renewed on purpose, pin one of these",
		e.Certificate, e.PublicKey)
}

func pinned(pins [][sha256.Size]byte) func(tls.ConnectionState) error {
	return func(state tls.ConnectionState) error {
		leaf := state.PeerCertificates[0]
		cert, key := sha256.Sum256(leaf.Raw), sha256.Sum256(leaf.RawSubjectPublicKeyInfo)
		if slices.Contains(pins, cert) || slices.Contains(pins, key) {
			return nil
		}
		return &PinError{Certificate: hex.EncodeToString(cert[:]), PublicKey: hex.EncodeToString(key[:])}
	}
}

// parsePin reads a SHA-256 as openssl and browsers print it, in hex with or
// without colons, or in base64 as in HTTP's pins. The two cannot be mixed up:
// 64 digits of hex would be 48 bytes of base64.
func parsePin(text string) (pin [sha256.Size]byte, err error) {
	digits := strings.TrimSpace(text)
	sum, err := hex.DecodeString(strings.ReplaceAll(digits, ":", ""))
	if err != nil || len(sum) != len(pin) {
		plain := strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(digits, "="))
		sum, err = base64.RawStdEncoding.Strict().DecodeString(plain)
	}
	if err != nil || len(sum) != len(pin) {
		return pin, fmt.Errorf("%q is no SHA-256; give 64 digits of hex, with or without colons, or its base64, as openssl x509 -fingerprint -sha256 prints it", text)
	}
	return [sha256.Size]byte(sum), nil
}

// Names lists what a certificate is for, to be read.
func Names(cert *x509.Certificate) string {
	if cert == nil {
		return "other names"
	}
	all := append([]string{}, cert.DNSNames...)
	for _, ip := range cert.IPAddresses {
		all = append(all, ip.String())
	}
	if len(all) == 0 {
		return fmt.Sprintf("no name at all (its subject is %q, which does not count)", cert.Subject.CommonName)
	}
	return strings.Join(all, ", ")
}

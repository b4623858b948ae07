package creds

import (
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
)

// Explain says what to do about an error of a TLS handshake with Splunk, in
// the words of the configuration: tlsKey is the section of its TLS keys, and
// urlKey the key of the address. The hint is empty if the error says it itself;
// ok is false if the error is none of TLS.
func Explain(err error, tlsKey, urlKey string) (hint string, ok bool) {
	var (
		unknown x509.UnknownAuthorityError
		name    x509.HostnameError
		invalid x509.CertificateInvalidError
		roots   x509.SystemRootsError
		pin     *PinError
	)
	switch text := err.Error(); {
	case errors.As(err, &pin):
		return "", true
	case errors.As(err, &unknown):
		return fmt.Sprintf("the certificate comes from a CA that this machine does not know; give it in %s.ca_file (PEM) or %[1]s.truststore_file", tlsKey), true
	case errors.As(err, &name):
		return fmt.Sprintf("the certificate is for %s; use one of these names in %s, or set %s.server_name to it", Names(name.Certificate), urlKey, tlsKey), true
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "renew Splunk's certificate, or check the clock of this machine", true
	case errors.As(err, &invalid):
		return "the certificate is not valid for this use; get Splunk one for a server, from a CA", true
	case errors.As(err, &roots):
		return fmt.Sprintf("this machine has no CAs of its own; give Splunk's CA in %s.ca_file", tlsKey), true
	case aboutClientCertificate(text):
		return fmt.Sprintf("Splunk asks for a client certificate that it trusts; give one in %s.client_cert_file and %[1]s.client_key_file, or in %[1]s.keystore_file", tlsKey), true
	case strings.Contains(text, "remote error: tls:"):
		return fmt.Sprintf("Splunk refused the TLS handshake; check that its TLS settings and %s.min_version have a version in common", tlsKey), true
	}
	return "", false
}

// aboutClientCertificate recognizes the alerts by which a server asks for
// another client certificate, or for one at all. crypto/tls has no type for
// them, other than the text.
func aboutClientCertificate(text string) bool {
	for _, alert := range []string{"certificate required", "bad certificate", "unknown certificate", "certificate expired", "certificate revoked"} {
		if strings.Contains(text, "remote error: tls: "+alert) {
			return true
		}
	}
	return false
}

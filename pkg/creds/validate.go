package creds

import (
	"fmt"
	"net"
	"strings"
)

// Validate returns every mistake, each starting with its key. It reads no file.
func (t TLS) Validate() []error {
	var errs []error
	refuse := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if !t.TruststorePassword.Empty() && t.TruststoreFile == "" {
		refuse("truststore_file: missing; truststore_password is the password of that file")
	}
	switch {
	case t.KeystoreFile != "" && (t.ClientCertFile != "" || t.ClientKeyFile != ""):
		refuse("keystore_file: given beside client_cert_file or client_key_file; one client certificate is shown, so remove one of the two forms")
	case t.ClientCertFile != "" && t.ClientKeyFile == "":
		refuse("client_key_file: missing; client_cert_file needs the private key that belongs to it")
	case t.ClientCertFile == "" && t.ClientKeyFile != "":
		refuse("client_cert_file: missing; client_key_file needs the certificate that belongs to it")
	case t.KeystoreFile == "" && t.ClientKeyFile == "" && !t.ClientKeyPassword.Empty():
		refuse("client_key_file: missing; client_key_password is the password of that file, or of the key in keystore_file")
	}
	if !t.KeystorePassword.Empty() && t.KeystoreFile == "" {
		refuse("keystore_file: missing; keystore_password is the password of that file")
	}
	if name := t.ServerName; net.ParseIP(name) == nil && strings.ContainsAny(name, ":/[]@ \t\r\n") {
		refuse("server_name: %q is no host name; give it without scheme, port and path", name)
	}
	if t.MinVersion != "1.2" && t.MinVersion != "1.3" {
		refuse("min_version: %q is unknown; allowed are 1.2, 1.3", t.MinVersion)
	}
	for _, text := range t.PinnedSHA256 {
		if _, err := parsePin(text); err != nil {
			refuse("pinned_sha256: %w", err)
		}
	}
	return errs
}

package creds

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

// TLS says how a peer's certificate is checked, and which one is shown to it.
type TLS struct {
	CAFile             string   `mapstructure:"ca_file"`             // PEM bundle; with no truststore either: the system's CAs
	TruststoreFile     string   `mapstructure:"truststore_file"`     // JKS or PKCS#12, recognized by its bytes
	TruststorePassword Secret   `mapstructure:"truststore_password"` //
	ClientCertFile     string   `mapstructure:"client_cert_file"`    // PEM, the leaf first
	ClientKeyFile      string   `mapstructure:"client_key_file"`     // PEM
	ClientKeyPassword  Secret   `mapstructure:"client_key_password"` // of an encrypted key
	KeystoreFile       string   `mapstructure:"keystore_file"`       // JKS or PKCS#12 in place of the two PEM files
	KeystorePassword   Secret   `mapstructure:"keystore_password"`   //
	ServerName         string   `mapstructure:"server_name"`         // in place of the address's name
	MinVersion         string   `mapstructure:"min_version"`         // 1.2 or 1.3
	PinnedSHA256       []string `mapstructure:"pinned_sha256"`       // of the peer's certificate or its public key; any one of them must match
	InsecureSkipVerify bool     `mapstructure:"insecure_skip_verify"`
}

// DefaultTLS returns the defaults.
func DefaultTLS() TLS { return TLS{MinVersion: "1.2", PinnedSHA256: []string{}} }

// maxCAFile bounds a bundle; the public CAs of the world take 0.3 MB.
const maxCAFile = 8 << 20

// Config returns the client side of TLS 1.2 or newer. The peer's certificate
// must name serverName; if that is empty, whoever dials has to fill it in, as
// net/http does.
func (t TLS) Config(serverName string) (*tls.Config, error) {
	c := &tls.Config{
		MinVersion:         tls.VersionTLS12,
		ServerName:         serverName,
		InsecureSkipVerify: t.InsecureSkipVerify, //nolint:gosec // off by default, and warned about at every start
	}
	if t.CAFile == "" {
		return c, nil // nil RootCAs are the system's
	}
	pool, err := readCAs(t.CAFile, time.Now())
	if err != nil {
		return nil, fmt.Errorf("ca_file %s: %w", t.CAFile, err)
	}
	c.RootCAs = pool
	return c, nil
}

// readCAs reads a PEM bundle. Go's own AppendCertsFromPEM skips in silence
// what it cannot read; here every way to get an empty pool is an error.
func readCAs(path string, now time.Time) (*x509.CertPool, error) {
	data, err := readFile(path)
	if err != nil {
		return nil, err
	}
	if err := otherFormat(data); err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	var latest time.Time // end of validity of the certificate that lasts longest
	found, valid, key := 0, 0, false
	for rest := data; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			key = key || bytes.Contains([]byte(block.Type), []byte("PRIVATE KEY"))
			continue
		}
		found++
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("certificate %d in it is damaged: %w", found, err)
		}
		pool.AddCert(cert)
		if cert.NotAfter.After(latest) {
			latest = cert.NotAfter
		}
		if !now.After(cert.NotAfter) {
			valid++
		}
	}
	switch {
	case found == 0 && key:
		return nil, errors.New("it holds a private key and no certificate; give the CA's certificate, which begins with -----BEGIN CERTIFICATE-----")
	case found == 0:
		return nil, errors.New("no certificate found; a PEM file holds lines that begin with -----BEGIN CERTIFICATE-----")
	case valid == 0:
		return nil, fmt.Errorf("every certificate in it has expired, the last one on %s; get the current CA certificate",
			latest.UTC().Format(time.DateOnly))
	}
	return pool, nil
}

// readFile reads a bundle. Its errors do not name the path, since the caller does.
func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, withoutPath(err)
	}
	defer f.Close() //nolint:errcheck // it was only read
	info, err := f.Stat()
	if err != nil {
		return nil, withoutPath(err)
	}
	if info.IsDir() {
		return nil, errors.New("it is a directory; name a PEM file")
	}
	data, err := io.ReadAll(io.LimitReader(f, maxCAFile+1))
	switch {
	case err != nil:
		return nil, withoutPath(err)
	case len(data) > maxCAFile:
		return nil, fmt.Errorf("it is larger than %d MiB and so no PEM bundle", maxCAFile>>20)
	case len(bytes.TrimSpace(data)) == 0:
		return nil, errors.New("it is empty; put the CA's certificate into it, in PEM form")
	}
	return data, nil
}

func withoutPath(err error) error {
	var pathErr *os.PathError
	if errors.As(err, &pathErr) {
		return fmt.Errorf("%s: %w", pathErr.Op, pathErr.Err)
	}
	return err
}

// otherFormat recognizes the stores that are given by mistake, by their first
// bytes, and tells how to make PEM out of them.
func otherFormat(data []byte) error {
	if bytes.HasPrefix(data, []byte{0xfe, 0xed, 0xfe, 0xed}) || bytes.HasPrefix(data, []byte{0xce, 0xce, 0xce, 0xce}) {
		return errors.New("it is a Java keystore (JKS), not PEM; export each certificate with keytool -exportcert -rfc -keystore FILE -alias NAME")
	}
	// Both begin with a DER sequence; only one of them is a certificate.
	if bytes.HasPrefix(data, []byte{0x30, 0x82}) || bytes.HasPrefix(data, []byte{0x30, 0x80}) {
		if _, err := x509.ParseCertificate(data); err == nil {
			return errors.New("it is a certificate in DER form, not PEM; convert it with openssl x509 -inform der -in FILE -out ca.pem")
		}
		return errors.New("it is a PKCS#12 store or other binary data, not PEM; convert it with openssl pkcs12 -in FILE -cacerts -nokeys -out ca.pem")
	}
	return nil
}

package creds

import (
	"crypto/tls"
	"slices"
	"time"
)

// TLS says how a peer's certificate is checked, and which one is shown to it.
type TLS struct {
	CAFile             string   `mapstructure:"ca_file"`             // PEM bundle; with no truststore either: the system's CAs
	TruststoreFile     string   `mapstructure:"truststore_file"`     // JKS or PKCS#12, recognized by its bytes; trusted beside CAFile
	TruststorePassword Secret   `mapstructure:"truststore_password"` //
	ClientCertFile     string   `mapstructure:"client_cert_file"`    // PEM, the leaf first
	ClientKeyFile      string   `mapstructure:"client_key_file"`     // PEM
	ClientKeyPassword  Secret   `mapstructure:"client_key_password"` // of an encrypted key, here or in the keystore
	KeystoreFile       string   `mapstructure:"keystore_file"`       // JKS or PKCS#12 in place of the two PEM files
	KeystorePassword   Secret   `mapstructure:"keystore_password"`   //
	ServerName         string   `mapstructure:"server_name"`         // in place of the address's name
	MinVersion         string   `mapstructure:"min_version"`         // 1.2 or 1.3
	PinnedSHA256       []string `mapstructure:"pinned_sha256"`       // of the peer's certificate or its public key; any one of them must match
	InsecureSkipVerify bool     `mapstructure:"insecure_skip_verify"`
}

// DefaultTLS returns the defaults.
func DefaultTLS() TLS { return TLS{MinVersion: "1.2", PinnedSHA256: []string{}} }

// Files returns every file that Config reads, for whoever watches them.
func (t TLS) Files() []string {
	return slices.DeleteFunc(
		[]string{t.CAFile, t.TruststoreFile, t.ClientCertFile, t.ClientKeyFile, t.KeystoreFile},
		func(path string) bool { return path == "" },
	)
}

// Config reads the files and returns the client side of TLS. The peer's
// certificate must name server_name or, if that is not set, serverName; if
// both are empty, whoever dials has to fill in the name, as net/http and
// Sarama do.
//
// A server_name holds even where the caller changes the configuration's
// ServerName afterwards: that is then only the name that the peer is asked
// for (SNI), as is right for brokers that stand behind one alias.
func (t TLS) Config(serverName string) (*tls.Config, error) {
	now := time.Now()
	c := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: serverName}
	if t.MinVersion == "1.3" {
		c.MinVersion = tls.VersionTLS13
	}
	if t.ServerName != "" {
		c.ServerName = t.ServerName
	}
	var err error
	if c.RootCAs, err = t.roots(now); err != nil {
		return nil, err
	}
	own, err := t.clientCertificate(now)
	if err != nil {
		return nil, err
	}
	if own != nil {
		// Shown to whoever asks for one. Go itself would show none, in silence,
		// if the peer's list of CAs lacks ours; then the peer can say what it
		// dislikes.
		c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return own, nil }
	}
	if err := t.verification(c); err != nil {
		return nil, err
	}
	return c, nil
}

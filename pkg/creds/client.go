package creds

import (
	"bytes"
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"auditlog-forwarder/pkg/creds/keystore"
)

// clientCertificate returns the certificate that is shown to the peer, or nil.
func (t TLS) clientCertificate(now time.Time) (*tls.Certificate, error) {
	var pair *tls.Certificate
	var err error
	key, path := "client_cert_file", t.ClientCertFile
	switch {
	case t.KeystoreFile != "":
		key, path = "keystore_file", t.KeystoreFile
		pair, err = t.fromKeystore()
	case t.ClientCertFile != "":
		var certs []*x509.Certificate
		if certs, err = readCertificates(path, own()); err != nil {
			break
		}
		private, keyErr := readKey(t.ClientKeyFile, t.ClientKeyPassword)
		if keyErr != nil {
			return nil, fmt.Errorf("client_key_file %s: %w", t.ClientKeyFile, keyErr)
		}
		pair, err = join(private, certs)
		if errors.Is(err, errForeignKey) {
			err = fmt.Errorf("%w in client_key_file %s; give the key that the certificate was requested with", err, t.ClientKeyFile)
		}
	default:
		return nil, nil
	}
	if err == nil {
		err = current(pair.Leaf, now)
	}
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", key, path, err)
	}
	return pair, nil
}

// fromKeystore takes the one key that a keystore holds. Which of several is
// meant nobody could see; Java leaves it to the server, or to chance.
func (t TLS) fromKeystore() (*tls.Certificate, error) {
	store, err := readStore(t.KeystoreFile, t.KeystorePassword, own())
	if err != nil {
		return nil, err
	}
	switch len(store.Keys) {
	case 0:
		if len(store.Trusted) == 0 {
			return nil, errors.New("it is an empty store, without a key; import the client's key and certificate with keytool -importkeystore")
		}
		return nil, errors.New("it holds certificates and no private key; give the store with the client's key, or, if this is a truststore, give it as truststore_file")
	case 1:
	default:
		names := make([]string, len(store.Keys))
		for i, k := range store.Keys {
			names[i] = fmt.Sprintf("%q", k.Alias)
		}
		return nil, fmt.Errorf("it holds %d keys, %s; copy the one to be used into a store of its own with keytool -importkeystore -srckeystore FILE -srcalias NAME -destkeystore FILE.p12 -deststoretype PKCS12",
			len(store.Keys), strings.Join(names, ", "))
	}
	entry := store.Keys[0]
	password := t.KeystorePassword
	if !t.ClientKeyPassword.Empty() {
		password = t.ClientKeyPassword
	}
	private, err := entry.Open(password.Reveal())
	switch {
	case errors.Is(err, keystore.ErrPassword) && !t.ClientKeyPassword.Empty():
		return nil, fmt.Errorf("the key %q in it does not open with client_key_password; correct that, or remove it if the key has the store's password", entry.Alias)
	case errors.Is(err, keystore.ErrPassword):
		return nil, fmt.Errorf("the key %q in it has a password of its own; give it as client_key_password", entry.Alias)
	case err != nil:
		return nil, own().storeError(err)
	}
	pair, err := join(private, entry.Certificates)
	if errors.Is(err, errForeignKey) {
		return nil, fmt.Errorf("it holds no certificate for the key %q; import the one that the CA signed with keytool -importcert -alias %s", entry.Alias, entry.Alias)
	}
	return pair, err
}

var errForeignKey = errors.New("no certificate in it belongs to the key")

// maxChain bounds what is shown and the search for it; longer chains no peer
// takes.
const maxChain = 10

// join puts the key's certificate first and behind it those that lead from it
// to its CA, whatever their order was and whatever lay among them.
func join(private crypto.PrivateKey, certs []*x509.Certificate) (*tls.Certificate, error) {
	signer, ok := private.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("the key is of type %T, which cannot sign; give an RSA, ECDSA or Ed25519 key", private)
	}
	leaf := slices.IndexFunc(certs, func(c *x509.Certificate) bool {
		public, ok := c.PublicKey.(interface{ Equal(crypto.PublicKey) bool })
		return ok && public.Equal(signer.Public())
	})
	if leaf < 0 {
		return nil, errForeignKey
	}
	pair := &tls.Certificate{PrivateKey: signer, Leaf: certs[leaf]}
	left := slices.Clone(certs)
	for at := leaf; at >= 0 && len(pair.Certificate) < maxChain; {
		cert := left[at]
		pair.Certificate = append(pair.Certificate, cert.Raw)
		left = slices.Delete(left, at, at+1)
		at = issuer(cert, left)
	}
	return pair, nil
}

// issuer finds who signed cert, or else who bears the signer's name: the peer
// may see in that what we do not.
func issuer(cert *x509.Certificate, among []*x509.Certificate) int {
	named := func(c *x509.Certificate) bool { return bytes.Equal(c.RawSubject, cert.RawIssuer) }
	if i := slices.IndexFunc(among, func(c *x509.Certificate) bool { return named(c) && cert.CheckSignatureFrom(c) == nil }); i >= 0 {
		return i
	}
	if bytes.Equal(cert.RawSubject, cert.RawIssuer) {
		return -1 // it signed itself
	}
	return slices.IndexFunc(among, named)
}

// current refuses a certificate that no server would take.
func current(leaf *x509.Certificate, now time.Time) error {
	switch {
	case now.After(leaf.NotAfter):
		return fmt.Errorf("the certificate expired on %s; get a new one from the CA that signed it", day(leaf.NotAfter))
	case now.Before(leaf.NotBefore):
		return fmt.Errorf("the certificate is valid only from %s; check the clock of this machine", day(leaf.NotBefore))
	default:
		return nil
	}
}

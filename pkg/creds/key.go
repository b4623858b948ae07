package creds

import (
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"

	"auditlog-forwarder/pkg/creds/keystore"
)

// readKey reads the first private key of a PEM file.
func readKey(path string, password Secret) (crypto.PrivateKey, error) {
	data, err := readFile(path)
	if err != nil {
		return nil, err
	}
	if err := own().notPEM(data); err != nil {
		return nil, err
	}
	cert := false
	for _, block := range blocks(data) {
		if isKey(block) {
			return parseKey(block, password)
		}
		cert = cert || block.Type == "CERTIFICATE"
	}
	if cert {
		return nil, errors.New("it holds a certificate and no private key; give the key, which begins with -----BEGIN PRIVATE KEY-----")
	}
	return nil, errors.New("no private key found; a PEM file holds a line like -----BEGIN PRIVATE KEY-----")
}

func parseKey(block *pem.Block, password Secret) (crypto.PrivateKey, error) {
	der, kind := block.Bytes, block.Type
	// Encryption as openssl wrote it before PKCS#8: a header in the PEM says so.
	// It has no integrity, which harms nobody: the key must fit its certificate.
	oldStyle := x509.IsEncryptedPEMBlock(block) //nolint:staticcheck // users have such keys
	if kind == "ENCRYPTED PRIVATE KEY" || oldStyle {
		if password.Empty() {
			return nil, errors.New("the key is encrypted; give its password as client_key_password")
		}
		var err error
		if oldStyle {
			der, err = x509.DecryptPEMBlock(block, []byte(password.Reveal())) //nolint:staticcheck // users have such keys
		} else {
			der, err = keystore.OpenPKCS8(der, password.Reveal())
			kind = "PRIVATE KEY"
		}
		switch {
		case errors.Is(err, keystore.ErrPassword), errors.Is(err, x509.IncorrectPasswordError):
			return nil, wrongKeyPassword()
		case errors.Is(err, keystore.ErrUnsupported):
			return nil, fmt.Errorf("the key is %w; encrypt it anew with openssl pkcs8 -topk8 -v2 aes-256-cbc -in FILE -out FILE.new", err)
		case err != nil:
			return nil, fmt.Errorf("the key is %w; copy it here again", err)
		}
	}
	key, err := parseDER(kind, der)
	switch {
	case err == nil:
		return key, nil
	case oldStyle: // a wrong password passes for right once in 256 times
		return nil, wrongKeyPassword()
	default:
		return nil, fmt.Errorf("the key (%s) cannot be read: %w; give an RSA, ECDSA or Ed25519 key, in PKCS#8 or as openssl writes it", block.Type, err)
	}
}

func wrongKeyPassword() error {
	return errors.New("the password does not open the key; check client_key_password")
}

func parseDER(kind string, der []byte) (crypto.PrivateKey, error) {
	switch kind {
	case "PRIVATE KEY":
		return x509.ParsePKCS8PrivateKey(der)
	case "RSA PRIVATE KEY":
		return x509.ParsePKCS1PrivateKey(der)
	case "EC PRIVATE KEY":
		return x509.ParseECPrivateKey(der)
	default:
		return nil, errors.New("its form is unknown")
	}
}

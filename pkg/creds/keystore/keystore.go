// Package keystore reads the stores in which Java keeps certificates and keys:
// JKS and PKCS#12, and keys in encrypted PKCS#8.
//
// It reads what the libraries for these formats do not: a JKS without its
// password, as Java opens a truststore; trusted certificates beside keys; the
// names of the entries; certificates that openssl put into a PKCS#12 without
// Java's mark of trust. And it believes no file: memory is taken by the bytes
// that are there, never by a length that the file claims, and the work of
// deriving keys is bounded for a whole store.
package keystore

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
)

// What can be wrong with a store. The text fits behind "it is", except for the
// two about passwords.
var (
	ErrPassword    = errors.New("the password does not open it")
	ErrNoPassword  = errors.New("it is protected by a password")
	ErrDamaged     = errors.New("damaged")
	ErrUnsupported = errors.New("of a form that is not read here")
)

// CertificateError is a certificate in an intact store that cannot be read.
type CertificateError struct {
	Alias string
	Err   error
}

// Error implements error.
func (e *CertificateError) Error() string {
	return fmt.Sprintf("certificate %q cannot be read: %v", e.Alias, e.Err)
}

// Unwrap gives the parser's error.
func (e *CertificateError) Unwrap() error { return e.Err }

// Kind is what a file's first bytes tell.
type Kind int

// The kinds of stores. JCEKS is recognized, and not read.
const (
	Unknown Kind = iota
	JKS
	JCEKS
	PKCS12
)

// Detect tells the kind of a store from its first bytes.
func Detect(data []byte) Kind {
	switch {
	case bytes.HasPrefix(data, []byte{0xfe, 0xed, 0xfe, 0xed}):
		return JKS
	case bytes.HasPrefix(data, []byte{0xce, 0xce, 0xce, 0xce}):
		return JCEKS
	case isPFX(data):
		return PKCS12
	default:
		return Unknown
	}
}

// Store is what a file holds.
type Store struct {
	Trusted []Trusted
	Keys    []Key
}

// Trusted is a certificate that the store's owner trusts.
type Trusted struct {
	Alias       string // may be empty: openssl gives none
	Certificate *x509.Certificate
}

// Key is a private key, still encrypted.
type Key struct {
	Alias string
	// Certificates has the key's own and those up to its CA. In a PKCS#12 the
	// order is anything, and those of other keys may be among them.
	Certificates []*x509.Certificate

	// open gives the key in PKCS#8.
	open func(password string) ([]byte, error)
}

// Open decrypts the key. In a PKCS#12 its password is the store's.
func (k Key) Open(password string) (crypto.PrivateKey, error) {
	der, err := k.open(password)
	if err != nil {
		return nil, err
	}
	key, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, fmt.Errorf("%w: the key %q: %w", ErrUnsupported, k.Alias, err)
	}
	return key, nil
}

// Read reads a JKS or a PKCS#12. Without a password a JKS is read unchecked,
// as Java does, and a PKCS#12 if nothing in it is encrypted.
func Read(data []byte, password string) (*Store, error) {
	switch Detect(data) {
	case JKS:
		return readJKS(data, password)
	case PKCS12:
		return readPKCS12(data, password)
	case JCEKS:
		return nil, fmt.Errorf("%w: JCEKS", ErrUnsupported)
	case Unknown:
	}
	return nil, fmt.Errorf("%w: neither JKS nor PKCS#12", ErrUnsupported)
}

func damaged(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrDamaged, fmt.Sprintf(format, args...))
}

func unsupported(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrUnsupported, fmt.Sprintf(format, args...))
}

package creds

import (
	"bytes"
	"crypto/x509"
	"errors"
	"fmt"

	"auditlog-forwarder/pkg/creds/keystore"
)

// role is what a file serves for, and so which keys take its other forms.
type role struct {
	pem      string // the keys that take PEM
	store    string // the key that takes a store
	password string // of the store
}

func trust() role {
	return role{pem: "ca_file", store: "truststore_file", password: "truststore_password"}
}

func own() role {
	return role{pem: "client_cert_file and client_key_file", store: "keystore_file", password: "keystore_password"}
}

// notPEM recognizes what is given by mistake where PEM is expected, by its
// first bytes, and says where it belongs. It is nil for anything else.
func (r role) notPEM(data []byte) error {
	switch keystore.Detect(data) {
	case keystore.JKS:
		return fmt.Errorf("it is a Java keystore (JKS), not PEM; give it as %s, with its %s", r.store, r.password)
	case keystore.PKCS12:
		return fmt.Errorf("it is a PKCS#12 store, not PEM; give it as %s, with its %s", r.store, r.password)
	case keystore.JCEKS:
		return r.jceks()
	case keystore.Unknown:
	}
	if isDER(data) {
		return errors.New("it is a certificate in DER form, not PEM; convert it with openssl x509 -inform der -in FILE -out FILE.pem")
	}
	if bytes.HasPrefix(data, []byte{0xff, 0xfe}) || bytes.HasPrefix(data, []byte{0xfe, 0xff}) {
		return errors.New("it is text in UTF-16; save it as UTF-8 or ASCII")
	}
	return nil
}

// notStore does the same where a store is expected.
func (r role) notStore(data []byte) error {
	switch keystore.Detect(data) {
	case keystore.JKS, keystore.PKCS12:
		return nil
	case keystore.JCEKS:
		return r.jceks()
	case keystore.Unknown:
	}
	switch {
	case bytes.Contains(data, []byte("-----BEGIN ")):
		return fmt.Errorf("it is PEM, not a Java store; give it as %s, without %s", r.pem, r.password)
	case isDER(data):
		return fmt.Errorf("it is a certificate in DER form, not a store; convert it with openssl x509 -inform der -in FILE -out FILE.pem, and give that as %s", r.pem)
	default:
		return errors.New("it is neither JKS nor PKCS#12; keytool -list -keystore FILE must be able to read it")
	}
}

func (r role) jceks() error {
	return fmt.Errorf("it is a Java keystore of the old type JCEKS, which is not read; %s and give that as %s", convert("JCEKS"), r.store)
}

func convert(from string) string {
	return "convert it with keytool -importkeystore -srckeystore FILE -srcstoretype " + from + " -destkeystore FILE.p12 -deststoretype PKCS12"
}

// storeError turns the error of a store into a sentence with the next step.
func (r role) storeError(err error) error {
	var cert *keystore.CertificateError
	switch {
	case errors.As(err, &cert):
		return fmt.Errorf("%w; remove it with keytool -delete -alias NAME -keystore FILE, or put in one that is intact", err)
	case errors.Is(err, keystore.ErrNoPassword):
		return fmt.Errorf("%w; give it as %s", err, r.password)
	case errors.Is(err, keystore.ErrPassword):
		return fmt.Errorf("%w; check %s, and if that is right, copy the file here again: a damaged one looks the same", err, r.password)
	case errors.Is(err, keystore.ErrDamaged):
		return fmt.Errorf("it is %w; copy it here again, byte for byte", err)
	case errors.Is(err, keystore.ErrUnsupported):
		return fmt.Errorf("it is %w; %s", err, convert("PKCS12"))
	default:
		return err
	}
}

func isDER(data []byte) bool {
	if !bytes.HasPrefix(data, []byte{0x30}) {
		return false
	}
	_, err := x509.ParseCertificate(data)
	return err == nil
}

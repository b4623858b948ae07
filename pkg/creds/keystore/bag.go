package keystore

import (
	"crypto/x509"
	"encoding/binary"
	"unicode/utf16"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

const (
	oidX509 = "1.2.840.113549.1.9.22.1"

	oidFriendlyName = "1.2.840.113549.1.9.20"
	// oidJavaTrusted marks what keytool -importcert put in; the certificates of
	// a key do not have it.
	oidJavaTrusted = "2.16.840.1.113894.746875.1.1"
)

// readCertBag returns nil for what is no X.509 certificate.
func readCertBag(value cryptobyte.String, alias string) (*x509.Certificate, error) {
	var bag, wrapped, der cryptobyte.String
	var oid string
	if !value.ReadASN1(&bag, asn1.SEQUENCE) || !readOID(&bag, &oid) || !bag.ReadASN1(&wrapped, explicit0) {
		return nil, damaged("certificate %q is cut off", alias)
	}
	if oid != oidX509 {
		return nil, nil
	}
	if !wrapped.ReadASN1(&der, asn1.OCTET_STRING) {
		return nil, damaged("certificate %q is cut off", alias)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, &CertificateError{Alias: alias, Err: err}
	}
	return cert, nil
}

// readAttributes returns an entry's name, and whether Java trusts it.
func readAttributes(bag cryptobyte.String) (alias string, trusted, ok bool) {
	var set cryptobyte.String
	if !bag.ReadOptionalASN1(&set, nil, asn1.SET) {
		return "", false, false
	}
	for !set.Empty() {
		var attr, values, name cryptobyte.String
		var oid string
		if !set.ReadASN1(&attr, asn1.SEQUENCE) || !readOID(&attr, &oid) || !attr.ReadASN1(&values, asn1.SET) {
			return "", false, false
		}
		switch oid {
		case oidJavaTrusted:
			trusted = true
		case oidFriendlyName:
			if values.ReadASN1(&name, asn1.Tag(30)) { // BMPString
				alias = fromUTF16(name)
			}
		}
	}
	return alias, trusted, true
}

func fromUTF16(data []byte) string {
	units := make([]uint16, len(data)/2)
	for i := range units {
		units[i] = binary.BigEndian.Uint16(data[2*i:])
	}
	return string(utf16.Decode(units))
}

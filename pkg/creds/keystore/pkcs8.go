package keystore

import (
	"errors"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// OpenPKCS8 decrypts a key in encrypted PKCS#8, the inside of a PEM block
// ENCRYPTED PRIVATE KEY, and returns it in plain PKCS#8.
func OpenPKCS8(der []byte, password string) ([]byte, error) {
	return openPKCS8(der, password, &budget{left: maxRounds})
}

func openPKCS8(der []byte, password string, work *budget) ([]byte, error) {
	in := cryptobyte.String(der)
	var info, data cryptobyte.String
	if !in.ReadASN1(&info, asn1.SEQUENCE) {
		return nil, damaged("a key is cut off")
	}
	alg, params, ok := readAlgorithm(&info)
	if !ok || !info.ReadASN1(&data, asn1.OCTET_STRING) {
		return nil, damaged("a key is not what it should be")
	}
	plain, err := unseal(alg, params, data, append(utf16Bytes(password), 0, 0), password, work)
	if err == nil {
		// One wrong password in 256 leaves padding that looks right.
		check := cryptobyte.String(plain)
		if !check.SkipASN1(asn1.SEQUENCE) || !check.Empty() {
			err = ErrPassword
		}
	}
	if errors.Is(err, ErrPassword) && password == "" {
		err = ErrNoPassword
	}
	return plain, err
}

package keystore

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"hash"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

const oidPBMAC1 = "1.2.840.113549.1.5.14"

// checkMAC reports whether the password fits the MAC of a PKCS#12.
func checkMAC(mac, message cryptobyte.String, pass []byte, utf8 string, work *budget) (bool, error) {
	var seq, digestInfo, sum, salt cryptobyte.String
	if !mac.ReadASN1(&seq, asn1.SEQUENCE) || !seq.ReadASN1(&digestInfo, asn1.SEQUENCE) {
		return false, damaged("its MAC")
	}
	alg, params, ok := readAlgorithm(&digestInfo)
	rounds := 1
	if !ok || !digestInfo.ReadASN1(&sum, asn1.OCTET_STRING) || !seq.ReadASN1(&salt, asn1.OCTET_STRING) ||
		(!seq.Empty() && !seq.ReadASN1Integer(&rounds)) {
		return false, damaged("its MAC")
	}
	var newHash func() hash.Hash
	var key []byte
	if alg == oidPBMAC1 {
		var p cryptobyte.String
		if !params.ReadASN1(&p, asn1.SEQUENCE) {
			return false, damaged("its MAC")
		}
		kdf, kdfParams, ok := readAlgorithm(&p)
		scheme, _, ok2 := readAlgorithm(&p)
		if !ok || !ok2 {
			return false, damaged("its MAC")
		}
		var err error
		if key, err = stretch(kdf, kdfParams, utf8, 0, work); err != nil {
			return false, err
		}
		if newHash = hmacHash(scheme); newHash == nil {
			return false, unsupported("a MAC by %s", scheme)
		}
	} else {
		if newHash = plainHash(alg); newHash == nil {
			return false, unsupported("a MAC by %s", alg)
		}
		if err := work.spend(rounds, 1); err != nil {
			return false, err
		}
		key = derive(newHash, forMAC, salt, pass, rounds, newHash().Size())
	}
	h := hmac.New(newHash, key)
	h.Write(message)
	return hmac.Equal(h.Sum(nil), sum), nil
}

func plainHash(oid string) func() hash.Hash {
	switch oid {
	case "1.3.14.3.2.26":
		return sha1.New
	case "2.16.840.1.101.3.4.2.4":
		return sha256.New224
	case "2.16.840.1.101.3.4.2.1":
		return sha256.New
	case "2.16.840.1.101.3.4.2.2":
		return sha512.New384
	case "2.16.840.1.101.3.4.2.3":
		return sha512.New
	default:
		return nil
	}
}

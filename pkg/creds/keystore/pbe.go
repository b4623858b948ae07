package keystore

import (
	"crypto/aes"
	"crypto/des"
	"crypto/sha1"
	stdasn1 "encoding/asn1"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

const (
	oid3DES    = "1.2.840.113549.1.12.1.3"
	oidRC2_128 = "1.2.840.113549.1.12.1.5"
	oidRC2_40  = "1.2.840.113549.1.12.1.6"

	oidPBES2 = "1.2.840.113549.1.5.13"
)

// unseal decrypts what was encrypted under a password. pass is the password as
// PKCS#12 wants it, utf8 as PBES2 does.
func unseal(alg string, params, data cryptobyte.String, pass []byte, utf8 string, work *budget) ([]byte, error) {
	var c decrypter
	var iv []byte
	var err error
	switch alg {
	case oidPBES2:
		c, iv, err = pbes2(params, utf8, work)
	case oid3DES, oidRC2_128, oidRC2_40:
		c, iv, err = pbes1(alg, params, pass, work)
	default:
		return nil, unsupported("encrypted by %s", alg)
	}
	if err != nil {
		return nil, err
	}
	return decryptCBC(c, iv, data)
}

// pbes1 is the encryption of PKCS#12 itself, with the old ciphers.
func pbes1(alg string, params cryptobyte.String, pass []byte, work *budget) (decrypter, []byte, error) {
	var seq, salt cryptobyte.String
	var rounds int
	if !params.ReadASN1(&seq, asn1.SEQUENCE) || !seq.ReadASN1(&salt, asn1.OCTET_STRING) || !seq.ReadASN1Integer(&rounds) {
		return nil, nil, damaged("the parameters of its encryption")
	}
	size := map[string]int{oid3DES: 24, oidRC2_128: 16, oidRC2_40: 5}[alg]
	if err := work.spend(rounds, 3); err != nil {
		return nil, nil, err
	}
	key := derive(sha1.New, forKey, salt, pass, rounds, size)
	iv := derive(sha1.New, forIV, salt, pass, rounds, 8)
	if alg == oid3DES {
		c, err := des.NewTripleDESCipher(key)
		return c, iv, err
	}
	return newRC2(key), iv, nil
}

// pbes2 is the encryption of PKCS#5, which Java and openssl write today.
func pbes2(params cryptobyte.String, utf8 string, work *budget) (decrypter, []byte, error) {
	var seq, iv cryptobyte.String
	if !params.ReadASN1(&seq, asn1.SEQUENCE) {
		return nil, nil, damaged("the parameters of its encryption")
	}
	kdf, kdfParams, ok := readAlgorithm(&seq)
	cipher, cipherParams, ok2 := readAlgorithm(&seq)
	if !ok || !ok2 {
		return nil, nil, damaged("the parameters of its encryption")
	}
	size := 0
	switch cipher {
	case "2.16.840.1.101.3.4.1.2":
		size = 16
	case "2.16.840.1.101.3.4.1.22", "1.2.840.113549.3.7": // the latter is 3DES
		size = 24
	case "2.16.840.1.101.3.4.1.42":
		size = 32
	default:
		return nil, nil, unsupported("encrypted by %s", cipher)
	}
	if !cipherParams.ReadASN1(&iv, asn1.OCTET_STRING) {
		return nil, nil, damaged("the parameters of its encryption")
	}
	key, err := stretch(kdf, kdfParams, utf8, size, work)
	if err != nil {
		return nil, nil, err
	}
	if cipher == "1.2.840.113549.3.7" {
		c, err := des.NewTripleDESCipher(key)
		return c, iv, err
	}
	c, err := aes.NewCipher(key)
	return c, iv, err
}

// decrypter is the half of cipher.Block that is needed.
type decrypter interface {
	BlockSize() int
	Decrypt(dst, src []byte)
}

// decryptCBC also removes the padding; if that is wrong, so was the password.
func decryptCBC(c decrypter, iv, data []byte) ([]byte, error) {
	n := c.BlockSize()
	if len(iv) != n || len(data) == 0 || len(data)%n != 0 {
		return nil, damaged("an encrypted part has an impossible length")
	}
	plain := make([]byte, len(data))
	for at := 0; at < len(data); at += n {
		c.Decrypt(plain[at:at+n], data[at:at+n])
		for i := range n {
			plain[at+i] ^= iv[i]
		}
		iv = data[at : at+n]
	}
	pad := int(plain[len(plain)-1])
	if pad < 1 || pad > n {
		return nil, ErrPassword
	}
	for _, b := range plain[len(plain)-pad:] {
		if int(b) != pad {
			return nil, ErrPassword
		}
	}
	return plain[:len(plain)-pad], nil
}

// readAlgorithm reads an AlgorithmIdentifier: its OID and the parameters.
func readAlgorithm(in *cryptobyte.String) (string, cryptobyte.String, bool) {
	var seq cryptobyte.String
	var oid string
	ok := in.ReadASN1(&seq, asn1.SEQUENCE) && readOID(&seq, &oid)
	return oid, seq, ok
}

func readOID(in *cryptobyte.String, out *string) bool {
	var oid stdasn1.ObjectIdentifier
	ok := in.ReadASN1ObjectIdentifier(&oid)
	*out = oid.String()
	return ok
}

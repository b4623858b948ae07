package keystore

import (
	"crypto/pbkdf2"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"hash"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

const (
	oidPBKDF2 = "1.2.840.113549.1.5.12"

	// maxRounds bounds the work for one store, a few seconds: Java writes
	// 10,000 rounds for each part, openssl 2,048, Firefox 600,000.
	maxRounds = 5_000_000
)

// budget is how many rounds of key derivation a store may still ask for.
type budget struct{ left int }

func (b *budget) spend(rounds, blocks int) error {
	if rounds < 1 {
		return damaged("it asks for %d rounds of key derivation", rounds)
	}
	if rounds > b.left/blocks {
		return unsupported("it asks for more than %d rounds of key derivation", maxRounds)
	}
	b.left -= rounds * blocks
	return nil
}

// stretch is PBKDF2 by its parameters. A size of 0 takes the one that they name.
func stretch(kdf string, params cryptobyte.String, utf8 string, size int, work *budget) ([]byte, error) {
	if kdf != oidPBKDF2 {
		return nil, unsupported("a key derived by %s", kdf)
	}
	var seq, salt cryptobyte.String
	var rounds, named int
	if !params.ReadASN1(&seq, asn1.SEQUENCE) || !seq.ReadASN1(&salt, asn1.OCTET_STRING) || !seq.ReadASN1Integer(&rounds) {
		return nil, damaged("the parameters of its key derivation")
	}
	if seq.PeekASN1Tag(asn1.INTEGER) && !seq.ReadASN1Integer(&named) {
		return nil, damaged("the parameters of its key derivation")
	}
	if size == 0 {
		size = named
	}
	// The upper bound is the longest digest; the lower one keeps a MAC from
	// being guessed.
	if size < 16 || size > sha512.Size {
		return nil, unsupported("a derived key of %d bytes", size)
	}
	prf := sha1.New // what the standard means if it is left out
	if !seq.Empty() {
		oid, _, ok := readAlgorithm(&seq)
		if prf = hmacHash(oid); !ok || prf == nil {
			return nil, unsupported("a key derived with %s", oid)
		}
	}
	if err := work.spend(rounds, (size+prf().Size()-1)/prf().Size()); err != nil {
		return nil, err
	}
	return pbkdf2.Key(prf, utf8, salt, rounds, size)
}

// What a derived key is for: the diversifier of RFC 7292, appendix B.3.
const (
	forKey byte = 1
	forIV  byte = 2
	forMAC byte = 3
)

// derive is the key derivation of RFC 7292, appendix B.2.
func derive(newHash func() hash.Hash, purpose byte, salt, pass []byte, rounds, size int) []byte {
	h := newHash()
	v := h.BlockSize()
	head := make([]byte, v)
	for i := range head {
		head[i] = purpose
	}
	body := append(repeat(salt, v), repeat(pass, v)...)
	var out []byte
	for {
		h.Reset()
		h.Write(head)
		h.Write(body)
		block := h.Sum(nil)
		for range rounds - 1 {
			h.Reset()
			h.Write(block)
			block = h.Sum(block[:0])
		}
		out = append(out, block...)
		if len(out) >= size {
			return out[:size]
		}
		add := repeat(block, v)[:v]
		for at := 0; at < len(body); at += v {
			// The sum of two numbers of v bytes and 1, without the last carry.
			carry := 1
			for i := v - 1; i >= 0; i-- {
				carry += int(body[at+i]) + int(add[i])
				body[at+i] = byte(carry)
				carry >>= 8
			}
		}
	}
}

// repeat strings copies of data together up to the next multiple of v.
func repeat(data []byte, v int) []byte {
	out := make([]byte, (len(data)+v-1)/v*v)
	for i := range out {
		out[i] = data[i%len(data)]
	}
	return out
}

func hmacHash(oid string) func() hash.Hash {
	switch oid {
	case "1.2.840.113549.2.7":
		return sha1.New
	case "1.2.840.113549.2.8":
		return sha256.New224
	case "1.2.840.113549.2.9":
		return sha256.New
	case "1.2.840.113549.2.10":
		return sha512.New384
	case "1.2.840.113549.2.11":
		return sha512.New
	default:
		return nil
	}
}

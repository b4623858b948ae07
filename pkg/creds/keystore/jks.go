package keystore

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha1" // the format's own digest; there is no other
	"crypto/x509"
	"encoding/binary"
	"unicode/utf16"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

const (
	jksKey     = 1
	jksTrusted = 2
	// jksSalt stands between the password and the bytes in a store's digest.
	jksSalt = "Mighty Aphrodite"
	// oidJKSProtector is the one way in which JKS encrypts keys.
	oidJKSProtector = "1.3.6.1.4.1.42.2.17.1.1"
)

func readJKS(data []byte, password string) (*Store, error) {
	if len(data) < sha1.Size {
		return nil, damaged("it ends early")
	}
	body, sum := data[:len(data)-sha1.Size], data[len(data)-sha1.Size:]
	in := cryptobyte.String(body)
	var magic, version, count uint32
	if !in.ReadUint32(&magic) || !in.ReadUint32(&version) || !in.ReadUint32(&count) {
		return nil, damaged("it ends early")
	}
	if version != 1 && version != 2 {
		return nil, unsupported("JKS version %d", version)
	}
	r := jksReader{in: in, version: version}
	store := &Store{}
	for i := range count {
		if !r.entry(store) {
			if r.err != nil {
				return nil, r.err
			}
			return nil, damaged("entry %d of %d is cut off or not what it should be", i+1, count)
		}
	}
	if !r.in.Empty() {
		return nil, damaged("%d bytes follow the last entry", len(r.in))
	}
	if password == "" {
		return store, nil
	}
	h := sha1.New()
	h.Write(utf16Bytes(password))
	h.Write([]byte(jksSalt))
	h.Write(body)
	if !hmac.Equal(h.Sum(nil), sum) {
		return nil, ErrPassword
	}
	return store, nil
}

type jksReader struct {
	in      cryptobyte.String
	version uint32
	err     error // why a well-formed entry was refused
}

func (r *jksReader) entry(store *Store) bool {
	var tag uint32
	var alias cryptobyte.String
	var created uint64
	if !r.in.ReadUint32(&tag) || !r.in.ReadUint16LengthPrefixed(&alias) || !r.in.ReadUint64(&created) {
		return false
	}
	switch tag {
	case jksTrusted:
		cert, ok := r.certificate(string(alias))
		if ok {
			store.Trusted = append(store.Trusted, Trusted{Alias: string(alias), Certificate: cert})
		}
		return ok
	case jksKey:
		sealed, ok := r.bytes()
		var count uint32
		if !ok || !r.in.ReadUint32(&count) {
			return false
		}
		key := Key{Alias: string(alias), open: func(password string) ([]byte, error) { return openJKS(sealed, password) }}
		for range count { // ends with the bytes, whatever the count
			cert, ok := r.certificate(string(alias))
			if !ok {
				return false
			}
			key.Certificates = append(key.Certificates, cert)
		}
		store.Keys = append(store.Keys, key)
		return true
	default:
		return false
	}
}

func (r *jksReader) certificate(alias string) (*x509.Certificate, bool) {
	if r.version == 2 {
		var form cryptobyte.String
		if !r.in.ReadUint16LengthPrefixed(&form) {
			return nil, false
		}
	}
	der, ok := r.bytes()
	if !ok {
		return nil, false
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		r.err = &CertificateError{Alias: alias, Err: err}
		return nil, false
	}
	return cert, true
}

// bytes reads a length and as many bytes; they are a part of the file.
func (r *jksReader) bytes() ([]byte, bool) {
	var n uint32
	var out []byte
	ok := r.in.ReadUint32(&n) && int64(n) <= int64(len(r.in)) && r.in.ReadBytes(&out, int(n))
	return out, ok
}

// openJKS decrypts a key. Its cipher is a stream of SHA-1 over the password:
// weak, and all that JKS has.
func openJKS(sealed []byte, password string) ([]byte, error) {
	if password == "" {
		return nil, ErrNoPassword
	}
	in := cryptobyte.String(sealed)
	var info, data cryptobyte.String
	if !in.ReadASN1(&info, asn1.SEQUENCE) {
		return nil, damaged("a key is cut off")
	}
	oid, _, ok := readAlgorithm(&info)
	if !ok || !info.ReadASN1(&data, asn1.OCTET_STRING) || len(data) < 2*sha1.Size {
		return nil, damaged("a key is not what it should be")
	}
	if oid != oidJKSProtector {
		return nil, unsupported("a key encrypted by %s", oid)
	}
	pass := utf16Bytes(password)
	block, sum := data[:sha1.Size], data[len(data)-sha1.Size:]
	plain := bytes.Clone(data[sha1.Size : len(data)-sha1.Size])
	for i := range plain {
		if i%sha1.Size == 0 {
			next := sha1.Sum(append(bytes.Clone(pass), block...))
			block = next[:]
		}
		plain[i] ^= block[i%sha1.Size]
	}
	if got := sha1.Sum(append(bytes.Clone(pass), plain...)); !hmac.Equal(got[:], sum) {
		return nil, ErrPassword
	}
	return plain, nil
}

// utf16Bytes is a password as Java feeds it to a digest: two bytes a character.
func utf16Bytes(s string) []byte {
	var out []byte
	for _, c := range utf16.Encode([]rune(s)) {
		out = binary.BigEndian.AppendUint16(out, c)
	}
	return out
}

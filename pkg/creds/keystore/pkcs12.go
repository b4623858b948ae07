package keystore

import (
	"crypto/x509"
	"errors"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

const (
	oidData          = "1.2.840.113549.1.7.1"
	oidEncryptedData = "1.2.840.113549.1.7.6"

	oidKeyBag       = "1.2.840.113549.1.12.10.1.1"
	oidSealedKeyBag = "1.2.840.113549.1.12.10.1.2"
	oidCertBag      = "1.2.840.113549.1.12.10.1.3"
)

// explicit0 is the tag [0] around a value.
const explicit0 = asn1.Tag(0 | 0x80 | 0x20)

// isPFX reports whether data begins as a PKCS#12 does: a sequence, in DER or
// BER, whose first element is the version 3.
func isPFX(data []byte) bool {
	if len(data) < 2 || data[0] != 0x30 {
		return false
	}
	at := 2
	if data[1] > 0x80 {
		at += int(data[1] & 0x7f)
	}
	return len(data) >= at+3 && data[at] == 0x02 && data[at+1] == 0x01 && data[at+2] == 0x03
}

// p12Reader walks one PKCS#12.
type p12Reader struct {
	password []byte // as PKCS#12 wants it
	utf8     string // as PBES2 wants it
	checked  bool   // the password is known to be right
	work     *budget

	certs []p12Cert
	keys  []Key
}

type p12Cert struct {
	alias   string
	trusted bool
	cert    *x509.Certificate
}

func readPKCS12(data []byte, password string) (*Store, error) {
	if data[1] == 0x80 {
		return nil, unsupported("PKCS#12 in BER encoding")
	}
	in := cryptobyte.String(data)
	var pfx, safe, contents cryptobyte.String
	var version int
	if !in.ReadASN1(&pfx, asn1.SEQUENCE) || !in.Empty() || !pfx.ReadASN1Integer(&version) {
		return nil, damaged("its length is wrong")
	}
	oid, content, ok := readContent(&pfx)
	if ok && oid != oidData {
		return nil, unsupported("PKCS#12 with a signature in place of a password")
	}
	if !ok || !content.ReadASN1(&safe, asn1.OCTET_STRING) {
		return nil, damaged("its frame is not that of a PKCS#12")
	}
	r := &p12Reader{utf8: password, password: append(utf16Bytes(password), 0, 0), work: &budget{left: maxRounds}}
	if !pfx.Empty() {
		if err := r.verify(pfx, safe); err != nil {
			return nil, err
		}
	}
	if !safe.ReadASN1(&contents, asn1.SEQUENCE) || !safe.Empty() {
		return nil, damaged("its list of contents is not what it should be")
	}
	for !contents.Empty() {
		if err := r.content(&contents); err != nil {
			return nil, err
		}
	}
	return r.store(), nil
}

// verify checks the MAC, and so the password.
func (r *p12Reader) verify(mac, safe cryptobyte.String) error {
	ok, err := checkMAC(mac, safe, r.password, r.utf8, r.work)
	if err == nil && !ok && r.utf8 == "" {
		// An empty password is two zero bytes for some writers and none for others.
		r.password = nil
		ok, err = checkMAC(mac, safe, r.password, r.utf8, r.work)
	}
	switch {
	case err != nil:
		return err
	case ok:
		r.checked = true
	case r.utf8 != "":
		return ErrPassword
	}
	// Without a password go on, unchecked, as Java does; what is encrypted will
	// ask for it.
	return nil
}

// content reads one item of the authenticated safe.
func (r *p12Reader) content(in *cryptobyte.String) error {
	oid, content, ok := readContent(in)
	if !ok {
		return damaged("a part of it is cut off")
	}
	switch oid {
	case oidData:
		var data cryptobyte.String
		if !content.ReadASN1(&data, asn1.OCTET_STRING) {
			return damaged("a part of it is not what it should be")
		}
		return r.bags(data)
	case oidEncryptedData:
		plain, err := r.decrypt(content)
		noise := errors.Is(err, ErrPassword)
		if err == nil {
			// A wrong password may leave padding that looks right.
			err = r.bags(plain)
			noise = errors.Is(err, ErrDamaged)
		}
		switch {
		case !noise:
			return err
		case r.checked:
			return damaged("a part of it does not decrypt")
		case r.utf8 == "":
			return ErrNoPassword
		default:
			return ErrPassword
		}
	default:
		return unsupported("PKCS#12 that is encrypted for a certificate and not by a password")
	}
}

func (r *p12Reader) decrypt(content cryptobyte.String) ([]byte, error) {
	var box, info, data cryptobyte.String
	var version int
	var oid string
	if !content.ReadASN1(&box, asn1.SEQUENCE) || !box.ReadASN1Integer(&version) || !box.ReadASN1(&info, asn1.SEQUENCE) || !readOID(&info, &oid) {
		return nil, damaged("an encrypted part is not what it should be")
	}
	alg, params, ok := readAlgorithm(&info)
	if ok && info.PeekASN1Tag(explicit0) {
		return nil, unsupported("PKCS#12 in BER encoding")
	}
	if !ok || !info.ReadASN1(&data, asn1.Tag(0).ContextSpecific()) {
		return nil, damaged("an encrypted part is not what it should be")
	}
	return unseal(alg, params, data, r.password, r.utf8, r.work)
}

// bags reads the entries of one part.
func (r *p12Reader) bags(data []byte) error {
	in := cryptobyte.String(data)
	var list cryptobyte.String
	if !in.ReadASN1(&list, asn1.SEQUENCE) || !in.Empty() {
		return damaged("a list of entries is not what it should be")
	}
	for !list.Empty() {
		var bag, value cryptobyte.String
		var oid string
		if !list.ReadASN1(&bag, asn1.SEQUENCE) || !readOID(&bag, &oid) || !bag.ReadASN1(&value, explicit0) {
			return damaged("an entry is not what it should be")
		}
		alias, trusted, ok := readAttributes(bag)
		if !ok {
			return damaged("the attributes of an entry are not what they should be")
		}
		switch oid {
		case oidCertBag:
			cert, err := readCertBag(value, alias)
			if err != nil {
				return err
			}
			if cert != nil {
				r.certs = append(r.certs, p12Cert{alias: alias, trusted: trusted, cert: cert})
			}
		case oidKeyBag:
			r.keys = append(r.keys, Key{Alias: alias, open: func(string) ([]byte, error) { return value, nil }})
		case oidSealedKeyBag:
			r.keys = append(r.keys, Key{Alias: alias, open: func(password string) ([]byte, error) {
				return openPKCS8(value, password, r.work)
			}})
		}
		// Revocation lists, secrets and nested lists: nothing that we look for.
	}
	return nil
}

// store sorts what was found. Java trusts what bears its mark. A store without
// a key and without a mark was made by openssl, to be trusted as a whole.
func (r *p12Reader) store() *Store {
	s := &Store{Keys: r.keys}
	marked := false
	var rest []*x509.Certificate
	for _, c := range r.certs {
		marked = marked || c.trusted
		if !c.trusted {
			rest = append(rest, c.cert)
		}
	}
	for _, c := range r.certs {
		if c.trusted || !marked && len(r.keys) == 0 {
			s.Trusted = append(s.Trusted, Trusted{Alias: c.alias, Certificate: c.cert})
		}
	}
	for i := range s.Keys {
		s.Keys[i].Certificates = rest
	}
	return s
}

// readContent reads a ContentInfo: what it is, and the value.
func readContent(in *cryptobyte.String) (string, cryptobyte.String, bool) {
	var info, content cryptobyte.String
	var oid string
	ok := in.ReadASN1(&info, asn1.SEQUENCE) && readOID(&info, &oid) && info.ReadASN1(&content, explicit0)
	return oid, content, ok
}

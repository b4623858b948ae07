package keystore_test

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"software.sslmate.com/src/go-pkcs12"

	"auditlog-forwarder/pkg/creds/keystore"
)

// password is that of every store which testdata/make.sh makes.
const password = "changeit"

func file(tb testing.TB, name string) []byte {
	tb.Helper()
	data, err := os.ReadFile(filepath.Join("..", "testdata", name))
	if err != nil {
		tb.Fatal(err)
	}
	return data
}

func block(tb testing.TB, name string) []byte {
	tb.Helper()
	b, _ := pem.Decode(file(tb, name))
	if b == nil {
		tb.Fatalf("%s is no PEM", name)
	}
	return b.Bytes
}

func certificate(tb testing.TB, name string) *x509.Certificate {
	tb.Helper()
	cert, err := x509.ParseCertificate(block(tb, name))
	if err != nil {
		tb.Fatal(err)
	}
	return cert
}

// contents is a store as the tests compare it.
type contents struct{ Trusted, Keys []string }

func list(s *keystore.Store) contents {
	var c contents
	for _, e := range s.Trusted {
		c.Trusted = append(c.Trusted, e.Alias+"="+e.Certificate.Subject.CommonName)
	}
	for _, k := range s.Keys {
		c.Keys = append(c.Keys, k.Alias)
	}
	return c
}

func TestRead(t *testing.T) {
	t.Parallel()
	ca := contents{Trusted: []string{"testca=Test CA"}}
	nameless := contents{Trusted: []string{"=Test CA"}}
	client := contents{Keys: []string{"client"}}
	both := contents{Trusted: ca.Trusted, Keys: client.Keys}
	two := contents{Keys: []string{"client", "second"}}
	for _, tt := range []struct {
		file, password string
		want           contents
		err            error
	}{
		{"trust.jks", password, ca, nil},
		{"trust.jks", "", ca, nil}, // as Java opens it
		{"trust.jks", "wrong", contents{}, keystore.ErrPassword},
		{"trust.jceks", password, contents{}, keystore.ErrUnsupported},
		{"trust.p12", password, ca, nil},
		{"trust.p12", "", contents{}, keystore.ErrNoPassword},
		{"trust.p12", "wrong", contents{}, keystore.ErrPassword},
		{"trust-legacy.p12", password, ca, nil},
		{"trust-legacy.p12", "", contents{}, keystore.ErrNoPassword},
		{"trust-legacy.p12", "wrong", contents{}, keystore.ErrPassword},
		{"trust-sha512.p12", password, ca, nil},
		{"trust-plain.p12", "", ca, nil},
		{"trust-plain.p12", "any", ca, nil}, // there is nothing that it could fail to open
		{"trust-only-mac.p12", password, ca, nil},
		{"trust-only-mac.p12", "", ca, nil},
		{"trust-only-mac.p12", "wrong", contents{}, keystore.ErrPassword},
		{"trust-only-encrypted.p12", password, ca, nil},
		{"trust-only-encrypted.p12", "", contents{}, keystore.ErrNoPassword},
		{"trust-only-encrypted.p12", "wrong", contents{}, keystore.ErrPassword},
		{"trust-slow.p12", password, ca, nil},
		{"trust-openssl.p12", password, nameless, nil},
		{"trust-empty-password.p12", "", nameless, nil},
		{"trust-unicode.p12", "pässwörd€", nameless, nil},
		{"empty.jks", password, contents{}, nil},
		{"empty.p12", password, contents{}, nil},
		{"key.jks", password, client, nil},
		{"key.p12", password, client, nil},
		{"key-legacy.p12", password, client, nil},
		{"key-openssl.p12", password, client, nil},
		{"key-openssl-legacy.p12", password, client, nil},
		{"key-plain.p12", "", client, nil},
		{"two-keys.jks", password, two, nil},
		{"two-keys.p12", password, two, nil},
		{"both.jks", password, both, nil},
		{"both.p12", password, both, nil},
		{"ca.pem", password, contents{}, keystore.ErrUnsupported},
		{"ca.der", password, contents{}, keystore.ErrUnsupported},
	} {
		t.Run(tt.file+" "+tt.password, func(t *testing.T) {
			t.Parallel()
			store, err := keystore.Read(file(t, tt.file), tt.password)
			if !errors.Is(err, tt.err) || (err == nil) != (tt.err == nil) {
				t.Fatalf("error %v, want %v", err, tt.err)
			}
			if err != nil {
				return
			}
			if diff := cmp.Diff(tt.want, list(store)); diff != "" {
				t.Errorf("contents (-want +got):\n%s", diff)
			}
		})
	}
}

func TestOpen(t *testing.T) {
	t.Parallel()
	want := certificate(t, "client.pem").PublicKey
	for _, tt := range []struct {
		file, password string
		err            error
	}{
		{"key.jks", password, nil},
		{"key.jks", "", keystore.ErrNoPassword},
		{"key.jks", "wrong", keystore.ErrPassword},
		{"key-own-password.jks", "another1", nil},
		{"key-own-password.jks", password, keystore.ErrPassword},
		{"key.p12", password, nil},
		{"key.p12", "wrong", keystore.ErrPassword},
		{"key.p12", "", keystore.ErrNoPassword},
		{"key-legacy.p12", password, nil},
		{"key-openssl.p12", password, nil},
		{"key-openssl-legacy.p12", password, nil},
		{"key-openssl-legacy.p12", "wrong", keystore.ErrPassword},
		{"key-plain.p12", "", nil},
		{"both.p12", password, nil},
	} {
		t.Run(tt.file+" "+tt.password, func(t *testing.T) {
			t.Parallel()
			pass := password
			if tt.file == "key-plain.p12" {
				pass = ""
			}
			store, err := keystore.Read(file(t, tt.file), pass)
			if err != nil {
				t.Fatal(err)
			}
			key, err := store.Keys[0].Open(tt.password)
			checkKey(t, key, err, want, tt.err)
			if got := len(store.Keys[0].Certificates); got != 2 {
				t.Errorf("%d certificates, want the client's and the CA's", got)
			}
		})
	}
}

func TestOpenPKCS8(t *testing.T) {
	t.Parallel()
	want := certificate(t, "client.pem").PublicKey
	for _, tt := range []struct {
		file, password string
		err            error
	}{
		{"client-aes.key", password, nil},
		{"client-aes.key", "wrong", keystore.ErrPassword},
		{"client-aes.key", "", keystore.ErrNoPassword},
		{"client-sha512.key", password, nil},
		{"client-des3.key", password, nil},
		{"client-pbe-3des.key", password, nil},
		{"client-pbe-rc2-40.key", password, nil},
		{"client-pbe-rc2-128.key", password, nil},
		{"client-pbe-rc2-128.key", "wrong", keystore.ErrPassword},
		{"client-md5-des.key", password, keystore.ErrUnsupported},
		{"client-scrypt.key", password, keystore.ErrUnsupported},
		{"client.key", password, keystore.ErrDamaged},
	} {
		t.Run(tt.file+" "+tt.password, func(t *testing.T) {
			t.Parallel()
			der, err := keystore.OpenPKCS8(block(t, tt.file), tt.password)
			var key crypto.PrivateKey
			if err == nil {
				key, err = x509.ParsePKCS8PrivateKey(der)
			}
			checkKey(t, key, err, want, tt.err)
		})
	}
}

// TestManyWrongPasswords: one in 256 leaves padding that looks right.
func TestManyWrongPasswords(t *testing.T) {
	t.Parallel()
	der := block(t, "client-pbe-3des.key")
	for i := range 600 {
		if _, err := keystore.OpenPKCS8(der, fmt.Sprint("wrong", i)); !errors.Is(err, keystore.ErrPassword) {
			t.Fatalf("password %d: %v", i, err)
		}
	}
}

func checkKey(t *testing.T, key crypto.PrivateKey, err error, want crypto.PublicKey, wantErr error) {
	t.Helper()
	if !errors.Is(err, wantErr) || (err == nil) != (wantErr == nil) {
		t.Fatalf("error %v, want %v", err, wantErr)
	}
	if err != nil {
		return
	}
	got := key.(crypto.Signer).Public()
	if !got.(interface{ Equal(crypto.PublicKey) bool }).Equal(want) {
		t.Error("it is another key")
	}
}

// TestOtherWriter reads what neither keytool 17 nor openssl 3.0 can write: the
// MAC of RFC 9579. The passwords are those on which implementations differ.
func TestOtherWriter(t *testing.T) {
	t.Parallel()
	key, err := x509.ParsePKCS8PrivateKey(block(t, "client.key"))
	if err != nil {
		t.Fatal(err)
	}
	client, ca := certificate(t, "client.pem"), certificate(t, "ca.pem")
	for name, enc := range map[string]*pkcs12.Encoder{
		"RC2": pkcs12.LegacyRC2, "3DES": pkcs12.LegacyDES, "2023": pkcs12.Modern2023, "2026": pkcs12.Modern2026,
	} {
		for _, pass := range []string{"", "x", "pässwörd€", strings.Repeat("long", 100)} {
			t.Run(name+" "+pass, func(t *testing.T) {
				t.Parallel()
				trust, err := enc.EncodeTrustStore([]*x509.Certificate{ca}, pass)
				if err != nil {
					t.Fatal(err)
				}
				store, err := keystore.Read(trust, pass)
				if err != nil {
					t.Fatal(err)
				}
				if len(store.Trusted) != 1 || !store.Trusted[0].Certificate.Equal(ca) {
					t.Errorf("got %v", list(store))
				}
				if _, err := keystore.Read(trust, pass+"?"); !errors.Is(err, keystore.ErrPassword) {
					t.Errorf("wrong password: %v", err)
				}
				own, err := enc.Encode(key, client, []*x509.Certificate{ca}, pass)
				if err != nil {
					t.Fatal(err)
				}
				if store, err = keystore.Read(own, pass); err != nil {
					t.Fatal(err)
				}
				if len(store.Keys) != 1 || len(store.Keys[0].Certificates) != 2 || len(store.Trusted) != 0 {
					t.Fatalf("got %v", list(store))
				}
				got, err := store.Keys[0].Open(pass)
				checkKey(t, got, err, client.PublicKey, nil)
			})
		}
	}
}

// TestShortMACKey: a MAC whose key has a few bytes proves nothing, and one with
// many takes memory.
func TestShortMACKey(t *testing.T) {
	t.Parallel()
	good, err := pkcs12.Modern2026.EncodeTrustStore([]*x509.Certificate{certificate(t, "ca.pem")}, password)
	if err != nil {
		t.Fatal(err)
	}
	const size = "\x02\x01\x20\x30" // 32, and then the next element
	if bytes.Count(good, []byte(size)) != 1 {
		t.Fatal("the length of the key is not found")
	}
	for _, n := range []string{"\x04", "\x41"} {
		bad := bytes.Replace(good, []byte(size), []byte("\x02\x01"+n+"\x30"), 1)
		if _, err := keystore.Read(bad, password); !errors.Is(err, keystore.ErrUnsupported) || !strings.Contains(err.Error(), "a derived key of ") {
			t.Errorf("%d bytes: %v", n[0], err)
		}
	}
}

// TestDamaged cuts the stores everywhere and changes every byte of those that
// a digest protects.
func TestDamaged(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"both.jks", "both.p12", "trust-plain.p12"} {
		data := file(t, name)
		for n := range data {
			if _, err := keystore.Read(data[:n], password); err == nil {
				t.Fatalf("%s: read after %d of %d bytes", name, n, len(data))
			} else if n > 20 && !errors.Is(err, keystore.ErrDamaged) {
				t.Fatalf("%s: cut after %d of %d bytes: %v", name, n, len(data), err)
			}
		}
		if _, err := keystore.Read(append(bytes.Clone(data), "more bytes than a digest"...), password); !errors.Is(err, keystore.ErrDamaged) {
			t.Errorf("%s with something behind: %v", name, err)
		}
	}
	data := file(t, "both.jks")
	for i := range data {
		data[i] ^= 0x10
		if _, err := keystore.Read(data, password); err == nil {
			t.Fatalf("byte %d is changed, and nobody sees it", i)
		}
		data[i] ^= 0x10
	}
}

// TestClaims are stores that claim more than they hold, or ask for work that
// takes for ever.
func TestClaims(t *testing.T) {
	t.Parallel()
	replace := func(name, from, to string) []byte {
		data := file(t, name)
		if !bytes.Contains(data, []byte(from)) {
			t.Fatalf("%s does not hold %x", name, from)
		}
		return bytes.Replace(data, []byte(from), []byte(to), 1)
	}
	for _, tt := range []struct {
		what string
		data []byte
		want error
		text string
	}{
		{"entries", replace("trust.jks", "\x00\x00\x00\x01", "\xff\xff\xff\xff"), keystore.ErrDamaged, "entry 2 of 4294967295"},
		{"certificates of a key", replace("key.jks", "\x00\x00\x00\x02\x00\x05X.509", "\xff\xff\xff\xff\x00\x05X.509"), keystore.ErrDamaged, "entry 1 of 1"},
		{"bytes of a certificate", replace("trust.jks", "X.509\x00", "X.509\xff"), keystore.ErrDamaged, "entry 1 of 1"},
		{"rounds of the MAC", replace("trust-slow.p12", "\x02\x03\x01\x86\xa0", "\x02\x03\x7f\xff\xff"), keystore.ErrUnsupported, "more than 5000000 rounds"},
		{"rounds of the encryption", replace("trust-only-encrypted.p12", "\x02\x02\x27\x10", "\x02\x02\xd8\xf0"), keystore.ErrDamaged, "-10000 rounds"},
		{"JKS version", replace("trust.jks", "\x00\x00\x00\x02", "\x00\x00\x00\x03"), keystore.ErrUnsupported, "JKS version 3"},
		{"BER", append([]byte{0x30, 0x80}, file(t, "trust.p12")[4:]...), keystore.ErrUnsupported, "BER"},
	} {
		t.Run(tt.what, func(t *testing.T) {
			t.Parallel()
			pass := password
			if errors.Is(tt.want, keystore.ErrDamaged) { // before the digest is looked at
				pass = ""
			}
			_, err := keystore.Read(tt.data, pass)
			if !errors.Is(err, tt.want) || !strings.Contains(err.Error(), tt.text) {
				t.Errorf("error %v, want %v with %q", err, tt.want, tt.text)
			}
		})
	}
}

// TestBadCertificate: what is wrong with one certificate names it.
func TestBadCertificate(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"trust.jks", "trust-plain.p12"} {
		data := file(t, name)
		ca := certificate(t, "ca.pem").Raw
		at := bytes.Index(data, ca)
		if at < 0 {
			t.Fatalf("%s does not hold the CA in plain", name)
		}
		data[at+10] ^= 0xff
		var bad *keystore.CertificateError
		if _, err := keystore.Read(data, ""); !errors.As(err, &bad) || bad.Alias != "testca" {
			t.Errorf("%s: error %v, want one that names testca", name, err)
		}
	}
}

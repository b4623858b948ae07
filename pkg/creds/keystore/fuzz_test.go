package keystore_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"auditlog-forwarder/pkg/creds/keystore"
)

// FuzzTruststore reads anything as a store, and opens what keys it finds.
func FuzzTruststore(f *testing.F) {
	files, err := os.ReadDir(filepath.Join("..", "testdata"))
	if err != nil {
		f.Fatal(err)
	}
	for _, entry := range files {
		switch filepath.Ext(entry.Name()) {
		case ".jks", ".jceks", ".p12", ".der":
			f.Add(file(f, entry.Name()), password)
			f.Add(file(f, entry.Name()), "")
		}
	}
	f.Fuzz(func(t *testing.T, data []byte, pass string) {
		store, err := keystore.Read(data, pass)
		if err != nil {
			if store != nil || strings.TrimSpace(err.Error()) == "" {
				t.Errorf("a store beside the error %q", err)
			}
			return
		}
		// Nothing is made out of nothing: a certificate takes 100 bytes and more.
		if n := len(store.Trusted) + len(store.Keys); n > len(data)/20 {
			t.Errorf("%d entries out of %d bytes", n, len(data))
		}
		for _, k := range store.Keys {
			if key, err := k.Open(pass); (key == nil) == (err == nil) {
				t.Errorf("key %v, error %v", key, err)
			}
		}
	})
}

// FuzzKey opens anything as an encrypted key.
func FuzzKey(f *testing.F) {
	for _, name := range []string{
		"client-aes.key", "client-sha512.key", "client-des3.key", "client-pbe-3des.key", "client-pbe-rc2-40.key",
		"client-pbe-rc2-128.key", "client-md5-des.key", "client-scrypt.key", "client.key",
	} {
		f.Add(block(f, name), password)
	}
	f.Fuzz(func(t *testing.T, der []byte, pass string) {
		if plain, err := keystore.OpenPKCS8(der, pass); err == nil && len(plain) > len(der) {
			t.Errorf("%d bytes out of %d", len(plain), len(der))
		}
	})
}

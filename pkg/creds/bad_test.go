package creds_test

import (
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"auditlog-forwarder/pkg/creds"
)

// bad is a file that is refused, and the sentence behind its path.
type bad struct {
	what string
	tls  creds.TLS
	key  string // whose file the error names
	want string
}

func (b bad) path() string {
	return map[string]string{
		"ca_file": b.tls.CAFile, "truststore_file": b.tls.TruststoreFile, "keystore_file": b.tls.KeystoreFile,
		"client_cert_file": b.tls.ClientCertFile, "client_key_file": b.tls.ClientKeyFile,
	}[b.key]
}

func (b bad) run(t *testing.T) {
	t.Parallel()
	b.documented(t)
	cfg, err := b.tls.Config("name")
	if want := b.key + " " + b.path() + ": " + b.want; err == nil || err.Error() != want {
		t.Errorf("error\n%v, want\n%s", err, want)
	}
	if cfg != nil {
		t.Error("a configuration beside an error")
	}
	if err != nil && (strings.Contains(err.Error(), password) || strings.Contains(err.Error(), "wr0ng")) {
		t.Error("the error holds the password")
	}
}

// documented looks for the sentence in the tables of docs/tls.md, where "…"
// stands for the detail.
func (b bad) documented(t *testing.T) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "tls.md"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		cell, _, ok := strings.Cut(strings.TrimPrefix(line, "| "), " | ")
		if !ok {
			continue
		}
		for i, said := range strings.Split(cell, "`") {
			begin, end, _ := strings.Cut(said, "…")
			if i%2 == 1 && strings.HasPrefix(b.want, begin) && strings.Contains(b.want, end) {
				return
			}
		}
	}
	t.Errorf("docs/tls.md does not say what to do about %q", b.want)
}

func TestBadCAFile(t *testing.T) {
	t.Parallel()
	end := time.Date(2020, 5, 17, 12, 0, 0, 0, time.UTC)
	old := newAuthority(t, "old", end)
	older := newAuthority(t, "older", end.AddDate(-1, 0, 0))
	damaged := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("nonsense")}))
	for _, tt := range []struct{ what, path, want string }{
		{"missing", filepath.Join(t.TempDir(), "missing.pem"), "no such file or directory; check the path, and that it is mounted"},
		{"a directory", t.TempDir(), "it is a directory; name a file in it"},
		{"a device", os.DevNull, "it is a pipe or a device; name a regular file, since it is read again when it changes"},
		{"empty", write(t, "\n"), "it is empty; copy it here again"},
		{"text", write(t, "hello"), "no certificate found; a PEM file holds lines that begin with -----BEGIN CERTIFICATE-----"},
		{"UTF-16", write(t, "\xff\xfe-\x00-\x00"), "it is text in UTF-16; save it as UTF-8 or ASCII"},
		{"a private key", data("client.key"), "it holds a private key and no certificate; give the certificate, which begins with -----BEGIN CERTIFICATE-----"},
		{"damaged", write(t, read(t, "ca.pem")+damaged), "certificate 2 in it is damaged: x509: malformed certificate; copy it here again"},
		{"expired", write(t, older.pem()+old.pem()), "every certificate in it has expired, the last one on 2020-05-17; get the current CA certificate"},
		{"not yet valid", write(t, old.pem()+read(t, "future.pem")), "no certificate in it is valid yet, the first one from 2120-01-01; check the clock of this machine"},
		{"JKS", data("trust.jks"), "it is a Java keystore (JKS), not PEM; give it as truststore_file, with its truststore_password"},
		{"JCEKS", data("trust.jceks"), "it is a Java keystore of the old type JCEKS, which is not read; convert it with keytool -importkeystore -srckeystore FILE -srcstoretype JCEKS -destkeystore FILE.p12 -deststoretype PKCS12 and give that as truststore_file"},
		{"PKCS#12", data("trust.p12"), "it is a PKCS#12 store, not PEM; give it as truststore_file, with its truststore_password"},
		{"DER", data("ca.der"), "it is a certificate in DER form, not PEM; convert it with openssl x509 -inform der -in FILE -out FILE.pem"},
		{"too large", write(t, strings.Repeat("x", 8<<20+1)), "it is larger than 8 MiB, and so neither certificates nor a key; name another file"},
	} {
		t.Run(tt.what, bad{tt.what, creds.TLS{CAFile: tt.path}, "ca_file", tt.want}.run)
	}
}

func TestBadTruststore(t *testing.T) {
	t.Parallel()
	whole := read(t, "trust.p12")
	const add = "; add the CA's with keytool -importcert -keystore FILE -alias ca -file CA.pem"
	const wrong = "the password does not open it; check truststore_password, and if that is right, copy the file here again: a damaged one looks the same"
	const convert = "; convert it with keytool -importkeystore -srckeystore FILE -srcstoretype PKCS12 -destkeystore FILE.p12 -deststoretype PKCS12"
	// What should be a sequence in the certificate is none.
	broken := strings.Replace(read(t, "trust.jks"), read(t, "ca.der")[:5], read(t, "ca.der")[:4]+"\x31", 1)
	for _, tt := range []struct{ what, path, password, want string }{
		{"missing", filepath.Join(t.TempDir(), "missing"), "", "no such file or directory; check the path, and that it is mounted"},
		{"JKS, wrong password", data("trust.jks"), "wr0ng", wrong},
		{"PKCS#12, wrong password", data("trust.p12"), "wr0ng", wrong},
		{"PKCS#12, no password", data("trust.p12"), "", "it is protected by a password; give it as truststore_password"},
		{"an empty JKS", data("empty.jks"), password, "it is an empty store, without a certificate" + add},
		{"an empty PKCS#12", data("empty.p12"), password, "it is an empty store, without a certificate" + add},
		{"a JKS with a key", data("key.jks"), password, "it holds a private key and no trusted certificate" + add},
		{"a PKCS#12 with a key", data("key.p12"), password, "it holds a private key and no trusted certificate" + add},
		{"expired", data("old.jks"), password, "every certificate in it has expired, the last one on 2011-01-01; get the current CA certificate"},
		{"not yet valid", data("future.jks"), password, "no certificate in it is valid yet, the first one from 2120-01-01; check the clock of this machine"},
		{"cut", write(t, whole[:len(whole)-9]), password, "it is damaged: its length is wrong; copy it here again, byte for byte"},
		{"a broken certificate", write(t, broken), "", `certificate "testca" cannot be read: x509: malformed tbs certificate; remove it with keytool -delete -alias NAME -keystore FILE, or put in one that is intact`},
		{"BER", write(t, "\x30\x80\x02\x01\x03"), password, "it is of a form that is not read here: PKCS#12 in BER encoding" + convert},
		{"JCEKS", data("trust.jceks"), password, "it is a Java keystore of the old type JCEKS, which is not read; convert it with keytool -importkeystore -srckeystore FILE -srcstoretype JCEKS -destkeystore FILE.p12 -deststoretype PKCS12 and give that as truststore_file"},
		{"PEM", data("ca.pem"), password, "it is PEM, not a Java store; give it as ca_file, without truststore_password"},
		{"DER", data("ca.der"), password, "it is a certificate in DER form, not a store; convert it with openssl x509 -inform der -in FILE -out FILE.pem, and give that as ca_file"},
		{"text", write(t, "hello"), password, "it is neither JKS nor PKCS#12; keytool -list -keystore FILE must be able to read it"},
	} {
		t.Run(tt.what, bad{tt.what, creds.TLS{TruststoreFile: tt.path, TruststorePassword: secret(tt.password)}, "truststore_file", tt.want}.run)
	}
}

func TestBadKeystore(t *testing.T) {
	t.Parallel()
	const several = `it holds 2 keys, "client", "second"; copy the one to be used into a store of its own with keytool -importkeystore -srckeystore FILE -srcalias NAME -destkeystore FILE.p12 -deststoretype PKCS12`
	for _, tt := range []struct{ what, path, password, own, want string }{
		{"wrong password", data("key.jks"), "wr0ng", "", "the password does not open it; check keystore_password, and if that is right, copy the file here again: a damaged one looks the same"},
		{"no password", data("key.jks"), "", "", "it is protected by a password; give it as keystore_password"},
		{"the key's own password is missing", data("key-own-password.jks"), password, "", `the key "client" in it has a password of its own; give it as client_key_password`},
		{"the key's own password is wrong", data("key-own-password.jks"), password, "wr0ng", `the key "client" in it does not open with client_key_password; correct that, or remove it if the key has the store's password`},
		{"two keys in a JKS", data("two-keys.jks"), password, "", several},
		{"two keys in a PKCS#12", data("two-keys.p12"), password, "", several},
		{"a truststore", data("trust.jks"), password, "", "it holds certificates and no private key; give the store with the client's key, or, if this is a truststore, give it as truststore_file"},
		{"empty", data("empty.p12"), password, "", "it is an empty store, without a key; import the client's key and certificate with keytool -importkeystore"},
		{"expired", data("old-key.p12"), password, "", "the certificate expired on 2011-01-01; get a new one from the CA that signed it"},
		{"not yet valid", data("future-key.p12"), password, "", "the certificate is valid only from 2120-01-01; check the clock of this machine"},
		{"PEM", data("client.pem"), password, "", "it is PEM, not a Java store; give it as client_cert_file and client_key_file, without keystore_password"},
	} {
		t.Run(tt.what, bad{tt.what, creds.TLS{
			KeystoreFile: tt.path, KeystorePassword: secret(tt.password), ClientKeyPassword: secret(tt.own),
		}, "keystore_file", tt.want}.run)
	}
}

func TestBadClientFiles(t *testing.T) {
	t.Parallel()
	cut := string(pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: []byte{0x30, 0x10}}))
	const encrypt = "; encrypt it anew with openssl pkcs8 -topk8 -v2 aes-256-cbc -in FILE -out FILE.new"
	for _, tt := range []struct{ what, cert, key, password, at, want string }{
		{"a key of another", data("client.pem"), data("rsa.key"), "", "client_cert_file", "no certificate in it belongs to the key in client_key_file " + data("rsa.key") + "; give the key that the certificate was requested with"},
		{"a store", data("key.p12"), data("client.key"), "", "client_cert_file", "it is a PKCS#12 store, not PEM; give it as keystore_file, with its keystore_password"},
		{"the key is a store", data("client.pem"), data("key.jks"), "", "client_key_file", "it is a Java keystore (JKS), not PEM; give it as keystore_file, with its keystore_password"},
		{"no password", data("client.pem"), data("client-aes.key"), "", "client_key_file", "the key is encrypted; give its password as client_key_password"},
		{"no password, Proc-Type", data("client.pem"), data("client-proctype.key"), "", "client_key_file", "the key is encrypted; give its password as client_key_password"},
		{"wrong password", data("client.pem"), data("client-aes.key"), "wr0ng", "client_key_file", "the password does not open the key; check client_key_password"},
		{"wrong password, Proc-Type", data("client.pem"), data("client-proctype.key"), "wr0ng", "client_key_file", "the password does not open the key; check client_key_password"},
		{"scrypt", data("client.pem"), data("client-scrypt.key"), password, "client_key_file", "the key is of a form that is not read here: a key derived by 1.3.6.1.4.1.11591.4.11" + encrypt},
		{"MD5 and DES", data("client.pem"), data("client-md5-des.key"), password, "client_key_file", "the key is of a form that is not read here: encrypted by 1.2.840.113549.1.5.3" + encrypt},
		{"the certificate twice", data("client.pem"), data("client.pem"), "", "client_key_file", "it holds a certificate and no private key; give the key, which begins with -----BEGIN PRIVATE KEY-----"},
		{"no key", data("client.pem"), write(t, "hello"), "", "client_key_file", "no private key found; a PEM file holds a line like -----BEGIN PRIVATE KEY-----"},
		{"damaged", data("client.pem"), write(t, cut), password, "client_key_file", "the key is damaged: a key is cut off; copy it here again"},
		{"of ssh", data("client.pem"), write(t, strings.NewReplacer("PRIVATE", "OPENSSH PRIVATE").Replace(read(t, "client.key"))), "", "client_key_file", "the key (OPENSSH PRIVATE KEY) cannot be read: its form is unknown; give an RSA, ECDSA or Ed25519 key, in PKCS#8 or as openssl writes it"},
	} {
		t.Run(tt.what, bad{tt.what, creds.TLS{
			ClientCertFile: tt.cert, ClientKeyFile: tt.key, ClientKeyPassword: secret(tt.password),
		}, tt.at, tt.want}.run)
	}
}

func TestUnreadable(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root reads everything")
	}
	path := write(t, "x")
	if err := os.Chmod(path, 0); err != nil {
		t.Fatal(err)
	}
	bad{"unreadable", creds.TLS{CAFile: path}, "ca_file", "permission denied; give the user that runs this the right to read it and its folders"}.run(t)
}

package creds_test

import (
	"crypto/tls"
	"crypto/x509"
	"strconv"
	"strings"
	"testing"

	"auditlog-forwarder/pkg/creds"
)

// TestClientCertificate shows every form of a client certificate to a server
// that asks for one of our CA.
func TestClientCertificate(t *testing.T) {
	t.Parallel()
	clients := x509.NewCertPool()
	if !clients.AppendCertsFromPEM([]byte(read(t, "ca.pem"))) {
		t.Fatal("no CA")
	}
	pair := func(cert, key, pass string) creds.TLS {
		return creds.TLS{ClientCertFile: data(cert), ClientKeyFile: data(key), ClientKeyPassword: secret(pass)}
	}
	store := func(name, pass string) creds.TLS {
		return creds.TLS{KeystoreFile: data(name), KeystorePassword: secret(pass)}
	}
	own := store("key-own-password.jks", password)
	own.ClientKeyPassword = secret("another1")
	same := store("key.p12", password)
	same.ClientKeyPassword = secret(password)
	for _, tt := range []struct {
		what  string
		tls   creds.TLS
		name  string
		chain int // certificates that are shown
	}{
		{"PKCS#8", pair("client.pem", "client.key", ""), "client", 1},
		{"with the CA", pair("client-chain.pem", "client.key", ""), "client", 2},
		{"a password that is not needed", pair("client.pem", "client.key", "x"), "client", 1},
		{"SEC 1", pair("client.pem", "client-ec.key", ""), "client", 1},
		{"RSA", pair("rsa.pem", "rsa.key", ""), "rsa", 1},
		{"RSA, PKCS#1", pair("rsa.pem", "rsa-pkcs1.key", ""), "rsa", 1},
		{"Ed25519", pair("ed25519.pem", "ed25519.key", ""), "ed25519", 1},
		{"encrypted", pair("client.pem", "client-aes.key", password), "client", 1},
		{"encrypted with SHA-512", pair("client.pem", "client-sha512.key", password), "client", 1},
		{"encrypted with 3DES", pair("client.pem", "client-pbe-3des.key", password), "client", 1},
		{"Proc-Type, AES", pair("client.pem", "client-proctype.key", password), "client", 1},
		{"Proc-Type, 3DES", pair("rsa.pem", "rsa-proctype.key", password), "rsa", 1},
		{"JKS", store("key.jks", password), "client", 2},
		{"JKS, the key's own password", own, "client", 2},
		{"PKCS#12", store("key.p12", password), "client", 2},
		{"PKCS#12, the password twice", same, "client", 2},
		{"PKCS#12 of Java 8", store("key-legacy.p12", password), "client", 2},
		{"PKCS#12 of openssl", store("key-openssl.p12", password), "client", 2},
		{"PKCS#12 of openssl 1", store("key-openssl-legacy.p12", password), "client", 2},
		{"PKCS#12 without a password", store("key-plain.p12", ""), "client", 2},
		{"JKS with a CA too", store("both.jks", password), "client", 2},
		{"PKCS#12 with a CA too", store("both.p12", password), "client", 2},
	} {
		t.Run(tt.what, func(t *testing.T) {
			t.Parallel()
			tt.tls.CAFile = data("ca.pem")
			cfg, err := tt.tls.Config(name)
			if err != nil {
				t.Fatal(err)
			}
			p := serve(t, &tls.Config{Certificates: []tls.Certificate{splunk(t)}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: clients})
			if _, err := p.call(t, cfg); err != nil {
				t.Fatal(err)
			}
			shown := (<-p.seen).PeerCertificates
			if got := shown[0].Subject.CommonName; got != tt.name+".example.com" || len(shown) != tt.chain {
				t.Errorf("shown are %d, the first for %q; want %d, %q", len(shown), got, tt.chain, tt.name)
			}
		})
	}
}

// TestClientCertificateOrder: the leaf goes first and its CA behind it,
// whatever stands in the file.
func TestClientCertificateOrder(t *testing.T) {
	t.Parallel()
	path := write(t, read(t, "rsa.pem")+read(t, "ca.pem")+read(t, "client.pem")+read(t, "client.key"))
	cfg, err := creds.TLS{ClientCertFile: path, ClientKeyFile: path}.Config(name)
	if err != nil {
		t.Fatal(err)
	}
	pair, err := cfg.GetClientCertificate(&tls.CertificateRequestInfo{})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, der := range pair.Certificate {
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, cert.Subject.CommonName)
	}
	if got := strings.Join(names, ", "); got != "client.example.com, Test CA" {
		t.Errorf("shown are %s", got)
	}
}

// TestUnwantedClientCertificate: a server that lists other CAs hears of ours
// all the same, and says what it dislikes.
func TestUnwantedClientCertificate(t *testing.T) {
	t.Parallel()
	others := x509.NewCertPool()
	if !others.AppendCertsFromPEM([]byte(read(t, "future.pem"))) {
		t.Fatal("no CA")
	}
	cfg, err := creds.TLS{CAFile: data("ca.pem"), ClientCertFile: data("client.pem"), ClientKeyFile: data("client.key")}.Config(name)
	if err != nil {
		t.Fatal(err)
	}
	p := serve(t, &tls.Config{Certificates: []tls.Certificate{splunk(t)}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: others})
	if _, err := p.call(t, cfg); err == nil || strings.Contains(err.Error(), "certificate required") {
		t.Errorf("error %v, want one about a certificate that was seen", err)
	}
}

// TestManyWrongPasswords: one in 256 leaves padding that looks right, and must
// be told as a wrong password all the same.
func TestManyWrongPasswords(t *testing.T) {
	t.Parallel()
	for i := range 2000 {
		c := creds.TLS{ClientCertFile: data("rsa.pem"), ClientKeyFile: data("rsa-proctype.key"), ClientKeyPassword: secret("wrong" + strconv.Itoa(i))}
		if _, err := c.Config(name); err == nil || !strings.HasSuffix(err.Error(), "the password does not open the key; check client_key_password") {
			t.Fatalf("password %d: %v", i, err)
		}
	}
}

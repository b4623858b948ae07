package kafkatest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl/scram"
)

// mechanisms returns the SASL mechanisms that clients may use.
func (s *settings) mechanisms() []string {
	m := []string{"PLAIN"}
	if s.opts.scram {
		m = append(m, "SCRAM-SHA-256", "SCRAM-SHA-512")
	}
	if s.opts.oauth != nil {
		m = append(m, "OAUTHBEARER")
	}
	return m
}

// setMechanisms writes what the mechanisms need at one listener.
func (s *settings) setMechanisms(listener string, set func(key, value string)) {
	set(listener+"sasl.enabled.mechanisms", strings.Join(s.mechanisms(), ","))
	if s.opts.scram {
		for _, m := range []string{"scram-sha-256", "scram-sha-512"} {
			set(listener+m+".sasl.jaas.config", "org.apache.kafka.common.security.scram.ScramLoginModule required;")
		}
	}
	if o := s.opts.oauth; o != nil {
		const module = "org.apache.kafka.common.security.oauthbearer."
		// The broker never logs in by it; the module wants a name all the same.
		set(listener+"oauthbearer.sasl.jaas.config", module+`OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="broker";`)
		set(listener+"oauthbearer.sasl.server.callback.handler.class", module+"OAuthBearerValidatorCallbackHandler")
		set(listener+"oauthbearer.sasl.oauthbearer.jwks.endpoint.url", o.JWKSURL)
		set(listener+"oauthbearer.sasl.oauthbearer.expected.audience", o.Audience)
		set(listener+"oauthbearer.sasl.oauthbearer.expected.issuer", o.Issuer)
		// By default a token counts for 30 s after its end.
		set(listener+"oauthbearer.sasl.oauthbearer.clock.skew.seconds", "1")
	}
	if s.opts.reauth > 0 {
		for _, m := range []string{"plain", "scram-sha-256", "scram-sha-512", "oauthbearer"} {
			set(listener+m+".connections.max.reauth.ms", strconv.FormatInt(s.opts.reauth.Milliseconds(), 10))
		}
	}
}

// setClients writes what the listener for client certificates needs.
func (s *settings) setClients(set func(key, value string)) {
	if s.opts.mtls {
		const listener = "listener.name.mtls."
		set(listener+"ssl.client.auth", "required")
		set(listener+"ssl.truststore.type", "PEM")
		set(listener+"ssl.truststore.location", s.path(caFile))
	}
}

// jwksURL is the one address that the broker may ask for keys.
func (s *settings) jwksURL() string {
	if s.opts.oauth == nil {
		return ""
	}
	return s.opts.oauth.JWKSURL
}

// SetSCRAM makes a user with SCRAM credentials of one kind, SCRAM-SHA-256 or
// SCRAM-SHA-512, or gives it another password, and returns when that counts.
func (b *Broker) SetSCRAM(tb testing.TB, mechanism, user, password string) {
	tb.Helper()
	kind := kadm.ScramSha256
	if mechanism == "SCRAM-SHA-512" {
		kind = kadm.ScramSha512
	}
	ctx, cancel := context.WithTimeout(tb.Context(), requestTimeout)
	defer cancel()
	res, err := b.Admin(tb).AlterUserSCRAMs(ctx, nil, []kadm.UpsertSCRAM{{User: user, Mechanism: kind, Iterations: 4096, Password: password}})
	if err == nil {
		err = res.Error()
	}
	if err == nil {
		err = b.letsIn(ctx, kind, scram.Auth{User: user, Pass: password})
	}
	if err != nil {
		tb.Fatalf("set the SCRAM credentials of %s: %v", user, err)
	}
}

// letsIn waits until a user can log in. The controller has new credentials
// some time before the broker.
func (b *Broker) letsIn(ctx context.Context, kind kadm.ScramMechanism, auth scram.Auth) error {
	mechanism := auth.AsSha256Mechanism()
	if kind == kadm.ScramSha512 {
		mechanism = auth.AsSha512Mechanism()
	}
	ask := func() (struct{}, error) {
		cl, err := kgo.NewClient(kgo.SeedBrokers(b.SASLPlaintextBootstrap()...), kgo.SASL(mechanism))
		if err != nil {
			return struct{}{}, backoff.Permanent(err)
		}
		defer cl.Close()
		_, err = kadm.NewClient(cl).BrokerMetadata(ctx)
		return struct{}{}, err
	}
	return again(ctx, ask)
}

// Allow makes the ACLs and returns when the broker holds to them. The
// controller has them some time before the broker.
func (b *Broker) Allow(tb testing.TB, acls ...*kadm.ACLBuilder) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), requestTimeout)
	defer cancel()
	adm := b.Admin(tb)
	for _, acl := range acls {
		created, err := adm.CreateACLs(ctx, acl)
		if err != nil {
			tb.Fatalf("create ACLs: %v", err)
		}
		for _, c := range created {
			if c.Err != nil {
				tb.Fatalf("create the ACL %s of %s on %s: %v", c.Operation, c.Principal, c.Name, c.Err)
			}
		}
		ask := func() (struct{}, error) {
			found, err := adm.DescribeACLs(ctx, acl)
			for _, f := range found {
				if f.Err == nil && len(f.Described) == 0 {
					err = errors.Join(err, fmt.Errorf("%s on %s is not there", f.Operation, *f.Name))
				}
				err = errors.Join(err, f.Err)
			}
			return struct{}{}, err
		}
		if err := again(ctx, ask); err != nil {
			tb.Fatalf("wait for ACLs: %v", err)
		}
	}
}

// OtherCA returns a PEM file with the certificate of a CA that has signed
// nothing of any broker.
func OtherCA(tb testing.TB) string {
	tb.Helper()
	dir := tb.TempDir()
	file := filepath.Join(dir, caFile)
	if _, err := writeCertificates(file, filepath.Join(dir, keyStoreFile)); err != nil {
		tb.Fatal(err)
	}
	return file
}

// ClientCertificate writes the PEM files of a client's certificate and key,
// signed by the broker's CA and valid until the end, and returns their paths.
func (b *Broker) ClientCertificate(tb testing.TB, name string, until time.Time) (certFile, keyFile string) {
	tb.Helper()
	if b.srv == nil || b.srv.ca == nil {
		tb.Fatal("this broker has no CA; start it with kafkatest.WithSASLSSL")
	}
	cert, key, err := b.srv.ca.client(name, until)
	if err != nil {
		tb.Fatal(err)
	}
	dir := tb.TempDir()
	certFile, keyFile = filepath.Join(dir, "client.pem"), filepath.Join(dir, "client.key")
	if err := errors.Join(os.WriteFile(certFile, cert, 0o600), os.WriteFile(keyFile, key, 0o600)); err != nil {
		tb.Fatalf("write a client's certificate: %v", err)
	}
	return certFile, keyFile
}

// Log returns the broker's log so far.
func (b *Broker) Log(tb testing.TB) string {
	tb.Helper()
	if b.srv == nil {
		tb.Fatal("this broker's log is not ours")
	}
	text, err := os.ReadFile(b.srv.path(serverLog))
	if err != nil {
		tb.Fatalf("read the broker's log: %v", err)
	}
	return string(text)
}

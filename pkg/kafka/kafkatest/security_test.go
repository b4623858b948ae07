package kafkatest_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"os"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/sasl/plain"

	"auditlog-forwarder/pkg/kafka/kafkatest"
)

const (
	reader = "READER"
	// A password with everything that JAAS and properties files would eat.
	password = `a "quoted" \n pass\word; =#!`
)

func trust(t *testing.T, b *kafkatest.Broker) kgo.Opt {
	t.Helper()
	text, err := os.ReadFile(b.CAFile())
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		t.Fatalf("%s holds no certificate", b.CAFile())
	}
	return kgo.DialTLSConfig(&tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12})
}

func login(user, pass string) kgo.Opt {
	return kgo.SASL(plain.Auth{User: user, Pass: pass}.AsMechanism())
}

func connect(t *testing.T, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	cl, err := kgo.NewClient(append(opts, kgo.RequestRetries(0))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)
	return cl
}

// topicError returns what the broker says about the topic in its metadata.
func topicError(t *testing.T, cl *kgo.Client, topic string) error {
	t.Helper()
	req := kmsg.NewPtrMetadataRequest()
	req.Topics = []kmsg.MetadataRequestTopic{{Topic: &topic}}
	res, err := req.RequestWith(t.Context(), cl)
	if err != nil {
		t.Fatalf("metadata request: %v", err)
	}
	if len(res.Topics) != 1 {
		t.Fatalf("metadata of %d topics, want 1", len(res.Topics))
	}
	return kerr.ErrorForCode(res.Topics[0].ErrorCode)
}

// TestSecurity uses one broker for all that WithSASLSSL and WithACLs promise.
func TestSecurity(t *testing.T) {
	t.Parallel()
	b := kafkatest.Start(t, kafkatest.WithSASLSSL(map[string]string{reader: password, "OTHER": "x"}), kafkatest.WithACLs())
	open := kafkatest.Name(t, "open")
	closed := kafkatest.Name(t, "closed")
	b.CreateTopic(t, open, 1)
	b.CreateTopic(t, closed, 1)
	allow := kadm.NewACLs().Allow("User:"+reader).AllowHosts("*").Topics(open).
		Operations(kadm.OpRead, kadm.OpDescribe).ResourcePatternType(kadm.ACLPatternLiteral)
	b.Allow(t, allow)

	t.Run("listeners", func(t *testing.T) {
		for _, tc := range []struct {
			name string
			opts []kgo.Opt
			want error
		}{
			{"plaintext", []kgo.Opt{kgo.SeedBrokers(b.Bootstrap()...)}, nil},
			{"ssl", []kgo.Opt{kgo.SeedBrokers(b.SSLBootstrap()...), trust(t, b)}, nil},
			{"sasl_ssl", []kgo.Opt{kgo.SeedBrokers(b.SASLBootstrap()...), trust(t, b), login(reader, password)}, nil},
			{"sasl_ssl wrong password", []kgo.Opt{kgo.SeedBrokers(b.SASLBootstrap()...), trust(t, b), login(reader, "wrong")}, kerr.SaslAuthenticationFailed},
			{"sasl_ssl unknown user", []kgo.Opt{kgo.SeedBrokers(b.SASLBootstrap()...), trust(t, b), login("nobody", password)}, kerr.SaslAuthenticationFailed},
			{"sasl_plaintext", []kgo.Opt{kgo.SeedBrokers(b.SASLPlaintextBootstrap()...), login(reader, password)}, nil},
			{"sasl_plaintext wrong password", []kgo.Opt{kgo.SeedBrokers(b.SASLPlaintextBootstrap()...), login(reader, "wrong")}, kerr.SaslAuthenticationFailed},
		} {
			t.Run(tc.name, func(t *testing.T) {
				cl := connect(t, tc.opts...)
				// ApiVersions would be answered before authentication; Metadata is not.
				_, err := kmsg.NewPtrMetadataRequest().RequestWith(t.Context(), cl)
				if !errors.Is(err, tc.want) {
					t.Errorf("metadata request: got error %v, want %v", err, tc.want)
				}
			})
		}
	})

	t.Run("without the CA the certificate is refused", func(t *testing.T) {
		cl := connect(t, kgo.SeedBrokers(b.SSLBootstrap()...), kgo.DialTLSConfig(&tls.Config{RootCAs: x509.NewCertPool(), MinVersion: tls.VersionTLS12}))
		var unknown x509.UnknownAuthorityError
		if err := cl.Ping(t.Context()); !errors.As(err, &unknown) {
			t.Errorf("ping: got error %v, want an unknown authority", err)
		}
	})

	t.Run("topics", func(t *testing.T) {
		for _, tc := range []struct {
			topic, user, pass string
			want              error
		}{
			{open, reader, password, nil},
			{closed, reader, password, kerr.TopicAuthorizationFailed},
			{open, "OTHER", "x", kerr.TopicAuthorizationFailed},
		} {
			t.Run(tc.user+" "+tc.topic[:4], func(t *testing.T) {
				cl := connect(t, kgo.SeedBrokers(b.SASLBootstrap()...), trust(t, b), login(tc.user, tc.pass))
				if got := topicError(t, cl, tc.topic); !errors.Is(got, tc.want) {
					t.Errorf("topic %s for %s: got error %v, want %v", tc.topic, tc.user, got, tc.want)
				}
			})
		}
	})

	t.Run("groups", func(t *testing.T) {
		group := kafkatest.Name(t, "group")
		cl := connect(t, kgo.SeedBrokers(b.SASLBootstrap()...), trust(t, b), login(reader, password))
		_, err := kadm.NewClient(cl).FetchOffsets(t.Context(), group)
		if !errors.Is(err, kerr.GroupAuthorizationFailed) {
			t.Errorf("fetch offsets of %s: got error %v, want %v", group, err, kerr.GroupAuthorizationFailed)
		}
	})

	t.Run("anonymous has no topic", func(t *testing.T) {
		cl := connect(t, kgo.SeedBrokers(b.Bootstrap()...))
		if got := topicError(t, cl, open); !errors.Is(got, kerr.TopicAuthorizationFailed) {
			t.Errorf("got error %v, want %v", got, kerr.TopicAuthorizationFailed)
		}
	})
}

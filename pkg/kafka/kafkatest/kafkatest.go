// Package kafkatest runs a real Apache Kafka broker for tests: one node in
// KRaft mode, a Java child process with its own ports and data folder. kfake
// is quicker and can inject faults; this broker is for what only the real one
// does, such as authentication errors, ACLs, restarts and truncated logs.
//
// Start gives a test a broker of its own, with the listeners it asks for.
// Shared gives all tests of a test binary one plaintext broker and needs Run
// (or M) in TestMain, which stops it.
package kafkatest

import (
	"context"
	"errors"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	// startTimeout bounds installing, formatting and starting a broker. It is
	// wide: the first run downloads the jars, and several test binaries may
	// share few cores.
	startTimeout = 10 * time.Minute
	// requestTimeout bounds one administrative call.
	requestTimeout = 2 * time.Minute
)

// Option changes the broker that Start starts.
type Option func(*options)

type options struct {
	users  map[string]string
	tls    bool
	acls   bool
	scram  bool
	mtls   bool
	oauth  *OAuth
	reauth time.Duration
}

// WithSASLSSL adds the listeners SASL_SSL and SASL_PLAINTEXT with the
// mechanism PLAIN, which know the given users by password, and the listener
// SSL. The server's certificate is valid for 127.0.0.1 and localhost and is
// signed by the CA in CAFile.
func WithSASLSSL(users map[string]string) Option {
	return func(o *options) {
		o.tls = true
		o.users = users
	}
}

// WithSCRAM lets SCRAM-SHA-256 and SCRAM-SHA-512 in at the listeners of
// WithSASLSSL, which has to be given as well. SetSCRAM makes users.
func WithSCRAM() Option { return func(o *options) { o.scram = true } }

// WithClientCertificates adds the listener of MTLSBootstrap, which takes
// nobody without a certificate of the broker's CA, as by ClientCertificate.
// Who shows one with the name X is User:CN=X. It needs WithSASLSSL.
func WithClientCertificates() Option { return func(o *options) { o.mtls = true } }

// OAuth says which tokens a broker takes.
type OAuth struct{ JWKSURL, Issuer, Audience string }

// WithOAuth lets OAUTHBEARER in at the listeners of WithSASLSSL, which has to
// be given as well. The subject of a token is the user.
func WithOAuth(o OAuth) Option { return func(opts *options) { opts.oauth = &o } }

// WithReauthentication makes clients of the listeners of WithSASLSSL prove
// themselves again within d (connections.max.reauth.ms), or be cut off.
func WithReauthentication(d time.Duration) Option { return func(o *options) { o.reauth = d } }

// WithACLs refuses everything that no ACL allows, to everyone except Admin and
// Client. On the listeners PLAINTEXT and SSL every client is User:ANONYMOUS.
func WithACLs() Option { return func(o *options) { o.acls = true } }

// Broker is a running broker as one test sees it.
type Broker struct {
	tb  testing.TB
	srv *server // nil if the broker is not ours
	ext []string
	own bool // this test alone has the broker, and may stop it
}

// Start starts a broker for this test; it is stopped and its data removed when
// the test ends. If the test fails, it logs the end of the broker's log.
func Start(tb testing.TB, opts ...Option) *Broker {
	tb.Helper()
	Require(tb)
	var o options
	for _, opt := range opts {
		opt(&o)
	}
	ctx, cancel := context.WithTimeout(tb.Context(), startTimeout)
	defer cancel()
	srv, err := startServer(ctx, o)
	if err != nil {
		tb.Fatalf("start Kafka: %v", err)
	}
	b := &Broker{tb: tb, srv: srv, own: true}
	tb.Cleanup(func() {
		b.logOnFailure()
		if err := srv.remove(); err != nil {
			tb.Errorf("stop Kafka: %v", err)
		}
	})
	return b
}

// Bootstrap returns the address of the listener PLAINTEXT.
func (b *Broker) Bootstrap() []string {
	if b.srv == nil {
		return b.ext
	}
	return b.listener(plaintext)
}

// SASLBootstrap returns the address of the listener SASL_SSL.
func (b *Broker) SASLBootstrap() []string { return b.listener(saslSSL) }

// SASLPlaintextBootstrap returns the address of the listener SASL_PLAINTEXT.
func (b *Broker) SASLPlaintextBootstrap() []string { return b.listener(saslPlaintext) }

// SSLBootstrap returns the address of the listener SSL.
func (b *Broker) SSLBootstrap() []string { return b.listener(ssl) }

// MTLSBootstrap returns the address of the listener that wants certificates.
func (b *Broker) MTLSBootstrap() []string { return b.listener(mtls) }

func (b *Broker) listener(name string) []string {
	b.tb.Helper()
	if b.srv == nil || b.srv.address(name) == "" {
		b.tb.Fatalf("this broker has no listener %s; ask for it with an option of kafkatest.Start", name)
	}
	return []string{b.srv.address(name)}
}

// CAFile returns the PEM file with the CA that signed the server's certificate.
func (b *Broker) CAFile() string {
	b.tb.Helper()
	if b.srv == nil || !b.srv.opts.tls {
		b.tb.Fatal("this broker has no certificate; start it with kafkatest.WithSASLSSL")
	}
	return b.srv.path(caFile)
}

// Client returns a client that may do everything; it is closed when the test
// ends.
func (b *Broker) Client(tb testing.TB, opts ...kgo.Opt) *kgo.Client {
	tb.Helper()
	base := []kgo.Opt{kgo.SeedBrokers(b.ext...)}
	if b.srv != nil {
		base = b.srv.clientOpts()
	}
	cl, err := kgo.NewClient(append(base, opts...)...)
	if err != nil {
		tb.Fatalf("make a Kafka client: %v", err)
	}
	tb.Cleanup(cl.Close)
	return cl
}

// Admin returns an administrative client that may do everything; it is closed
// when the test ends.
func (b *Broker) Admin(tb testing.TB) *kadm.Client {
	tb.Helper()
	return kadm.NewClient(b.Client(tb))
}

// CreateTopic creates the topic and returns when every partition's leader
// answers. On a broker that outlives the test the topic is deleted when the test ends.
func (b *Broker) CreateTopic(tb testing.TB, topic string, partitions int32) {
	tb.Helper()
	adm := b.Admin(tb)
	if !b.own {
		tb.Cleanup(func() { deleteTopic(tb, adm, topic) })
	}
	if err := createTopic(tb.Context(), adm, topic, partitions); err != nil {
		tb.Fatal(err)
	}
}

func deleteTopic(tb testing.TB, adm *kadm.Client, topic string) {
	tb.Helper()
	// The test's own context has ended when its cleanups run.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(tb.Context()), requestTimeout)
	defer cancel()
	if _, err := adm.DeleteTopic(ctx, topic); err != nil && !errors.Is(err, kerr.UnknownTopicOrPartition) {
		tb.Errorf("delete topic %s: %v", topic, err)
	}
}

// DeleteRecords moves the partition's log start to before, as retention does.
func (b *Broker) DeleteRecords(tb testing.TB, topic string, partition int32, before int64) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), requestTimeout)
	defer cancel()
	var offsets kadm.Offsets
	offsets.AddOffset(topic, partition, before, -1)
	res, err := b.Admin(tb).DeleteRecords(ctx, offsets)
	if err == nil {
		err = res.Error()
	}
	if err != nil {
		tb.Fatalf("delete records of %s/%d before offset %d: %v", topic, partition, before, err)
	}
}

// Stop stops the broker as an operator would, with SIGTERM. Like Kill and
// Restart it must be called from the test's own goroutine.
func (b *Broker) Stop() {
	b.tb.Helper()
	b.mustOwn()
	if err := b.srv.stop(); err != nil {
		b.tb.Fatalf("stop Kafka: %v", err)
	}
}

// Kill ends the broker with SIGKILL.
func (b *Broker) Kill() {
	b.tb.Helper()
	b.mustOwn()
	b.srv.kill()
}

// Freeze stops the broker's process in its tracks: connections stay, nothing
// answers. Thaw lets it go on.
func (b *Broker) Freeze() { b.signal(syscall.SIGSTOP) }

// Thaw ends Freeze.
func (b *Broker) Thaw() { b.signal(syscall.SIGCONT) }

func (b *Broker) signal(s syscall.Signal) {
	b.tb.Helper()
	b.mustOwn()
	if err := b.srv.signal(s); err != nil {
		b.tb.Fatalf("signal %s to Kafka: %v", s, err)
	}
}

// Restart stops the broker if it runs and starts it with the same ports and
// the same data; it returns when the broker answers. After Kill that takes up
// to sessionTimeout longer than after Stop.
func (b *Broker) Restart() {
	b.tb.Helper()
	b.mustOwn()
	if err := b.srv.stop(); err != nil {
		b.tb.Fatalf("stop Kafka: %v", err)
	}
	ctx, cancel := context.WithTimeout(b.tb.Context(), startTimeout)
	defer cancel()
	if err := b.srv.start(ctx); err != nil {
		b.tb.Fatalf("restart Kafka: %v", err)
	}
}

func (b *Broker) mustOwn() {
	b.tb.Helper()
	if !b.own {
		b.tb.Fatal("other tests use this broker too; take one of your own by kafkatest.Start")
	}
}

func (b *Broker) logOnFailure() {
	if b.tb.Failed() && b.srv != nil {
		b.tb.Logf("end of the broker's log:\n%s", b.srv.logTail())
	}
}

// Name returns a name for a topic or a group that no other test has, on this
// run or an earlier one.
func Name(tb testing.TB, prefix string) string {
	// A topic may hold letters, digits, dot, underscore and hyphen, but dot and
	// underscore count as the same in metric names, so the broker warns of both.
	test := strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9':
			return r
		}
		return '-'
	}, tb.Name())
	return prefix + "-" + test[:min(len(test), 100)] + "-" + uuid.NewString()[:8]
}

package kafka_test

import (
	"context"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
	"golang.org/x/time/rate"

	"auditlog-forwarder/pkg/audit"
	"auditlog-forwarder/pkg/creds"
	"auditlog-forwarder/pkg/kafka"
	"auditlog-forwarder/pkg/kafka/kafkatest"
	"auditlog-forwarder/pkg/kafka/kafkatest/oidc"
)

// flow writes to a topic from before the first join until finish, which proves
// that each record was read exactly once and is committed.
type flow struct {
	*reader
	t     *testing.T
	b     *kafkatest.Broker
	cfg   kafka.Config
	topic string
	end   func() int64
}

func flowing(t *testing.T, b *kafkatest.Broker, cfg kafka.Config, topic string) *flow {
	t.Helper()
	loading, stop := context.WithCancel(t.Context())
	var load sync.WaitGroup
	var sent int64 // read after load.Wait
	client := b.Client(t, kgo.RecordPartitioner(kgo.ManualPartitioner()))
	load.Go(func() {
		limit := rate.NewLimiter(100, 1)
		for limit.Wait(loading) == nil {
			if err := client.ProduceSync(context.WithoutCancel(loading), &kgo.Record{Topic: topic, Value: []byte("x")}).FirstErr(); err != nil {
				t.Errorf("produce: %v", err)
				return
			}
			sent++
		}
	})
	f := &flow{t: t, b: b, cfg: cfg, topic: topic, end: func() int64 { stop(); load.Wait(); return sent }}
	t.Cleanup(func() { f.end() })
	f.reader = join(t, cfg, nil)
	return f
}

// more waits for records of the session with this number, and for a commit: its
// connection is made later than those that read, and who changes a password
// before then locks it out, so that records come twice.
func (f *flow) more(what string, joins int) {
	f.t.Helper()
	before := -1
	at := place(f.topic, 0)
	f.until(what, func() bool {
		if len(f.starts[at]) < joins || f.states[len(f.states)-1] != "" {
			return false
		}
		if before < 0 {
			before = len(f.read[at])
		}
		return len(f.read[at]) > before+20 && f.covered > before
	})
}

func (f *flow) finish(joins int) {
	f.t.Helper()
	sent := f.end()
	at := place(f.topic, 0)
	f.until("the rest", func() bool { return int64(len(f.read[at])) >= sent })
	f.stop()
	for i, offset := range f.read[at] {
		if offset != int64(i) {
			f.t.Fatalf("record %d has offset %d: one is missing or came twice", i, offset)
		}
	}
	if got := committed(f.t, f.b, f.cfg.GroupID, f.topic, 0); got != sent {
		f.t.Errorf("committed up to %d, %d were sent", got, sent)
	}
	if n := len(f.starts[at]); n != joins {
		f.t.Errorf("%d sessions, want %d", n, joins)
	}
	for _, line := range f.logs.All() {
		for _, field := range line.Context {
			if text := line.Message + field.String; strings.Contains(text, "s3cret") || strings.Contains(text, "eyJ") {
				f.t.Errorf("a secret is in the log: %s", text)
			}
		}
	}
}

// rotationOfEveryWay: the password of SCRAM, the secret of a client and a
// client certificate are replaced under load; each record is read once.
func rotationOfEveryWay(t *testing.T, b *kafkatest.Broker, idp *oidc.Server) {
	t.Parallel()
	idp.SetSecret("turner", "s3cret-1")
	idp.SetSecret("copier", "s3cret-1")
	start := func(t *testing.T, way string) (kafka.Config, string) {
		t.Helper()
		topic := kafkatest.Name(t, "rotation")
		b.CreateTopic(t, topic, 1)
		cfg := settings(b, kafkatest.Name(t, "g"), topic)
		cfg.BootstrapServers, cfg.SecurityProtocol, cfg.TLS.CAFile, cfg.SASL.Mechanism = b.SASLBootstrap(), kafka.SASLSSL, b.CAFile(), way
		return cfg, topic
	}
	t.Run("SCRAM", func(t *testing.T) {
		t.Parallel()
		b.SetSCRAM(t, kafka.ScramSHA512, "user", "s3cret-1")
		cfg, topic := start(t, kafka.ScramSHA512)
		cfg.SASL.Username, cfg.SASL.Password = "user", creds.NewSecret("s3cret-1")
		f := flowing(t, b, cfg, topic)
		f.more("the first records", 1)
		b.SetSCRAM(t, kafka.ScramSHA512, "user", "s3cret-2")
		next := cfg.SASL
		next.Password = creds.NewSecret("s3cret-3")
		f.group.SetCredentials(next)
		f.until("the reason", func() bool { return strings.Contains(f.states[len(f.states)-1], `credentials of "user" are refused`) })
		next.Password = creds.NewSecret("s3cret-2")
		f.group.SetCredentials(next)
		f.more("records with the new password", 2)
		f.finish(2)
	})
	t.Run("client secret", func(t *testing.T) {
		t.Parallel()
		cfg, topic := start(t, kafka.OAuthBearer)
		cfg.SASL.OAuth.TokenURL, cfg.SASL.OAuth.ClientID, cfg.SASL.OAuth.ClientSecret = idp.TokenURL(), "turner", creds.NewSecret("s3cret-1")
		f := flowing(t, b, cfg, topic)
		f.more("the first records", 1)
		next := cfg.SASL
		next.OAuth.ClientSecret = creds.NewSecret("s3cret-2") // too early: the token of before goes on
		f.group.SetCredentials(next)
		f.more("records with the old token", 2)
		if n := f.logs.FilterMessageSnippet("no new token for kafka").Len(); n == 0 {
			t.Error("the wrong secret is not told")
		}
		idp.SetSecret("turner", "s3cret-3")
		next.OAuth.ClientSecret = creds.NewSecret("s3cret-3")
		f.group.SetCredentials(next)
		f.more("records with the new secret", 3)
		if all := asked(idp, "turner"); all[len(all)-1].Token == "" {
			t.Errorf("the last request was refused: %+v", all[len(all)-1])
		}
		f.finish(3)
	})
	t.Run("mirror", func(t *testing.T) {
		t.Parallel()
		topic := kafkatest.Name(t, "copy")
		b.CreateTopic(t, topic, 3)
		copyRotates(t, b, idp, topic)
	})
	t.Run("client certificate", func(t *testing.T) {
		t.Parallel()
		cfg, topic := start(t, kafka.Plain)
		cfg.BootstrapServers, cfg.SecurityProtocol = b.MTLSBootstrap(), kafka.SSL
		cfg.TLS.ClientCertFile, cfg.TLS.ClientKeyFile = b.ClientCertificate(t, "forwarder", time.Now().Add(time.Hour))
		f := flowing(t, b, cfg, topic)
		f.more("the first records", 1)
		newCert, newKey := b.ClientCertificate(t, "forwarder", time.Now().Add(2*time.Hour))
		move(t, newCert, cfg.TLS.ClientCertFile)
		if err := f.group.SetTLS(cfg.TLS); err == nil || !strings.Contains(err.Error(), "client_key_file") {
			t.Errorf("a certificate without its key: %v", err)
		}
		f.more("records all the same", 1)
		move(t, newKey, cfg.TLS.ClientKeyFile)
		if err := f.group.SetTLS(cfg.TLS); err != nil {
			t.Error(err)
		}
		f.more("records with the new certificate", 2)
		f.finish(2)
	})
}

// copyRotates writes to all partitions of a mirror's destination: they share
// one token, and a new secret is asked with before anything else is written.
func copyRotates(t *testing.T, b *kafkatest.Broker, idp *oidc.Server, topic string) {
	t.Helper()
	cfg := kafka.DefaultCopyConfig()
	cfg.BootstrapServers, cfg.SecurityProtocol, cfg.TLS.CAFile = b.SASLBootstrap(), kafka.SASLSSL, b.CAFile()
	cfg.SASL.Mechanism, cfg.SASL.OAuth.TokenURL, cfg.SASL.OAuth.ClientID, cfg.SASL.OAuth.ClientSecret = kafka.OAuthBearer, idp.TokenURL(), "copier", creds.NewSecret("s3cret-1")
	to, err := kafka.NewCopyTarget(cfg, topic)
	if err != nil {
		t.Fatal(err)
	}
	core, logs := observer.New(zap.WarnLevel)
	to.LogTo(zap.New(core))
	packed, _ := kafka.PackRecord(nil, &audit.Record{Value: []byte("x"), Timestamp: time.UnixMilli(1)})
	var parts []*kafka.CopyPartition
	for p := range int32(3) {
		parts = append(parts, to.Partition(p))
		defer parts[p].Close()
	}
	write := func(want int64) {
		t.Helper()
		for p, part := range parts {
			if base, err := part.Write(t.Context(), packed, 0, []int{len(packed)}); err != nil || base != want {
				t.Fatalf("partition %d: offset %d, want %d, error %v", p, base, want, err)
			}
		}
	}
	asked := func() (granted, refused int) {
		granted = grants(idp, "copier")
		return granted, len(asked(idp, "copier")) - granted
	}
	write(0)
	write(1)
	if granted, refused := asked(); granted != 1 || refused != 0 {
		t.Errorf("%d tokens for three partitions, %d requests refused", granted, refused)
	}
	next := cfg.SASL
	next.OAuth.ClientSecret = creds.NewSecret("s3cret-2") // too early: the token of before goes on
	to.SetCredentials(next)
	write(2)
	if _, refused := asked(); refused == 0 || logs.FilterMessageSnippet("no new token for kafka").Len() == 0 {
		t.Errorf("the new secret was not tried, or it is not told that it is refused: %v", logs.All())
	}
	idp.SetSecret("copier", "s3cret-3")
	next.OAuth.ClientSecret = creds.NewSecret("s3cret-3")
	to.SetCredentials(next)
	write(3)
	if granted, _ := asked(); granted != 2 {
		t.Errorf("%d tokens in all, want 2", granted)
	}
	next.OAuth.ClientID = "nobody"
	to.SetCredentials(next)
	if _, err := parts[0].Write(t.Context(), packed, 0, []int{len(packed)}); err == nil || !strings.Contains(err.Error(), `refuses the client "nobody"`) || !strings.Contains(err.Error(), "mirror.sasl.oauth.client_secret_file") {
		t.Errorf("another client: %v", err)
	}
	// A token that the broker refuses is named by what it says, and replaced.
	idp.SetSecret("stranger", "s3cret-4")
	idp.SetAudienceOf("stranger", "other")
	next.OAuth.ClientID, next.OAuth.ClientSecret = "stranger", creds.NewSecret("s3cret-4")
	to.SetCredentials(next)
	if _, err := parts[0].Write(t.Context(), packed, 0, []int{len(packed)}); err == nil || !strings.Contains(err.Error(), `audience "other", subject stranger`) || !strings.Contains(err.Error(), "mirror.sasl.oauth.audience") {
		t.Errorf("a token for somebody else: %v", err)
	}
	idp.SetAudienceOf("stranger", audience)
	write(4)
}

// asked returns a client's requests for tokens.
func asked(idp *oidc.Server, client string) []oidc.Request {
	return slices.DeleteFunc(idp.Requests(), func(r oidc.Request) bool { return r.Client != client })
}

// grants returns how many tokens a client got.
func grants(idp *oidc.Server, client string) (n int) {
	for _, r := range asked(idp, client) {
		if r.Token != "" {
			n++
		}
	}
	return n
}

func move(t *testing.T, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}

// TestReauthentication: a broker that wants proof again and again (KIP-368)
// gets it on the same connections, by every mechanism, also when the token of
// the first one is long over.
func TestReauthentication(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts a broker of its own")
	}
	t.Parallel()
	const again = 3 * time.Second
	idp := oidc.Start(t, audience, map[string]string{"client": "s3cret-1"})
	// A token is renewed after 8 s, and no good after 19 s: there are 11 s for
	// whatever holds it up on its way to the broker.
	idp.SetLife(10 * time.Second)
	idp.SetGrace(8 * time.Second)
	b := kafkatest.Start(t, kafkatest.WithSASLSSL(map[string]string{"user": "s3cret-1"}), kafkatest.WithSCRAM(), kafkatest.WithReauthentication(again),
		kafkatest.WithOAuth(kafkatest.OAuth{JWKSURL: idp.JWKSURL(), Issuer: idp.Issuer, Audience: audience}))
	b.SetSCRAM(t, kafka.ScramSHA256, "user", "s3cret-1")
	for _, way := range []string{kafka.Plain, kafka.ScramSHA256, kafka.OAuthBearer} {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			topic := kafkatest.Name(t, "again")
			b.CreateTopic(t, topic, 1)
			cfg := settings(b, kafkatest.Name(t, "g"), topic)
			cfg.BootstrapServers, cfg.SecurityProtocol, cfg.TLS.CAFile = b.SASLBootstrap(), kafka.SASLSSL, b.CAFile()
			cfg.SASL.Mechanism, cfg.SASL.Username, cfg.SASL.Password = way, "user", creds.NewSecret("s3cret-1")
			cfg.SASL.OAuth.TokenURL, cfg.SASL.OAuth.ClientID, cfg.SASL.OAuth.ClientSecret = idp.TokenURL(), "client", creds.NewSecret("s3cret-1")
			f := flowing(t, b, cfg, topic)
			f.more("the first records", 1)
			// At most 100 come in a second.
			at := place(topic, 0)
			f.until("records of 22 s", func() bool { return len(f.read[at]) > 2200 })
			f.finish(1)
		})
	}
	t.Cleanup(func() {
		log := b.Log(t)
		again := strings.Count(log, "Beginning re-authentication")
		if again < 3*3 {
			t.Errorf("%d re-authentications in the broker's log", again)
		}
		if n := strings.Count(log, "Failed re-authentication"); n > 0 {
			t.Errorf("%d re-authentications have failed", n)
		}
		// A third of the proofs is by token, and few of them need another one.
		if n := grants(idp, "client"); n < 3 || 6*n > again {
			t.Errorf("%d tokens for %d re-authentications by three mechanisms", n, again)
		}
	})
}

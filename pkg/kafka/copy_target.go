package kafka

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/IBM/sarama"
	"go.uber.org/zap"

	"auditlog-forwarder/pkg/creds"
)

// CopyTarget is the topic that a mirror writes.
type CopyTarget struct {
	cfg   CopyConfig // but for the credentials, which may be replaced
	topic string
	codec sarama.CompressionCodec
	log   *zap.Logger

	mu      sync.Mutex
	sasl    SASL
	tokens  *tokens // of OAUTHBEARER, for all connections; nil: none yet
	tls     creds.TLS
	version int64          // changes with the credentials
	good    *sarama.Config // of the last time that the certificate files could be read; nil: never
}

// NewCopyTarget makes the target of a source topic. It connects to nothing.
func NewCopyTarget(cfg CopyConfig, source string) (*CopyTarget, error) {
	topic := cfg.Topic(source)
	c, err := codec(cfg.Compression)
	if err != nil {
		return nil, fmt.Errorf("mirror.%w", err)
	}
	if _, err := clientConfig(cfg.Cluster(topic), zap.NewNop()); err != nil {
		return nil, errors.New(inSection("mirror", err.Error()))
	}
	return &CopyTarget{cfg: cfg, topic: topic, codec: c, log: zap.NewNop(), sasl: cfg.SASL, tls: cfg.TLS}, nil
}

// LogTo makes t tell what goes wrong with its tokens; before it is used.
func (t *CopyTarget) LogTo(log *zap.Logger) { t.log = log }

// Topic returns the destination topic's name.
func (t *CopyTarget) Topic() string { return t.topic }

// SetCredentials makes t connect with other credentials. Each partition does so
// before its next batch: credentials that are wrong show before the old ones
// are withdrawn.
func (t *CopyTarget) SetCredentials(sasl SASL) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.sasl.same(sasl) {
		return
	}
	t.sasl = sasl
	t.version++
}

// SetTLS makes t connect with what holds now, in the way of SetCredentials. If
// its files cannot be used, it says so and goes on with what it has.
func (t *CopyTarget) SetTLS(tls creds.TLS) error {
	cfg := t.current().Cluster(t.topic)
	cfg.TLS = tls
	if _, err := clientConfig(cfg, zap.NewNop()); err != nil {
		return errors.New(inSection("mirror", err.Error()))
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.tls = tls
	t.version++
	return nil
}

func (t *CopyTarget) current() CopyConfig {
	cfg := t.cfg
	t.mu.Lock()
	defer t.mu.Unlock()
	cfg.SASL, cfg.TLS = t.sasl, t.tls
	return cfg
}

// renewals returns a number that changes with the credentials.
func (t *CopyTarget) renewals() int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.version
}

// shared returns what gives the tokens of OAUTHBEARER, from one connection to
// the next; nil for other mechanisms.
func (t *CopyTarget) shared() *tokens {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.tokens == nil || !t.tokens.cfg.same(t.sasl.OAuth) {
		// An error is the configuration's, and told by who connects.
		if next, err := t.sasl.tokens(t.tokens, t.log); err == nil {
			t.tokens = next
		}
	}
	return t.tokens
}

// access takes the newest credentials and reads the certificate files. If these
// cannot be read, what they held before stays in use.
func (t *CopyTarget) access() (Config, *sarama.Config, error) {
	cfg := t.current().Cluster(t.topic)
	s, err := clientConfig(cfg, zap.NewNop())
	t.mu.Lock()
	switch {
	case err == nil:
		t.good = s
	case t.good != nil:
		s, err = t.good, nil
	}
	t.mu.Unlock()
	if err != nil {
		return cfg, nil, errors.New(inSection("mirror", err.Error()))
	}
	own := *s
	if cfg.UsesSASL() {
		cfg.SASL.apply(&own, t.shared()) // all connections share the tokens
	}
	return cfg, &own, nil
}

// explain says what an error means for this topic. A token that a broker has
// refused is replaced before the next try.
func (t *CopyTarget) explain(err error) error {
	t.mu.Lock()
	from := t.tokens
	t.mu.Unlock()
	if from != nil && errors.Is(err, sarama.ErrSASLAuthenticationFailed) {
		from.drop()
	}
	return t.current().explain(t.topic, from.refused(err))
}

const (
	// copyDial and copyWrite bound what no context can end.
	copyDial  = 5 * time.Second
	copyWrite = 5 * time.Second
	// copyAck is how long the brokers may take to replicate one batch, before
	// the same batch is sent once more.
	copyAck = 10 * time.Second
)

// connect makes a client of its own for each caller: what one partition waits
// for holds up no other.
func (t *CopyTarget) connect(ctx context.Context) (sarama.Client, error) {
	cfg, s, err := t.access()
	if err != nil {
		return nil, err
	}
	s.Net.DialTimeout, s.Net.WriteTimeout, s.Net.ReadTimeout = copyDial, copyWrite, copyAck+copyDial
	// Whoever calls tries again, and tells meanwhile what is wrong.
	s.Metadata.Retry.Max, s.Admin.Retry.Max = 1, 0
	return connect(ctx, cfg, s)
}

// admin calls do with a client and an admin client that live as long.
func (t *CopyTarget) admin(ctx context.Context, do func(sarama.Client, sarama.ClusterAdmin) error) error {
	client, err := t.connect(ctx)
	if err != nil {
		return t.explain(err)
	}
	admin, err := sarama.NewClusterAdminFromClient(client)
	if err != nil {
		return errors.Join(t.explain(err), client.Close())
	}
	defer func() { _ = admin.Close() }() // the client as well; nothing is written that closing could lose
	if err := do(client, admin); err != nil {
		var own *CopyMismatchError
		if errors.As(err, &own) {
			return err
		}
		return t.explain(err)
	}
	return nil
}

// clusterID asks which cluster a client is connected to; empty if it has none.
func clusterID(client sarama.Client) (string, error) {
	broker := client.LeastLoadedBroker()
	if broker == nil {
		return "", sarama.ErrOutOfBrokers
	}
	if _, err := broker.Connected(); err != nil {
		return "", err
	}
	// No topics at all, which an empty list asks for.
	answer, err := broker.GetMetadata(&sarama.MetadataRequest{Version: 5, Topics: []string{}})
	if err != nil {
		return "", err
	}
	if answer.ClusterID == nil {
		return "", nil
	}
	return *answer.ClusterID, nil
}

// Grow makes the topic have at least so many partitions.
func (t *CopyTarget) Grow(ctx context.Context, partitions int32) (grown bool, err error) {
	err = t.admin(ctx, func(_ sarama.Client, admin sarama.ClusterAdmin) error {
		have, err := countPartitions(admin, t.topic)
		switch {
		case err != nil:
			return err
		case have == 0:
			return sarama.ErrUnknownTopicOrPartition
		case have >= partitions:
			return nil
		}
		grown = true
		return needs("ALTER", admin.CreatePartitions(t.topic, partitions, nil, false))
	})
	return grown && err == nil, err
}

// create makes the topic.
func (t *CopyTarget) create(admin sarama.ClusterAdmin, partitions int32) error {
	text := func(s string) *string { return &s }
	detail := &sarama.TopicDetail{
		NumPartitions: partitions, ReplicationFactor: int16(t.cfg.ReplicationFactor), //nolint:gosec // Validate bounds it
		ConfigEntries: map[string]*string{"message.timestamp.type": text("CreateTime"), "cleanup.policy": text("delete")},
	}
	if t.cfg.Retention > 0 {
		// A cluster's default may bound the bytes, and so the time.
		detail.ConfigEntries["retention.bytes"] = text("-1")
		detail.ConfigEntries["retention.ms"] = text(strconv.FormatInt(t.cfg.Retention.Milliseconds(), 10))
	}
	err := admin.CreateTopic(t.topic, detail, false)
	if errors.Is(err, sarama.ErrTopicAlreadyExists) {
		return nil // somebody was quicker; it is checked at the next start
	}
	return needs("CREATE", err)
}

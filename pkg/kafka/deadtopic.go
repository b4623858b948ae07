package kafka

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/IBM/sarama"
	"go.uber.org/zap"

	"auditlog-forwarder/pkg/audit"
	"auditlog-forwarder/pkg/creds"
)

// TopicConfig names a topic that is written, in a cluster of its own.
type TopicConfig struct {
	Name             string    `mapstructure:"name"` // empty: nothing is written
	BootstrapServers []string  `mapstructure:"bootstrap_servers"`
	SecurityProtocol string    `mapstructure:"security_protocol"`
	SASL             SASL      `mapstructure:"sasl"`
	TLS              creds.TLS `mapstructure:"tls"`
	Compression      string    `mapstructure:"compression"`
}

// DefaultTopicConfig returns the defaults: no topic.
func DefaultTopicConfig() TopicConfig {
	d := DefaultConfig()
	return TopicConfig{SecurityProtocol: d.SecurityProtocol, SASL: d.SASL, TLS: d.TLS, BootstrapServers: []string{}, Compression: "none"}
}

// Enabled reports whether there is a topic to write.
func (c TopicConfig) Enabled() bool { return c.Name != "" }

// Validate returns every mistake, each starting with its key. Without a name
// nothing else matters.
func (c TopicConfig) Validate() []error {
	if !c.Enabled() {
		return nil
	}
	var errs []error
	if strings.TrimSpace(c.Name) != c.Name {
		errs = append(errs, fmt.Errorf("name: %q has spaces around it", c.Name))
	}
	for _, err := range c.cluster().Validate() {
		errs = append(errs, errors.New(inSection("dead_letter_topic", err.Error())))
	}
	if _, err := codec(c.Compression); err != nil {
		errs = append(errs, fmt.Errorf("compression: %q is unknown; allowed are none, lz4, zstd, gzip, snappy", c.Compression))
	}
	return errs
}

// UsesSASL reports whether connections are authenticated by SASL.
func (c TopicConfig) UsesSASL() bool { return c.Enabled() && c.cluster().UsesSASL() }

// UsesTLS reports whether connections are encrypted.
func (c TopicConfig) UsesTLS() bool { return c.Enabled() && c.cluster().UsesTLS() }

// ReadBy reports whether cfg reads the very topic: what is written there would
// come back for ever.
func (c TopicConfig) ReadBy(cfg Config) bool {
	if !c.Enabled() || !slices.ContainsFunc(c.BootstrapServers, func(s string) bool {
		return slices.ContainsFunc(cfg.BootstrapServers, func(t string) bool { return strings.EqualFold(s, t) })
	}) {
		return false
	}
	if cfg.TopicPattern == "" {
		return slices.Contains(cfg.Topics, c.Name)
	}
	pattern, err := compilePattern(cfg.TopicPattern)
	return err == nil && pattern.MatchString(c.Name)
}

// cluster is the configuration of a client of the topic's cluster.
func (c TopicConfig) cluster() Config {
	cfg := DefaultConfig()
	cfg.BootstrapServers, cfg.Topics = c.BootstrapServers, []string{c.Name}
	cfg.SecurityProtocol, cfg.SASL, cfg.TLS = c.SecurityProtocol, c.SASL, c.TLS
	return cfg
}

// inSection names the keys of a section in place of those of kafka. Hosts may
// begin with kafka. as well.
func inSection(section, text string) string {
	section += "."
	return strings.NewReplacer(
		"kafka.sasl", section+"sasl", "kafka.tls", section+"tls",
		"kafka.security_protocol", section+"security_protocol", "kafka.bootstrap_servers", section+"bootstrap_servers",
		"kafka.topics", section+"name",
	).Replace(text)
}

// explain says what an error of Sarama's means for this topic.
func (c TopicConfig) explain(err error) error {
	if errors.Is(err, context.Canceled) {
		return fmt.Errorf("write to the dead-letter topic %s: %w", c.Name, err)
	}
	e := *c.cluster().explain(err)
	switch {
	case errors.Is(err, sarama.ErrUnknownTopicOrPartition):
		e.What = "there is no topic " + c.Name + ", or it may not be seen"
		e.Hint = "create it, for example with `kafka-topics --create --topic " + c.Name + " --partitions 1` or `confluent kafka topic create " + c.Name + "`; it is not created here"
	case errors.Is(err, sarama.ErrTopicAuthorizationFailed):
		e.Hint = "give this principal WRITE and DESCRIBE on it" + readOnly
	case errors.Is(err, sarama.ErrClusterAuthorizationFailed):
		e.What = "the principal may not write idempotently"
		e.Hint = "give it WRITE on the topic, and on brokers older than 2.8 also IDEMPOTENT_WRITE on the cluster" + readOnly
	}
	e.What, e.Hint = inSection("dead_letter_topic", e.What), inSection("dead_letter_topic", e.Hint)
	return &e
}

// readOnly reminds of the one cluster where no right helps.
const readOnly = "; Confluent Cloud's audit log cluster is read-only, so if this is that one, name a cluster of yours in dead_letter_topic.bootstrap_servers"

// OmittedHeader holds the size of a value that its topic does not take.
const OmittedHeader = "auditlog_forwarder.value_omitted_bytes"

// TopicWriter writes records to one topic. It is safe for concurrent use;
// writers take turns, since what is written here is rare.
type TopicWriter struct {
	cfg      TopicConfig // but for the credentials, which may be replaced
	log      *zap.Logger
	turn     chan struct{} // holds one token while somebody writes
	producer *Producer     // nil: not connected; owned by who has the turn

	mu      sync.Mutex
	sasl    SASL
	tokens  *tokens // of OAUTHBEARER; nil: none yet
	tls     creds.TLS
	renewed bool // since producer connected
}

// NewTopicWriter makes a writer. It connects when it first has to write.
func NewTopicWriter(cfg TopicConfig, log *zap.Logger) *TopicWriter {
	return &TopicWriter{cfg: cfg, log: log, turn: make(chan struct{}, 1), sasl: cfg.SASL, tls: cfg.TLS}
}

// SetCredentials makes w connect with other credentials, from the next write on.
func (w *TopicWriter) SetCredentials(sasl SASL) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sasl, w.renewed = sasl, true
}

// SetTLS makes w connect with t, whose files are read now, from the next write
// on. If it cannot be used, it says so and goes on with what it has.
func (w *TopicWriter) SetTLS(t creds.TLS) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	cfg := w.cfg
	cfg.TLS = t
	if _, err := clientConfig(cfg.cluster(), zap.NewNop()); err != nil {
		return errors.New(inSection("dead_letter_topic", err.Error()))
	}
	w.tls, w.renewed = t, true
	return nil
}

// current returns the configuration with the newest credentials.
func (w *TopicWriter) current() TopicConfig {
	cfg := w.cfg
	w.mu.Lock()
	defer w.mu.Unlock()
	cfg.SASL, cfg.TLS = w.sasl, w.tls
	return cfg
}

// shared returns what gives the tokens of OAUTHBEARER, from one connection to
// the next; nil for other mechanisms.
func (w *TopicWriter) shared() *tokens {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.tokens == nil || !w.tokens.cfg.same(w.sasl.OAuth) {
		// An error is the configuration's, and told by who connects.
		if next, err := w.sasl.tokens(w.tokens, w.log); err == nil {
			w.tokens = next
		}
	}
	return w.tokens
}

// stale reports, once, that the credentials have changed.
func (w *TopicWriter) stale() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	was := w.renewed
	w.renewed = false
	return was
}

// Write returns nil when all in-sync replicas have all records; after an error
// any of them may be there, and the call may be repeated. The records' own
// topics and partitions do not count. A value that the topic does not take, for
// its size, is left out, which OmittedHeader and the log say.
func (w *TopicWriter) Write(ctx context.Context, records []audit.Record) error {
	select {
	case w.turn <- struct{}{}:
	case <-ctx.Done():
		return w.cfg.explain(ctx.Err())
	}
	defer func() { <-w.turn }()
	err := w.write(ctx, records, 0)
	if !tooLarge(err) {
		return err
	}
	// One of them, or all together: each goes alone, in a request of its size.
	for i := range records {
		if err := w.writeAlone(ctx, records[i]); err != nil {
			return err
		}
	}
	w.disconnect(ctx) // from the producer for large ones
	return nil
}

func (w *TopicWriter) writeAlone(ctx context.Context, r audit.Record) error {
	err := w.write(ctx, []audit.Record{r}, largestRecord)
	if !tooLarge(err) {
		return err
	}
	w.log.Error("the dead-letter topic does not take a value for its size; the record goes there without it, the dead-letter store has all of it",
		zap.String("topic", w.cfg.Name), zap.String("record", fmt.Sprintf("%s/%d/%d", r.Topic, r.Partition, r.Offset)),
		zap.Int("bytes", len(r.Value)), zap.String("next_step", "raise the topic's max.message.bytes"))
	r.Headers = append(slices.Clone(r.Headers), audit.Header{Key: OmittedHeader, Value: strconv.AppendInt(nil, int64(len(r.Value)), 10)})
	r.Value = nil
	return w.write(ctx, []audit.Record{r}, largestRecord)
}

// tooLarge reports whether the broker, or Sarama before it, refuses a size.
func tooLarge(err error) bool {
	var own sarama.ConfigurationError // of a single message Sarama refuses nothing else
	return errors.Is(err, sarama.ErrMessageSizeTooLarge) || errors.As(err, &own)
}

// largestRecord is more than a broker takes that somebody has set up sensibly.
const largestRecord = 64 << 20

// writePatience is how long one try may take. Sarama's own retries go on for
// two minutes when a broker hangs, and as long nobody would be told why a
// partition waits.
const writePatience = 20 * time.Second

// write tries once. A producer that has failed is not used again: what it
// still holds must not mix with the next call's.
func (w *TopicWriter) write(parent context.Context, records []audit.Record, largest int) (err error) {
	ctx, cancel := context.WithTimeout(parent, writePatience)
	defer cancel()
	if w.stale() {
		w.disconnect(parent)
	}
	cfg := w.current()
	if w.producer == nil {
		w.producer, err = newProducer(ctx, cfg.cluster(), ProducerOptions{Compression: cfg.Compression, Idempotent: true, MaxRequestBytes: largest}, w.shared())
		if err != nil {
			w.producer = nil
			if from := w.shared(); from != nil && errors.Is(err, sarama.ErrSASLAuthenticationFailed) {
				from.drop()
			}
			return cfg.explain(err)
		}
	}
	for i := range records {
		r := records[i]
		r.Topic, r.Partition = cfg.Name, -1
		if err = w.producer.Send(ctx, &r); err != nil {
			break
		}
	}
	if err == nil {
		_, err = w.producer.Flush(ctx)
	}
	if err == nil {
		return nil
	}
	err = cfg.explain(err)
	w.disconnect(parent)
	return err
}

func (w *TopicWriter) disconnect(ctx context.Context) {
	if w.producer == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	_, _ = w.producer.Close(ctx) // its errors are those that were returned
	w.producer = nil
}

// Close disconnects, when the last write has returned. Nothing may be written
// after it.
func (w *TopicWriter) Close(ctx context.Context) {
	w.turn <- struct{}{}
	w.disconnect(ctx)
}

// CheckTopic looks whether the topic is there, and writes nothing.
func CheckTopic(ctx context.Context, cfg TopicConfig) (string, error) {
	s, err := clientConfig(cfg.cluster(), zap.NewNop())
	if err != nil {
		return "", cfg.explain(err)
	}
	s.Metadata.Retry.Max, s.Metadata.Timeout, s.Net.DialTimeout = 1, 15*time.Second, patience
	s.Net.ReadTimeout, s.Net.WriteTimeout = patience, patience
	client, err := connect(ctx, cfg.cluster(), s)
	if err != nil {
		return "", cfg.explain(err)
	}
	defer func() { _ = client.Close() }() // nothing was written that closing could lose
	partitions, err := client.Partitions(cfg.Name)
	if err != nil {
		return "", cfg.explain(err)
	}
	return fmt.Sprintf("%s: %d partitions (%s); writing was not tried", cfg.Name, len(partitions), cfg.cluster().Security()), nil
}

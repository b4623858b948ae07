package kafka

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/IBM/sarama"

	"auditlog-forwarder/pkg/creds"
)

// CopyConfig says where a topic is copied to, and as whom.
type CopyConfig struct {
	Name              string        `mapstructure:"name"` // empty: the source topic's
	BootstrapServers  []string      `mapstructure:"bootstrap_servers"`
	SecurityProtocol  string        `mapstructure:"security_protocol"`
	SASL              SASL          `mapstructure:"sasl"`
	TLS               creds.TLS     `mapstructure:"tls"`
	Compression       string        `mapstructure:"compression"`
	Retention         time.Duration `mapstructure:"retention"`          // 0: the cluster's default
	ReplicationFactor int           `mapstructure:"replication_factor"` // -1: the cluster's default
	GroupID           string        `mapstructure:"group_id"`
	GroupInstanceID   string        `mapstructure:"group_instance_id"`
}

// DefaultCopyConfig returns the defaults: no copy.
func DefaultCopyConfig() CopyConfig {
	d := DefaultConfig()
	return CopyConfig{
		BootstrapServers: []string{}, SecurityProtocol: d.SecurityProtocol, SASL: d.SASL, TLS: d.TLS,
		Compression: "zstd", ReplicationFactor: -1, GroupID: "auditlog-forwarder-mirror",
	}
}

// Enabled reports whether there is a destination.
func (c CopyConfig) Enabled() bool { return len(c.BootstrapServers) > 0 }

// Validate returns every mistake, each starting with its key. Without servers
// nothing else matters.
func (c CopyConfig) Validate() []error {
	if !c.Enabled() {
		return nil
	}
	var errs []error
	add := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if strings.TrimSpace(c.Name) != c.Name {
		add("name: %q has spaces around it", c.Name)
	}
	for _, err := range c.Cluster("x").Validate() {
		errs = append(errs, errors.New(inSection("mirror", err.Error())))
	}
	if _, err := codec(c.Compression); err != nil {
		add("compression: %q is unknown; allowed are none, lz4, zstd, gzip, snappy", c.Compression)
	}
	if c.Retention < 0 || c.Retention > 0 && c.Retention < time.Minute {
		add("retention: %s is out of range; allowed are 1m or more, or 0 for the cluster's default", c.Retention)
	}
	if c.ReplicationFactor != -1 && (c.ReplicationFactor < 1 || c.ReplicationFactor > 100) {
		add("replication_factor: %d is out of range; allowed are 1 to 100, or -1 for the cluster's default", c.ReplicationFactor)
	}
	return errs
}

// UsesSASL reports whether connections are authenticated by SASL.
func (c CopyConfig) UsesSASL() bool { return c.Enabled() && c.Cluster("").UsesSASL() }

// UsesTLS reports whether connections are encrypted.
func (c CopyConfig) UsesTLS() bool { return c.Enabled() && c.Cluster("").UsesTLS() }

// Topic returns the destination's name of a source topic.
func (c CopyConfig) Topic(source string) string {
	if c.Name != "" {
		return c.Name
	}
	return source
}

// Cluster is the configuration of a client of the destination.
func (c CopyConfig) Cluster(topic string) Config {
	cfg := DefaultConfig()
	cfg.BootstrapServers, cfg.Topics, cfg.GroupID = c.BootstrapServers, []string{topic}, c.GroupID
	cfg.SecurityProtocol, cfg.SASL, cfg.TLS = c.SecurityProtocol, c.SASL, c.TLS
	return cfg
}

// explain says what an error of Sarama's means for the destination topic.
func (c CopyConfig) explain(topic string, err error) error {
	if errors.Is(err, context.Canceled) {
		return fmt.Errorf("write to the mirror topic %s: %w", topic, err)
	}
	e := *c.Cluster(topic).explain(err)
	var right *missingRight
	switch {
	case errors.Is(err, sarama.ErrUnknownTopicOrPartition):
		e.What = "there is no topic " + topic + ", or one of its partitions is missing, or it may not be seen"
		e.Hint = "start the mirror again, which creates the topic, or give this principal DESCRIBE on it"
	case errors.As(err, &right):
		e.What = "this may not be done with topic " + topic
		e.Hint = "give this principal " + right.name + " on it; a mirror writes only to a cluster of yours: the audit log's is read-only"
	case errors.Is(err, sarama.ErrTopicAuthorizationFailed):
		e.Hint = "give this principal READ, WRITE, DESCRIBE, DESCRIBE_CONFIGS, and for a topic that is to be created also CREATE and ALTER, on it; a mirror writes only to a cluster of yours: the audit log's is read-only"
	case errors.Is(err, sarama.ErrClusterAuthorizationFailed):
		e.What = "the principal may not do this on the cluster"
		e.Hint = "give it CREATE on the topic, or create the topic yourself; on brokers older than 2.8 writing needs IDEMPOTENT_WRITE on the cluster as well; the audit log's cluster is read-only and cannot be a destination"
	case errors.Is(err, sarama.ErrInvalidTimestamp):
		e.What = "topic " + topic + " refuses the records' timestamps"
		e.Hint = "raise its message.timestamp.before.max.ms and message.timestamp.after.max.ms; nothing is copied with another timestamp than its own"
	case errors.Is(err, sarama.ErrPolicyViolation):
		e.Hint = "set mirror.replication_factor and mirror.retention to what the cluster's policy allows"
	}
	e.What, e.Hint = inSection("mirror", e.What), inSection("mirror", e.Hint)
	return &e
}

// missingRight says which right on the destination topic is wanted.
type missingRight struct {
	name string
	err  error
}

func (m *missingRight) Error() string { return m.err.Error() }

func (m *missingRight) Unwrap() error { return m.err }

// needs names the right without which a request is refused, if it was.
func needs(right string, err error) error {
	if errors.Is(err, sarama.ErrTopicAuthorizationFailed) || errors.Is(err, sarama.ErrClusterAuthorizationFailed) {
		return &missingRight{right, err}
	}
	return err
}

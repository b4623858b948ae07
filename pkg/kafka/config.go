package kafka

import (
	"fmt"
	"net"
	"regexp"
	"strconv"
	"strings"
	"time"

	"auditlog-forwarder/pkg/creds"
)

// Config says which cluster and topics are read, as whom, and from where.
type Config struct {
	BootstrapServers []string      `mapstructure:"bootstrap_servers"`
	Topics           []string      `mapstructure:"topics"`
	TopicPattern     string        `mapstructure:"topic_pattern"`
	GroupID          string        `mapstructure:"group_id"`
	GroupInstanceID  string        `mapstructure:"group_instance_id"`
	ClientID         string        `mapstructure:"client_id"`
	ClientRack       string        `mapstructure:"client_rack"`
	Start            string        `mapstructure:"start"`
	SecurityProtocol string        `mapstructure:"security_protocol"`
	SASL             SASL          `mapstructure:"sasl"`
	TLS              creds.TLS     `mapstructure:"tls"`
	SessionTimeout   time.Duration `mapstructure:"session_timeout"`
	CommitInterval   time.Duration `mapstructure:"commit_interval"`
	MetadataRefresh  time.Duration `mapstructure:"metadata_refresh"`
	FetchMaxWait     time.Duration `mapstructure:"fetch_max_wait"`
	FetchBytes       int           `mapstructure:"fetch_bytes"`
}

// The security protocols, named as Kafka's clients name them.
const (
	Plaintext     = "PLAINTEXT"
	SSL           = "SSL"
	SASLPlaintext = "SASL_PLAINTEXT"
	SASLSSL       = "SASL_SSL"
)

// Where a group without a committed offset starts; a point in time in
// RFC 3339 is the third choice.
const (
	StartEarliest = "earliest"
	StartLatest   = "latest"
)

// DefaultConfig returns the defaults; BootstrapServers has none.
func DefaultConfig() Config {
	return Config{
		Topics:           []string{"confluent-audit-log-events"},
		GroupID:          "auditlog-forwarder",
		ClientID:         "auditlog-forwarder",
		Start:            StartEarliest,
		SecurityProtocol: SASLSSL,
		SASL:             DefaultSASL(),
		TLS:              creds.DefaultTLS(),
		SessionTimeout:   45 * time.Second,
		CommitInterval:   0,
		MetadataRefresh:  time.Minute,
		FetchMaxWait:     500 * time.Millisecond,
		FetchBytes:       512 << 10,
	}
}

// StartTime returns the point in time that Start names, if it names one.
func (c Config) StartTime() (time.Time, bool) {
	t, err := time.Parse(time.RFC3339, c.Start)
	return t, err == nil
}

// UsesTLS reports whether connections are encrypted.
func (c Config) UsesTLS() bool { return c.SecurityProtocol == SSL || c.SecurityProtocol == SASLSSL }

// UsesSASL reports whether connections are authenticated by SASL.
func (c Config) UsesSASL() bool {
	return c.SecurityProtocol == SASLPlaintext || c.SecurityProtocol == SASLSSL
}

// Validate returns every mistake, each starting with its key.
func (c Config) Validate() []error {
	var errs []error
	add := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }

	if len(c.BootstrapServers) == 0 {
		add("bootstrap_servers: missing; give host:port, such as pkc-xxxxx.us-west-2.aws.confluent.cloud:9092")
	}
	for _, s := range c.BootstrapServers {
		host, port, err := net.SplitHostPort(s)
		n, portErr := strconv.ParseUint(port, 10, 16)
		if err != nil || host == "" || portErr != nil || n == 0 {
			add("bootstrap_servers: %q is not host:port; give it without SASL_SSL:// or https:// before it", s)
		}
	}
	switch {
	case len(c.Topics) == 0 && c.TopicPattern == "":
		add("topics: empty; name at least one topic, or set kafka.topic_pattern")
	case c.TopicPattern != "":
		if _, err := regexp.Compile(c.TopicPattern); err != nil {
			add("topic_pattern: %q is not a regular expression: %v", c.TopicPattern, err)
		}
	}
	for _, t := range c.Topics {
		if strings.TrimSpace(t) == "" {
			add("topics: holds an empty name")
		}
	}
	if c.GroupID == "" {
		add("group_id: empty; members that share the work share one name")
	}
	if _, isTime := c.StartTime(); c.Start != StartEarliest && c.Start != StartLatest && !isTime {
		add("start: %q is unknown; allowed are earliest, latest, or a time such as 2026-11-01T00:00:00Z", c.Start)
	}
	switch c.SecurityProtocol {
	case Plaintext, SSL:
	case SASLPlaintext, SASLSSL:
		for _, err := range c.SASL.Validate() {
			add("sasl.%w", err)
		}
	default:
		add("security_protocol: %q is unknown; allowed are SASL_SSL, SSL, SASL_PLAINTEXT, PLAINTEXT", c.SecurityProtocol)
	}
	for _, d := range []struct {
		key           string
		val, min, max time.Duration
	}{
		// Brokers allow 6 s to 30 min by default (group.min/max.session.timeout.ms).
		{"session_timeout", c.SessionTimeout, 6 * time.Second, 30 * time.Minute},
		{"commit_interval", c.CommitInterval, 0, time.Minute},
		{"metadata_refresh", c.MetadataRefresh, time.Second, time.Hour},
		{"fetch_max_wait", c.FetchMaxWait, 10 * time.Millisecond, 30 * time.Second},
	} {
		if d.val < d.min || d.val > d.max {
			add("%s: %s is out of range; allowed are %s to %s", d.key, d.val, d.min, d.max)
		}
	}
	for _, err := range c.TLS.Validate() {
		add("tls.%w", err)
	}
	if c.FetchBytes < 16<<10 || c.FetchBytes > 64<<20 {
		add("fetch_bytes: %d is out of range; allowed are 16KiB to 64MiB", c.FetchBytes)
	}
	return errs
}

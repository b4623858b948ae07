package kafka

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"

	"github.com/IBM/sarama"

	"auditlog-forwarder/pkg/creds"
)

// Error is a failure with what a person needs to end it.
type Error struct {
	Servers  string // the bootstrap servers
	Security string // protocol and mechanism
	What     string // what is wrong, in words
	Hint     string // what to do
	Err      error
}

func (e *Error) Error() string {
	msg := fmt.Sprintf("kafka at %s (%s): %s", e.Servers, e.Security, e.What)
	if e.Hint != "" {
		msg += "; " + e.Hint
	}
	return msg
}

// In returns the error with the keys of another section than kafka.
func (e *Error) In(section string) *Error {
	own := *e
	own.What, own.Hint = inSection(section, e.What), inSection(section, e.Hint)
	return &own
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Security names the protocol and the mechanism, as in "SASL_SSL, PLAIN".
func (c Config) Security() string {
	if c.UsesSASL() {
		return c.SecurityProtocol + ", " + c.SASL.Mechanism
	}
	return c.SecurityProtocol
}

// explain finds out what an error of Sarama's means here.
func (c Config) explain(err error) *Error {
	var known *Error
	if errors.As(err, &known) {
		return known
	}
	e := &Error{Servers: strings.Join(c.BootstrapServers, ","), Security: c.Security(), What: err.Error(), Err: err}
	topics := strings.Join(topicsOf(err, c.Topics), ", ")
	noTopic, topicHint := "there is no topic "+topics, "check kafka.topics, and that the principal may DESCRIBE the topic; it is not created here"
	if c.TopicPattern != "" {
		topics = "topics matching " + c.TopicPattern
		noTopic = "no topic matches kafka.topic_pattern " + c.TopicPattern
		topicHint = "check kafka.topic_pattern, which has to match the whole name, and that the principal may DESCRIBE the topics; they are not created here"
	}
	if e.bySASL(err, c) || e.byTLS(err, c.TLS) { // in this order: a token endpoint has TLS of its own
		return e
	}
	for _, k := range []struct {
		is         error
		what, hint string
	}{
		{
			sarama.ErrTopicAuthorizationFailed, fmt.Sprintf("no access to %s", topics),
			"give this principal READ and DESCRIBE on it; on Confluent Cloud use an API key of the audit log's own service account (confluent audit-log describe)",
		},
		{
			sarama.ErrGroupAuthorizationFailed, fmt.Sprintf("no access to the consumer group %q", c.GroupID),
			"give this principal READ on the group, or change kafka.group_id to one that it may use",
		},
		{
			sarama.ErrClusterAuthorizationFailed, "the principal may not do this on the cluster",
			"give it the right that the message names",
		},
		{
			sarama.ErrUnknownTopicOrPartition, noTopic + ", or it may not be seen", topicHint,
		},
		{
			sarama.ErrInvalidTopic, fmt.Sprintf("the broker does not allow the topic name %s", topics), "check kafka.topics",
		},
		{
			sarama.ErrFencedInstancedId, fmt.Sprintf("another member has the group.instance.id %q", c.GroupInstanceID),
			"give each member its own kafka.group_instance_id, and stop the other one",
		},
		{
			sarama.ErrInconsistentGroupProtocol, fmt.Sprintf("the group %q is in use by another kind of client", c.GroupID),
			"give this forwarder a kafka.group_id of its own, or stop the other client",
		},
		{
			sarama.ErrInvalidSessionTimeout, "the broker does not allow this session timeout",
			"set kafka.session_timeout within the broker's group.min.session.timeout.ms and group.max.session.timeout.ms",
		},
		{
			sarama.ErrConsumerCoordinatorNotAvailable, fmt.Sprintf("no broker answers for the group %q at the moment", c.GroupID),
			"a cluster that was just started needs some seconds for its first group; if it lasts, look at the brokers and at the topic __consumer_offsets",
		},
		{
			sarama.ErrOffsetsLoadInProgress, fmt.Sprintf("the broker still loads the offsets of the group %q", c.GroupID),
			"it does so after it started or took the group over; wait a moment and try again",
		},
		{
			sarama.ErrOffsetOutOfRange, "events expired before they were read",
			"the lost range is logged when the partition is claimed again; bring the lag down, or raise the topic's retention",
		},
	} {
		if errors.Is(err, k.is) {
			e.What, e.Hint = k.what, k.hint
			return e
		}
	}
	e.byNetwork(err)
	return e
}

// topicsError says which topics an error is about.
type topicsError struct {
	topics []string
	err    error
}

func (e *topicsError) Error() string { return strings.Join(e.topics, ", ") + ": " + e.err.Error() }

func (e *topicsError) Unwrap() error { return e.err }

// topicsOf returns the topics that err is about, or all if it does not say.
func topicsOf(err error, all []string) []string {
	var some *topicsError
	var fetch *sarama.ConsumerError
	switch {
	case errors.As(err, &some):
		return some.topics
	case errors.As(err, &fetch) && fetch.Topic != "":
		return []string{fetch.Topic}
	}
	return all
}

// blameTopics finds out which of several topics err is about: Sarama fails for
// all of them.
func blameTopics(client sarama.Client, topics []string, err error) error {
	for _, kind := range []error{sarama.ErrUnknownTopicOrPartition, sarama.ErrTopicAuthorizationFailed} {
		if !errors.Is(err, kind) {
			continue
		}
		bad := slices.DeleteFunc(slices.Clone(topics), func(topic string) bool {
			_, one := client.Partitions(topic)
			return !errors.Is(one, kind)
		})
		if len(bad) > 0 {
			return &topicsError{topics: bad, err: err}
		}
	}
	return err
}

// byTLS explains refused certificates and handshakes.
func (e *Error) byTLS(err error, t creds.TLS) bool {
	var (
		unknown x509.UnknownAuthorityError
		name    x509.HostnameError
		invalid x509.CertificateInvalidError
		notTLS  tls.RecordHeaderError
		pin     *creds.PinError
	)
	switch {
	case errors.As(err, &pin):
		e.What, e.Hint, _ = strings.Cut(pin.Error(), "; ")
	case errors.As(err, &unknown):
		e.What = "the broker's certificate comes from a CA that this machine does not know"
		e.Hint = "give the CA in kafka.tls.ca_file (PEM) or kafka.tls.truststore_file"
	case errors.As(err, &name):
		e.What = fmt.Sprintf("the broker's certificate is for %s, and not for %s", creds.Names(name.Certificate), name.Host)
		e.Hint = "use one of its names in kafka.bootstrap_servers, or set kafka.tls.server_name to it"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		e.What, e.Hint = "the broker's certificate is expired or not valid yet", "renew it, or check the clock of this machine"
	case errors.As(err, &invalid):
		e.What, e.Hint = "the broker's certificate is not valid: "+invalid.Error(), "give the broker a certificate that is made for servers, or its CA in kafka.tls.ca_file"
	case errors.As(err, &notTLS):
		e.What, e.Hint = "the port does not speak TLS", "check the port, or set kafka.security_protocol to PLAINTEXT or SASL_PLAINTEXT"
	default:
		return e.byAlert(err, t)
	}
	return true
}

// byAlert explains what the broker said in place of a handshake. crypto/tls
// has no type for that, other than the text.
func (e *Error) byAlert(err error, t creds.TLS) bool {
	_, alert, ok := strings.Cut(err.Error(), "remote error: tls: ")
	if !ok {
		return false
	}
	alert, _, _ = strings.Cut(alert, "\n") // errors of several brokers stand below each other
	const give = "give one that it trusts in kafka.tls.client_cert_file and kafka.tls.client_key_file, or in kafka.tls.keystore_file"
	switch aboutClient := strings.Contains(alert, "certificate"); {
	case aboutClient && t.ClientCertFile == "" && t.KeystoreFile == "":
		e.What, e.Hint = "the broker asks for a client certificate: "+alert, give
	case aboutClient:
		e.What, e.Hint = "the broker refused the client certificate: "+alert, give
	default:
		e.What, e.Hint = "the broker refused the TLS handshake: "+alert, "check kafka.security_protocol, the port and kafka.tls.min_version"
	}
	return true
}

// byNetwork explains what never got as far as Kafka's protocol.
func (e *Error) byNetwork(err error) {
	var (
		dns *net.DNSError
		op  *net.OpError
	)
	switch {
	case errors.As(err, &dns):
		e.What, e.Hint = fmt.Sprintf("the name %q does not resolve", dns.Name), "check kafka.bootstrap_servers and DNS"
	case errors.As(err, &op) && op.Op == "dial":
		e.What = fmt.Sprintf("unreachable: dial %s: %v", op.Addr, op.Err)
		e.Hint = "check kafka.bootstrap_servers, that the broker runs, and firewalls"
	case errors.Is(err, context.DeadlineExceeded) || isTimeout(err):
		e.What = "no answer in time"
		if op != nil && op.Addr != nil { // without the local port, which would make every failure look new
			e.What = fmt.Sprintf("no answer in time: %s %s", op.Op, op.Addr)
		}
		e.Hint = "check kafka.bootstrap_servers, and kafka.security_protocol against the port: one that does not speak TLS may keep silent; then firewalls, and whether the broker is overloaded"
	case op != nil && op.Addr != nil:
		e.What = fmt.Sprintf("the connection broke: %s %s: %v", op.Op, op.Addr, op.Err)
		e.Hint = "if it lasts, look at the broker and at what stands before it"
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || strings.HasSuffix(err.Error(), "EOF"):
		e.What = "the broker closed the connection"
		e.Hint = "check kafka.security_protocol against the port: a plain listener closes TLS connections, and one for TLS or SASL closes plain ones; some brokers also do so for wrong credentials"
	case errors.Is(err, sarama.ErrOutOfBrokers):
		e.Hint = "check kafka.bootstrap_servers, kafka.security_protocol and firewalls"
	}
}

func isTimeout(err error) bool {
	var t interface{ Timeout() bool }
	return errors.As(err, &t) && t.Timeout()
}

package kafka

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/IBM/sarama"
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
	topics := strings.Join(c.Topics, ", ")
	noTopic, topicHint := "there is no topic "+topics, "check kafka.topics, and that the principal may DESCRIBE the topic; it is not created here"
	if c.TopicPattern != "" {
		topics = "topics matching " + c.TopicPattern
		noTopic = "no topic matches kafka.topic_pattern " + c.TopicPattern
		topicHint = "check kafka.topic_pattern, which has to match the whole name, and that the principal may DESCRIBE the topics; they are not created here"
	}
	if e.byTLS(err) {
		return e
	}
	for _, k := range []struct {
		is         error
		what, hint string
	}{
		{
			sarama.ErrSASLAuthenticationFailed, fmt.Sprintf("the credentials of %q are refused", c.SASL.Username),
			"check kafka.sasl.username and kafka.sasl.password_file; on Confluent Cloud the API key must be one of the audit log cluster and at least some minutes old",
		},
		{
			sarama.ErrUnsupportedSASLMechanism, "the broker does not offer the mechanism " + c.SASL.Mechanism,
			"check kafka.sasl.mechanism and that the port is the one for it",
		},
		{
			sarama.ErrIllegalSASLState, "the broker did not expect SASL",
			"check kafka.security_protocol against the listener of this port",
		},
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

// byTLS explains refused certificates and handshakes.
func (e *Error) byTLS(err error) bool {
	var (
		unknown x509.UnknownAuthorityError
		name    x509.HostnameError
		invalid x509.CertificateInvalidError
		notTLS  tls.RecordHeaderError
		alert   tls.AlertError
	)
	switch {
	case errors.As(err, &unknown):
		e.What = "the broker's certificate comes from a CA that this machine does not know"
		e.Hint = "give the CA's PEM in kafka.tls.ca_file"
	case errors.As(err, &name):
		e.What, e.Hint = "the broker's certificate is for another name: "+name.Error(), "use the name in the certificate in kafka.bootstrap_servers"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		e.What, e.Hint = "the broker's certificate is expired or not valid yet", "renew it, or check the clock of this machine"
	case errors.As(err, &invalid):
		e.What, e.Hint = "the broker's certificate is not valid: "+invalid.Error(), "give the broker a certificate that is made for servers, or its CA's PEM in kafka.tls.ca_file"
	case errors.As(err, &notTLS):
		e.What, e.Hint = "the port does not speak TLS", "check the port, or set kafka.security_protocol to PLAINTEXT or SASL_PLAINTEXT"
	case errors.As(err, &alert):
		e.What, e.Hint = "the broker refused the TLS handshake: "+alert.Error(), "check kafka.security_protocol and the port"
	default:
		return false
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
		if op != nil { // without the local port, which would make every failure look new
			e.What = fmt.Sprintf("no answer in time: %s %s", op.Op, op.Addr)
		}
		e.Hint = "check kafka.bootstrap_servers, and kafka.security_protocol against the port: one that does not speak TLS may keep silent; then firewalls, and whether the broker is overloaded"
	case op != nil:
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

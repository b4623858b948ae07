package kafka

import (
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/IBM/sarama"
)

// bySASL explains what went wrong in proving who we are.
func (e *Error) bySASL(err error, c Config) bool {
	var noToken *tokenError
	switch {
	case errors.As(err, &noToken):
		e.What, e.Hint = noToken.what, noToken.hint
	case errors.Is(err, errUnprepared):
		e.What, e.Hint = errUnprepared.Error(), "check kafka.sasl.username and kafka.sasl.password_file; the file may hold more than the password"
	case errors.Is(err, errScram):
		e.What = fmt.Sprintf("the broker does not prove that it knows the password of %q: %s", c.SASL.Username, short(err.Error()))
		e.Hint = "check kafka.bootstrap_servers: another server may have answered in its place"
	case errors.Is(err, sarama.ErrUnsupportedSASLMechanism), errors.Is(err, sarama.ErrIllegalSASLState), noCause(err):
		return e.byHandshake(err, c)
	case errors.Is(err, sarama.ErrSASLAuthenticationFailed):
		e.refusedBy(err, c)
	default:
		return false
	}
	return true
}

// noCause reports whether Sarama has dropped why no broker could be used, as
// it does with what brokers answer to the handshake.
func noCause(err error) bool { return err.Error() == sarama.ErrOutOfBrokers.Error() }

// byHandshake explains why the broker and we do not come to talk of
// credentials at all. It asks the broker, since Sarama drops the answer.
func (e *Error) byHandshake(err error, c Config) bool {
	if !c.UsesSASL() {
		return false
	}
	answer, known := c.handshake()
	switch {
	case errors.Is(answer.code, sarama.ErrIllegalSASLState), !known && errors.Is(err, sarama.ErrIllegalSASLState):
		e.What, e.Hint = "the broker did not expect SASL", "check kafka.security_protocol against the listener of this port"
	case errors.Is(answer.code, sarama.ErrUnsupportedSASLMechanism):
		e.What = "the broker does not offer the mechanism " + c.SASL.Mechanism + "; it offers " + strings.Join(answer.offered, ", ")
		e.Hint = "set kafka.sasl.mechanism to one of these, or check that the port is the one for " + c.SASL.Mechanism
	case errors.Is(err, sarama.ErrUnsupportedSASLMechanism):
		e.What = "the broker does not offer the mechanism " + c.SASL.Mechanism
		e.Hint = "check kafka.sasl.mechanism and that the port is the one for it"
	default:
		return false
	}
	return true
}

// refusedBy explains refused credentials. A broker says no more than that they
// are refused, so that nobody can find out which users there are.
func (e *Error) refusedBy(err error, c Config) {
	e.What = fmt.Sprintf("the credentials of %q are refused", c.SASL.who())
	switch c.SASL.Mechanism {
	case ScramSHA256, ScramSHA512:
		other := ScramSHA512
		if c.SASL.Mechanism == other {
			other = ScramSHA256
		}
		e.Hint = fmt.Sprintf("check kafka.sasl.username and kafka.sasl.password_file; a user needs credentials of its own for %s, those for %s (kafka.sasl.mechanism) do not count; brokers do not tell an unknown user from a wrong password",
			c.SASL.Mechanism, other)
	case OAuthBearer:
		e.What = fmt.Sprintf("the broker refuses the token of the client %q", c.SASL.OAuth.ClientID)
		var refused *refusedToken
		if errors.As(err, &refused) && refused.says != "" {
			e.What += " (" + refused.says + ")"
		}
		e.Hint = "check that the broker trusts this issuer and expects this audience (kafka.sasl.oauth.audience, kafka.sasl.oauth.scope), and its clock"
		if c.AtConfluent() {
			e.Hint += "; on Confluent Cloud also " + c.SASL.OAuth.missingExtensions()
		}
	default:
		e.Hint = "check kafka.sasl.username and kafka.sasl.password_file; on Confluent Cloud the API key must be one of the audit log cluster and at least some minutes old"
	}
}

// AtConfluent reports whether the servers are Confluent Cloud's.
func (c Config) AtConfluent() bool {
	return slices.ContainsFunc(c.BootstrapServers, func(s string) bool {
		host, _, _ := net.SplitHostPort(s)
		return strings.HasSuffix(strings.ToLower(host), ".confluent.cloud")
	})
}

// missingExtensions says which of the extensions to look at.
func (o OAuth) missingExtensions() string {
	var missing []string
	if o.LogicalCluster == "" {
		missing = append(missing, "kafka.sasl.oauth.logical_cluster (lkc-…)")
	}
	if o.IdentityPool == "" {
		missing = append(missing, "kafka.sasl.oauth.identity_pool (pool-…)")
	}
	if len(missing) == 0 {
		return fmt.Sprintf("that %s is this cluster's id, and that the filter of the pool %s lets the token in", o.LogicalCluster, o.IdentityPool)
	}
	return "set " + strings.Join(missing, " and ") + ", which it reads beside the token"
}

// handshake is what a broker says to our mechanism: nothing against it, or
// which ones it offers in its place (KIP-43).
type handshake struct {
	code    sarama.KError
	offered []string
}

// handshake asks the first server that answers; it tries them for patience.
func (c Config) handshake() (handshake, bool) {
	for began := time.Now(); len(c.BootstrapServers) > 0 && time.Since(began) < patience; c.BootstrapServers = c.BootstrapServers[1:] {
		if answer, err := c.askHandshake(c.BootstrapServers[0]); err == nil {
			return answer, true
		}
	}
	return handshake{}, false
}

func (c Config) askHandshake(server string) (_ handshake, err error) {
	conn, err := (&net.Dialer{Timeout: patience}).Dial("tcp", server)
	if err != nil {
		return handshake{}, err
	}
	defer func() { _ = conn.Close() }() // nothing is kept in it
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return handshake{}, err
	}
	if c.UsesTLS() {
		host, _, _ := net.SplitHostPort(server)
		config, err := c.TLS.Config(host)
		if err != nil {
			return handshake{}, err
		}
		conn = tls.Client(conn, config)
	}
	if _, err := conn.Write(handshakeRequest(c.ClientID, c.SASL.Mechanism)); err != nil {
		return handshake{}, err
	}
	var size int32
	if err := binary.Read(conn, binary.BigEndian, &size); err != nil {
		return handshake{}, err
	}
	const most = 64 << 10
	if size < 0 || size > most {
		return handshake{}, errors.New("it is no answer to SaslHandshake")
	}
	answer := make([]byte, size)
	if _, err := io.ReadFull(conn, answer); err != nil {
		return handshake{}, err
	}
	return handshakeAnswer(answer)
}

// handshakeRequest is a SaslHandshake of version 1, with its size before it.
func handshakeRequest(clientID, mechanism string) []byte {
	const key, version, correlation = 17, 1, 1
	body := binary.BigEndian.AppendUint16(nil, key)
	body = binary.BigEndian.AppendUint16(body, version)
	body = binary.BigEndian.AppendUint32(body, correlation)
	for _, text := range []string{clientID, mechanism} {
		body = binary.BigEndian.AppendUint16(body, uint16(len(text))) //nolint:gosec // names are short
		body = append(body, text...)
	}
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(body))), body...) //nolint:gosec // so is this
}

// handshakeAnswer reads an answer without its size: correlation id, error
// code, and a list of names.
func handshakeAnswer(answer []byte) (handshake, error) {
	in := bytes.NewReader(answer)
	var head struct {
		Correlation int32
		Code        int16
		Count       int32
	}
	if err := binary.Read(in, binary.BigEndian, &head); err != nil {
		return handshake{}, err
	}
	var names []string
	for range min(max(head.Count, 0), 100) {
		var n uint16
		if err := binary.Read(in, binary.BigEndian, &n); err != nil {
			return handshake{}, err
		}
		name := make([]byte, n)
		if _, err := io.ReadFull(in, name); err != nil {
			return handshake{}, err
		}
		names = append(names, short(string(name)))
	}
	slices.Sort(names)
	return handshake{code: sarama.KError(head.Code), offered: names}, nil
}

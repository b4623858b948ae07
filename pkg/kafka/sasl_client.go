package kafka

import (
	"errors"
	"fmt"

	"github.com/IBM/sarama"
	"github.com/xdg-go/scram"
	"go.uber.org/zap"
)

// apply is the one place that turns credentials into Sarama's configuration.
// from gives the tokens of OAUTHBEARER; other mechanisms ignore it.
func (s SASL) apply(c *sarama.Config, from *tokens) {
	c.Net.SASL.Enable = true
	c.Net.SASL.Handshake = true
	c.Net.SASL.Version = sarama.SASLHandshakeV1
	c.Net.SASL.Mechanism = sarama.SASLMechanism(s.Mechanism)
	c.Net.SASL.User, c.Net.SASL.Password = "", ""
	c.Net.SASL.SCRAMClientGeneratorFunc, c.Net.SASL.TokenProvider = nil, nil
	switch s.Mechanism {
	case OAuthBearer:
		c.Net.SASL.TokenProvider = from
		return
	case ScramSHA256, ScramSHA512:
		hash := scramHash(s.Mechanism)
		c.Net.SASL.SCRAMClientGeneratorFunc = func() sarama.SCRAMClient { return &scramClient{hash: hash} }
	}
	c.Net.SASL.User, c.Net.SASL.Password = s.Username, s.Password.Reveal()
}

// tokens makes what gives the tokens; nil unless the mechanism needs them. A
// token that before has got for the same client is kept, until the first new
// one or its end.
func (s SASL) tokens(before *tokens, log *zap.Logger) (*tokens, error) {
	if s.Mechanism != OAuthBearer {
		return nil, nil
	}
	ext, err := s.OAuth.extensions()
	if err != nil {
		return nil, fmt.Errorf("kafka.sasl.oauth.extensions: %w", err)
	}
	return newTokens(s.OAuth, ext, before, log), nil
}

// minIterations is what Kafka's brokers ask for at least; a server that asks
// for less wants the password to be guessed.
const minIterations = 4096

// scramClient makes xdg-go/scram one of Sarama's; one for each connection.
type scramClient struct {
	hash         scram.HashGeneratorFcn
	conversation *scram.ClientConversation
}

func scramHash(mechanism string) scram.HashGeneratorFcn {
	if mechanism == ScramSHA512 {
		return scram.SHA512
	}
	return scram.SHA256
}

// Begin implements sarama.SCRAMClient.
func (c *scramClient) Begin(user, password, authzID string) error {
	client, err := c.hash.NewClient(user, password, authzID)
	if err != nil {
		return errUnprepared
	}
	c.conversation = client.WithMinIterations(minIterations).NewConversation()
	return nil
}

// Step implements sarama.SCRAMClient.
func (c *scramClient) Step(challenge string) (string, error) {
	answer, err := c.conversation.Step(challenge)
	if err != nil {
		return "", fmt.Errorf("%w: %w", errScram, err)
	}
	return answer, nil
}

// Done implements sarama.SCRAMClient.
func (c *scramClient) Done() bool { return c.conversation.Done() }

var (
	// errScram says that the broker did not keep to SCRAM, or does not know what
	// it should.
	errScram = errors.New("SCRAM")
	// errUnprepared does not wrap its cause, which may show a character of the
	// password.
	errUnprepared = errors.New("the user name or the password has characters that SCRAM does not allow (RFC 4013), such as control characters")
)

package kafka

import (
	"context"
	"errors"
	"time"

	"github.com/IBM/sarama"
	"go.uber.org/zap"

	"auditlog-forwarder/pkg/creds"
)

// SetCredentials makes this member use other credentials, without a restart.
// It leaves the group as in a rebalance: what was sent is settled and
// committed; then it connects and joins with the new ones. If they are wrong,
// that is told and tried again, and the next call mends it at once.
func (g *Group) SetCredentials(sasl SASL) {
	g.mu.Lock()
	same, before := g.sasl.same(sasl), g.tokens
	g.mu.Unlock()
	if same {
		return
	}
	// Without the lock, since a token may be asked for at this moment.
	from, err := sasl.tokens(before, g.log)
	if err != nil {
		g.log.Warn("the new credentials cannot be used; going on with those of before", zap.Error(err))
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.sasl, g.tokens = sasl, from
	g.renewLocked("credentials")
}

// SetTLS makes this member connect with t, whose files are read now, in the way
// of SetCredentials. If it cannot be used, it says so and goes on with what it
// has.
func (g *Group) SetTLS(t creds.TLS) error {
	if !g.cfg.UsesTLS() {
		return errors.New("kafka.tls is not in use; set kafka.security_protocol to SASL_SSL or SSL")
	}
	cfg, _ := g.current()
	cfg.TLS = t
	if _, err := g.saramaConfig(cfg); err != nil {
		return err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.tls = t
	g.renewLocked("certificates")
	return nil
}

// renewLocked ends the connections of this moment; mu is held.
func (g *Group) renewLocked(what string) {
	g.version++
	g.log.Info("connecting to kafka anew, in the way of a rebalance", zap.String("because_of_new", what))
	g.renew()
}

// access is what connections are made with.
type access struct {
	sarama  *sarama.Config
	version int64 // changes with the credentials
}

// access takes the newest credentials and reads the certificate files. If these
// cannot be read, what they held before stays in use.
func (g *Group) access() (access, error) {
	cfg, version := g.current()
	s, err := g.saramaConfig(cfg)
	g.mu.Lock()
	defer g.mu.Unlock()
	if err == nil && cfg.UsesSASL() {
		cfg.SASL.apply(s, g.tokens) // all connections share them
	}
	if err == nil {
		g.good = s
	} else if g.good != nil {
		g.log.Warn("certificates cannot be read; connecting with those of before", zap.Error(err))
		before := *g.good
		if cfg.UsesSASL() {
			cfg.SASL.apply(&before, g.tokens)
		}
		s, err = &before, nil
	}
	return access{sarama: s, version: version}, err
}

// onRenewal says what ends the connections of this moment.
func (g *Group) onRenewal(end context.CancelFunc) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.renew = end
}

// current returns the configuration with the newest credentials, and a number
// that changes with them.
func (g *Group) current() (Config, int64) {
	cfg := g.cfg
	g.mu.Lock()
	defer g.mu.Unlock()
	cfg.SASL, cfg.TLS = g.sasl, g.tls
	return cfg, g.version
}

// saramaConfig reads the certificate files anew.
func (g *Group) saramaConfig(cfg Config) (*sarama.Config, error) {
	s, err := clientConfig(cfg, zap.NewNop()) // NewGroup has warned
	if err != nil {
		return nil, err
	}
	// The coordinator must not give partitions away while lanes still drain.
	s.Consumer.Group.Rebalance.Timeout = max(time.Minute, 2*g.opts.Drain+10*time.Second)
	// It holds a join until all members have come or died, so this must be the
	// longest wait: cutting it off would start the join anew.
	s.Net.ReadTimeout = max(s.Consumer.Group.Rebalance.Timeout, cfg.SessionTimeout) + 10*time.Second
	return s, nil
}

// explain finds out what an error of Sarama's means here and now.
func (g *Group) explain(err error) *Error {
	cfg, _ := g.current()
	g.mu.Lock()
	from := g.tokens
	g.mu.Unlock()
	return cfg.explain(from.refused(err))
}

// tokenRefused makes the next connection ask for another token, if a broker
// has refused the one that is there.
func (g *Group) tokenRefused(err error) {
	g.mu.Lock()
	from := g.tokens
	g.mu.Unlock()
	if from != nil && errors.Is(err, sarama.ErrSASLAuthenticationFailed) {
		from.drop()
	}
}

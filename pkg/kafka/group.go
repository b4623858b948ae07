package kafka

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/IBM/sarama"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"auditlog-forwarder/pkg/creds"
)

// Options are what a Group needs besides its configuration.
type Options struct {
	// Drain is how long a handler may go on after its partition is lost; the
	// group waits that long for this member in a rebalance.
	Drain      time.Duration
	Log        *zap.Logger
	Registerer prometheus.Registerer
	// OnState is told nil when this member is in the group, and otherwise why
	// it is not, each time that changes. Optional.
	OnState func(error)
	// Rewind says where reading of a partition begins that is committed up to an
	// offset, with the note beside it: at that offset, or below it, for a handler
	// that needs earlier records to know where it was. Optional.
	Rewind func(topic string, partition int32, committed int64, note string) int64
	// OnAssigned is told how many partitions this member has got. Optional.
	OnAssigned func(partitions int)
}

// Handler takes one partition from claim to release. ctx ends when the
// partition is lost. A handler that returns while ctx lives makes the member
// join again.
type Handler func(ctx context.Context, claim *Claim) error

// Group is this process's membership in a consumer group.
type Group struct {
	cfg     Config // but for the credentials, which SetCredentials replaces
	opts    Options
	log     *zap.Logger
	pattern *regexp.Regexp // nil: the topics are given
	lost    *prometheus.CounterVec
	joins   prometheus.Counter
	commits *prometheus.CounterVec

	lostTotal  atomic.Int64
	holds      atomic.Bool // partitions, or marks of the last session that are not committed
	fetching   trouble
	committing atomic.Pointer[committer] // of the last session

	mu      sync.Mutex
	sasl    SASL
	tokens  *tokens // of OAUTHBEARER, for all connections of this member; else nil
	tls     creds.TLS
	good    *sarama.Config // of the last time that the certificate files could be read; nil: never
	version int64          // counts changes of the credentials
	renew   func()         // ends the connections of this moment
	out     error          // why this member is not in the group; nil: it is
	state   string         // what OnState was told last
}

// joining is the state before the first success.
const joining = "joining the group"

var errJoining = errors.New(joining)

// Lost returns how many events expired before they were read, since the start.
func (g *Group) Lost() int64 { return g.lostTotal.Load() }

// NewGroup makes a member. It connects to nothing.
func NewGroup(cfg Config, opts Options) (*Group, error) {
	_, err := clientConfig(cfg, opts.Log)
	if err != nil {
		return nil, err
	}
	g := &Group{
		cfg: cfg, opts: opts, log: opts.Log, state: joining, out: errJoining, sasl: cfg.SASL, tls: cfg.TLS, renew: func() {},
		lost: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "auditlog_forwarder_lost_events_total",
			Help: "Offsets that expired in Kafka before this group read them.",
		}, []string{"topic", "partition"}),
		joins: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "auditlog_forwarder_group_joins_total",
			Help: "Times that this member has got partitions of the group.",
		}),
		commits: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "auditlog_forwarder_commits_total",
			Help: "Commits of offsets, by result. All but ok are tried again, or come with a new session.",
		}, []string{"result"}),
	}
	for _, r := range []string{resultOK, resultFailed, resultRefused, resultOver} {
		g.commits.WithLabelValues(r)
	}
	age := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "auditlog_forwarder_commit_age_seconds",
		Help: "Age of the oldest mark that is not committed; 0 without one.",
	}, g.commitAge)
	if cfg.UsesSASL() {
		if g.tokens, err = cfg.SASL.tokens(nil, opts.Log); err != nil {
			return nil, err
		}
	}
	if cfg.TopicPattern != "" {
		if g.pattern, err = compilePattern(cfg.TopicPattern); err != nil {
			return nil, err
		}
	}
	opts.Registerer.MustRegister(g.lost, g.joins, g.commits, age)
	return g, nil
}

// compilePattern makes a pattern match whole names only, as Kafka's clients do.
func compilePattern(pattern string) (*regexp.Regexp, error) {
	re, err := regexp.Compile("^(?:" + pattern + ")$")
	if err != nil {
		return nil, fmt.Errorf("kafka.topic_pattern: %w", err)
	}
	return re, nil
}

// closeGrace is how long Kafka may take, after the handlers, to take the last
// marks and let this member go.
const closeGrace = 10 * time.Second

// Run consumes until ctx ends, and then returns nil when every handler has
// returned and the last marks are committed, or an error when Kafka does not
// answer within Drain and closeGrace: Sarama itself would wait for minutes.
// A member that holds nothing, such as one that waits to join until the others
// have come or died, waits for closeGrace at most and returns nil.
// Before, Run never gives up: what is wrong is told through OnState and tried
// again.
func (g *Group) Run(ctx context.Context, handle Handler) error {
	done := make(chan struct{})
	go func() {
		defer close(done)
		g.loop(ctx, handle)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
	}
	for _, wait := range []time.Duration{closeGrace, g.opts.Drain} {
		limit := time.NewTimer(wait)
		select {
		case <-done:
			limit.Stop()
			return nil
		case <-limit.C:
		}
		if !g.holds.Load() {
			g.log.Info("stopping without an answer from kafka; this member has no partitions, and nothing to commit")
			return nil
		}
	}
	return &Error{
		Servers: strings.Join(g.cfg.BootstrapServers, ","), Security: g.cfg.Security(),
		What: fmt.Sprintf("no answer within %s of stopping, so the last offsets may not be committed", g.opts.Drain+closeGrace),
		Hint: "nothing is lost; events since the last commit come again at the next start",
	}
}

package kafka

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/IBM/sarama"
	"github.com/cenkalti/backoff/v5"
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
	fetching   trouble
	committing atomic.Pointer[committer] // of the last session

	mu      sync.Mutex
	sasl    SASL
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
// Before, it never gives up: what is wrong is told through OnState and tried
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
	limit := time.NewTimer(g.opts.Drain + closeGrace)
	defer limit.Stop()
	select {
	case <-done:
		return nil
	case <-limit.C:
		return &Error{
			Servers: strings.Join(g.cfg.BootstrapServers, ","), Security: g.cfg.Security(),
			What: fmt.Sprintf("no answer within %s of stopping, so the last offsets may not be committed", g.opts.Drain+closeGrace),
			Hint: "nothing is lost; events since the last commit come again at the next start",
		}
	}
}

// loop connects again and again until ctx ends.
func (g *Group) loop(ctx context.Context, handle Handler) {
	wait := backoff.NewExponentialBackOff()
	wait.InitialInterval, wait.MaxInterval = time.Second, 30*time.Second
	for ctx.Err() == nil {
		g.attempt(ctx, handle, wait)
	}
}

// attempt runs with one set of credentials, and if that fails, waits.
func (g *Group) attempt(ctx context.Context, handle Handler, wait *backoff.ExponentialBackOff) {
	ctx, end := context.WithCancel(ctx)
	defer end()
	g.onRenewal(end) // before the credentials are read
	err := g.connected(ctx, handle, wait.Reset)
	if ctx.Err() != nil {
		wait.Reset() // at the end it does not matter; with new credentials it is a new start
		return
	}
	pause := wait.NextBackOff()
	if err != nil {
		g.setOut(g.explain(err))
	}
	if errors.Is(err, sarama.ErrFencedInstancedId) {
		pause = fencedPause
	}
	select {
	case <-ctx.Done():
		wait.Reset()
	case <-time.After(pause):
	}
}

// fencedPause is how long a member stays away that another one with its
// group.instance.id has thrown out. Coming back throws out that one in turn,
// and whatever it had sent and not committed is sent again.
const fencedPause = time.Minute

// connected runs with one client until an error or ctx's end.
func (g *Group) connected(ctx context.Context, handle Handler, joined func()) (err error) {
	with, err := g.access()
	if err != nil {
		return err
	}
	client, err := sarama.NewClient(g.cfg.BootstrapServers, with.sarama)
	if err != nil {
		return err
	}
	var watchers sync.WaitGroup
	defer watchers.Wait() // after Close, which ends what they wait for
	defer func() {
		if cerr := client.Close(); err == nil {
			err = cerr
		}
	}()
	group, err := sarama.NewConsumerGroupFromClient(g.cfg.GroupID, client)
	if err != nil {
		return err
	}
	var watching sync.WaitGroup
	watching.Go(func() { g.watchErrors(group.Errors()) })
	judging, stopJudging := context.WithCancel(ctx)
	watching.Go(func() { g.judgeFetching(judging) })
	defer func() {
		stopJudging()
		if cerr := group.Close(); err == nil {
			err = cerr
		}
		watching.Wait()
	}()

	m := &member{group: g, access: with, client: client, handle: handle, joined: joined, watchers: &watchers}
	for ctx.Err() == nil {
		topics, err := g.topics(client)
		if err != nil {
			return err
		}
		if err := g.session(ctx, client, group, topics, m); err != nil {
			return err
		}
	}
	return nil
}

// session is one call of Consume: from joining to the next rebalance.
func (g *Group) session(ctx context.Context, client sarama.Client, group sarama.ConsumerGroup, topics []string, m *member) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	m.endSession = cancel
	if g.pattern != nil {
		var watching sync.WaitGroup
		defer watching.Wait()
		defer cancel() // before Wait
		watching.Go(func() { g.watchTopics(ctx, client, topics, cancel) })
	}
	err := group.Consume(ctx, topics, m)
	if errors.Is(err, sarama.ErrClosedConsumerGroup) || ctx.Err() != nil {
		return nil
	}
	return blameTopics(client, topics, err)
}

// topics returns what is to be read.
func (g *Group) topics(client sarama.Client) ([]string, error) {
	if g.pattern == nil {
		return g.cfg.Topics, nil
	}
	if err := client.RefreshMetadata(); err != nil {
		return nil, err
	}
	all, err := client.Topics()
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(t string) bool { return !g.pattern.MatchString(t) })
	slices.Sort(all)
	if len(all) == 0 {
		return nil, fmt.Errorf("no topic matches kafka.topic_pattern %s: %w", g.cfg.TopicPattern, sarama.ErrUnknownTopicOrPartition)
	}
	return all, nil
}

// watchTopics ends the session when the pattern matches other topics.
func (g *Group) watchTopics(ctx context.Context, client sarama.Client, had []string, end func()) {
	tick := time.NewTicker(g.cfg.MetadataRefresh)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if now, err := g.topics(client); err == nil && !slices.Equal(now, had) {
				g.log.Info("the topics that match the pattern have changed", zap.Strings("were", had), zap.Strings("are", now))
				end()
				return
			}
		}
	}
}

// watchErrors reads Sarama's errors, which would block it otherwise.
func (g *Group) watchErrors(errs <-chan error) {
	told := map[string]time.Time{}
	for err := range errs {
		e := g.explain(err)
		g.fetching.note(err, e, time.Now())
		// A broken connection yields one error for each partition, again and
		// again: one line a minute for each text is enough.
		if now := time.Now(); now.Sub(told[e.Error()]) > time.Minute {
			told[e.Error()] = now
			g.log.Warn("kafka", zap.String("reason", e.Error()), zap.NamedError("cause", err))
		}
		maps.DeleteFunc(told, func(_ string, at time.Time) bool { return time.Since(at) > time.Hour })
	}
}

// setOut says whether this member is in the group, and if not, why.
func (g *Group) setOut(err error) {
	g.mu.Lock()
	g.out = err
	g.mu.Unlock()
	g.tellState()
}

// tellState tells about a change, once.
func (g *Group) tellState() {
	overdue := g.commitOverdue(time.Now())
	g.mu.Lock()
	err := g.out
	if err == nil {
		err = g.fetching.lasting(time.Now())
	}
	what := "not reading from kafka; it is tried again"
	if err == nil && overdue != nil {
		err, what = overdue, "events are read, but their offsets cannot be committed; it is tried again"
	}
	text := ""
	if err != nil {
		text = err.Error()
	}
	changed := g.state != text
	g.state = text
	g.mu.Unlock()
	if !changed {
		return
	}
	if err != nil {
		g.log.Error(what, zap.String("reason", text))
	}
	if g.opts.OnState != nil {
		g.opts.OnState(err)
	}
}

// countLost books a range of offsets that nobody will ever read.
func (g *Group) countLost(topic string, partition int32, from, to int64) {
	g.lost.WithLabelValues(topic, strconv.Itoa(int(partition))).Add(float64(to - from))
	g.lostTotal.Add(to - from)
	g.log.Error("LOST GROUND: events expired in kafka before they were read; going on from the oldest that is left",
		zap.String("topic", topic), zap.Int32("partition", partition),
		zap.Int64("first_lost_offset", from), zap.Int64("last_lost_offset", to-1), zap.Int64("lost", to-from),
		zap.String("next_step", "find out why the forwarder was behind (auditlog_forwarder_lag_seconds), or raise the topic's retention"))
}

package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"auditlog-forwarder/pkg/config"
	"auditlog-forwarder/pkg/deadletter"
	"auditlog-forwarder/pkg/forwarder"
	"auditlog-forwarder/pkg/kafka"
	"auditlog-forwarder/pkg/mirror"
	"auditlog-forwarder/pkg/ops"
)

// conditionDestination is the mirror's second condition, beside conditionKafka.
const conditionDestination = "destination"

// Mirror copies one topic into another cluster.
type Mirror struct {
	opts     Options
	log      *zap.Logger
	source   kafka.Config
	registry *prometheus.Registry
	health   *ops.Health
	systemd  *ops.Systemd
	target   *kafka.CopyTarget
	sink     *mirror.Sink
	forward  *forwarder.Forwarder
	group    *kafka.Group
	admin    *ops.Server
	rotator  *rotator // nil: no Options.Reload
	started  time.Time

	state atomic.Pointer[kafka.CopyState] // nil: the destination has not been looked at yet
	lanes laneWatch
}

// MirrorSource is what a mirror reads, and as which group.
func MirrorSource(cfg config.Config) (kafka.Config, error) {
	source := cfg.Kafka
	switch {
	case !cfg.Mirror.Enabled():
		return source, errors.New("mirror.bootstrap_servers: missing; name the cluster of yours that gets the copy")
	case source.TopicPattern != "":
		return source, errors.New("kafka.topic_pattern: a mirror copies one topic; name it in kafka.topics, and run a mirror for each")
	case len(source.Topics) != 1:
		return source, fmt.Errorf("kafka.topics: a mirror copies one topic, and there are %d; name one, and run a mirror for each", len(source.Topics))
	case cfg.Mirror.GroupID == "":
		return source, errors.New("mirror.group_id: empty; mirrors that share the work share one name")
	case cfg.Mirror.GroupID == source.GroupID:
		return source, fmt.Errorf("mirror.group_id: %q is kafka.group_id as well, so the two would share the partitions and each get half; give the mirror a group of its own", source.GroupID)
	}
	source.GroupID, source.GroupInstanceID = cfg.Mirror.GroupID, cfg.Mirror.GroupInstanceID
	return source, nil
}

// copyBatch are the bounds of a copy's lanes. One batch of a partition is out
// at a time, which keeps the order; it is made large instead. A topic takes
// batches of 1 MiB by default, compressed, and one that does not is halved.
func copyBatch(drain time.Duration) forwarder.Config {
	return forwarder.Config{
		MaxEvents: 10_000, MaxBytes: 960 << 10, Linger: 100 * time.Millisecond, Window: 1,
		// What a kill leaves behind is compared at the next start.
		MaxUncommitted: 100_000, Drain: drain,
	}
}

// noDeadLetters is where nothing ever goes: a mirror copies every record.
type noDeadLetters struct{}

// Put implements forwarder.DeadLetters.
func (noDeadLetters) Put([]deadletter.Entry) error {
	return errors.New("a mirror has no dead letters; please report this")
}

// NewMirror takes what must be there before work begins: the admin port. It
// connects to nothing. Run gives it back.
func NewMirror(ctx context.Context, opts Options) (*Mirror, error) {
	cfg := opts.Config
	source, err := MirrorSource(cfg)
	if err != nil {
		return nil, err
	}
	m := &Mirror{
		opts: opts, log: opts.Log, source: source, registry: ops.NewRegistry(), health: ops.NewHealth(),
		systemd: ops.NewSystemd(opts.Log), started: time.Now(),
	}
	m.health.Require(conditionKafka, "joining the group")
	m.health.Require(conditionDestination, "not looked at yet")
	m.registry.MustRegister(buildInfo(opts.Version))
	if m.target, err = kafka.NewCopyTarget(cfg.Mirror, source.Topics[0]); err != nil {
		return nil, err
	}
	m.target.LogTo(m.log.Named("mirror"))
	if opts.Reload != nil { // before any file of TLS is read for use
		m.rotator = newRotator(cfg, opts.Reload, m.log.Named("credentials"), m.registry)
	}
	m.sink = mirror.New(mirror.Options{
		Target: m.target, Log: m.log.Named("mirror"), Registerer: m.registry,
		OnProblem: func(err error) { m.health.Set(conditionDestination, err) },
	})
	batch := copyBatch(cfg.Batch.Drain)
	m.forward = forwarder.New(batch, forwarder.Options{
		Sink: m.sink, DeadLetters: noDeadLetters{}, Verbatim: true, Log: m.log.Named("lane"), Registerer: m.registry,
	})
	m.group, err = kafka.NewGroup(source, kafka.Options{
		Drain: batch.Drain, Log: m.log.Named("kafka"), Registerer: m.registry,
		OnState: func(err error) { m.health.Set(conditionKafka, err) },
	})
	if err != nil {
		return nil, err
	}
	m.admin = ops.New(cfg.Admin, m.registry, m.health, m.status, m.log.Named("admin"), ops.WithAlive(m.lanes.alive))
	if err = m.admin.Listen(ctx); err != nil {
		return nil, err
	}
	return m, nil
}

// Run copies until ctx ends, and returns when everything that was sent is
// settled or given back; or with an error when the destination cannot be one.
func (m *Mirror) Run(ctx context.Context) error {
	cfg := m.opts.Config
	m.log.Info("starting a mirror", zap.String("version", m.opts.Version),
		zap.Strings("kafka", m.source.BootstrapServers), zap.String("security", m.source.Security()),
		zap.Strings("topics", m.source.Topics), zap.String("group", m.source.GroupID),
		zap.Strings("destination", cfg.Mirror.BootstrapServers), zap.String("destination_topic", m.target.Topic()),
		zap.String("admin", m.admin.Addr()))
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(collectAt)
	}
	side, stopSide := context.WithCancel(context.WithoutCancel(ctx))
	defer stopSide()
	all, side := errgroup.WithContext(side)
	all.Go(func() error { return m.admin.Run(side) })
	all.Go(func() error { return m.systemd.RunWatchdog(side, m.lanes.alive) })
	all.Go(func() error { m.lanes.run(side, m.forward, m.log); return nil })
	all.Go(func() error { m.report(side); return nil })
	if m.rotator != nil {
		m.rotator.to = m.takers()
		all.Go(func() error { m.rotator.run(side); return nil })
	}
	main, stopMain := context.WithCancel(ctx)
	defer stopMain()
	defer context.AfterFunc(side, stopMain)()
	all.Go(func() error {
		defer stopSide()
		if err := m.prepare(main); err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
		return m.group.Run(main, m.lane)
	})
	m.systemd.Ready()
	defer context.AfterFunc(ctx, func() {
		m.log.Info("stopping: nothing more is read; waiting for what was sent", zap.Duration("at_most", cfg.Batch.Drain), zap.NamedError("because", context.Cause(ctx)))
		m.systemd.Stopping()
	})()
	err := all.Wait()
	t := m.forward.Totals()
	m.log.Info("stopped", m.totals(t)...)
	if n := t.Missing(); n != 0 && err == nil {
		m.log.Error("the accounts do not add up; please report this", zap.Int64("missing", n))
	}
	return err
}

// prepare makes sure of the destination, and tries until ctx ends. Only what
// would make the copy wrong ends it.
func (m *Mirror) prepare(ctx context.Context) error {
	wait := backoff.NewExponentialBackOff()
	wait.InitialInterval, wait.MaxInterval = time.Second, 30*time.Second
	told := ""
	for {
		state, err := m.target.Prepare(ctx, m.source)
		var mismatch *kafka.CopyMismatchError
		switch {
		case err == nil:
			m.state.Store(&state)
			m.sink.SetCluster(state.Cluster)
			m.health.Set(conditionDestination, nil)
			for _, w := range state.Warnings {
				m.log.Warn("destination: " + w)
			}
			m.log.Info("the destination is ready", zap.String("topic", state.Topic), zap.Bool("created", state.Created),
				zap.Int32("partitions", max(state.Partitions, state.SourcePartitions)),
				zap.String("cluster", state.Cluster), zap.String("source_cluster", state.SourceCluster))
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.As(err, &mismatch):
			return err
		}
		m.health.Set(conditionDestination, err)
		if err.Error() != told {
			told = err.Error()
			m.log.Error("the mirror cannot begin; it is tried again", zap.String("reason", told))
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(wait.NextBackOff()):
		}
	}
}

// lane is the group's handler.
func (m *Mirror) lane(ctx context.Context, c *kafka.Claim) error {
	err := m.sink.Begin(ctx, mirror.Claim{Partition: c.Partition, Committed: c.Committed, Note: c.Note, Mark: c.Mark})
	if err != nil {
		if ctx.Err() != nil {
			return nil // the partition is lost already
		}
		return err
	}
	defer m.sink.End(c.Partition)
	return forwarder.Run(ctx, m.forward, forwarder.Claim{
		Topic: c.Topic, Partition: c.Partition, Start: c.Start, Committed: c.Committed, Note: c.Note, Mark: c.Mark, HighWater: c.HighWater,
	}, c.Messages(), c.Read)
}

// Reread has credentials and certificates read again at once.
func (m *Mirror) Reread() {
	if m.rotator != nil {
		m.rotator.ask()
	}
}

func (m *Mirror) takers() takers {
	cfg := m.opts.Config
	var to takers
	if cfg.Kafka.UsesSASL() {
		to.kafkaSASL = m.group.SetCredentials
	}
	if cfg.Kafka.UsesTLS() {
		to.kafkaTLS = m.group.SetTLS
	}
	if cfg.Mirror.UsesSASL() {
		to.mirrorSASL = m.target.SetCredentials
	}
	if cfg.Mirror.UsesTLS() {
		to.mirrorTLS = m.target.SetTLS
	}
	return to
}

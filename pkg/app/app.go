// Package app wires the rooms together and runs them. It is the only place
// that knows everyone: the Kafka group gets the forwarder's lanes as its
// handler, the lanes get the HEC client as their sink.
package app

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime/debug"
	"sync"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"auditlog-forwarder/pkg/config"
	"auditlog-forwarder/pkg/deadletter"
	"auditlog-forwarder/pkg/forwarder"
	"auditlog-forwarder/pkg/heartbeat"
	"auditlog-forwarder/pkg/hec"
	"auditlog-forwarder/pkg/kafka"
	"auditlog-forwarder/pkg/ops"
)

// The names of the health conditions.
const (
	conditionKafka       = "kafka"
	conditionSplunk      = "splunk"
	conditionDeadLetters = "dead letters"
)

// dayFile holds how much of hec.limit.bytes_per_day is used, in dead_letter.dir.
const dayFile = "hec-day.json"

// Options are what an App is made of.
type Options struct {
	Config  config.Config
	Version string
	Log     *zap.Logger
	// Reload loads the configuration again from where Config came, as
	// config.Load does. It is called when a file of credentials changes, and by
	// Reread. Without it credentials stay as they are until a restart.
	Reload func() (*config.Loaded, error)
	// Bounded makes Run end by itself. Nil: it goes on until ctx ends.
	Bounded *Bounded
}

// App is one forwarder. Several may run in one process.
type App struct {
	opts     Options
	log      *zap.Logger
	registry *prometheus.Registry
	health   *ops.Health
	systemd  *ops.Systemd
	store    *deadletter.Store
	topic    *deadLetterTopic // nil: dead letters are on disk only
	hec      *hec.Client
	forward  *forwarder.Forwarder
	group    *kafka.Group
	heart    *heartbeat.Heart
	admin    *ops.Server
	rotator  *rotator // nil: no Options.Reload
	bounded  *bounded // nil: no Options.Bounded; made by Run
	started  time.Time

	lanes laneWatch

	mu      sync.Mutex
	waiting int // lanes that wait for the dead-letter store
}

// New takes what must be there before work begins: the dead-letter folder and
// the admin port. It connects to nothing. Run gives both back.
func New(ctx context.Context, opts Options) (_ *App, err error) {
	a := &App{
		opts: opts, log: opts.Log, registry: ops.NewRegistry(), health: ops.NewHealth(),
		systemd: ops.NewSystemd(opts.Log), started: time.Now(),
	}
	cfg := opts.Config
	a.health.Require(conditionKafka, "joining the group")
	a.health.Require(conditionSplunk, "not asked yet")
	a.registry.MustRegister(buildInfo(opts.Version))

	if a.store, err = deadletter.Open(cfg.DeadLetter, a.log.Named("deadletter")); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, a.store.Close())
		}
	}()
	if err = a.store.Register(a.registry); err != nil {
		return nil, err
	}
	if opts.Reload != nil { // before any file of TLS is read for use
		a.rotator = newRotator(cfg, opts.Reload, a.log.Named("credentials"), a.registry)
	}
	rules, err := newFilter(cfg)
	if err != nil {
		return nil, err
	}
	if names := ruleNames(rules); len(names) > 0 {
		a.log.Info("rules, in their order", zap.Strings("rules", names))
	}
	a.hec, err = hec.New(cfg.HEC, hec.Options{
		Version: opts.Version, Log: a.log.Named("hec"), Registerer: a.registry, Indexes: rules.Indexes(),
		DayFile:   filepath.Join(cfg.DeadLetter.Dir, dayFile), // the store's lock makes it this process's alone
		OnProblem: func(err error) { a.health.Set(conditionSplunk, err) },
	})
	if err != nil {
		return nil, err
	}
	a.topic = newDeadLetterTopic(cfg, a.log.Named("dead_letter_topic"))
	a.forward = forwarder.New(cfg.Batch, forwarder.Options{
		Sink: a.hec, DeadLetters: a.store, Copy: a.topic.copies(), Filter: working(rules), Summaries: cfg.Summaries,
		AnyText: cfg.HEC.AnyText(), MaxEventBytes: cfg.HEC.MaxEventBytes, Log: a.log.Named("lane"), Registerer: a.registry,
		OnProblem: a.deadLetters,
	})
	a.group, err = kafka.NewGroup(cfg.Kafka, kafka.Options{
		Drain: cfg.Batch.Drain, Log: a.log.Named("kafka"), Registerer: a.registry,
		OnState:    func(err error) { a.health.Set(conditionKafka, err) },
		OnAssigned: a.assigned, Rewind: a.forward.Rewind,
	})
	if err != nil {
		return nil, err
	}
	a.heart = a.newHeart()
	a.admin = ops.New(cfg.Admin, a.registry, a.health, a.status, a.log.Named("admin"), ops.WithAlive(a.lanes.alive))
	if err = a.admin.Listen(ctx); err != nil {
		return nil, err
	}
	return a, nil
}

// Run forwards until ctx ends, and returns when everything that was sent is
// settled or given back. It stops in the order in which work flows: first the
// group, so that nothing new comes, then the rest.
func (a *App) Run(ctx context.Context) (err error) {
	defer func() { err = errors.Join(err, a.store.Close()) }()
	defer a.hec.Close()
	defer a.topic.close(context.WithoutCancel(ctx))
	cfg := a.opts.Config
	a.log.Info("starting", zap.String("version", a.opts.Version),
		zap.Strings("kafka", cfg.Kafka.BootstrapServers), zap.String("security", cfg.Kafka.Security()),
		zap.Strings("topics", cfg.Kafka.Topics), zap.String("topic_pattern", cfg.Kafka.TopicPattern),
		zap.String("group", cfg.Kafka.GroupID), zap.Strings("splunk", cfg.HEC.URLs),
		zap.String("dead_letters", cfg.DeadLetter.Dir), zap.String("dead_letter_topic", cfg.DeadLetterTopic.Name), zap.String("admin", a.admin.Addr()))
	perPartition := partitionMemory(cfg, a.forward.SummaryMemory())
	a.log.Info("memory bound", zap.String("fixed", humanize.IBytes(uint64(fixedMemory+topicMemory(cfg)))),
		zap.String("per_partition", humanize.IBytes(uint64(perPartition.usual))),
		zap.String("per_partition_if_every_batch_holds_an_event_of_the_largest_size", humanize.IBytes(uint64(perPartition.most))))

	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(collectAt)
	}

	side, stopSide := context.WithCancel(context.WithoutCancel(ctx))
	defer stopSide()
	all, side := errgroup.WithContext(side)
	all.Go(func() error { return a.admin.Run(side) })
	all.Go(func() error { return a.systemd.RunWatchdog(side, a.lanes.alive) })
	all.Go(func() error { a.lanes.run(side, a.forward, a.log); return nil })
	all.Go(func() error { a.report(side); return nil })
	all.Go(func() error { a.hec.Watch(side); return nil })
	all.Go(func() error { a.heart.Run(side); return nil })
	if a.rotator != nil {
		a.rotator.to = a.takers()
		all.Go(func() error { a.rotator.run(side); return nil })
	}

	// A failing admin server stops the group as well.
	main, stopMain := context.WithCancel(ctx)
	defer stopMain()
	defer context.AfterFunc(side, stopMain)()
	all.Go(func() error {
		defer stopSide()
		return a.read(main)
	})
	// Ready for systemd means started: what is wrong outside is not its to mend.
	a.systemd.Ready()
	defer context.AfterFunc(ctx, func() {
		a.log.Info("stopping: nothing more is read; waiting for what was sent", zap.Duration("at_most", cfg.Batch.Drain), zap.NamedError("because", context.Cause(ctx)))
		a.systemd.Stopping()
	})()
	err = all.Wait()
	t := a.forward.Totals()
	a.log.Info("stopped", a.totals(t)...)
	if n := t.Missing(); n != 0 && err == nil {
		// Never seen. Nothing is lost by it that is not committed.
		a.log.Error("the accounts do not add up; please report this", zap.Int64("missing", n))
	}
	return err
}

// read runs the group.
func (a *App) read(ctx context.Context) (err error) {
	if a.opts.Bounded == nil {
		return a.group.Run(ctx, a.lane)
	}
	if a.bounded, err = newBounded(ctx, *a.opts.Bounded, a.group, a.forward.Owes, a.log.Named("bounded")); err != nil {
		if ctx.Err() != nil {
			return ErrUnfinished
		}
		return err
	}
	a.bounded.others = a.opts.Config.Summaries.Every + othersGrace
	return a.bounded.run(ctx, a.lane)
}

// lane is the group's handler.
func (a *App) lane(ctx context.Context, c *kafka.Claim) error {
	claim := forwarder.Claim{
		Topic: c.Topic, Partition: c.Partition, Start: c.Start, Committed: c.Committed, Note: c.Note, Mark: c.Mark, HighWater: c.HighWater,
	}
	if a.bounded != nil {
		release, err := a.bounded.limit(ctx, c, &claim)
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
		defer release()
	}
	return forwarder.Run(ctx, a.forward, claim, c.Messages(), c.Read)
}

// Reread has credentials and certificates read again at once. It tells in the
// log what came of it.
func (a *App) Reread() {
	if a.rotator != nil {
		a.rotator.ask()
	}
}

// Totals returns the accounts since the start.
func (a *App) Totals() forwarder.Totals { return a.forward.Totals() }

// AdminAddr returns where the admin server listens.
func (a *App) AdminAddr() string { return a.admin.Addr() }

// Ready reports whether all conditions hold, and those that do not.
func (a *App) Ready() (bool, []ops.Condition) { return a.health.Ready() }

// Gatherer returns the metrics.
func (a *App) Gatherer() prometheus.Gatherer { return a.registry }

// deadLetters keeps the condition while any lane waits for the store.
func (a *App) deadLetters(err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if err != nil {
		a.waiting++
		a.health.Set(conditionDeadLetters, err)
		return
	}
	if a.waiting--; a.waiting == 0 {
		a.health.Set(conditionDeadLetters, nil)
	}
}

// assigned tells what the partitions may cost.
func (a *App) assigned(partitions int) {
	bound := fixedMemory + topicMemory(a.opts.Config) + int64(partitions)*partitionMemory(a.opts.Config, a.forward.SummaryMemory()).usual
	a.log.Info("memory bound of this assignment", zap.Int("partitions", partitions), zap.String("bound", humanize.IBytes(uint64(bound))))
}

func buildInfo(version string) prometheus.Collector {
	info := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "auditlog_forwarder_build_info", Help: "1, with the version as a label.",
		ConstLabels: prometheus.Labels{"version": version},
	})
	info.Set(1)
	return info
}

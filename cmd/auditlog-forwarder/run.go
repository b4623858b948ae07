package main

import (
	"errors"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"golang.org/x/term"

	"auditlog-forwarder/pkg/app"
	"auditlog-forwarder/pkg/config"
)

func newRunCommand(b build) *cobra.Command {
	var moving move
	var end ending
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Forward audit events until stopped, or up to a point in time",
		Long: `Join the consumer group and forward audit events to Splunk until stopped.

Start as many as there are partitions to share the work; Kafka's group protocol
divides the partitions. Each needs a dead_letter.dir of its own, and on one
machine an admin.listen of its own.

SIGINT or SIGTERM stops it: nothing more is read, batches that were sent have
batch.drain to settle, what settled is committed, and the exit code is 0. What
did not settle is read again at the next start. A second signal stops at once.

Files of secrets and of certificates are read again within seconds when they
change, and at once on SIGHUP, which also tells which other keys differ from
what runs and so need a restart.

--until now forwards what is there when it starts, commits it, and exits with 0:
for cron, and to fill in. Nothing that comes later is sent. Other members of the
group may do some of the work; it ends when all partitions are committed up to
their end, by whoever. While Splunk is away it waits; --timeout bounds that.
--until TIME ends each partition before its first event that is as young.

--from TIME --to TIME sends a window once more, to fill a gap in Splunk. A group
of its own reads it, so that the offsets of kafka.group_id are not touched and a
forwarder may run beside it. Each event has an indexed field resend with the
window, such as resend::2026-11-01T00:00:00Z/2026-11-02T00:00:00Z. In each
partition the window begins at the first event in the log whose Kafka timestamp
is as young as --from, and ends before the first one as young as --to; what lies
between belongs to it, whatever its timestamp. An interrupted one goes on with
the same flags; one that is complete sends nothing, but with --again.

Times are 2026-11-01T00:00:00Z, without seconds, zone (UTC) or time of day too,
or how long ago: 24h, 7d.

With these flags the exit code is 0 when all is committed, and 5 when it was
stopped before that, by a signal or by --timeout. On a terminal there is a bar.

How it is doing: http://127.0.0.1:9611/ is a status page, /readyz says whether
events flow and if not why, /metrics is for Prometheus, and the log has a line
every minute.

` + moveHelp,
		Example: "  " + program + " run --config config.yaml\n" +
			"  " + program + " run --config config.yaml --kafka.start latest --log.format json\n" +
			"  " + program + " run --until now --timeout 50m\n" +
			"  " + program + " run --from 2026-11-01T00:00Z --to 2026-11-02T00:00Z\n" +
			"  " + program + " run --config own-cluster.yaml --from-mirror-position config.yaml",
		Args: positional(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := moving.check(cmd); err != nil {
				return err
			}
			// Before all else: without a taker the signal ends the process.
			hangups := make(chan os.Signal, 1)
			signal.Notify(hangups, syscall.SIGHUP)
			defer signal.Stop(hangups)
			if err := end.check(cmd, time.Now()); err != nil {
				return err
			}
			if moving.old != "" && end.resend != nil {
				return usageError(errors.New("--from-mirror-position excludes --from and --to"), "a window has a group of its own, which nothing is moved to; leave --from-mirror-position out")
			}
			loaded, err := loadConfig(cmd)
			if err != nil {
				return err
			}
			beside, stopShow := end.show(os.Stderr)
			defer stopShow()
			log, err := newLogger(loaded.Log, beside)
			if err != nil {
				return err
			}
			defer func() { _ = log.Sync() }() // standard error cannot always be synced
			for _, w := range loaded.Warnings {
				log.Warn("configuration: " + w)
			}
			src, err := configSource(cmd)
			if err != nil {
				return err
			}
			cfg, err := end.apply(cmd, loaded.Config)
			if err != nil {
				return err
			}
			ctx, cancel := end.limit(cmd.Context())
			defer cancel()
			if err := moving.do(ctx, cfg, log.Named("move")); err != nil {
				return err
			}
			if err := end.prepare(ctx, cfg); err != nil {
				return err
			}
			a, err := app.New(cmd.Context(), app.Options{
				Config: cfg, Version: b.Version, Log: log, Bounded: end.bounded,
				Reload: func() (*config.Loaded, error) { return end.reload(cmd, src) },
			})
			if err != nil {
				return err
			}
			defer onHangup(hangups, a.Reread)()
			err = a.Run(ctx)
			stopShow()
			t := a.Totals()
			return end.result(ctx, err, t.Read+t.Summaries, t.DeadLettered, cfg.DeadLetter.Dir, cmd.ErrOrStderr())
		},
	}
	moving.addFlags(cmd)
	end.addFlags(cmd)
	addConfigFlags(cmd)
	return cmd
}

// newLogger writes to w, which leads to standard error: one JSON object a line,
// or columns for people at a terminal.
func newLogger(cfg config.Log, w io.Writer) (*zap.Logger, error) {
	level, err := zap.ParseAtomicLevel(cfg.Level)
	if err != nil {
		return nil, err
	}
	console := cfg.Format == config.FormatConsole ||
		cfg.Format == config.FormatAuto && term.IsTerminal(int(os.Stderr.Fd()))
	enc := zap.NewProductionEncoderConfig()
	enc.TimeKey, enc.EncodeTime = "time", zapcore.ISO8601TimeEncoder
	enc.EncodeDuration = zapcore.StringDurationEncoder
	encoder := zapcore.NewJSONEncoder(enc)
	if console {
		enc.EncodeLevel = zapcore.CapitalLevelEncoder
		encoder = zapcore.NewConsoleEncoder(enc)
	}
	return zap.New(zapcore.NewCore(encoder, zapcore.Lock(zapcore.AddSync(w)), level)), nil
}

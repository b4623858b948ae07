package main

import (
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"golang.org/x/term"

	"auditlog-forwarder/pkg/app"
	"auditlog-forwarder/pkg/config"
)

func newRunCommand(b build) *cobra.Command {
	var moving move
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Forward audit events until stopped",
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

How it is doing: http://127.0.0.1:9611/ is a status page, /readyz says whether
events flow and if not why, /metrics is for Prometheus, and the log has a line
every minute.

` + moveHelp,
		Example: "  " + program + " run --config config.yaml\n" +
			"  " + program + " run --config config.yaml --kafka.start latest --log.format json\n" +
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
			loaded, err := loadConfig(cmd)
			if err != nil {
				return err
			}
			log, err := newLogger(loaded.Log, os.Stderr)
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
			if err := moving.do(cmd, loaded.Config, log.Named("move")); err != nil {
				return err
			}
			a, err := app.New(cmd.Context(), app.Options{
				Config: loaded.Config, Version: b.Version, Log: log,
				Reload: func() (*config.Loaded, error) { return config.Load(src) },
			})
			if err != nil {
				return err
			}
			defer onHangup(hangups, a.Reread)()
			return a.Run(cmd.Context())
		},
	}
	moving.addFlags(cmd)
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

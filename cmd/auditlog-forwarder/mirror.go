package main

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"auditlog-forwarder/pkg/app"
	"auditlog-forwarder/pkg/config"
)

func newMirrorCommand(b build) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "mirror",
		Short: "Copy the audit topic into a Kafka cluster of yours",
		Long: `Copy the audit topic from its cluster, named by kafka.*, into a topic of a
cluster of yours, named by mirror.*, until stopped. Keys, values, headers,
timestamps, partitions and the order within each are kept, byte for byte. What
Splunk is sent, and dead letters, have no part in it: hec.* need not be given.

The topic is created if there is none, with as many partitions as the source and
the retention asked for (--retention 90d). One that exists is checked and not
changed. Partitions that are added at the source are added there too. Nothing is
ever written to the source's cluster.

A source offset is committed after all in-sync replicas of the destination have
the records. Beside it stands where the destination ended, so that the next start
finds what was written and not committed, and does not write it again.

Start as many as there are partitions to share the work; each needs an
admin.listen of its own, also beside a forwarder on the same machine. With
mirror.group_instance_id a restart goes on at once.

SIGINT or SIGTERM stops it: what was sent has batch.drain to settle, what settled
is committed, and the exit code is 0. Files of secrets and certificates are read
again when they change, and on SIGHUP. /readyz, /metrics and the status page are
as those of run; docs/mirror.md in the repository walks through all of it.`,
		Example: "  " + program + " mirror --config config.yaml --retention 90d\n" +
			"  " + program + " mirror --config config.yaml --mirror.name audit-copy --admin.listen 127.0.0.1:9612\n" +
			"  " + program + " mirror check --config config.yaml",
		Args: positional(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			hangups := make(chan os.Signal, 1)
			signal.Notify(hangups, syscall.SIGHUP)
			defer signal.Stop(hangups)
			loaded, err := loadForMirror(cmd)
			if err != nil {
				return err
			}
			log, err := newLogger(loaded.Log, os.Stderr)
			if err != nil {
				return err
			}
			defer func() { _ = log.Sync() }() // standard error cannot always be synced
			for _, w := range mirrorWarnings(loaded) {
				log.Warn("configuration: " + w)
			}
			src, err := configSource(cmd)
			if err != nil {
				return err
			}
			m, err := app.NewMirror(cmd.Context(), app.Options{
				Config: loaded.Config, Version: b.Version, Log: log,
				Reload: func() (*config.Loaded, error) {
					loaded, err := config.Load(src)
					return loaded, ofMirror(err)
				},
			})
			if err != nil {
				return err
			}
			defer onHangup(hangups, m.Reread)()
			return m.Run(cmd.Context())
		},
	}
	addMirrorFlags(cmd)
	cmd.AddCommand(newMirrorCheckCommand(), newMirrorVerifyCommand())
	return cmd
}

func newMirrorCheckCommand() *cobra.Command {
	format := &oneOf{value: "table", allowed: []string{"table", "json"}}
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Try everything that mirroring needs, without copying",
		Long: `Try everything that mirroring needs, and say for every failure what to do: the
configuration, the source's broker, topic, group and one record, and the
destination: whether it is another cluster, whether the topic is there, and how
its settings differ from what is asked for. Nothing is created or written.

The exit code is 0 if nothing failed, 3 if the configuration is invalid, and 4
if anything else failed.`,
		Example: "  " + program + " mirror check --config config.yaml\n" +
			"  " + program + " mirror check -o json | jq '.[] | select(.ok | not)'",
		Args: positional(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			loaded, err := loadForMirror(cmd)
			if err != nil {
				return err
			}
			for _, w := range mirrorWarnings(loaded) {
				printLines(cmd.ErrOrStderr(), "warning: ", w)
			}
			steps := app.CheckMirror(cmd.Context(), loaded.Config)
			if err := printSteps(cmd.OutOrStdout(), steps, format.value); err != nil {
				return fmt.Errorf("print the result: %w", err)
			}
			if failed := countFailed(steps); failed > 0 {
				return &exitError{code: exitCheck, err: fmt.Errorf("%d of %d checks failed", failed, len(steps))}
			}
			return nil
		},
	}
	cmd.Flags().VarP(format, "output", "o", "table or json")
	completeFormat(cmd, format)
	addMirrorFlags(cmd)
	return cmd
}

// addMirrorFlags adds the flags of all keys, and --retention for the one that
// is given most.
func addMirrorFlags(cmd *cobra.Command) {
	addConfigFlags(cmd)
	cmd.Flags().SetNormalizeFunc(func(_ *pflag.FlagSet, name string) pflag.NormalizedName {
		if name == "retention" {
			name = "mirror.retention"
		}
		return pflag.NormalizedName(name)
	})
}

// mirrorSections are those that a mirror reads.
func mirrorSections() []string { return []string{"", "admin", "batch", "kafka", "log", "mirror"} }

// mirrorWarnings leaves out those that are about what a mirror does not use.
func mirrorWarnings(loaded *config.Loaded) []string {
	return slices.DeleteFunc(slices.Clone(loaded.Warnings), func(w string) bool {
		section, _, _ := strings.Cut(w, ".")
		return strings.Contains(w, "hec.") || slices.Contains([]string{"dead_letter_topic", "dead_letter", "filter", "summaries", "alerts"}, section)
	})
}

// loadForMirror loads the configuration for a command that mirrors.
func loadForMirror(cmd *cobra.Command) (*config.Loaded, error) {
	loaded, err := loadConfig(cmd)
	if loaded == nil {
		return nil, err
	}
	err = ofMirror(err)
	if err == nil {
		_, err = app.MirrorSource(loaded.Config)
	}
	if err != nil {
		return nil, &exitError{code: exitConfig, err: err, hint: configHint(loaded)}
	}
	return loaded, nil
}

// ofMirror leaves out the mistakes that are none of a mirror's business.
func ofMirror(err error) error {
	var mistakes []error
	for _, m := range config.Mistakes(err) {
		var e *config.Error
		if !errors.As(m, &e) {
			mistakes = append(mistakes, m)
			continue
		}
		if section, _, _ := strings.Cut(e.Key, "."); slices.Contains(mirrorSections(), section) {
			mistakes = append(mistakes, m)
		}
	}
	return errors.Join(mistakes...)
}

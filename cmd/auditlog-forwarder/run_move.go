package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"auditlog-forwarder/pkg/app"
	"auditlog-forwarder/pkg/config"
)

const moveHelp = `Moving over to a copy that mirror makes: stop all forwarders, let kafka.* name
the copy, and start with --from-mirror-position OLD, the configuration that was
run until now. For each partition it takes the offset that the group has committed
in the old place, looks for that very event in the copy, waits until the mirror
has it, and commits its offset there, before anything is forwarded: no event is
skipped or sent again. It refuses while the old group has members, and when an
event cannot be found. A group that has its offsets in the copy already is left
as it is, so the flag may stay. Of OLD only kafka.* is read, and no variables of
the environment but those with OLD_ before their name, such as
` + oldEnv + `AUDITLOG_FORWARDER_KAFKA_SASL_PASSWORD.`

// oldEnv is put before the variables that are meant for the old configuration;
// all others are for what runs now.
const oldEnv = "OLD_"

// move are run's flags for moving over to a copy.
type move struct {
	old   string
	force bool
}

func (m *move) addFlags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&m.old, "from-mirror-position", "", "go on in the copy, where the group of the configuration `OLD` stopped")
	cmd.Flags().BoolVar(&m.force, "force", false, "with --from-mirror-position: move the group though it has offsets in the copy")
}

// do moves the group, if that is asked for.
func (m *move) do(ctx context.Context, cfg config.Config, log *zap.Logger) error {
	if m.old == "" {
		return nil
	}
	old, err := config.Load(config.Source{File: m.old, Env: oldEnvironment(os.Environ())})
	if err = config.Concerning(err, "kafka"); err != nil {
		return &exitError{
			code: exitConfig, err: fmt.Errorf("--from-mirror-position: %w", err),
			hint: "the environment is not read for it, but for variables such as " + oldEnv + "AUDITLOG_FORWARDER_KAFKA_SASL_PASSWORD",
		}
	}
	err = app.MoveToCopy(ctx, app.MoveOptions{Config: cfg, Old: old.Kafka, Force: m.force, Log: log})
	if err != nil && ctx.Err() != nil {
		// App.Run ends at once, as it does for a signal that comes later.
		log.Info("stopped before the group was moved; nothing is forwarded", zap.Error(err))
		return nil
	}
	return err
}

// check finds mistakes in the flags before anything is opened.
func (m *move) check(cmd *cobra.Command) error {
	switch flag := cmd.Flags().Lookup("from-mirror-position"); {
	case flag.Changed && m.old == "":
		return usageError(errors.New("flag --from-mirror-position is empty"), "name the configuration that was run until now, or leave the flag out")
	case m.force && m.old == "":
		return usageError(errors.New("flag --force does nothing without --from-mirror-position"), program+" run --help shows how it is used")
	}
	return nil
}

func oldEnvironment(env []string) (old []string) {
	for _, pair := range env {
		if rest, ok := strings.CutPrefix(pair, oldEnv); ok {
			old = append(old, rest)
		}
	}
	return old
}

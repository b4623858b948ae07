package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"auditlog-forwarder/pkg/app"
	"auditlog-forwarder/pkg/deadletter"
)

func newDeadLetterReplayCommand(b build) *cobra.Command {
	var chosen selection
	var dryRun bool
	var limit time.Duration
	cmd := &cobra.Command{
		Use:   "replay",
		Short: "Send dead letters to Splunk again",
		Long: `Send the dead letters that wait to Splunk again, one after the other, oldest
first. Each is marked on disk when Splunk has taken it, so that a crash repeats
one event at most and a second replay sends none twice. A record that a crash of
the forwarder has stored twice is sent once. What is no JSON object cannot be
sent (but with hec.endpoint raw) and stays, and so does what Splunk refuses
again; --dry-run tells beforehand what cannot be sent, and sends nothing.

While Splunk is away it waits, without an end unless --timeout gives one. When
it is stopped, by Ctrl-C too, what was sent is marked, and the next replay goes
on behind it.

It may run beside a forwarder; run it as the same user, or as root.

The exit code is 0 if all that was selected was replayed, and 1 if some of it
stays: refused again, not sendable, or not reached. With --dry-run it is 0, but
1 if lines of the store are damaged.`,
		Example: "  " + program + " deadletter replay --reason refused --dry-run\n" +
			"  " + program + " deadletter replay --reason refused --timeout 10m",
		Args: positional(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			filter, err := chosen.filter(time.Now())
			if err != nil {
				return err
			}
			if limit < 0 {
				return usageError(fmt.Errorf("--timeout: %s is less than nothing", limit), "0 is no limit")
			}
			if dryRun {
				return listSendable(cmd, filter)
			}
			return replay(cmd, b, filter, limit)
		},
	}
	chosen.addFlags(cmd)
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "only list what would be sent, and what cannot be")
	cmd.Flags().DurationVar(&limit, "timeout", 0, "give up after this long, such as 10m; 0 is no limit")
	addConfigFlags(cmd, "dead_letter", "hec", "filter.rules", "filter.hash_key", "filter.hash_key_file", "log")
	return cmd
}

// errTimeout ends a replay that has had its time.
var errTimeout = errors.New("--timeout is over")

func replay(cmd *cobra.Command, b build, filter deadletter.Filter, limit time.Duration) error {
	loaded, err := loadConfig(cmd)
	if err != nil {
		return err
	}
	cfg, stderr := loaded.Config, cmd.ErrOrStderr()
	if cfg.DeadLetter.Dir, err = filepath.Abs(cfg.DeadLetter.Dir); err != nil {
		return fmt.Errorf("dead_letter.dir: %w", err)
	}
	ctx := cmd.Context()
	if limit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, limit, errTimeout)
		defer cancel()
	}
	printLines(stderr, "", "replaying the dead letters in "+cfg.DeadLetter.Dir)
	progress, beside, stop := showProgress(stderr, "replay: ", "tried")
	log, err := newLogger(cfg.Log, beside)
	if err != nil {
		stop()
		return err
	}
	result, err := app.Replay(ctx, app.ReplayOptions{
		Config: cfg, Version: b.Version, Log: log.Named("replay"), Filter: filter, Progress: progress,
		Refused: func(e deadletter.Entry, why string) {
			printLines(beside, "stays: ", e.ID()+": "+why)
		},
	})
	stop()
	damaged := damagedLines(stderr, err)
	if damaged > 0 {
		err = nil // all others were tried
	}
	more := ""
	if result.Repeated > 0 {
		more = fmt.Sprintf(", %d more were the same records", result.Repeated)
	}
	if result.Left > 0 {
		more += fmt.Sprintf(", %d not reached", result.Left)
	}
	_, printErr := fmt.Fprintf(cmd.OutOrStdout(), "%d replayed, %d refused again, %d not sent%s\n", result.Replayed, result.StillRefused, result.Skipped, more)
	return errors.Join(replayError(ctx, result, damaged, err), printErr)
}

// replayError is nil only if nothing of what was selected stays.
func replayError(ctx context.Context, result deadletter.Result, damaged int, err error) error {
	const goOn = "what was sent is marked, run it again to go on"
	stopped := ctx.Err() != nil && (errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded))
	switch stays := result.StillRefused + result.Skipped; {
	case stopped && errors.Is(context.Cause(ctx), errTimeout):
		return errors.New("gave up, since --timeout is over; " + goOn)
	case stopped:
		return errors.New("interrupted; " + goOn)
	case err != nil:
		return err
	case damaged > 0:
		return fmt.Errorf("%s could not be read and %s, besides %s", plural(damaged, "damaged line"), verb(damaged), plural(stays, "dead letter"))
	case stays > 0:
		return fmt.Errorf("%s %s in the store", plural(stays, "dead letter"), verb(stays))
	}
	return nil
}

func verb(n int) string {
	if n == 1 {
		return "stays"
	}
	return "stay"
}

package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"auditlog-forwarder/pkg/app"
	"auditlog-forwarder/pkg/deadletter"
)

func newDeadLetterCommand(b build) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "deadletter",
		Aliases: []string{"deadletters", "dlq"},
		Short:   "List or replay the records that Splunk will not take",
		Long: `Records that cannot be delivered are kept in dead_letter.dir, each with where it
came from and why it is there:

  not_json   the body is not one JSON object
  empty      the body has no bytes
  tombstone  the record has no body at all
  too_large  the body is over hec.max_event_bytes
  refused    Splunk refused this very event; its reply is kept

The offset of such a record is committed only after it is safe on disk.`,
	}
	cmd.AddCommand(newDeadLetterListCommand(), newDeadLetterReplayCommand(b))
	return cmd
}

// selection is the flags that choose dead letters.
type selection struct {
	reasons, topics, ids []string
	partitions           []int32
	since, until         string
}

func (s *selection) addFlags(cmd *cobra.Command) {
	var names []string
	for _, r := range deadletter.Reasons() {
		names = append(names, string(r))
	}
	f := cmd.Flags()
	f.StringSliceVar(&s.reasons, "reason", nil, "only these reasons: "+strings.Join(names, ", "))
	f.StringSliceVar(&s.topics, "topic", nil, "only records of these topics")
	f.Int32SliceVar(&s.partitions, "partition", nil, "only records of these partitions")
	f.StringSliceVar(&s.ids, "id", nil, "only these records: topic/partition/offset")
	f.StringVar(&s.since, "since", "", "only records stored at or after this time (RFC 3339) or this long ago (such as 24h)")
	f.StringVar(&s.until, "until", "", "only records stored before this time or this long ago")
	_ = cmd.RegisterFlagCompletionFunc("reason", cobra.FixedCompletions(names, cobra.ShellCompDirectiveNoFileComp))
}

// filter checks the flags.
func (s *selection) filter(now time.Time) (f deadletter.Filter, err error) {
	f = deadletter.Filter{Topics: s.topics, Partitions: s.partitions, IDs: s.ids}
	var errs []error
	for _, name := range s.reasons {
		r, err := deadletter.ParseReason(name)
		f.Reasons = append(f.Reasons, r)
		errs = append(errs, err)
	}
	at := func(flag, text string) time.Time {
		if text == "" {
			return time.Time{}
		}
		if ago, err := time.ParseDuration(text); err == nil {
			return now.Add(-ago)
		}
		t, err := time.Parse(time.RFC3339, text)
		if err != nil {
			errs = append(errs, fmt.Errorf("--%s: %q is neither a time such as 2026-11-01T00:00:00Z nor a duration such as 24h", flag, text))
		}
		return t
	}
	f.Since, f.Until = at("since", s.since), at("until", s.until)
	if err := errors.Join(errs...); err != nil {
		return f, usageError(err, "")
	}
	return f, nil
}

func newDeadLetterListCommand() *cobra.Command {
	var chosen selection
	var all bool
	format := &oneOf{value: "table", allowed: []string{"table", "json"}}
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List dead letters",
		Long: `List the dead letters that wait, oldest first; with --all also those that were
replayed. It may run beside a forwarder. -o json prints one object a line with
everything that is kept, the body included.`,
		Example: "  " + program + " deadletter list --reason refused --since 24h\n" +
			"  " + program + " deadletter list -o json | jq -r .body",
		Args: positional(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			filter, err := chosen.filter(time.Now())
			if err != nil {
				return err
			}
			// Listing needs the folder only, so other mistakes do not matter.
			loaded, err := loadConfig(cmd)
			if loaded == nil {
				return err
			}
			return listDeadLetters(cmd.OutOrStdout(), cmd.ErrOrStderr(), loaded.DeadLetter.Dir, filter, all, format.value)
		},
	}
	chosen.addFlags(cmd)
	cmd.Flags().BoolVar(&all, "all", false, "list replayed ones too")
	cmd.Flags().VarP(format, "output", "o", "table or json")
	addConfigFlags(cmd)
	return cmd
}

func listDeadLetters(stdout, stderr io.Writer, dir string, filter deadletter.Filter, all bool, format string) error {
	shown := 0
	err := deadletter.Scan(dir, func(e deadletter.Entry, status deadletter.Status) error {
		if status == deadletter.Replayed && !all || !filter.Match(e) {
			return nil
		}
		shown++
		if format == "json" {
			line, err := e.MarshalJSON()
			if err != nil {
				return err
			}
			if all {
				line = append(fmt.Appendf(nil, `{"status":%q,`, status), bytes.TrimPrefix(line, []byte("{"))...)
			}
			_, err = fmt.Fprintln(stdout, string(line))
			return err
		}
		why := e.Detail
		if e.Reply != "" {
			why = e.Reply
		}
		_, err := fmt.Fprintf(stdout, "%s  %-8s  %-9s  %s  %d bytes  %s\n",
			e.StoredAt.UTC().Format(time.RFC3339), status, e.Reason, e.ID(), len(e.Record.Value), why)
		return err
	})
	var damage *deadletter.DamageError
	if errors.As(err, &damage) {
		printLines(stderr, "warning: ", damage.Error())
		err = nil
	}
	if err == nil && shown == 0 && format != "json" {
		_, err = fmt.Fprintf(stdout, "no dead letters in %s\n", dir)
	}
	return err
}

func newDeadLetterReplayCommand(b build) *cobra.Command {
	var chosen selection
	var dryRun bool
	cmd := &cobra.Command{
		Use:   "replay",
		Short: "Send dead letters to Splunk again",
		Long: `Send the dead letters that wait to Splunk again, one after the other, oldest
first. Each is marked on disk when Splunk has taken it, so that a crash repeats
one event at most and a second replay sends none twice. What is no JSON object
cannot be sent and stays, and so does what Splunk refuses again.

It may run beside a forwarder; run it as the same user.`,
		Example: "  " + program + " deadletter replay --reason refused --dry-run\n" +
			"  " + program + " deadletter replay --reason refused",
		Args: positional(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			filter, err := chosen.filter(time.Now())
			if err != nil {
				return err
			}
			loaded, err := loadConfig(cmd)
			if dryRun && loaded != nil {
				return listDeadLetters(cmd.OutOrStdout(), cmd.ErrOrStderr(), loaded.DeadLetter.Dir, filter, false, "table")
			}
			if err != nil {
				return err
			}
			log, err := newLogger(loaded.Log)
			if err != nil {
				return err
			}
			result, err := app.Replay(cmd.Context(), app.ReplayOptions{
				Config: loaded.Config, Version: b.Version, Log: log, Filter: filter,
				Progress: replayProgress(cmd.ErrOrStderr()),
				Refused: func(e deadletter.Entry, why string) {
					printLines(cmd.ErrOrStderr(), "stays: ", e.ID()+": "+why)
				},
			})
			var damage *deadletter.DamageError
			if errors.As(err, &damage) {
				printLines(cmd.ErrOrStderr(), "warning: ", damage.Error())
				err = nil
			}
			_, printErr := fmt.Fprintf(cmd.OutOrStdout(), "%d replayed, %d refused again, %d not sent\n", result.Replayed, result.StillRefused, result.Skipped)
			return errors.Join(err, printErr)
		},
	}
	chosen.addFlags(cmd)
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "only list what would be sent")
	addConfigFlags(cmd)
	return cmd
}

// replayProgress draws a bar on a terminal and nothing elsewhere.
func replayProgress(w io.Writer) func(done, total int) {
	f, ok := w.(interface{ Fd() uintptr })
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return nil
	}
	var bar *progressbar.ProgressBar
	return func(done, total int) {
		if bar == nil {
			bar = progressbar.NewOptions(total, progressbar.OptionSetWriter(w), progressbar.OptionShowCount(), progressbar.OptionClearOnFinish())
		}
		_ = bar.Set(done) // a bar that cannot be drawn is no reason to stop
	}
}

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"auditlog-forwarder/pkg/deadletter"
)

func newDeadLetterPurgeCommand() *cobra.Command {
	var chosen selection
	var all, replayed, yes bool
	cmd := &cobra.Command{
		Use:   "purge",
		Short: "Remove dead letters for good",
		Long: `Remove dead letters for good. Without --yes it only tells what would go and how
many of them are pending, which means that they were never delivered; what goes
then exists nowhere else, once Kafka's retention is over.

It asks for a filter, for --replayed (only what a replay has delivered), or for
--all. Filters and --replayed narrow each other down. Damaged lines always stay.

It may run beside a forwarder; run it as the same user, or as root. What the
forwarder adds meanwhile stays. What stays is copied first, so it needs as much
free room; if that is missing, or if it is interrupted, nothing is removed.

The exit code is 0 also if nothing was selected, and 1 if lines are damaged.`,
		Example: "  " + program + " deadletter purge --replayed --yes\n" +
			"  " + program + " deadletter purge --reason tombstone,empty --until 168h",
		Args: positional(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			filter, err := chosen.filter(time.Now())
			if err != nil {
				return err
			}
			switch {
			case filter.All() && !replayed && !all:
				return usageError(errors.New("nothing is selected"), "give a filter, --replayed for what was delivered, or --all for everything")
			case all && (!filter.All() || replayed):
				return usageError(errors.New("--all excludes --replayed and the filters"), "leave one of them out")
			}
			cfg, err := loadForListing(cmd)
			if err != nil {
				return err
			}
			dir, err := filepath.Abs(cfg.DeadLetter.Dir)
			if err != nil {
				return fmt.Errorf("dead_letter.dir: %w", err)
			}
			opts := deadletter.PurgeOptions{Filter: filter, Replayed: replayed, DryRun: !yes}
			return purge(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr(), dir, opts)
		},
	}
	chosen.addFlags(cmd)
	cmd.Flags().BoolVar(&all, "all", false, "everything, also what waits")
	cmd.Flags().BoolVar(&replayed, "replayed", false, "only what a replay has delivered")
	cmd.Flags().BoolVar(&yes, "yes", false, "do it; without this it only tells what would go")
	addConfigFlags(cmd, "dead_letter")
	return cmd
}

func purge(ctx context.Context, stdout, stderr io.Writer, dir string, opts deadletter.PurgeOptions) error {
	progress, _, stop := showProgress(stderr, "purge: ", "MiB read")
	told := int64(-1)
	opts.Progress = func(done, total int64) {
		if mib := done >> 20; mib != told { // each line would be too often
			told = mib
			progress(int(mib), int(total>>20)+1)
		}
	}
	res, err := deadletter.Purge(ctx, dir, opts)
	stop()
	damaged := damagedLines(stderr, err)
	switch {
	case errors.Is(err, context.Canceled):
		return errors.New("interrupted; nothing was removed")
	case err != nil && damaged == 0:
		return err
	}
	would := "would go"
	if !opts.DryRun {
		would = "removed"
	}
	for _, r := range deadletter.Reasons() {
		for _, part := range []struct {
			name string
			of   map[deadletter.Reason]deadletter.Heap
		}{{"pending", res.Pending}, {"replayed", res.Replayed}} {
			if h := part.of[r]; h.Entries > 0 {
				if _, err := fmt.Fprintf(stdout, "%s  %-12s  %-8s  %d\n", would, r, part.name, h.Entries); err != nil {
					return err
				}
			}
		}
	}
	if err := sumUp(stdout, dir, res, opts.DryRun); err != nil {
		return err
	}
	if damaged > 0 {
		return fmt.Errorf("%s of %s could not be read and %s", plural(damaged, "line"), dir, verb(damaged))
	}
	return nil
}

// sumUp tells the whole, and what the next step is.
func sumUp(w io.Writer, dir string, res deadletter.Purged, dryRun bool) error {
	gone, pending := res.Gone(), 0
	for _, h := range res.Pending {
		pending += h.Entries
	}
	what := fmt.Sprintf("%s (%s)", plural(gone.Entries, "dead letter"), humanize.IBytes(uint64(max(gone.Bytes, 0))))
	rest := fmt.Sprintf("%d %s", res.Stays.Entries, verb(res.Stays.Entries))
	var text string
	switch {
	case gone.Entries == 0:
		text = fmt.Sprintf("nothing to remove in %s; %s", dir, rest)
	case dryRun:
		text = fmt.Sprintf("%s of %s would go, %d of them never delivered; %s\nnothing was removed; --yes does it", what, dir, pending, rest)
	default:
		text = fmt.Sprintf("%s of %s removed, %d of them never delivered; %s", what, dir, pending, rest)
	}
	_, err := fmt.Fprintln(w, text)
	return err
}

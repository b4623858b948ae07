package main

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"auditlog-forwarder/pkg/app"
)

// resetFlags choose where offsets are set.
type resetFlags struct {
	time             string
	offset, shift    int64
	earliest, latest bool
	partitions       []string // numbers
	topics           []string
	allowSkip, yes   bool
	mirror           bool
}

func newOffsetsResetCommand() *cobra.Command {
	var flags resetFlags
	format := &oneOf{value: "table", allowed: []string{"table", "json"}}
	cmd := &cobra.Command{
		Use:   "reset",
		Short: "Set the group's offsets, to send events again or to leave some out",
		Long: `Set the offsets of the group kafka.group_id. Without --yes it only tells, for each
partition, from where to where, how many events would be sent again, and how many
would never be sent.

One of these says where to:
  --to-time     the first event in the log whose timestamp is as young
  --to-offset   this very offset, which must be there
  --earliest    the oldest event that is left
  --latest      the end
  --shift       so many offsets back (below 0) or on; not beyond what is there

Events that are sent again are in Splunk twice, and look the same; to fill a gap
with events that are marked, beside a forwarder that runs, use run --from --to.
Going on leaves events out for good, and needs --allow-skip.

It is refused while the group has members, and names them: stop them first. What
is kept beside an offset (the place of a summary that is not sent yet) is dropped;
where events of such a summary may lie below the new offset, that too leaves events
out and needs --allow-skip: go back further instead.

--mirror sets the group of the mirror. What it reads again, it writes into the copy
again: the note by which it knows what is there already is dropped. Whoever reads
the copy, a forwarder too, then gets those events twice. To copy all again it is
better to give the mirror a new mirror.group_id and a new mirror.name.

Figures are offsets: markers of transactions count, so events are at most so many.

The exit code is 0 if it is done or was only told, 1 if it is refused: members
are active, events would be left out, or an offset is not there.`,
		Example: "  " + program + " offsets reset --to-time 2026-11-01T00:00Z\n" +
			"  " + program + " offsets reset --shift -1000 --partition 3 --yes\n" +
			"  " + program + " offsets reset --latest --allow-skip --yes",
		Args: positional(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			to, err := flags.target(cmd, time.Now())
			if err != nil {
				return err
			}
			cfg, err := loadForOffsets(cmd, flags.mirror)
			if err != nil {
				return err
			}
			plan, err := app.ResetOffsets(cmd.Context(), cfg.Kafka, to)
			return errors.Join(printPlan(cmd.OutOrStdout(), plan, format.value), flags.judge(plan, err))
		},
	}
	f := cmd.Flags()
	f.StringVar(&flags.time, "to-time", "", "to the first event as young as this `time`, such as 2026-11-01T00:00Z, 2026-11-01 or 24h (ago)")
	f.Int64Var(&flags.offset, "to-offset", 0, "to this `offset`")
	f.BoolVar(&flags.earliest, "earliest", false, "to the oldest event")
	f.BoolVar(&flags.latest, "latest", false, "to the end")
	f.Int64Var(&flags.shift, "shift", 0, "by so many `offsets`, such as -1000")
	f.StringSliceVar(&flags.partitions, "partition", nil, "only these `partitions`")
	f.StringSliceVar(&flags.topics, "topic", nil, "only these topics")
	f.BoolVar(&flags.allowSkip, "allow-skip", false, "also if events are left out for good")
	f.BoolVar(&flags.mirror, "mirror", false, "the group of the mirror (mirror.group_id), in place of the forwarder's")
	f.BoolVar(&flags.yes, "yes", false, "do it; without this it only tells what it would do")
	f.BoolVar(&flags.yes, "execute", false, "the same as --yes")
	f.VarP(format, "output", "o", "table or json")
	completeFormat(cmd, format)
	for name, words := range map[string][]cobra.Completion{"to-time": {"1h", "24h", "7d"}, "to-offset": nil, "shift": {"-1000"}, "partition": nil, "topic": nil} {
		_ = cmd.RegisterFlagCompletionFunc(name, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp))
	}
	addConfigFlags(cmd)
	return cmd
}

// target reads the flags.
func (r *resetFlags) target(cmd *cobra.Command, now time.Time) (to app.ResetTo, err error) {
	to = app.ResetTo{Earliest: r.earliest, Latest: r.latest, Topics: r.topics, Mirror: r.mirror, AllowSkip: r.allowSkip, Execute: r.yes}
	var given []string
	for _, name := range []string{"to-time", "to-offset", "earliest", "latest", "shift"} {
		if f := cmd.Flags().Lookup(name); f.Changed && f.Value.String() != "false" {
			given = append(given, "--"+name)
		}
	}
	switch {
	case len(given) == 0:
		return to, usageError(errors.New("nothing says where to"), "give --to-time, --to-offset, --earliest, --latest or --shift")
	case len(given) > 1:
		return to, usageError(fmt.Errorf("%s exclude each other", strings.Join(given, " and ")), "give one of them")
	}
	switch given[0] {
	case "--to-time":
		if to.Time, err = parseTime(r.time, now); err != nil {
			return to, usageError(fmt.Errorf("--to-time: %w", err), "--latest is the end")
		}
	case "--to-offset":
		to.Offset = &r.offset
	case "--shift":
		to.Shift = &r.shift
	}
	for _, text := range r.partitions {
		n, err := strconv.ParseInt(text, 10, 32)
		if err != nil || n < 0 {
			return to, usageError(fmt.Errorf("--partition: %q is no partition", text), "partitions count from 0")
		}
		to.Partitions = append(to.Partitions, int32(n))
	}
	return to, nil
}

// judge gives a refusal its next step.
func (r *resetFlags) judge(plan app.ResetPlan, err error) error {
	if errors.Is(err, app.ErrSkips) {
		what := fmt.Sprintf("up to %s would never be %s", plural(int(plan.Skipped), "event"), done(plan))
		if plan.Skipped == 0 {
			what = "events of summaries that are not sent yet would be left out"
		}
		return &exitError{code: exitRunning, err: fmt.Errorf("refused: %s; nothing was changed", what), hint: "--allow-skip does it all the same"}
	}
	return err
}

// done is what becomes of what the group reads.
func done(plan app.ResetPlan) string {
	if plan.Mirror {
		return "copied"
	}
	return "sent"
}

func printPlan(w io.Writer, plan app.ResetPlan, format string) error {
	if plan.Group.Name == "" {
		return nil // Kafka was not reached
	}
	if format == "json" {
		if plan.Partitions == nil {
			plan.Partitions = []app.ResetRow{}
		}
		return printJSON(w, plan)
	}
	if len(plan.Partitions) == 0 {
		return nil
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	var errs []error
	line := func(format string, args ...any) {
		_, err := fmt.Fprintf(table, format+"\n", args...)
		errs = append(errs, err)
	}
	verb := done(plan)
	line("PARTITION\tOLD\tNEW\t%[1]s AGAIN\tNEVER %[1]s\tREMARKS", strings.ToUpper(verb))
	for _, p := range plan.Partitions {
		var remarks []string
		if p.Clipped {
			remarks = append(remarks, "as far as there is something")
		}
		switch {
		case p.Uncounted:
			remarks = append(remarks, "a note is dropped, events of its summary may be left out")
		case p.Note:
			remarks = append(remarks, "a note is dropped")
		}
		line("%s/%d\t%s\t%d\t%d\t%d\t%s", p.Topic, p.Partition, offsetText(p.Old), p.New, p.Again, p.Skipped, strings.Join(remarks, ", "))
	}
	errs = append(errs, table.Flush())
	would := "would be"
	if plan.Executed {
		would = "will be"
	}
	again := "no event"
	if plan.Again > 0 {
		again = "up to " + plural(int(plan.Again), "event")
	}
	sum := fmt.Sprintf("\ngroup %s: %s %s %s again, %d never %s", plan.Group.Name, again, would, verb, plan.Skipped, verb)
	switch {
	case plan.Notes > 0 && plan.Mirror:
		sum += fmt.Sprintf("; %s dropped, where the copy ended", plural(plan.Notes, "note"))
	case plan.Notes > 0:
		sum += fmt.Sprintf("; %s dropped, the place of summaries", plural(plan.Notes, "note"))
	}
	switch {
	case plan.Mirror && plan.Again > 0:
		sum += "\nthis group is a mirror's: what it copies again stands in the copy twice, and whoever reads that gets it twice"
	case plan.Mirror && plan.Notes > 0:
		sum += "\nthis group is a mirror's: what it wrote and had not committed when it ended is copied again, and stands in the copy twice"
	}
	if !plan.Executed {
		sum += "\nnothing was changed; --yes does it"
		if n := len(plan.Group.Members); n > 0 {
			sum += fmt.Sprintf(", once the group's %s stopped", map[bool]string{true: "member has", false: "members have"}[n == 1])
		}
		if plan.Skipped > 0 || plan.Uncounted {
			sum += ", with --allow-skip"
		}
	}
	_, err := fmt.Fprintln(w, sum)
	return errors.Join(append(errs, err)...)
}

package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"auditlog-forwarder/pkg/app"
)

func newOffsetsShowCommand() *cobra.Command {
	var ofMirror bool
	format := &oneOf{value: "table", allowed: []string{"table", "json"}}
	cmd := &cobra.Command{
		Use:   "show",
		Short: "Show the group's offsets, its lag and its members",
		Long: `Show for each partition where the group stands: the committed offset, which is the
next one to settle, the time of the event there, how many offsets are behind it
and how old the oldest of them is, what the partition holds, and who has it. Then
the members of the group.

A lag counts offsets: a transaction's marker is one, and so is what compaction
took. NOTE says that something is kept beside the offset, such as the place of a
summary that is not sent yet, or where a mirror's copy ended. It changes nothing and may run beside a forwarder.

Warnings tell of partitions without an offset, and of those whose offset is below
what is there: events that expired before they were settled.

The exit code is 0 also with warnings.`,
		Example: "  " + program + " offsets show\n" +
			"  " + program + " offsets show -o json | jq '[.partitions[].lag] | add'\n" +
			"  " + program + " offsets show --mirror\n" +
			"  " + program + " offsets show --kafka.group-id connect-splunk-sink",
		Args: positional(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := loadForOffsets(cmd, ofMirror)
			if err != nil {
				return err
			}
			found, err := app.ShowOffsets(cmd.Context(), cfg.Kafka, time.Now())
			if err != nil {
				return err
			}
			if format.value == "json" {
				return printJSON(cmd.OutOrStdout(), found)
			}
			if err := printOffsets(cmd.OutOrStdout(), found); err != nil {
				return err
			}
			for _, w := range found.Warnings {
				printLines(cmd.ErrOrStderr(), "warning: ", w)
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&ofMirror, "mirror", false, "the group of the mirror (mirror.group_id), in place of the forwarder's")
	cmd.Flags().VarP(format, "output", "o", "table or json")
	completeFormat(cmd, format)
	addConfigFlags(cmd)
	return cmd
}

func printJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false) // searches are full of < and >
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

func printOffsets(w io.Writer, found app.GroupOffsets) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	var errs []error
	line := func(format string, args ...any) {
		_, err := fmt.Fprintf(table, format+"\n", args...)
		errs = append(errs, err)
	}
	line("PARTITION\tCOMMITTED\tEVENT OF\tLAG\tBEHIND\tLOG START\tLOG END\tNOTE\tMEMBER")
	var lag int64
	for _, p := range found.Partitions {
		lag += p.Lag
		when, behind, note := "-", "-", "-"
		if p.Time != nil {
			when = p.Time.Format(time.RFC3339)
			behind = (time.Duration(p.LagTime) * time.Second).String()
		}
		if p.Note {
			note = "yes"
		}
		line("%s/%d\t%s\t%s\t%d\t%s\t%d\t%d\t%s\t%s", p.Topic, p.Partition, offsetText(p.Committed), when, p.Lag, behind, p.LogStart, p.LogEnd, note, cmp.Or(p.Member, "-"))
	}
	line("\ngroup %s: %s, %s, %d behind", found.Name, found.State, plural(len(found.Members), "member"), lag)
	for _, m := range found.Members {
		line("  %s\t%s\t%s", cmp.Or(m.InstanceID, m.ID), m.Host, plural(len(m.Partitions), "partition"))
	}
	return errors.Join(append(errs, table.Flush())...)
}

func offsetText(offset *int64) string {
	if offset == nil {
		return "none"
	}
	return strconv.FormatInt(*offset, 10)
}

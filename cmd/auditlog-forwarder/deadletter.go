package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

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
	names := reasonNames()
	f := cmd.Flags()
	f.StringSliceVar(&s.reasons, "reason", nil, "only these reasons: "+strings.Join(names, ", "))
	f.StringSliceVar(&s.topics, "topic", nil, "only records of these topics")
	f.Int32SliceVar(&s.partitions, "partition", nil, "only records of these `partitions`")
	f.Lookup("partition").DefValue = "" // pflag would print an empty list as one
	f.StringSliceVar(&s.ids, "id", nil, "only these records: topic/partition/offset")
	f.StringVar(&s.since, "since", "", "only records stored at or after this time (RFC 3339) or this long ago (such as 24h)")
	f.StringVar(&s.until, "until", "", "only records stored before this time or this long ago")
	_ = cmd.RegisterFlagCompletionFunc("reason", cobra.FixedCompletions(names, cobra.ShellCompDirectiveNoFileComp))
}

func reasonNames() []string {
	var names []string
	for _, r := range deadletter.Reasons() {
		names = append(names, string(r))
	}
	return names
}

// filter checks the flags.
func (s *selection) filter(now time.Time) (f deadletter.Filter, err error) {
	f = deadletter.Filter{Topics: s.topics, Partitions: s.partitions, IDs: s.ids}
	var errs []error
	for _, name := range s.reasons {
		if !slices.Contains(reasonNames(), name) {
			errs = append(errs, fmt.Errorf("--reason: %q is unknown; allowed are %s", name, strings.Join(reasonNames(), ", ")))
		}
		f.Reasons = append(f.Reasons, deadletter.Reason(name))
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

package main

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"auditlog-forwarder/pkg/deadletter"
)

func newDeadLetterCommand(b build) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "deadletter",
		Aliases: []string{"deadletters", "dlq"},
		Short:   "List, show, replay or remove the records that Splunk will not take",
		Long: `Records that cannot be delivered are kept in dead_letter.dir, each with where it
came from and why it is there:

` + meanings() + `
The offset of such a record is committed only after it is safe on disk.`,
	}
	cmd.AddCommand(newDeadLetterListCommand(), newDeadLetterShowCommand(), newDeadLetterReplayCommand(b), newDeadLetterPurgeCommand())
	return cmd
}

func meanings() string {
	var b strings.Builder
	for _, r := range deadletter.Reasons() {
		fmt.Fprintf(&b, "  %-12s  %s\n", r, meaning(r))
	}
	return b.String()
}

// selection is the flags that choose dead letters.
type selection struct {
	reasons, topics, ids []string
	partitions, codes    []string // numbers
	body                 string
	since, until         string
}

func (s *selection) addFlags(cmd *cobra.Command) {
	names := reasonNames()
	f := cmd.Flags()
	f.StringSliceVar(&s.reasons, "reason", nil, "only these reasons: "+strings.Join(names, ", "))
	f.StringSliceVar(&s.topics, "topic", nil, "only records of these topics")
	f.StringSliceVar(&s.partitions, "partition", nil, "only records of these `partitions`")
	f.StringSliceVar(&s.ids, "id", nil, "only these records: topic/partition/offset")
	f.StringSliceVar(&s.codes, "code", nil, "only records with these `codes` of Splunk, such as 6 or 413; 0 is none")
	f.StringVar(&s.body, "body-contains", "", "only records whose body contains this `text`")
	f.StringVar(&s.since, "since", "", "only records stored at or after this time (RFC 3339) or this long ago (such as 24h)")
	f.StringVar(&s.until, "until", "", "only records stored before this time or this long ago")
	for name, complete := range map[string]cobra.CompletionFunc{
		"reason":        cobra.FixedCompletions(names, cobra.ShellCompDirectiveNoFileComp),
		"id":            completeIDs,
		"code":          cobra.FixedCompletions([]cobra.Completion{"6", "7", "12", "13", "15", "413"}, cobra.ShellCompDirectiveNoFileComp),
		"topic":         cobra.NoFileCompletions,
		"partition":     cobra.NoFileCompletions,
		"body-contains": cobra.NoFileCompletions,
		"since":         cobra.FixedCompletions([]cobra.Completion{"1h", "24h", "168h"}, cobra.ShellCompDirectiveNoFileComp),
		"until":         cobra.FixedCompletions([]cobra.Completion{"1h", "24h", "168h"}, cobra.ShellCompDirectiveNoFileComp),
	} {
		_ = cmd.RegisterFlagCompletionFunc(name, complete)
	}
}

// completeFormat offers what --output allows.
func completeFormat(cmd *cobra.Command, format *oneOf) {
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(format.allowed, cobra.ShellCompDirectiveNoFileComp))
}

// errEnough ends a search for completions.
var errEnough = errors.New("enough")

// completeIDs offers the IDs in the store. Someone waits for it, so it looks
// at the oldest entries only.
func completeIDs(cmd *cobra.Command, args []string, prefix string) ([]cobra.Completion, cobra.ShellCompDirective) {
	const most, looked = 50, 10_000
	cfg, err := loadForListing(cmd)
	if err != nil || len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var found []cobra.Completion
	seen := 0
	// What cannot be read has no completion; the command itself says why.
	_ = deadletter.Scan(cfg.DeadLetter.Dir, func(e deadletter.Entry, _ deadletter.Status) error {
		if id := e.ID(); strings.HasPrefix(id, prefix) && !slices.Contains(found, id) {
			found = append(found, id)
		}
		if seen++; seen == looked || len(found) == most {
			return errEnough
		}
		return nil
	})
	return found, cobra.ShellCompDirectiveNoFileComp
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
	f = deadletter.Filter{Topics: s.topics, IDs: s.ids, Body: s.body}
	var errs []error
	number := func(flag, text string, bits int, hint string) int64 {
		n, err := strconv.ParseInt(text, 10, bits)
		if err != nil || n < 0 {
			errs = append(errs, fmt.Errorf("--%s: %q is no %s; %s", flag, text, flag, hint))
		}
		return n
	}
	for _, text := range s.partitions {
		f.Partitions = append(f.Partitions, int32(number("partition", text, 32, "partitions count from 0"))) //nolint:gosec // 32 bits
	}
	for _, text := range s.codes {
		f.Codes = append(f.Codes, int(number("code", text, 32, "give a code of Splunk's such as 6, an HTTP status such as 413, or 0 for none")))
	}
	for _, id := range s.ids {
		if !isID(id) {
			errs = append(errs, fmt.Errorf("--id: %q is no ID; give topic/partition/offset, as deadletter list prints it", id))
		}
	}
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
	if len(errs) == 0 && !f.Since.IsZero() && !f.Until.IsZero() && !f.Since.Before(f.Until) {
		errs = append(errs, fmt.Errorf("--since %s is not before --until %s, so that nothing can match", s.since, s.until))
	}
	if err := errors.Join(errs...); err != nil {
		return f, usageError(err, "")
	}
	return f, nil
}

// isID reports whether text is topic/partition/offset.
func isID(text string) bool {
	parts := strings.Split(text, "/")
	if len(parts) != 3 || parts[0] == "" {
		return false
	}
	_, err := strconv.ParseUint(parts[1], 10, 31)
	_, offsetErr := strconv.ParseUint(parts[2], 10, 63)
	return err == nil && offsetErr == nil
}

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"auditlog-forwarder/pkg/app"
)

// compared is what of a mirror is to be compared, as flags give it.
type compared struct {
	partitions     []string // numbers
	from, to, last string
	maxBehind      time.Duration
	window         int
	findings       int
}

func newMirrorVerifyCommand() *cobra.Command {
	var chosen compared
	format := &oneOf{value: "table", allowed: []string{"table", "json"}}
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Compare the copy with its source, record by record",
		Long: `Compare the topic that mirror reads with the one that it writes, by partition:
key, value, headers in their order, and timestamp of each record, and the order
of all. It only reads, joins no group, and may run beside the mirror.

It says which source offsets are missing in the copy, which records stand there
twice, are changed, are out of order, or are not the source's. The ends are fixed
when it starts. What the copy does not have behind its last record is not copied
yet, and not missing; that is no mistake unless the oldest such record is older
than --max-behind. Where one side has expired already, the other is not compared
with it, and a note says so.

Without --from, --to or --last all is compared that both sides still have. An
offset is one of the source; with it, --partition should name one partition.

For each partition and side as many records are remembered as --window says, so
memory is bounded whatever the topic's size. A copy that stands further from its
place than that is told as missing in one place and as extra in the other. Sides
that differ are never told to be equal, whatever the window is.

The exit code is 0 if the copy is equal (or behind within --max-behind), 3 if
the configuration is invalid, and 1 for all else.`,
		Example: "  " + program + " mirror verify --config config.yaml --last 24h\n" +
			"  " + program + " mirror verify --partition 3 --from 120000 --to 130000\n" +
			"  " + program + " mirror verify --from 2026-11-01T00:00:00Z --to 2026-11-02T00:00:00Z -o json | jq .verdict",
		Args: positional(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return verifyMirror(cmd, chosen, format.value)
		},
	}
	f := cmd.Flags()
	f.StringSliceVar(&chosen.partitions, "partition", nil, "only these `partitions`")
	f.StringVar(&chosen.from, "from", "", "begin at this `time` (RFC 3339) or source offset")
	f.StringVar(&chosen.to, "to", "", "end before this `time` (RFC 3339) or source offset")
	f.StringVar(&chosen.last, "last", "", "begin so long ago: a `duration` such as 24h or 7d")
	f.DurationVar(&chosen.maxBehind, "max-behind", 5*time.Minute, "how old a record may be that is not copied yet")
	f.IntVar(&chosen.window, "window", 100_000, "`records` of each side and partition that are remembered")
	f.IntVar(&chosen.findings, "findings", 20, "how many findings of each kind are listed for a partition; `n` runs of offsets")
	f.VarP(format, "output", "o", "table or json")
	completeFormat(cmd, format)
	for _, name := range []string{"partition", "from", "to", "max-behind", "window", "findings"} {
		_ = cmd.RegisterFlagCompletionFunc(name, cobra.NoFileCompletions)
	}
	_ = cmd.RegisterFlagCompletionFunc("last", cobra.FixedCompletions([]cobra.Completion{"1h", "24h", "7d"}, cobra.ShellCompDirectiveNoFileComp))
	addConfigFlags(cmd)
	return cmd
}

// options turns the flags into what the app takes.
func (c compared) options(now time.Time) (o app.VerifyMirrorOptions, err error) {
	o = app.VerifyMirrorOptions{Window: c.window, Findings: c.findings, MaxBehind: c.maxBehind}
	var errs []error
	for _, p := range c.partitions {
		n, err := strconv.ParseInt(p, 10, 32)
		if err != nil || n < 0 {
			errs = append(errs, fmt.Errorf("flag --partition: %q is not a number", p))
		}
		o.Partitions = append(o.Partitions, int32(n))
	}
	if o.From, err = parsePoint("from", c.from); err != nil {
		errs = append(errs, err)
	}
	if o.To, err = parsePoint("to", c.to); err != nil {
		errs = append(errs, err)
	}
	if c.last != "" {
		d, err := parseDays(c.last)
		switch {
		case err != nil || d <= 0:
			errs = append(errs, fmt.Errorf("flag --last: %q is no duration; give one such as 24h or 7d", c.last))
		case c.from != "":
			errs = append(errs, errors.New("flags --from and --last both say where to begin; give one of them"))
		}
		o.From.Time = now.Add(-d)
	}
	switch {
	case !o.From.Time.IsZero() && !o.To.Time.IsZero() && !o.From.Time.Before(o.To.Time),
		o.From.Offset != nil && o.To.Offset != nil && *o.From.Offset >= *o.To.Offset:
		errs = append(errs, fmt.Errorf("--from %s is not before --to %s, so that there is nothing to compare", c.from, c.to))
	}
	if c.window < 100 || c.window > 10_000_000 {
		errs = append(errs, fmt.Errorf("flag --window: %d is out of range; allowed are 100 to 10000000", c.window))
	}
	if c.findings < 0 || c.maxBehind < 0 {
		errs = append(errs, errors.New("flags --findings and --max-behind take nothing below 0"))
	}
	if err := errors.Join(errs...); err != nil {
		return o, usageError(err, program+" mirror verify --help shows how it is used")
	}
	return o, nil
}

// parsePoint reads a time or an offset.
func parsePoint(flag, text string) (p app.MirrorPoint, err error) {
	if text == "" {
		return p, nil
	}
	if n, err := strconv.ParseInt(text, 10, 64); err == nil && n >= 0 {
		p.Offset = &n
		return p, nil
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04Z07:00", time.DateOnly} {
		if p.Time, err = time.Parse(layout, text); err == nil {
			return p, nil
		}
	}
	return p, fmt.Errorf("flag --%s: %q is neither a time such as 2026-11-01T00:00:00Z nor an offset", flag, text)
}

// parseDays reads a duration that may also be given in days.
func parseDays(text string) (time.Duration, error) {
	if days, ok := strings.CutSuffix(text, "d"); ok {
		n, err := strconv.ParseUint(days, 10, 16)
		return time.Duration(n) * 24 * time.Hour, err
	}
	return time.ParseDuration(text)
}

func verifyMirror(cmd *cobra.Command, chosen compared, format string) error {
	opts, err := chosen.options(time.Now())
	if err != nil {
		return err
	}
	loaded, err := loadForMirror(cmd)
	if err != nil {
		return err
	}
	opts.Config = loaded.Config
	progress, _, stop := showProgress(cmd.ErrOrStderr(), "verify: ", "offsets compared")
	opts.Progress = func(done, total int64) { progress(int(done), int(total)) }
	report, err := app.VerifyMirror(cmd.Context(), opts)
	stop()
	switch {
	case err != nil && cmd.Context().Err() != nil:
		return errors.New("interrupted; nothing was changed, run it again")
	case err != nil:
		return err
	}
	if format == "json" {
		enc := json.NewEncoder(cmd.OutOrStdout())
		enc.SetIndent("", "  ")
		err = enc.Encode(report)
	} else {
		err = printVerification(cmd.OutOrStdout(), report)
	}
	if err != nil {
		return fmt.Errorf("print the result: %w", err)
	}
	return verdictError(report, chosen.maxBehind)
}

// verdictError is nil only if nothing is wrong.
func verdictError(r *app.MirrorReport, maxBehind time.Duration) error {
	t := r.Total
	switch {
	case r.Verdict.OK():
		return nil
	case r.Verdict == app.MirrorTooBehind:
		return fmt.Errorf("the copy is behind: %s not copied yet, of which some are older than %s; look whether the mirror runs", plural(int(t.NotCopied), "record"), maxBehind)
	case r.Verdict == app.MirrorUnknown:
		return errors.New("not all could be compared; the errors and notes above say why")
	}
	return fmt.Errorf("the copy differs from its source: %d missing, %d doubled, %d changed, %d extra, %d out of order", t.Missing, t.Doubled, t.Changed, t.Extra, t.OutOfOrder)
}

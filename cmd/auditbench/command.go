package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"auditlog-forwarder/pkg/kafka"
)

// options is what the flags say.
type options struct {
	events      int
	rounds      int
	subjects    []string
	partitions  int32
	compression string
	binary      string
	pprof       string
	output      string
	check       bool
	timeout     time.Duration
}

// usageError is a mistake in the command line.
type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

// newCommand makes the command with its hidden children: the processes as
// which auditbench starts itself.
func newCommand() *cobra.Command {
	var o options
	cmd := &cobra.Command{
		Use:   "auditbench [flags]",
		Short: "Measure CPU time, memory and throughput of the whole forwarder",
		Long: `auditbench fills a topic of an embedded Kafka with generated audit events, runs
each subject over all of them, and reports what the subject's process took:
CPU seconds (user and system) per million events, peak resident memory, and
events per second from the first event until nine tenths have arrived. The
subjects:

` + subjectHelp() + `
The subjects take turns, round after round, and the table shows the median and
the range of all rounds. "x count" is the CPU time divided by that of count in
the same round: compare this between runs and machines, not the seconds.

Every run must deliver each event exactly once and commit all of it, else the
benchmark fails.`,
		Example: `  # Measure this checkout.
  go run ./cmd/auditbench

  # Fail if the forwarder needs more than it may.
  go run ./cmd/auditbench --check

  # Where does the time go? A profile wants many events.
  go run ./cmd/auditbench --rounds 0 --events 2000000 --subjects plain --pprof ./profiles
  go tool pprof -top -cum ./profiles/plain.cpu.pprof

  # Measure an older build.
  go run ./cmd/auditbench --binary ./auditlog-forwarder-v1.2.3`,
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.validate(); err != nil {
				return &usageError{err}
			}
			return runBench(cmd.Context(), o, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	cmd.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return &usageError{err} })
	cmd.CompletionOptions.DisableDefaultCmd = true

	f := cmd.Flags()
	f.SortFlags = false
	f.IntVar(&o.events, "events", 300_000, "events in the topic; few of them make the start-up weigh")
	f.IntVar(&o.rounds, "rounds", 3, "how often each subject is measured; 0 only with --pprof")
	f.StringSliceVar(&o.subjects, "subjects", []string{baseline, subjectPlain, subjectGzip}, "what is measured: "+strings.Join(subjectNames(), ", "))
	f.Int32Var(&o.partitions, "partitions", limitPartitions, "partitions of the topic")
	f.StringVar(&o.compression, "compression", "none", "of the topic: none, lz4, zstd, gzip or snappy")
	f.StringVar(&o.binary, "binary", "", "`file` to measure in place of a new build of ./cmd/auditlog-forwarder")
	f.StringVar(&o.pprof, "pprof", "", "run each forwarder once more under Go's profiler and write the profiles into this `folder`; such a run is not measured")
	f.StringVarP(&o.output, "output", "o", outputText, "text or json")
	f.BoolVar(&o.check, "check", false, "exit with 1 if a limit is exceeded")
	f.DurationVar(&o.timeout, "timeout", 5*time.Minute, "how long one run may take")

	cmd.AddCommand(newBrokerCommand(), newReceiverCommand(), newCountCommand(), newProfileCommand())
	return cmd
}

func noArguments(_ *cobra.Command, args []string) error {
	if len(args) > 0 {
		return &usageError{fmt.Errorf("unexpected argument %q; auditbench takes flags only", args[0])}
	}
	return nil
}

// validate returns every mistake.
func (o options) validate() error {
	var errs []error
	bad := func(is bool, format string, args ...any) {
		if is {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	bad(o.events < 1, "--events: must be 1 or more")
	bad(o.rounds < 0, "--rounds: must not be negative")
	bad(o.rounds == 0 && o.pprof == "", "--rounds: 0 measures nothing; give 1 or more, or --pprof")
	bad(o.partitions < 1, "--partitions: must be 1 or more")
	bad(o.timeout <= 0, "--timeout: must be more than 0")
	bad(len(o.subjects) == 0, "--subjects: name one at least")
	for i, name := range o.subjects {
		_, known := findSubject(name)
		bad(!known, "--subjects: %q is unknown; allowed are %s", name, strings.Join(subjectNames(), ", "))
		bad(slices.Contains(o.subjects[:i], name), "--subjects: %s is named twice", name)
	}
	bad(!kafka.KnownCompression(o.compression), "--compression: %q is unknown; allowed are none, lz4, zstd, gzip, snappy", o.compression)
	bad(o.output != outputText && o.output != outputJSON, "--output: %q is unknown; allowed are text, json", o.output)
	bad(o.check && (o.rounds == 0 || o.partitions != limitPartitions || !slices.Contains(o.subjects, subjectPlain)),
		"--check: the limits are those of subject %s with %d partitions; measure it", subjectPlain, limitPartitions)
	return errors.Join(errs...)
}

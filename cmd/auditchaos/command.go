package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

const program = "auditchaos"

// options is what the flags say.
type options struct {
	seed     uint64
	seeds    string
	runs     int
	short    bool
	parallel int
	output   string
	binary   string
	race     bool
	dir      string
	keep     bool
	patience time.Duration
}

// shortRuns is how many runs --short plays.
const shortRuns = 200

// mostUnplayed is how many runs may fail to be made: with the shared broker
// gone, all would.
const mostUnplayed = 5

// usageError is a mistake in the command line.
type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

// errViolated says that a run was not as it must be; the report has told it.
var errViolated = errors.New("a promise is broken")

func newCommand() *cobra.Command {
	var o options
	cmd := &cobra.Command{
		Use:   program + " [flags]",
		Short: "Play seeded faults against the forwarder and account for every record",
		Long: `auditchaos runs the real forwarder against a real Apache Kafka and one to three
HEC servers behind a network that breaks on purpose, once for each seed. A seed
decides the events, the layout, the faults, and after how many indexed events
each fault begins. After a run every produced record is accounted for by
partition and offset: lost must be 0, bodies must be as they were produced, the
committed offsets must be the log's ends, and each event that was indexed twice
must have a cause: an answer that got lost, or a process that was killed.

What a seed does not decide is which of two things that happen at once comes
first. The exit code is 1 if any run breaks a promise; its folder is kept.`,
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return o.play(cmd)
		},
	}
	cmd.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return &usageError{err} })
	cmd.CompletionOptions.DisableDefaultCmd = true
	f := cmd.PersistentFlags()
	f.SortFlags = false
	f.IntVar(&o.parallel, "parallel", 6*runtime.GOMAXPROCS(0), "runs at once; most of a run is waiting")
	f.StringVar(&o.dir, "dir", "", "`folder` for the runs; empty: a new one in the system's place")
	f.BoolVar(&o.keep, "keep", false, "keep the folders of good runs too")
	f.DurationVar(&o.patience, "patience", 30*time.Second, "how long nothing may move before a run counts as stuck")
	f = cmd.Flags()
	f.SortFlags = false
	f.Uint64Var(&o.seed, "seed", 0, "play this seed alone")
	f.StringVar(&o.seeds, "seeds", "", "play seeds `A-B`")
	f.IntVar(&o.runs, "runs", 0, "play seeds 1 to `N`")
	f.BoolVar(&o.short, "short", false, fmt.Sprintf("play seeds 1 to %d; so it is without any of these", shortRuns))
	f.StringVarP(&o.output, "output", "o", outputText, "text or json")
	f.StringVar(&o.binary, "binary", "", "`file` to run in place of a new build")
	f.BoolVar(&o.race, "race", false, "build with the race detector")
	cmd.AddCommand(newMutationsCommand(&o))
	return cmd
}

func noArguments(_ *cobra.Command, args []string) error {
	if len(args) > 0 {
		return &usageError{fmt.Errorf("unexpected argument %q", args[0])}
	}
	return nil
}

// list returns the seeds that the flags ask for.
func (o *options) list() (seeds []uint64, err error) {
	first, last := uint64(1), uint64(shortRuns)
	switch {
	case o.seed != 0:
		first, last = o.seed, o.seed
	case o.seeds != "":
		a, b, ok := strings.Cut(o.seeds, "-")
		var errA, errB error
		first, errA = strconv.ParseUint(a, 10, 64)
		last, errB = strconv.ParseUint(b, 10, 64)
		if !ok || errA != nil || errB != nil || first > last {
			return nil, fmt.Errorf("--seeds: %q is no range; give two numbers such as 1-200", o.seeds)
		}
	case o.runs < 0:
		return nil, fmt.Errorf("--runs: %d is negative", o.runs)
	case o.runs > 0 && !o.short:
		last = uint64(o.runs)
	}
	for s := first; s <= last; s++ {
		seeds = append(seeds, s)
	}
	return seeds, nil
}

// suite makes what all runs share; the caller calls end.
func (o *options) suite() (s *suite, end func() error, err error) {
	if o.parallel < 1 {
		return nil, nil, &usageError{errors.New("--parallel: must be 1 or more")}
	}
	s = &suite{patience: o.patience, limit: 3 * time.Minute, brokers: newBrokers(), lag: newLag(), binary: o.binary, keep: o.keep}
	if o.dir != "" {
		if s.dir, err = filepath.Abs(o.dir); err == nil {
			err = os.MkdirAll(s.dir, 0o700)
		}
	} else {
		s.dir, err = os.MkdirTemp("", program+"-")
	}
	if err != nil {
		return nil, nil, fmt.Errorf("make a folder for the runs: %w", err)
	}
	return s, func() error {
		s.lag.stop()
		err := s.brokers.close()
		if o.dir == "" {
			_ = os.Remove(s.dir) // it stays if a run has left something
		}
		return err
	}, nil
}

// play plays the seeds.
func (o *options) play(cmd *cobra.Command) (err error) {
	seeds, err := o.list()
	if err == nil && o.output != outputText && o.output != outputJSON {
		err = fmt.Errorf("--output: %q is unknown; allowed are text, json", o.output)
	}
	if err != nil {
		return &usageError{err}
	}
	s, end, err := o.suite()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, end()) }()
	s.brokers.warm(cmd.Context())
	if s.binary == "" {
		remove, berr := s.buildOwn(cmd.Context(), o.race)
		if berr != nil {
			return berr
		}
		defer remove()
	} else if s.binary, err = filepath.Abs(s.binary); err != nil {
		return err
	}
	r := newReport(cmd.OutOrStdout(), o.output)
	s.runSeeds(cmd.Context(), seeds, o.parallel, func(out outcome) bool {
		r.add(out)
		return r.Unplayed < mostUnplayed
	})
	r.end()
	if err := context.Cause(cmd.Context()); err != nil {
		return fmt.Errorf("stopped after %d of %d runs: %w", r.Runs, len(seeds), err)
	}
	if r.Unplayed >= mostUnplayed {
		return fmt.Errorf("stopped after %d of %d runs: %d could not be played, which is no fault of the product; look at the broker, and at the folders that were kept", r.Runs, len(seeds), r.Unplayed)
	}
	if r.Failed > 0 {
		return errViolated
	}
	return nil
}

// buildOwn builds the product beside the runs.
func (s *suite) buildOwn(ctx context.Context, race bool) (remove func(), err error) {
	s.binary = filepath.Join(s.dir, "auditlog-forwarder")
	if err := build(ctx, s.binary, "", race); err != nil {
		return nil, err
	}
	return func() { _ = os.Remove(s.binary) }, nil // it is in the way of nobody
}

package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/spf13/cobra"
)

// options is what the flags say.
type options struct {
	rate     int
	duration time.Duration
	outage   time.Duration
	seed     uint64
	fast     bool
	keep     bool
	noColor  bool

	// forget makes the receiver answer 200 for an event and not keep it. Only a
	// test sets it, to prove that the reconciliation notices.
	forget func(place) bool
	// temp is where the demo makes its folder; empty: the system's place.
	temp string
}

// usageError is a mistake in the command line.
type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

func newCommand() *cobra.Command {
	o := defaults()
	cmd := &cobra.Command{
		Use:   "auditdemo [flags]",
		Short: "Show the forwarder at work, an outage, and a reconciliation",
		Long: `auditdemo starts a Kafka broker and a Splunk HTTP Event Collector that live in
this process, and the forwarder between them; they talk over TCP on 127.0.0.1.
It shows normal flow, records that Splunk cannot take, an outage of Splunk and
the recovery, and then accounts for every record that was produced, by its
offset and a hash of its body.

It needs nothing else and leaves nothing behind. The exit code is 0 only if
nothing is missing, nothing was altered, and all offsets are committed.
Ctrl-C ends it early; the reconciliation is done all the same.`,
		SilenceUsage:  true,
		SilenceErrors: true,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return &usageError{fmt.Errorf("unexpected argument %q; auditdemo takes flags only", args[0])}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.fast {
				o = o.quick(cmd.Flags().Changed)
			}
			if err := o.check(); err != nil {
				return &usageError{err}
			}
			if o.seed == 0 {
				o.seed = rand.Uint64()
			}
			acc, err := demo(cmd.Context(), o, newScreen(cmd.OutOrStdout(), o.noColor))
			if err != nil {
				return err
			}
			return acc.err()
		},
	}
	cmd.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return &usageError{err} })
	cmd.CompletionOptions.DisableDefaultCmd = true

	f := cmd.Flags()
	f.SortFlags = false
	f.IntVar(&o.rate, "rate", o.rate, "events produced a second")
	f.DurationVar(&o.duration, "duration", o.duration, "how long events are produced, the outage included")
	f.DurationVar(&o.outage, "outage", o.outage, "how long Splunk is away")
	f.Uint64Var(&o.seed, "seed", 0, "what the random choices start from; 0: a new one, which is told")
	f.BoolVar(&o.fast, "fast", false, "show everything in a few seconds")
	f.BoolVar(&o.keep, "keep", false, "keep the folder with the dead letters and the forwarder's log")
	f.BoolVar(&o.noColor, "no-color", false, "no colours; there are none either with NO_COLOR or when not on a terminal")
	return cmd
}

func defaults() options {
	return options{rate: 2000, duration: 18 * time.Second, outage: 6 * time.Second}
}

// quick shortens what was not asked for.
func (o options) quick(asked func(flag string) bool) options {
	if !asked("rate") {
		o.rate = 1000
	}
	if !asked("outage") {
		o.outage = time.Second
	}
	if !asked("duration") {
		o.duration = o.outage + 2*time.Second
	}
	return o
}

// check finds mistakes before anything is started.
func (o options) check() error {
	var errs []error
	// What is produced stays in memory, twice: the broker's log and the ledger.
	if o.rate < 10 || o.rate > 50_000 {
		errs = append(errs, fmt.Errorf("--rate: %d is out of range; allowed are 10 to 50000", o.rate))
	}
	if o.outage < 100*time.Millisecond {
		errs = append(errs, fmt.Errorf("--outage: %s is too short; allowed is 100ms or longer", o.outage))
	}
	if o.duration <= o.outage || o.duration > 10*time.Minute {
		errs = append(errs, fmt.Errorf("--duration: %s is out of range; allowed is more than the outage of %s, up to 10m", o.duration, o.outage))
	}
	return errors.Join(errs...)
}

// share returns a part of the time in which Splunk is there.
func (o options) share(part float64) time.Duration {
	return time.Duration(part * float64(o.duration-o.outage))
}

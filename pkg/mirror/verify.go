package mirror

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"auditlog-forwarder/pkg/kafka"
)

// Leg is one of the two topics: where it is, and how it is called there.
type Leg struct {
	Kafka kafka.Config
	Topic string
	// Section is where Kafka stands in the configuration, for what errors say;
	// empty is kafka.
	Section string
}

// blame says which side an error is of, and names the keys of its section.
func (l Leg) blame(side string, err error) error {
	var e *kafka.Error
	if l.Section != "" && errors.As(err, &e) {
		err = e.In(l.Section)
	}
	return fmt.Errorf("%s: %w", side, err)
}

// Point is where a range begins or ends: a time, an offset of the source, or,
// as the zero value, wherever the records begin or end.
type Point struct {
	Time   time.Time
	Offset *int64
}

func (p Point) open() bool { return p.Time.IsZero() && p.Offset == nil }

// VerifyOptions say what is compared.
type VerifyOptions struct {
	Source, Destination Leg
	Partitions          []int32 // empty: all
	From, To            Point
	// Window is how many records of each side are remembered for each partition;
	// see comparator. 0 is DefaultWindow.
	Window int
	// Findings is how many of each kind are kept for each partition.
	Findings int
	// MaxBehind is how old the oldest record that is not copied yet may be.
	MaxBehind time.Duration
	// Progress is told how far it is, in offsets. Optional.
	Progress func(done, total int64)
}

const (
	// DefaultWindow takes at most about 60 MB for a partition that is damaged
	// all over, and 15 MB for one that is not.
	DefaultWindow = 100_000
	// atOnce is how many partitions are compared at the same time.
	atOnce = 4
)

// Verdict is what a comparison comes to.
type Verdict string

// The verdicts.
const (
	Equal     Verdict = "equal"
	Behind    Verdict = "behind"         // all that is copied is equal, and the rest is young enough
	TooBehind Verdict = "too_far_behind" // all that is copied is equal, and the rest is too old
	Different Verdict = "different"
	Unknown   Verdict = "not_compared" // an error, or that all has expired on one side, kept a partition from being compared
)

// OK reports whether nothing is wrong.
func (v Verdict) OK() bool { return v == Equal || v == Behind }

// VerifyReport is what came out.
type VerifyReport struct {
	Verdict     Verdict           `json:"verdict"`
	Source      LegReport         `json:"source"`
	Destination LegReport         `json:"destination"`
	Started     time.Time         `json:"started"` // when the ends were fixed
	Total       Counts            `json:"total"`
	Partitions  []PartitionReport `json:"partitions"`
	Notes       []string          `json:"notes,omitempty"`
}

// LegReport says which topic a side is.
type LegReport struct {
	Servers    []string `json:"bootstrap_servers"`
	Topic      string   `json:"topic"`
	Partitions int      `json:"partitions"`
}

// PartitionReport is what came out for one partition.
type PartitionReport struct {
	Partition   int32   `json:"partition"`
	Verdict     Verdict `json:"verdict"`
	Source      Extent  `json:"source"`
	Destination Extent  `json:"destination"`
	Counts      Counts  `json:"counts"`
	// Behind is the time of the oldest record that is not copied yet.
	Behind       *time.Time `json:"oldest_not_copied,omitempty"`
	Findings     []Finding  `json:"findings"`
	FindingsLeft int64      `json:"findings_not_listed"`
	Notes        []string   `json:"notes,omitempty"` // what could not be compared, and why
	Error        string     `json:"error,omitempty"`
}

// Extent says what a partition has, and what of it was compared. Ends do not
// belong to it.
type Extent struct {
	Oldest int64 `json:"oldest"`
	End    int64 `json:"end"`
	From   int64 `json:"from"`
	To     int64 `json:"to"`
}

// verification is one call of Verify.
type verification struct {
	opts         VerifyOptions
	source, dest *kafka.Reader
	here, there  []int32 // the partitions of the source and of the destination
	started      time.Time

	mu          sync.Mutex
	done, total int64
}

// Verify compares two topics by partition. An error says that it could not be
// done; whatever is wrong with the records stands in the report.
func Verify(ctx context.Context, opts VerifyOptions) (_ *VerifyReport, err error) {
	if opts.Window == 0 {
		opts.Window = DefaultWindow
	}
	v := &verification{opts: opts, started: time.Now()}
	if v.source, err = kafka.OpenReader(ctx, opts.Source.Kafka); err != nil {
		return nil, v.opts.Source.blame("source", err)
	}
	defer func() { err = errors.Join(err, v.source.Close()) }()
	if v.dest, err = kafka.OpenReader(ctx, opts.Destination.Kafka); err != nil {
		return nil, v.opts.Destination.blame("destination", err)
	}
	defer func() { err = errors.Join(err, v.dest.Close()) }()
	if err := apart(ctx, opts.Source, opts.Destination, v.source, v.dest); err != nil {
		return nil, fmt.Errorf("compare the source with its copy: %w", err)
	}
	if v.there, err = v.dest.Partitions(ctx, opts.Destination.Topic); err != nil {
		return nil, v.opts.Destination.blame("destination", err)
	}
	if v.here, err = v.source.Partitions(ctx, opts.Source.Topic); err != nil {
		return nil, v.opts.Source.blame("source", err)
	}
	wanted, err := v.wanted()
	if err != nil {
		return nil, err
	}
	plans, err := v.plans(ctx, wanted)
	if err != nil {
		return nil, err
	}

	report := &VerifyReport{
		Source:      LegReport{opts.Source.Kafka.BootstrapServers, opts.Source.Topic, len(v.here)},
		Destination: LegReport{opts.Destination.Kafka.BootstrapServers, opts.Destination.Topic, len(v.there)},
		Started:     v.started.UTC().Truncate(time.Second),
		Partitions:  make([]PartitionReport, len(plans)),
	}
	if len(v.here) != len(v.there) {
		report.Notes = append(report.Notes, fmt.Sprintf("the source has %d partitions, the destination %d", len(v.here), len(v.there)))
	}
	all, gctx := errgroup.WithContext(ctx)
	all.SetLimit(atOnce)
	for i, p := range plans {
		all.Go(func() error {
			var err error
			report.Partitions[i], err = v.compare(gctx, p)
			return err
		})
	}
	if err := all.Wait(); err != nil {
		return nil, err
	}
	for _, p := range report.Partitions {
		report.Total.add(p.Counts)
		report.Verdict = worse(report.Verdict, p.Verdict)
	}
	return report, nil
}

// worse returns the worse of two verdicts; an empty one is none.
func worse(a, b Verdict) Verdict {
	order := []Verdict{"", Equal, Behind, TooBehind, Unknown, Different}
	if slices.Index(order, b) > slices.Index(order, a) {
		return b
	}
	return a
}

// wanted returns the partitions to compare: those of both sides together, as
// one that is on one side only may not be left out in silence.
func (v *verification) wanted() ([]int32, error) {
	all := slices.Concat(v.here, v.there)
	slices.Sort(all)
	all = slices.Compact(all)
	if len(v.opts.Partitions) == 0 {
		return all, nil
	}
	for _, p := range v.opts.Partitions {
		if !slices.Contains(all, p) {
			return nil, fmt.Errorf("there is no partition %d, neither in the source %s nor in the destination %s; they have %d and %d",
				p, v.opts.Source.Topic, v.opts.Destination.Topic, len(v.here), len(v.there))
		}
	}
	wanted := slices.Clone(v.opts.Partitions)
	slices.Sort(wanted)
	return slices.Compact(wanted), nil
}

// plans fixes the ends of all partitions, before anything is read: first those
// of the destinations, then those of the sources. Whatever is a copy then has
// its record in the source's range.
func (v *verification) plans(ctx context.Context, partitions []int32) ([]*plan, error) {
	plans := make([]*plan, len(partitions))
	for i, p := range partitions {
		plans[i] = &plan{partition: p, noSource: !slices.Contains(v.here, p), noDest: !slices.Contains(v.there, p)}
		if plans[i].noDest {
			continue
		}
		d := &plans[i].dest
		var err error
		if d.Oldest, d.End, err = v.dest.Bounds(ctx, v.opts.Destination.Topic, p); err != nil {
			return nil, v.opts.Destination.blame("destination", err)
		}
	}
	for _, p := range plans {
		if p.noSource {
			continue
		}
		var err error
		if p.source.Oldest, p.source.End, err = v.source.Bounds(ctx, v.opts.Source.Topic, p.partition); err != nil {
			return nil, v.opts.Source.blame("source", err)
		}
	}
	for _, p := range plans {
		if err := v.resolve(ctx, p); err != nil {
			return nil, err
		}
		v.total += p.work()
	}
	v.progress(0)
	return plans, nil
}

// progress adds to what is done.
func (v *verification) progress(more int64) {
	if v.opts.Progress == nil {
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.done += more
	v.opts.Progress(v.done, v.total)
}

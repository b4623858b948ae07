package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"auditlog-forwarder/pkg/audit"
	"auditlog-forwarder/pkg/config"
	"auditlog-forwarder/pkg/filter"
	"auditlog-forwarder/pkg/kafka"
)

// TrialOptions say on which events rules are tried. Either Events or Last is
// given.
type TrialOptions struct {
	Config   config.Config
	Events   io.Reader     // one event a line
	Last     time.Duration // of the topics of Config
	Show     string        // the rule of which examples are kept; empty: none
	Examples int
	Progress func(done, total int) // of records of the topic; may be nil
}

// TryFilter tells what the rules of a configuration would do to events. It
// sends nothing, joins no group and commits nothing.
func TryFilter(ctx context.Context, opts TrialOptions) (filter.Report, error) {
	f, err := newFilter(opts.Config)
	if err != nil {
		return filter.Report{}, err
	}
	if opts.Show != "" {
		if err := f.Knows(opts.Show); err != nil {
			return filter.Report{}, fmt.Errorf("--show: %w", err)
		}
	}
	trial := f.NewTrial(filter.TrialOptions{
		Summary: opts.Config.Summaries, MaxEventSize: opts.Config.HEC.MaxEventBytes, Show: opts.Show, Examples: opts.Examples,
	})
	if opts.Events != nil {
		err = tryLines(ctx, opts.Events, trial.Add)
	} else {
		_, err = tryTopics(ctx, opts, trial.Add)
	}
	return trial.Report(), err
}

// stretch is what of a partition is read.
type stretch struct {
	topic     string
	partition int32
	from, end int64
}

// tryTopics tries the last records of the topics. complete tells whether they reach as
// far back as Last: what is older was not deleted from a partition.
func tryTopics(ctx context.Context, opts TrialOptions, try func(audit.Record)) (complete bool, err error) {
	reader, err := kafka.OpenReader(ctx, opts.Config.Kafka)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, reader.Close()) }()
	spans, complete, err := lastSpans(ctx, reader, opts.Config.Kafka.Topics, time.Now().Add(-opts.Last))
	if err != nil {
		return false, err
	}
	done, total := 0, 0
	for _, s := range spans {
		total += int(s.end - s.from)
	}
	var rec audit.Record
	for _, s := range spans {
		records, before := reader.Range(s.topic, s.partition, s.from, s.end), s.from
		for {
			ok, err := records.Next(ctx, &rec)
			var expired *kafka.ExpiredError
			if errors.As(err, &expired) { // while they were read
				records.SkipTo(expired.Oldest)
				complete = false
				continue
			}
			if err != nil {
				return false, err
			}
			if at := records.Position(); opts.Progress != nil {
				done, before = done+int(at-before), at
				opts.Progress(min(done, total), total)
			}
			if !ok {
				break
			}
			if rec.Value != nil {
				try(rec)
			}
		}
	}
	return complete, nil
}

// lastSpans finds in each partition what was written since a point in time, and
// whether all of it is still there.
func lastSpans(ctx context.Context, reader *kafka.Reader, topics []string, since time.Time) (spans []stretch, complete bool, err error) {
	complete = true
	for _, topic := range topics {
		partitions, err := reader.Partitions(ctx, topic)
		if err != nil {
			return nil, false, err
		}
		lost, older := false, false
		for _, p := range partitions {
			oldest, end, err := reader.Bounds(ctx, topic, p)
			if err != nil {
				return nil, false, err
			}
			from, ok, err := reader.OffsetAt(ctx, topic, p, since)
			if err != nil {
				return nil, false, err
			}
			lost = lost || oldest > 0
			older = older || (ok && from > oldest) || (!ok && oldest < end)
			if ok && from < end {
				spans = append(spans, stretch{topic, p, from, end})
			}
		}
		// A partition that has what is older tells that the topic keeps records as long.
		complete = complete && (older || !lost)
	}
	return spans, complete, nil
}

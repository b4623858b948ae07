package app

import (
	"bufio"
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
		err = tryTopics(ctx, opts, trial.Add)
	}
	return trial.Report(), err
}

// tryLines tries events of one line each, whose number is the offset.
func tryLines(ctx context.Context, in io.Reader, try func(audit.Record)) error {
	lines := bufio.NewReaderSize(in, 64<<10)
	for n := int64(0); ctx.Err() == nil; n++ {
		line, err := lines.ReadBytes('\n')
		for len(line) > 0 && (line[len(line)-1] == '\n' || line[len(line)-1] == '\r') {
			line = line[:len(line)-1]
		}
		if len(line) > 0 {
			try(audit.Record{Topic: "events", Offset: n, Value: line})
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read line %d of the events: %w", n+1, err)
		}
	}
	return ctx.Err()
}

// stretch is what of a partition is read.
type stretch struct {
	topic     string
	partition int32
	from, end int64
}

// tryTopics tries the last records of the topics.
func tryTopics(ctx context.Context, opts TrialOptions, try func(audit.Record)) (err error) {
	reader, err := kafka.OpenReader(ctx, opts.Config.Kafka)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, reader.Close()) }()
	spans, err := lastSpans(ctx, reader, opts.Config.Kafka.Topics, time.Now().Add(-opts.Last))
	if err != nil {
		return err
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
				continue
			}
			if err != nil {
				return err
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
	return nil
}

// lastSpans finds in each partition what was written since a point in time.
func lastSpans(ctx context.Context, reader *kafka.Reader, topics []string, since time.Time) (spans []stretch, err error) {
	for _, topic := range topics {
		partitions, err := reader.Partitions(ctx, topic)
		if err != nil {
			return nil, err
		}
		for _, p := range partitions {
			_, end, err := reader.Bounds(ctx, topic, p)
			if err != nil {
				return nil, err
			}
			from, ok, err := reader.OffsetAt(ctx, topic, p, since)
			if err != nil {
				return nil, err
			}
			if ok && from < end {
				spans = append(spans, stretch{topic, p, from, end})
			}
		}
	}
	return spans, nil
}

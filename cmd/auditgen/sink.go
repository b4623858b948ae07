package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"auditlog-forwarder/pkg/audit"
	"auditlog-forwarder/pkg/kafka"
)

// retention is that of Confluent Cloud's own audit log topic.
const retention = 7 * 24 * time.Hour

// sink is where records go. The value belongs to the caller again when write
// returns. close says how many records have arrived.
type sink interface {
	write(ctx context.Context, value []byte, at time.Time) error
	close(ctx context.Context) (written int64, err error)
	fmt.Stringer
}

// lineSink writes one record a line.
type lineSink struct {
	out     *bufio.Writer
	flush   bool // after each line: a slow stream is watched
	written int64
}

func newLineSink(w io.Writer, flush bool) *lineSink {
	return &lineSink{out: bufio.NewWriterSize(w, 64<<10), flush: flush}
}

func (s *lineSink) String() string { return "standard output" }

func (s *lineSink) write(ctx context.Context, value []byte, _ time.Time) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	_, _ = s.out.Write(value) // bufio says the first error again
	err := s.out.WriteByte('\n')
	if err == nil && s.flush {
		err = s.out.Flush()
	}
	if err != nil {
		return fmt.Errorf("write to standard output: %w", err)
	}
	s.written++
	return nil
}

func (s *lineSink) close(context.Context) (int64, error) {
	if err := s.out.Flush(); err != nil {
		return s.written, fmt.Errorf("write to standard output: %w", err)
	}
	return s.written, nil
}

// topicSink writes to a Kafka topic.
type topicSink struct {
	producer *kafka.Producer
	record   audit.Record
}

func newTopicSink(ctx context.Context, o options, cfg kafka.Config) (sink, error) {
	if o.createTopic {
		// Replication -1 is the broker's own default.
		if err := kafka.EnsureTopic(ctx, cfg, o.topic, o.partitions, -1, retention); err != nil {
			return nil, err
		}
	}
	p, err := kafka.NewProducer(ctx, cfg, kafka.ProducerOptions{Compression: o.compression})
	if err != nil {
		return nil, err
	}
	return &topicSink{producer: p, record: audit.Record{Topic: o.topic, Partition: -1}}, nil
}

func (s *topicSink) String() string { return "topic " + s.record.Topic }

func (s *topicSink) write(ctx context.Context, value []byte, at time.Time) error {
	s.record.Value, s.record.Timestamp = value, at
	return s.producer.Send(ctx, &s.record)
}

func (s *topicSink) close(ctx context.Context) (int64, error) {
	written, err := s.producer.Close(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		err = fmt.Errorf("%w; the topic may hold more records than reported", err)
	}
	return written, err
}

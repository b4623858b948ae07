package main

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"time"

	"github.com/cenkalti/backoff/v5"
	"golang.org/x/time/rate"

	"auditlog-forwarder/pkg/audit/auditgen"
	"auditlog-forwarder/pkg/kafka"
)

// closeTimeout bounds how long records under way are waited for at the end.
const closeTimeout = 30 * time.Second

// generate writes events until there are enough, until the context ends, or
// until the sink fails, and reports to stderr.
func generate(ctx context.Context, o options, cfg kafka.Config, stdout, stderr io.Writer) error {
	if o.seed == 0 {
		// A run that repeats an earlier one's ids would look like duplicates.
		o.seed = rand.Uint64()
		say(stderr, "seed %d", o.seed)
	}
	gen, err := auditgen.New(o.seed)
	if err != nil {
		return err
	}
	out, err := open(ctx, o, cfg, stdout, stderr)
	if errors.Is(err, context.Canceled) {
		say(stderr, "stopped before anything was written")
		return nil
	}
	if err != nil {
		return err
	}
	started := time.Now()
	shown := startProgress(stderr, o.events)
	malformed, writeErr := write(ctx, o, gen, out, shown)
	shown.stop()

	// The records under way are still wanted, so an interrupt does not end the
	// wait for them; a second interrupt ends the process.
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
	defer cancel()
	written, closeErr := out.close(closing)
	report(stderr, out.String(), written, malformed, time.Since(started))
	if errors.Is(writeErr, context.Canceled) {
		writeErr = nil // stopped as asked
	}
	if closeErr != nil {
		return closeErr // of which a write's error is a repetition
	}
	return writeErr
}

// open returns the sink, after waiting for Kafka if that was asked for.
func open(ctx context.Context, o options, cfg kafka.Config, stdout, stderr io.Writer) (sink, error) {
	if o.stdout {
		return newLineSink(stdout, o.rate > 0), nil
	}
	attempt := func() (sink, error) {
		s, err := newTopicSink(ctx, o, cfg)
		var differs *kafka.PartitionsError
		if errors.As(err, &differs) {
			err = backoff.Permanent(err)
		}
		return s, err
	}
	if o.wait == 0 {
		s, err := attempt()
		var permanent *backoff.PermanentError
		if errors.As(err, &permanent) {
			err = permanent.Unwrap()
		}
		return s, err
	}
	told := false
	return backoff.Retry(ctx, attempt, backoff.WithMaxElapsedTime(o.wait), backoff.WithNotify(func(err error, _ time.Duration) {
		if !told {
			say(stderr, "waiting up to %s for Kafka: %v", o.wait, err)
			told = true
		}
	}))
}

// write fills the sink and returns how many of the records were malformed.
func write(ctx context.Context, o options, gen *auditgen.Generator, out sink, shown *progress) (malformed int64, err error) {
	limit := rate.NewLimiter(rate.Inf, 1)
	if o.rate > 0 {
		// A burst of 50 ms keeps high rates exact without a wait per record.
		limit = rate.NewLimiter(rate.Limit(o.rate), max(1, int(o.rate/20)))
	}
	var buf []byte
	for n := int64(1); o.events == 0 || n <= o.events; n++ {
		if err := limit.Wait(ctx); err != nil {
			return malformed, cause(ctx, err)
		}
		now := time.Now()
		if o.malformedEvery > 0 && n%o.malformedEvery == 0 {
			buf = gen.Malformed(buf[:0])
			malformed++
		} else {
			buf = gen.Next(buf[:0], now)
		}
		if err := out.write(ctx, buf, now); err != nil {
			return malformed, cause(ctx, err)
		}
		shown.add()
	}
	return malformed, nil
}

// cause prefers the context's own error: a limiter has one of its own.
func cause(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

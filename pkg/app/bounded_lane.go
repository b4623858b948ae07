package app

import (
	"context"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"
	"go.uber.org/zap"

	"auditlog-forwarder/pkg/forwarder"
	"auditlog-forwarder/pkg/kafka"
)

// recheck is how often a lane's last record is looked for again: it may have
// expired, or been compacted away.
const recheck = 30 * time.Second

// limit makes a lane end. The function it returns must be called when the lane
// has.
func (b *bounded) limit(ctx context.Context, c *kafka.Claim, claim *forwarder.Claim) (release func(), err error) {
	until := b.spans[kafka.TopicPartition{Topic: c.Topic, Partition: c.Partition}].until // 0 for one that is new
	gone := make(chan struct{})
	bound := &forwarder.Bound{Until: until, Last: c.Start, Gone: gone}
	b.busy.Add(1)
	b.had.Store(true)
	idle := sync.OnceFunc(func() { b.busy.Add(-1) })
	bound.Done = func() {
		idle()
		select {
		case b.poke <- struct{}{}:
		default:
		}
	}
	claim.Bound = bound
	reads := until // below it, records are read
	switch {
	case b.owes(until, c.Note):
		reads = max(until, c.Committed)
	case c.Start >= until || c.Committed >= until:
		return idle, nil
	}
	wait := backoff.NewExponentialBackOff()
	wait.MaxInterval = 10 * time.Second
	bound.Last, err = backoff.Retry(ctx, func() (int64, error) { return c.LastBefore(reads) },
		backoff.WithBackOff(wait), backoff.WithMaxElapsedTime(0),
		backoff.WithNotify(func(err error, _ time.Duration) {
			b.log.Warn("where a partition's last event is could not be asked for; it is tried again",
				zap.String("topic", c.Topic), zap.Int32("partition", c.Partition), zap.Error(err))
		}))
	if err != nil {
		idle()
		return nil, err
	}
	looking, stop := context.WithCancel(ctx)
	var ended sync.WaitGroup
	ended.Go(func() { lookAgain(looking, c, reads, bound.Last, gone) })
	return func() {
		stop()
		ended.Wait()
		idle()
	}, nil
}

// lookAgain tells the lane when its last record is no longer there.
func lookAgain(ctx context.Context, c *kafka.Claim, until, was int64, gone chan<- struct{}) {
	tick := time.NewTicker(recheck)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		if last, err := c.LastBefore(until); err != nil || last >= was {
			continue // fetching meets an error as well
		}
		select {
		case gone <- struct{}{}:
		case <-ctx.Done():
			return
		}
	}
}

package mirror

import (
	"context"
	"time"

	"github.com/cenkalti/backoff/v5"
	"go.uber.org/zap"
)

const (
	// soon and seldom bound how often something that fails is tried again.
	soon   = 200 * time.Millisecond
	seldom = 15 * time.Second
	// lasting is what takes longer than a leader's move.
	lasting = 5 * time.Second
)

// persist does what try does, again and again until ctx ends, and says
// meanwhile why this partition waits.
func (l *lane) persist(ctx context.Context, try func() error) error {
	wait := backoff.NewExponentialBackOff()
	wait.InitialInterval, wait.MaxInterval = soon, seldom
	failed, began := 0, time.Now()
	for {
		err := try()
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err == nil {
			if failed > 0 {
				l.sink.problem(l.claim.Partition, nil)
			}
			return nil
		}
		// A leader that moves fails for a moment.
		if failed++; failed > 2 || time.Since(began) > lasting {
			l.sink.problem(l.claim.Partition, err)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(wait.NextBackOff()):
		}
	}
}

// begin finds out where the destination stands.
func (l *lane) begin(ctx context.Context) error {
	var start, end int64
	err := l.persist(ctx, func() error {
		// Also the partition may be new at the source.
		grown, err := l.sink.opts.Target.Grow(ctx, l.claim.Partition+1)
		if err != nil {
			return err
		}
		if grown {
			l.log.Info("the source has more partitions than before; they were added to the destination")
		}
		start, end, err = l.to.Bounds(ctx)
		return err
	})
	if err != nil {
		return err
	}
	noted, ok := ParseNote(l.claim.Note)
	here := l.position(end)
	same := ok && noted.Topic == here.Topic && (noted.Cluster == here.Cluster || noted.Cluster == "" || here.Cluster == "")
	switch {
	case !same:
		return l.first(ctx, noted, ok, start, end)
	case noted.End > end:
		l.sink.metrics.lost.add(noted.End - end)
		l.log.Error("THE DESTINATION HAS LOST RECORDS: it is shorter than it was, as after deleting and creating the topic; going on at the committed offset",
			zap.Int64("was", noted.End), zap.Int64("is", end), zap.Int64("lost", noted.End-end), zap.Int64("source_offset", l.claim.Committed),
			zap.String("next_step", "see what is missing with `mirror verify`; to copy again what the source still has, start the mirror under another mirror.group_id"))
		l.end = end
		return nil
	}
	l.end = max(noted.End, start)
	return l.look(ctx, l.end, end)
}

// first begins a partition for which there is no note. It commits one before
// anything is written: the next start must be able to tell what was.
func (l *lane) first(ctx context.Context, noted Position, ok bool, start, end int64) error {
	switch {
	case ok:
		l.log.Warn("the group's offset was committed for another destination; what was copied there is not copied to this one",
			zap.String("other_topic", noted.Topic), zap.String("other_cluster", noted.Cluster), zap.Int64("source_offset", l.claim.Committed),
			zap.String("next_step", "to copy everything that the source still has, give this mirror another mirror.group_id"))
	case end > start:
		l.log.Warn("the destination has records already, and this group has no note of them; they are left as they are, and some may come a second time",
			zap.Int64("records", end-start))
	}
	l.end = end
	// The offset itself may be on its way to being committed without a note, and
	// that would answer for the first of these marks; not for the second.
	for range 2 {
		committed := make(chan struct{})
		l.claim.Mark(l.claim.Committed, l.note(), func() { close(committed) })
		select {
		case <-committed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// look reads what stands in the destination from the known end on.
func (l *lane) look(ctx context.Context, from, end int64) error {
	l.ahead = ahead{}
	if from >= end {
		return nil
	}
	if end-from > maxAhead {
		l.log.Error("far more stands in the destination than this mirror can have written since its last commit: somebody else writes there; it is not compared, and up to "+
			"what a kill leaves uncommitted may come a second time", zap.Int64("records", end-from))
		l.sink.metrics.strangers.add(end - from)
		l.end = end
		return nil
	}
	err := l.persist(ctx, func() (err error) {
		l.ahead, err = readAhead(ctx, l.to, from, end)
		return err
	})
	if err != nil {
		return err
	}
	if n := len(l.ahead.sums); n > 0 {
		l.log.Info("records stand in the destination that were not committed; those that are the source's next ones are not written again", zap.Int("records", n))
	}
	return nil
}

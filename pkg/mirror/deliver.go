package mirror

import (
	"context"
	"errors"
	"fmt"

	"go.uber.org/zap"

	"auditlog-forwarder/pkg/audit"
	"auditlog-forwarder/pkg/kafka"
)

// deliver returns when all of b is in the destination, behind all that was
// delivered before.
func (l *lane) deliver(ctx context.Context, b audit.Batch) error {
	from, most := l.skip(b, 0), len(b.Ends)
	for from < len(b.Ends) {
		to := min(len(b.Ends), from+most)
		unsure := false
		err := l.persist(ctx, func() error {
			base, err := l.to.Write(ctx, b.Body, beginning(b, from), b.Ends[from:to])
			switch {
			case err == nil:
				l.placed(ctx, b, from, to, base)
				from = to
			case errors.Is(err, kafka.ErrCopyTooLarge) && to-from > 1:
				most = (to - from) / 2 // nothing of it is there, so a half goes in its place
			case errors.Is(err, kafka.ErrCopyTooLarge):
				packed := packedAt(b, from)
				return fmt.Errorf("the record %s/%d/%d has %d bytes, more than topic %s takes; raise its max.message.bytes, and the brokers' replica.fetch.max.bytes if it has limits of its own: this partition waits, and skips nothing: %w",
					b.Topic, b.Partition, kafka.PackedOffset(packed), len(packed), l.sink.opts.Target.Topic(), err)
			case errors.Is(err, kafka.ErrCopyUnsure):
				unsure = true
			default:
				return err
			}
			return nil
		})
		if err != nil {
			return err
		}
		if unsure {
			if err := l.lookAgain(ctx); err != nil {
				return err
			}
			from = l.skip(b, from)
		}
	}
	return nil
}

// lookAgain finds out what of the last batch is in the destination after all,
// and goes on as a new writer.
func (l *lane) lookAgain(ctx context.Context) error {
	l.log.Warn("the destination has forgotten this writer; looking what it has")
	l.to.Renew()
	var end int64
	err := l.persist(ctx, func() (err error) {
		_, end, err = l.to.Bounds(ctx)
		return err
	})
	if err != nil {
		return err
	}
	return l.look(ctx, l.end, end)
}

// beginning returns where an event of a batch begins.
func beginning(b audit.Batch, i int) int {
	if i == 0 {
		return 0
	}
	return b.Ends[i-1]
}

func packedAt(b audit.Batch, i int) []byte { return b.Body[beginning(b, i):b.Ends[i]] }

// skip passes over what stands in the destination already, and returns the
// first event that does not.
func (l *lane) skip(b audit.Batch, from int) int {
	skipped := 0
	defer func() {
		if skipped > 0 {
			l.sink.metrics.skipped.add(int64(skipped))
			l.log.Info("records that stand in the destination already were not written again", zap.Int("records", skipped))
		}
	}()
	for ; from < len(b.Ends) && len(l.ahead.sums) > 0; from++ {
		end, strangers, ok := l.ahead.match(packedAt(b, from))
		if !ok {
			// A mirror writes in the source's order, so what comes later is not there
			// either.
			strangers, end = len(l.ahead.sums), l.ahead.ends[len(l.ahead.ends)-1]
			l.ahead = ahead{}
		}
		l.end = max(l.end, end)
		if strangers > 0 {
			l.sink.metrics.strangers.add(int64(strangers))
			l.log.Warn("the destination has records that are not the source's next ones: somebody else has written to the topic, or a mirror that was frozen; they are left as they are", zap.Int("records", strangers))
		}
		if !ok {
			break
		}
		skipped++
	}
	return from
}

// placed notes where a part of a batch stands.
func (l *lane) placed(ctx context.Context, b audit.Batch, from, to int, base int64) {
	m := l.sink.metrics
	switch {
	case base > l.end:
		l.overtaken(ctx, b, from, to, base)
	case base < l.end:
		m.lost.add(l.end - base)
		l.log.Error("THE DESTINATION HAS LOST RECORDS: it is shorter than it was, as after deleting and creating the topic, or an unclean election",
			zap.Int64("was", l.end), zap.Int64("is", base), zap.Int64("lost", l.end-base),
			zap.String("next_step", "see what is missing with `mirror verify`; to copy again what the source still has, start the mirror under another mirror.group_id"))
	}
	l.end = base + int64(to-from)
	m.written.add(int64(to - from))
	m.bytes.add(int64(b.Ends[to-1] - beginning(b, from)))
	m.at(l.claim.Partition, l.end)
}

// overtaken finds out what came between the end that was known and what was
// just written: a predecessor's last request, or somebody else's records.
func (l *lane) overtaken(ctx context.Context, b audit.Batch, from, to int, base int64) {
	between, err := readAhead(ctx, l.to, l.end, base)
	if err != nil { // it is for the accounts only
		l.sink.metrics.strangers.add(base - l.end)
		l.log.Warn("others have written to the destination as well, and it cannot be read what", zap.Int64("records", base-l.end), zap.Error(err))
		return
	}
	found, twice := len(between.sums), 0
	for i := from; i < to && len(between.sums) > 0; i++ {
		_, strangers, ok := between.match(packedAt(b, i))
		if !ok {
			continue // it came with another batch than theirs
		}
		l.sink.metrics.strangers.add(int64(strangers))
		twice++
	}
	// What is left may be the source's next ones.
	l.ahead = between
	l.sink.metrics.duplicates.add(int64(twice))
	if found > 0 {
		l.log.Warn("records came into the destination beside this mirror's", zap.Int("records", found), zap.Int("of_them_twice", twice))
	}
}

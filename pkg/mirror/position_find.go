package mirror

import (
	"context"
	"fmt"
	"hash/maphash"
	"time"

	"go.uber.org/zap"

	"auditlog-forwarder/pkg/audit"
)

const (
	// findAgain is how often the copy is looked at for a record that is not there
	// yet, and findTell how often that is told.
	findAgain = time.Second
	findTell  = 15 * time.Second
	// followers is how many records behind the one that is sought are looked for,
	// to tell one that is missing in the copy from one that is not copied yet.
	followers = 1000
	// alignMost bounds how many records of the same time are compared to tell
	// records of the same content apart.
	alignMost = 10_000
)

// find returns the offset in the copy from which on nothing is skipped of what
// the old place has from its offset on, and nothing is repeated. It waits until
// the copy is as far.
func (m *mover) find(ctx context.Context, p int32, old int64) (int64, error) {
	told := time.Time{}
	for {
		offset, ok, err := m.tryFind(ctx, p, old)
		if err != nil || ok {
			return offset, err
		}
		if now := time.Now(); now.Sub(told) >= findTell {
			told = now
			m.log.Info("waiting for the mirror: the event is not copied yet", zap.String("topic", m.opts.Old.Topic),
				zap.Int32("partition", p), zap.Int64("old_offset", old))
		}
		select {
		case <-ctx.Done():
			return 0, fmt.Errorf("wait until the mirror has copied %s/%d offset %d: %w", m.opts.Old.Topic, p, old, ctx.Err())
		case <-time.After(findAgain):
		}
	}
}

// tryFind is find without the wait; ok is false if the copy is not as far.
func (m *mover) tryFind(ctx context.Context, p int32, old int64) (_ int64, ok bool, err error) {
	topic := m.opts.Old.Topic
	oldest, end, err := m.old.Bounds(ctx, topic, p)
	if err != nil {
		return 0, false, fmt.Errorf("the old place: %w", err)
	}
	switch {
	case old < oldest:
		return 0, false, fmt.Errorf("%s/%d: the group was at offset %d, and the old place has nothing below %d any more, so the event cannot be found in the copy; "+
			"set the group's offset in the copy yourself, to a time before the forwarder stopped, and start without --from-mirror-position", topic, p, old, oldest)
	case old > end:
		return 0, false, fmt.Errorf("%s/%d: the group was at offset %d, and the partition ends at %d, as after the topic was made again; "+
			"set the group's offset in the copy yourself, and start without --from-mirror-position", topic, p, old, end)
	}
	rec, found, err := first(ctx, m.old, topic, p, old, end)
	if err != nil {
		return 0, false, fmt.Errorf("the old place: %w", err)
	}
	if found {
		return m.locate(ctx, p, &rec, end)
	}
	// All is read there. The group goes on behind the copy of the last record.
	rec, found, err = m.last(ctx, p, oldest, old)
	if err != nil {
		return 0, false, err
	}
	if found {
		offset, ok, err := m.locate(ctx, p, &rec, end)
		return offset + 1, ok, err
	}
	return m.behindAll(ctx, p, old, end)
}

// behindAll is for a partition whose records have all been read and expired in
// the old place, or that never had any: whatever the copy has was read there.
// The copy's end is taken before it is known that the old place still has
// nothing new.
func (m *mover) behindAll(ctx context.Context, p int32, old, end int64) (int64, bool, error) {
	_, offset, err := m.new.Bounds(ctx, m.opts.New.Topic, p)
	if err != nil {
		return 0, false, fmt.Errorf("the copy: %w", err)
	}
	_, now, err := m.old.Bounds(ctx, m.opts.Old.Topic, p)
	if err != nil {
		return 0, false, fmt.Errorf("the old place: %w", err)
	}
	_, more, err := first(ctx, m.old, m.opts.Old.Topic, p, old, max(end, now))
	if err != nil {
		return 0, false, fmt.Errorf("the old place: %w", err)
	}
	return offset, !more, nil // if there is more, that can be found
}

// last returns the last record below an offset. It looks back in steps that
// grow, since gaps may be long.
func (m *mover) last(ctx context.Context, p int32, oldest, below int64) (rec audit.Record, found bool, err error) {
	for step, end := int64(1), below; end > oldest; step *= 2 {
		from := max(oldest, end-step)
		g := m.old.Range(m.opts.Old.Topic, p, from, end)
		for {
			var one audit.Record
			more, err := g.Next(ctx, &one)
			if err != nil {
				return rec, false, fmt.Errorf("the old place: %w", err)
			}
			if !more {
				break
			}
			rec, found = one, true
			// Its headers are the range's own.
			rec.Headers = append([]audit.Header(nil), one.Headers...)
		}
		if found {
			return rec, true, nil
		}
		end = from
	}
	return rec, false, nil
}

// locate returns the offset of a record's first copy. A later copy would be as
// good only if nothing new stood between the two.
func (m *mover) locate(ctx context.Context, p int32, rec *audit.Record, end int64) (int64, bool, error) {
	topic := m.opts.New.Topic
	oldest, copied, err := m.new.Bounds(ctx, topic, p)
	if err != nil {
		return 0, false, fmt.Errorf("the copy: %w", err)
	}
	begin, ok, err := m.new.OffsetAt(ctx, topic, p, rec.Timestamp)
	if err != nil {
		return 0, false, fmt.Errorf("the copy: %w", err)
	}
	if !ok || begin >= copied {
		return 0, false, nil
	}
	begin = max(begin, oldest)
	prints := newPrinter(maphash.MakeSeed())
	first, found, err := m.search(ctx, p, begin, copied, prints, map[identity]bool{prints.imprint(rec, false).id: true})
	if err != nil {
		return 0, false, err
	}
	if found {
		offset, err := m.align(ctx, p, rec, begin, copied, first, prints)
		return offset, err == nil, err
	}

	// What came after it is there: then it will not come any more.
	after := map[identity]bool{}
	g := m.old.Range(m.opts.Old.Topic, p, rec.Offset+1, end)
	for len(after) < followers {
		var next audit.Record
		more, err := g.Next(ctx, &next)
		if err != nil {
			return 0, false, fmt.Errorf("the old place: %w", err)
		}
		if !more {
			break
		}
		after[prints.imprint(&next, false).id] = true
	}
	at, passed, err := m.search(ctx, p, begin, copied, prints, after)
	if err != nil || !passed {
		return 0, false, err
	}
	why := "is missing in the copy, where later ones stand at offset %d; see what `mirror verify` says, and copy it again"
	if oldest > 0 && begin == oldest {
		why = "has expired in the copy, whose oldest events are later, at offset %d; raise the copy's retention"
	}
	return 0, false, fmt.Errorf("%s/%d: the event at offset %d "+why+", or set the group's offset in the copy yourself and start without --from-mirror-position",
		m.opts.Old.Topic, p, rec.Offset, at)
}

// search returns the offset of the copy's first record of these contents.
func (m *mover) search(ctx context.Context, p int32, from, end int64, prints *printer, want map[identity]bool) (int64, bool, error) {
	if len(want) == 0 {
		return 0, false, nil
	}
	g := m.new.Range(m.opts.New.Topic, p, from, end)
	for {
		var rec audit.Record
		more, err := g.Next(ctx, &rec)
		if err != nil {
			return 0, false, fmt.Errorf("the copy: %w", err)
		}
		if !more {
			return 0, false, nil
		}
		if want[prints.imprint(&rec, false).id] {
			return rec.Offset, true, nil
		}
	}
}

// align tells the record from earlier ones of the same content: if both sides
// have the same records from the first of its time on, it stands in the same
// place. Otherwise the first copy serves, before which nothing is skipped.
func (m *mover) align(ctx context.Context, p int32, rec *audit.Record, begin, copied, first int64, prints *printer) (int64, error) {
	start, ok, err := m.old.OffsetAt(ctx, m.opts.Old.Topic, p, rec.Timestamp)
	if err != nil {
		return 0, fmt.Errorf("the old place: %w", err)
	}
	if !ok || start >= rec.Offset {
		return first, nil
	}
	here := m.old.Range(m.opts.Old.Topic, p, start, rec.Offset+1)
	there := m.new.Range(m.opts.New.Topic, p, begin, copied)
	for range alignMost {
		var a, b audit.Record
		moreA, errA := here.Next(ctx, &a)
		moreB, errB := there.Next(ctx, &b)
		switch {
		case errA != nil:
			return 0, fmt.Errorf("the old place: %w", errA)
		case errB != nil:
			return 0, fmt.Errorf("the copy: %w", errB)
		case !moreA || !moreB || prints.imprint(&a, false).id != prints.imprint(&b, false).id:
			return first, nil
		case a.Offset == rec.Offset:
			return b.Offset, nil
		}
	}
	return first, nil
}

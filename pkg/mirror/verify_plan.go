package mirror

import (
	"context"
	"fmt"
	"hash/maphash"
	"time"

	"auditlog-forwarder/pkg/audit"
	"auditlog-forwarder/pkg/kafka"
)

// plan says what of a partition is read, and what of that is compared.
type plan struct {
	partition        int32
	noSource, noDest bool // it is on the other side only
	source, dest     Extent
	// edge is how many offsets beyond the range are read on both sides. A range
	// that is given by time or by the source's offsets need not begin and end at
	// the very same record on both sides; what is read beyond it only serves to
	// find counterparts.
	edge int64
	// hollow: there are records on one side only, since the other's have expired.
	hollow bool
	notes  []string
}

func (p *plan) note(format string, args ...any) {
	p.notes = append(p.notes, fmt.Sprintf(format, args...))
}

// reads is an extent with its edges.
func (p *plan) reads(e Extent) (from, end int64) {
	return max(e.Oldest, e.From-p.edge), min(e.End, e.To+p.edge)
}

func (p *plan) work() int64 {
	sf, st := p.reads(p.source)
	df, dt := p.reads(p.dest)
	return max(0, st-sf) + max(0, dt-df)
}

// resolve finds the range in both sides.
func (v *verification) resolve(ctx context.Context, p *plan) error {
	p.edge = min(10_000, int64(v.opts.Window)/4)
	s, d := &p.source, &p.dest
	s.From, s.To, d.From, d.To = s.Oldest, s.End, d.Oldest, d.End
	var err error
	switch {
	case p.noDest:
		p.note("the destination has no partition %d", p.partition)
	case p.noSource:
		p.note("the source has no partition %d", p.partition)
		return nil
	}
	if s.From, err = v.sourcePoint(ctx, p, v.opts.From, s.Oldest); err != nil {
		return err
	}
	if s.To, err = v.sourcePoint(ctx, p, v.opts.To, s.End); err != nil {
		return err
	}
	s.To = max(s.From, s.To)
	if p.noDest {
		return nil
	}
	if err := v.resolveStart(ctx, p); err != nil {
		return err
	}
	if s.To < s.End {
		if d.To, _, _, err = v.counterpart(ctx, p, s.To); err != nil {
			return err
		}
	}
	d.To = max(d.From, d.To)
	return nil
}

// sourcePoint is a point as an offset of the source.
func (v *verification) sourcePoint(ctx context.Context, p *plan, at Point, open int64) (int64, error) {
	switch {
	case at.Offset != nil:
		if *at.Offset < p.source.Oldest {
			p.note("the source has no offsets below %d any more", p.source.Oldest)
		}
		return min(max(*at.Offset, p.source.Oldest), p.source.End), nil
	case at.open():
		return open, nil
	}
	offset, ok, err := v.source.OffsetAt(ctx, v.opts.Source.Topic, p.partition, at.Time)
	if err != nil {
		return 0, v.opts.Source.blame("source", err)
	}
	if !ok {
		offset = p.source.End
	}
	return min(offset, p.source.End), nil
}

// resolveStart finds where the destination's range begins, and moves the
// source's up to it where the destination has expired.
func (v *verification) resolveStart(ctx context.Context, p *plan) error {
	s, d := &p.source, &p.dest
	if d.Oldest == d.End {
		if d.End > 0 && s.From < s.To {
			p.note("all that the destination had, %d offsets, has expired there; nothing can be compared", d.End)
			p.hollow = true
			s.From = s.To
		}
		return nil
	}
	switch {
	case s.From == s.To && (!v.opts.From.open() || !v.opts.To.open()):
		d.From = d.End // the range is empty
		return nil
	case s.From == s.To && s.End > 0:
		p.note("all that the source had, %d offsets, has expired there; nothing can be compared", s.End)
		p.hollow = d.From < d.End
		d.From = d.End
		return nil
	case s.From == s.To || s.From == 0 && d.Oldest == 0:
		return nil
	}
	from, found, first, err := v.counterpart(ctx, p, s.From)
	if err != nil {
		return err
	}
	if !found && d.Oldest > 0 && from == d.Oldest {
		// What the source has there is older than what the destination has left.
		return v.skipExpired(ctx, p)
	}
	d.From = from
	if s.From == s.Oldest && s.Oldest > 0 && d.From > d.Oldest {
		p.note("the source has nothing left from before its offset %d (%s); the destination's offsets %d to %d are older and cannot be compared",
			s.Oldest, stamp(first.Timestamp), d.Oldest, d.From-1)
	}
	return nil
}

// skipExpired begins the source's range where that of the destination begins.
func (v *verification) skipExpired(ctx context.Context, p *plan) error {
	s, d := &p.source, &p.dest
	oldest, ok, err := first(ctx, v.dest, v.opts.Destination.Topic, p.partition, d.Oldest, d.End)
	if err != nil || !ok {
		return err
	}
	was := s.From
	if s.From, _, err = locateByTime(ctx, v.source, v.opts.Source.Topic, p.partition, &oldest, s.From, s.End, p.edge); err != nil {
		return v.opts.Source.blame("source", err)
	}
	s.From = min(s.From, s.To)
	p.note("the destination has nothing left from before %s; the source's offsets %d to %d are older and cannot be compared",
		stamp(oldest.Timestamp), was, s.From-1)
	return nil
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// counterpart finds in the destination the source's first record from an offset
// on, or where it would stand by its time.
func (v *verification) counterpart(ctx context.Context, p *plan, offset int64) (_ int64, found bool, rec audit.Record, err error) {
	rec, ok, err := first(ctx, v.source, v.opts.Source.Topic, p.partition, offset, p.source.End)
	if err != nil {
		return 0, false, rec, v.opts.Source.blame("source", err)
	}
	if !ok {
		return p.dest.End, false, rec, nil
	}
	at, found, err := locateByTime(ctx, v.dest, v.opts.Destination.Topic, p.partition, &rec, p.dest.Oldest, p.dest.End, p.edge)
	if err != nil {
		return 0, false, rec, v.opts.Destination.blame("destination", err)
	}
	return at, found, rec, nil
}

// first returns the first record from an offset on.
func first(ctx context.Context, r *kafka.Reader, topic string, partition int32, from, end int64) (rec audit.Record, ok bool, err error) {
	g := r.Range(topic, partition, from, end)
	ok, err = g.Next(ctx, &rec)
	return rec, ok, err
}

// locateByTime finds a record by its content among at most limit offsets from
// the first one that is as young. If it is not there, it returns that first one.
func locateByTime(ctx context.Context, r *kafka.Reader, topic string, partition int32, rec *audit.Record, from, end, limit int64) (offset int64, found bool, err error) {
	begin, ok, err := r.OffsetAt(ctx, topic, partition, rec.Timestamp)
	if err != nil {
		return 0, false, err
	}
	if !ok || begin >= end {
		return end, false, nil
	}
	begin = max(begin, from)
	prints := newPrinter(maphash.MakeSeed())
	want := prints.imprint(rec, false).id
	g := r.Range(topic, partition, begin, min(end, begin+limit))
	for {
		var other audit.Record
		more, err := g.Next(ctx, &other)
		if err != nil || !more {
			return begin, false, err
		}
		if prints.imprint(&other, false).id == want {
			return other.Offset, true, nil
		}
	}
}

package mirror

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"time"

	"auditlog-forwarder/pkg/audit"
	"auditlog-forwarder/pkg/kafka"
)

// strand is one side of a partition while it is read. It is read ahead by one
// chunk, whose time decides whose turn it is.
type strand struct {
	name     string
	leg      Leg
	records  *kafka.Range // nil: there is none
	prints   *printer
	from, to int64 // what is compared
	size     int   // of a chunk
	at       int64 // how far progress was told

	chunk []imprint
	clock int64 // the time of the chunk's oldest record
	over  bool
}

// load reads the next chunk, if there is none.
func (s *strand) load(ctx context.Context) error {
	if len(s.chunk) > 0 || s.over {
		return nil
	}
	for len(s.chunk) < s.size {
		var rec audit.Record
		more := false
		if s.records != nil {
			var err error
			if more, err = s.records.Next(ctx, &rec); err != nil {
				return s.leg.blame(s.name, err)
			}
		}
		if !more {
			s.over = len(s.chunk) == 0
			break
		}
		s.chunk = append(s.chunk, s.prints.imprint(&rec, rec.Offset >= s.from && rec.Offset < s.to))
	}
	for i, im := range s.chunk {
		if i == 0 || im.when < s.clock {
			s.clock = im.when
		}
	}
	return nil
}

// compare compares one partition. The error is one of ctx; any other stands in
// the report.
func (v *verification) compare(ctx context.Context, p *plan) (PartitionReport, error) {
	kept := &findings{most: v.opts.Findings, kept: map[Kind][]Finding{}}
	c := newComparator(v.opts.Window, kept.add)
	err := v.feed(ctx, p, c)
	report := PartitionReport{Partition: p.partition, Source: p.source, Destination: p.dest, Notes: p.notes, Findings: []Finding{}}
	if err != nil {
		if ctx.Err() != nil {
			return report, fmt.Errorf("compare partition %d: %w", p.partition, ctx.Err())
		}
		report.Error, report.Verdict = err.Error(), Unknown
		if expired := (*kafka.ExpiredError)(nil); errors.As(err, &expired) {
			report.Error += " while they were compared; compare again, from a later time on"
		}
		return report, nil
	}
	_, read := p.reads(p.dest)
	counts, pending := c.finish(!p.noDest && read == p.dest.End)
	report.Counts, report.Findings, report.FindingsLeft = counts, kept.all(), kept.left
	report.Verdict = Equal
	if p.hollow {
		report.Verdict = Unknown
	}
	if pending != nil {
		report.Verdict = TooBehind
		oldest := time.UnixMilli(pending.when).UTC()
		report.Behind = &oldest
		if v.started.Sub(oldest) <= v.opts.MaxBehind {
			report.Verdict = Behind
		}
	}
	if counts.Wrong() > 0 {
		report.Verdict = Different
	}
	return report, nil
}

// feed gives the comparator both sides, whichever is behind in time first; so a
// hole or a repeat of any length on one side does not bring them apart. Among
// equals it is the turn of the side that is less remembered.
func (v *verification) feed(ctx context.Context, p *plan, c *comparator) error {
	seed := maphash.MakeSeed()
	size := max(1, min(512, v.opts.Window/8))
	source := &strand{name: "source", leg: v.opts.Source, prints: newPrinter(seed), from: p.source.From, to: p.source.To, size: size}
	dest := &strand{name: "destination", leg: v.opts.Destination, prints: newPrinter(seed), from: p.dest.From, to: p.dest.To, size: size}
	if !p.noSource {
		from, end := p.reads(p.source)
		source.records, source.at = v.source.Range(v.opts.Source.Topic, p.partition, from, end), from
	}
	if !p.noDest {
		from, end := p.reads(p.dest)
		dest.records, dest.at = v.dest.Range(v.opts.Destination.Topic, p.partition, from, end), from
	}
	for {
		if err := errors.Join(source.load(ctx), dest.load(ctx)); err != nil {
			return err
		}
		if source.over && dest.over {
			return nil
		}
		turn, add := source, c.addSource
		if source.over || !dest.over && (dest.clock < source.clock || dest.clock == source.clock && c.dest.n < c.source.n) {
			turn, add = dest, c.addDest
		}
		for _, im := range turn.chunk {
			add(im)
		}
		turn.chunk = turn.chunk[:0]
		v.progress(turn.records.Position() - turn.at)
		turn.at = turn.records.Position()
	}
}

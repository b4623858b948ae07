package kafka

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/IBM/sarama"

	"auditlog-forwarder/pkg/audit"
)

// ExpiredError says that records are gone which were to be read.
type ExpiredError struct {
	Topic          string
	Partition      int32
	Offset, Oldest int64 // what was to be read, and what is left
}

// Error implements error.
func (e *ExpiredError) Error() string {
	return fmt.Sprintf("%s/%d: the records from offset %d to %d have expired", e.Topic, e.Partition, e.Offset, e.Oldest-1)
}

const (
	// rangeFetch is what one fetch asks for; a record batch that is larger is
	// asked for as a whole, up to largestFetch.
	rangeFetch   = 1 << 20
	largestFetch = 256 << 20
	// rangeWait is how long a broker may hold a fetch back. What a range ends
	// with is there already, so this is only met when something is odd.
	rangeWait = 500 * time.Millisecond
)

// Range reads the records of a partition from one offset to another, in their
// order. It belongs to one goroutine. It holds what one fetch has brought and
// nothing more.
type Range struct {
	reader    *Reader
	topic     string
	partition int32
	next, end int64

	records []rangeRecord // of the last fetch
	at      int           // the next of records
	size    int32         // of the next fetch
	empty   int           // fetches one after the other that brought nothing
	quick   int           // of them, the last ones that were answered at once
	headers []audit.Header
}

// rangeRecord is a record where Sarama has put it.
type rangeRecord struct {
	offset int64
	when   time.Time
	record *sarama.Record
}

// Range makes a Range of the offsets from (included) to end (not included). The
// end must not be beyond that of Bounds.
func (r *Reader) Range(topic string, partition int32, from, end int64) *Range {
	return &Range{reader: r, topic: topic, partition: partition, next: from, end: end, size: rangeFetch}
}

// Position returns the next offset that is not read yet. Behind the last
// record it is the end, whatever gaps stand there.
func (g *Range) Position() int64 { return g.next }

// Next fills rec with the next record, and returns false behind the last one.
// rec's memory is good as long as it is held, but for its Headers, which are
// valid until the next call. If records have expired, the error is an
// *ExpiredError, and SkipTo goes on.
func (g *Range) Next(ctx context.Context, rec *audit.Record) (bool, error) {
	for {
		if g.at < len(g.records) {
			f := g.records[g.at]
			g.at++
			if f.offset >= g.end {
				g.next, g.records, g.at = g.end, nil, 0
				return false, nil
			}
			g.fill(rec, f)
			g.next = f.offset + 1
			return true, nil
		}
		if g.next >= g.end {
			return false, nil
		}
		if err := g.fetch(ctx); err != nil {
			return false, err
		}
	}
}

// SkipTo goes on at a later offset.
func (g *Range) SkipTo(offset int64) {
	g.next, g.records, g.at = max(g.next, offset), nil, 0
}

func (g *Range) fill(rec *audit.Record, f rangeRecord) {
	rec.Topic, rec.Partition, rec.Offset, rec.Timestamp = g.topic, g.partition, f.offset, f.when
	rec.Key, rec.Value = f.record.Key, f.record.Value
	g.headers = g.headers[:0]
	for _, h := range f.record.Headers {
		g.headers = append(g.headers, audit.Header{Key: string(h.Key), Value: h.Value})
	}
	rec.Headers = g.headers
}

// fetch gets the records behind next, or moves next over a gap.
func (g *Range) fetch(ctx context.Context) error {
	if ctx.Err() != nil {
		return g.reader.explain(ctx, ctx.Err())
	}
	var block *sarama.FetchResponseBlock
	var took time.Duration
	throttled := false
	err := g.reader.again(ctx, g.topic, g.partition, func(leader *sarama.Broker) error {
		req := &sarama.FetchRequest{
			Version: 11, MaxWaitTime: int32(rangeWait / time.Millisecond), MinBytes: 1, MaxBytes: g.size,
			Isolation: sarama.ReadCommitted, SessionEpoch: -1, // no session
		}
		req.AddBlock(g.topic, g.partition, g.next, g.size, noEpoch)
		asked := time.Now()
		resp, err := leader.Fetch(req)
		if err != nil {
			_ = leader.Close() // it is opened again by the next look-up
			return err
		}
		took = time.Since(asked)
		throttled = resp.ThrottleTime > 0
		block = resp.GetBlock(g.topic, g.partition)
		switch {
		case block == nil && throttled:
			return nil // Sarama has waited; ask again
		case block == nil:
			return sarama.ErrIncompleteResponse
		case block.Err != sarama.ErrNoError:
			return block.Err
		}
		return nil
	})
	switch {
	case errors.Is(err, sarama.ErrOffsetOutOfRange):
		return g.outOfRange(ctx, err)
	case err != nil:
		return err
	case block == nil:
		return nil
	}
	before := g.next
	if err := g.take(block); err != nil {
		return g.reader.explain(ctx, err)
	}
	if g.next > before || len(g.records) > 0 {
		g.size, g.empty, g.quick = rangeFetch, 0, 0
		return nil
	}
	if throttled || took >= rangeWait/2 {
		g.quick = 0
	} else {
		g.quick++
	}
	return g.nothing(ctx, block, throttled)
}

// outOfRange tells what has expired from what never was.
func (g *Range) outOfRange(ctx context.Context, cause error) error {
	oldest, end, err := g.reader.Bounds(ctx, g.topic, g.partition)
	switch {
	case err != nil:
		return err
	case g.next < oldest:
		return &ExpiredError{Topic: g.topic, Partition: g.partition, Offset: g.next, Oldest: oldest}
	}
	return fmt.Errorf("%s/%d ends at offset %d, and was to be read from %d, as after the topic was made again: %w", g.topic, g.partition, end, g.next, cause)
}

// nothing decides what a fetch without a whole batch means: a batch that is
// larger than what was asked for, batches that compaction has emptied, which
// Sarama does not show, or that the broker had nothing at hand within rangeWait,
// as one that throttles or keeps records in a remote store. A broker that has
// bytes answers at once; so only quick answers speak for emptied batches. Of
// these a partition keeps one for each producer at most, so a fetch of this size
// that shows none, again and again, has passed all that there is.
func (g *Range) nothing(ctx context.Context, block *sarama.FetchResponseBlock, throttled bool) error {
	if g.empty++; throttled && g.empty < 100 {
		return nil
	}
	partial := block.Partial
	for _, set := range block.RecordsSet {
		partial = partial || set.RecordBatch != nil && set.RecordBatch.PartialTrailingRecord
	}
	switch {
	case partial && g.size >= largestFetch:
		return fmt.Errorf("%s/%d: the record batch at offset %d has more than %d bytes", g.topic, g.partition, g.next, largestFetch)
	case partial:
		g.size = min(g.size, math.MaxInt32/4) * 2
		g.empty, g.quick = 0, 0
	case g.quick >= 3 && block.LastStableOffset >= g.end && g.next >= block.LogStartOffset:
		g.next = g.end
	case g.empty >= 20:
		return g.reader.explain(ctx, fmt.Errorf("%s/%d: the broker gives nothing at offset %d, though the partition goes on to %d", g.topic, g.partition, g.next, g.end))
	}
	return nil
}

// take keeps of a block what a reader of committed records may see, and moves
// next behind what holds no such record.
func (g *Range) take(block *sarama.FetchResponseBlock) error {
	g.records, g.at = g.records[:0], 0
	aborted := abortedRanges{left: block.AbortedTransactions, open: map[int64]bool{}}
	position := g.next
	for _, set := range block.RecordsSet {
		batch := set.RecordBatch
		if batch == nil {
			return fmt.Errorf("%s/%d holds records in the format of Kafka before 0.11, which is not read; convert the topic", g.topic, g.partition)
		}
		if batch.PartialTrailingRecord {
			break
		}
		hidden := aborted.hides(batch)
		for _, rec := range batch.Records {
			offset := batch.FirstOffset + rec.OffsetDelta
			if hidden || offset < g.next {
				continue
			}
			when := batch.FirstTimestamp.Add(rec.TimestampDelta)
			if batch.LogAppendTime {
				when = batch.MaxTimestamp
			}
			g.records = append(g.records, rangeRecord{offset, when, rec})
		}
		position = max(position, batch.LastOffset()+1)
	}
	if len(g.records) == 0 {
		g.next = min(position, g.end)
	}
	return nil
}

// abortedRanges follows through a fetch which producers' transactions were
// aborted.
type abortedRanges struct {
	left []*sarama.AbortedTransaction
	open map[int64]bool // by producer
}

// hides reports whether the batch's records are not to be seen. It must be
// asked about each batch in its turn.
func (a *abortedRanges) hides(batch *sarama.RecordBatch) bool {
	rest := a.left[:0:0]
	for _, t := range a.left {
		if t.FirstOffset > batch.LastOffset() {
			rest = append(rest, t)
			continue
		}
		a.open[t.ProducerID] = true
	}
	a.left = rest
	if batch.Control {
		if endsInAbort(batch) {
			delete(a.open, batch.ProducerID)
		}
		return true
	}
	return batch.IsTransactional && a.open[batch.ProducerID]
}

// endsInAbort reads the key of a control record: a version and a kind, of which
// 0 is the abort of a transaction.
func endsInAbort(batch *sarama.RecordBatch) bool {
	if len(batch.Records) == 0 || len(batch.Records[0].Key) < 4 {
		return false
	}
	return binary.BigEndian.Uint16(batch.Records[0].Key[2:]) == 0
}

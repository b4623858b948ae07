package kafka

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/IBM/sarama"
)

const (
	// scanBytes bounds what one look into a partition fetches.
	scanBytes = 1 << 20
	// scanPatience bounds looks that bring nothing although there is something.
	scanPatience = 20
)

// errShort says that a partition ends before the range that was asked for.
var errShort = errors.New("the partition ends before that offset")

// errOldFormat says that a partition holds records from before Kafka 0.11.
var errOldFormat = errors.New("the partition holds records in a format of before Kafka 0.11, in which the end cannot be found")

// offsetFor asks for an offset by a timestamp in ms, or for sarama.OffsetOldest
// or OffsetNewest. Unlike Sarama's own question it goes by what is decided: the
// newest is where the oldest open transaction begins, if there is one. Below 0:
// no record is as young as that.
func offsetFor(client sarama.Client, at place, timestamp int64) (int64, error) {
	broker, err := client.Leader(at.topic, at.partition)
	if err != nil {
		return none, err
	}
	req := sarama.NewOffsetRequest(client.Config().Version)
	req.IsolationLevel = sarama.ReadCommitted
	req.AddBlock(at.topic, at.partition, timestamp, 1)
	resp, err := broker.GetAvailableOffsets(req)
	if err != nil {
		return none, err
	}
	block := resp.GetBlock(at.topic, at.partition)
	switch {
	case block == nil || len(block.Offsets) != 1 && block.Err == sarama.ErrNoError:
		return none, sarama.ErrIncompleteResponse
	case block.Err != sarama.ErrNoError:
		return none, block.Err
	}
	return block.Offsets[0], nil
}

// lastBefore returns the offset behind the last record in [from, until) that a
// reader gets, or from if there is none: what stands behind it are markers of
// transactions, what was aborted, and gaps. It looks backwards in growing steps,
// so that it costs one fetch where the last record is there.
func lastBefore(client sarama.Client, at place, from, until int64) (int64, error) {
	oldest, err := offsetFor(client, at, sarama.OffsetOldest)
	if err != nil {
		return 0, err
	}
	low, high := max(from, oldest), until
	for step := int64(1); low < high; step *= 4 {
		first, last := max(low, high-step), int64(none)
		err := scan(client, at, first, high, func(offset int64, _ time.Time) bool {
			last = offset
			return true
		})
		if err != nil {
			return 0, err
		}
		if last > none {
			return last + 1, nil
		}
		high = first
	}
	return from, nil
}

// firstFrom returns the first record in [from, until) that a reader gets.
func firstFrom(client sarama.Client, at place, from, until int64) (offset int64, when time.Time, found bool, err error) {
	err = scan(client, at, from, until, func(o int64, t time.Time) bool {
		offset, when, found = o, t, true
		return false
	})
	return offset, when, found, err
}

// scan visits the records in [from, until) that a reader gets, until visit says
// that it is enough.
func scan(client sarama.Client, at place, from, until int64, visit func(offset int64, when time.Time) bool) error {
	for empty := 0; from < until; {
		block, err := fetchAt(client, at, from)
		if err != nil {
			return fmt.Errorf("look into %s/%d at offset %d: %w", at.topic, at.partition, from, err)
		}
		next, enough, err := scanBlock(block, from, until, visit)
		switch {
		case err != nil || enough:
			return err
		case next > from:
			from, empty = next, 0
		case block.LastStableOffset <= from:
			return fmt.Errorf("look into %s/%d at offset %d, where it ends, for offset %d: %w", at.topic, at.partition, from, until-1, errShort)
		default:
			if empty++; empty == scanPatience {
				return fmt.Errorf("look into %s/%d at offset %d: nothing came in %d fetches", at.topic, at.partition, from, empty)
			}
		}
	}
	return nil
}

// fetchAt fetches once, from the partition's leader.
func fetchAt(client sarama.Client, at place, offset int64) (*sarama.FetchResponseBlock, error) {
	broker, err := client.Leader(at.topic, at.partition)
	if err != nil {
		return nil, err
	}
	req := &sarama.FetchRequest{
		Version: 11, MaxWaitTime: 500, MinBytes: 1, MaxBytes: scanBytes,
		Isolation: sarama.ReadCommitted, SessionEpoch: -1, // no session
	}
	req.AddBlock(at.topic, at.partition, offset, scanBytes, -1)
	resp, err := broker.Fetch(req)
	if err != nil {
		return nil, err
	}
	block := resp.GetBlock(at.topic, at.partition)
	switch {
	case block == nil:
		return nil, sarama.ErrIncompleteResponse
	case block.Err != sarama.ErrNoError:
		return nil, block.Err
	}
	return block, nil
}

// scanBlock visits what one fetch brought, and returns the offset to go on at.
func scanBlock(block *sarama.FetchResponseBlock, from, until int64, visit func(int64, time.Time) bool) (next int64, enough bool, err error) {
	next = from
	aborted := map[int64]bool{} // producers of which all is taken back until their marker
	transactions := slices.Clone(block.AbortedTransactions)
	slices.SortFunc(transactions, func(x, y *sarama.AbortedTransaction) int { return cmp.Compare(x.FirstOffset, y.FirstOffset) })
	for _, set := range block.RecordsSet {
		b := set.RecordBatch
		if b == nil {
			if set.MsgSet != nil && len(set.MsgSet.Messages) > 0 {
				return 0, false, errOldFormat
			}
			continue
		}
		if b.PartialTrailingRecord {
			break // cut off by the size of the fetch; the next one begins with it
		}
		next = max(next, b.LastOffset()+1)
		for len(transactions) > 0 && transactions[0].FirstOffset <= b.LastOffset() {
			aborted[transactions[0].ProducerID] = true
			transactions = transactions[1:]
		}
		switch {
		case b.Control:
			if isAbort(b) {
				delete(aborted, b.ProducerID)
			}
			continue
		case b.IsTransactional && aborted[b.ProducerID]:
			continue
		}
		for _, r := range b.Records {
			offset := b.FirstOffset + r.OffsetDelta
			if offset < from || offset >= until {
				continue
			}
			when := b.FirstTimestamp.Add(r.TimestampDelta)
			if b.LogAppendTime {
				when = b.MaxTimestamp
			}
			if !visit(offset, when) {
				return next, true, nil
			}
		}
	}
	return next, false, nil
}

// isAbort reports whether a control batch takes a transaction back. Its key is a
// version and a type, of two bytes each.
func isAbort(b *sarama.RecordBatch) bool {
	return len(b.Records) > 0 && len(b.Records[0].Key) >= 4 && binary.BigEndian.Uint16(b.Records[0].Key[2:]) == 0
}

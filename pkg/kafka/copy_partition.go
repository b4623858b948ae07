package kafka

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/IBM/sarama"

	"auditlog-forwarder/pkg/audit"
)

// The ends of CopyPartition.Write that its caller has to act upon; after any
// other error the same batch may be written again, as it is.
var (
	// ErrCopyTooLarge says that the destination does not take a batch for its
	// size; nothing of it is there.
	ErrCopyTooLarge = errors.New("the batch is too large for the destination")
	// ErrCopyUnsure says that the destination has forgotten this writer, so that
	// it cannot tell a batch that it has from one that it has not. Look what is
	// there, and go on after Renew.
	ErrCopyUnsure = errors.New("the destination does not know any more what was written")
)

// CopyPartition writes one partition of a CopyTarget, batch by batch. Kafka
// takes a batch as a whole or not at all, and one that is sent again under the
// same number only once; so there is nothing like half a batch, and with one
// batch out at a time nothing overtakes. It is for one goroutine at a time.
type CopyPartition struct {
	target    *CopyTarget
	partition int32

	client   sarama.Client // nil: not connected
	version  int64         // of the credentials that client has
	producer int64         // what Kafka calls this writer; below 0: not asked yet
	epoch    int16
	sequence int32 // of the next batch
	batch    copyBatch
}

// Partition returns a writer, which connects when it is first used.
func (t *CopyTarget) Partition(partition int32) *CopyPartition {
	return &CopyPartition{target: t, partition: partition, producer: none}
}

// Close disconnects. What was not answered stays unknown.
func (p *CopyPartition) Close() {
	if p.client != nil {
		go func(c sarama.Client) { _ = c.Close() }(p.client) // it may wait for an answer
		p.client = nil
	}
}

// Renew makes the next batch the first of a new writer.
func (p *CopyPartition) Renew() { p.producer = none }

// leader returns the partition's leader, connected.
func (p *CopyPartition) leader(ctx context.Context) (*sarama.Broker, error) {
	// Nothing is out here, and the broker knows this writer by its number and
	// not by its connection.
	if version := p.target.renewals(); version != p.version {
		p.Close()
		p.version = version
	}
	if p.client == nil {
		client, err := p.target.connect(ctx)
		if err != nil {
			return nil, err
		}
		p.client = client
	}
	client := p.client
	return answered(ctx, func() (*sarama.Broker, error) {
		b, err := client.Leader(p.target.topic, p.partition)
		if err != nil {
			return nil, err
		}
		_, err = b.Connected() // waits for the connection
		return b, err
	})
}

// answered waits for an answer, or for ctx's end.
func answered[T any](ctx context.Context, ask func() (T, error)) (T, error) {
	type answer struct {
		value T
		err   error
	}
	got := make(chan answer, 1)
	go func() {
		v, err := ask()
		got <- answer{v, err}
	}()
	select {
	case a := <-got:
		return a.value, a.err
	case <-ctx.Done():
		var zero T
		return zero, ctx.Err()
	}
}

// failed explains an error, and connects anew next time: the leader may have
// moved, and the connection may be no good.
func (p *CopyPartition) failed(err error) error {
	p.Close()
	return p.target.explain(err)
}

// Bounds returns the partition's first offset and its end.
func (p *CopyPartition) Bounds(ctx context.Context) (start, end int64, err error) {
	if _, err := p.leader(ctx); err != nil {
		return 0, 0, p.failed(err)
	}
	client := p.client
	both, err := answered(ctx, func() ([2]int64, error) {
		start, err := client.GetOffset(p.target.topic, p.partition, sarama.OffsetOldest)
		if err != nil {
			return [2]int64{}, err
		}
		end, err := client.GetOffset(p.target.topic, p.partition, sarama.OffsetNewest)
		return [2]int64{start, end}, err
	})
	if err != nil {
		return 0, 0, p.failed(err)
	}
	return both[0], both[1], nil
}

// Write appends packed records, which end at ends in body, the first one
// beginning at from, and returns the offset of the first when all in-sync
// replicas have all of them. After ctx's end they may or may not be there.
func (p *CopyPartition) Write(ctx context.Context, body []byte, from int, ends []int) (base int64, err error) {
	broker, err := p.leader(ctx)
	if err != nil {
		return 0, p.failed(err)
	}
	if p.producer <= none || p.sequence > 1<<30 {
		if err := p.introduce(ctx, broker); err != nil {
			return 0, p.failed(needs("WRITE (on brokers older than 2.8 also IDEMPOTENT_WRITE on the cluster)", err))
		}
	}
	batch := p.batch.fill(body, ends, from)
	batch.Codec, batch.CompressionLevel = p.target.codec, sarama.CompressionLevelDefault
	batch.ProducerID, batch.ProducerEpoch, batch.FirstSequence = p.producer, p.epoch, p.sequence
	request := &sarama.ProduceRequest{Version: 7, RequiredAcks: sarama.WaitForAll, Timeout: int32(copyAck / time.Millisecond)}
	request.AddBatch(p.target.topic, p.partition, batch)

	type answer struct {
		response *sarama.ProduceResponse
		err      error
	}
	got := make(chan answer, 1)
	// It encodes and sends before it returns, so body is not read after that.
	err = broker.AsyncProduce(request, func(r *sarama.ProduceResponse, err error) { got <- answer{r, err} })
	if err != nil {
		return 0, p.refused(err)
	}
	select {
	case <-ctx.Done():
		return 0, p.failed(ctx.Err())
	case a := <-got:
		if a.err != nil {
			return 0, p.failed(a.err)
		}
		block := a.response.GetBlock(p.target.topic, p.partition)
		switch {
		case block == nil:
			return 0, p.failed(sarama.ErrIncompleteResponse)
		case block.Err != sarama.ErrNoError:
			return 0, p.refused(block.Err)
		case block.Offset < 0: // it was there already, and the broker has forgotten where
			return 0, ErrCopyUnsure
		}
		p.sequence += int32(len(ends)) //nolint:gosec // a batch is far smaller
		return block.Offset, nil
	}
}

// refused sorts what the broker, or Sarama before it, said of a batch.
func (p *CopyPartition) refused(err error) error {
	var encoding sarama.PacketEncodingError
	switch {
	case errors.Is(err, sarama.ErrMessageSizeTooLarge), errors.As(err, &encoding): // beyond what Sarama sends at all
		return fmt.Errorf("%w: %w", ErrCopyTooLarge, err)
	case errors.Is(err, sarama.ErrOutOfOrderSequenceNumber), errors.Is(err, sarama.ErrUnknownProducerID),
		errors.Is(err, sarama.ErrInvalidProducerEpoch), errors.Is(err, sarama.ErrProducerFenced),
		errors.Is(err, sarama.ErrDuplicateSequenceNumber), errors.Is(err, sarama.ErrInvalidProducerIDMapping):
		p.Close()
		return fmt.Errorf("%w: %w", ErrCopyUnsure, err)
	}
	return p.failed(needs("WRITE", err))
}

// introduce asks for a number under which the broker knows this writer.
func (p *CopyPartition) introduce(ctx context.Context, broker *sarama.Broker) error {
	answer, err := answered(ctx, func() (*sarama.InitProducerIDResponse, error) {
		return broker.InitProducerID(&sarama.InitProducerIDRequest{Version: 1, TransactionTimeout: time.Minute})
	})
	if err != nil {
		return err
	}
	if answer.Err != sarama.ErrNoError {
		return answer.Err
	}
	p.producer, p.epoch, p.sequence = answer.ProducerID, answer.ProducerEpoch, 0
	return nil
}

// copyFetch is how much Read asks for at once.
const copyFetch = 1 << 20

// Read calls each with what stands in [from, to), packed, in its order. What is
// given is valid until each returns.
func (p *CopyPartition) Read(ctx context.Context, from, to int64, each func(offset int64, packed []byte)) error {
	var packed []byte
	for size := int32(copyFetch); from < to; {
		broker, err := p.leader(ctx)
		if err != nil {
			return p.failed(err)
		}
		request := &sarama.FetchRequest{Version: 11, MinBytes: 1, MaxWaitTime: 500, MaxBytes: size, SessionEpoch: -1}
		request.AddBlock(p.target.topic, p.partition, from, size, -1)
		answer, err := answered(ctx, func() (*sarama.FetchResponse, error) { return broker.Fetch(request) })
		if err != nil {
			return p.failed(err)
		}
		block := answer.GetBlock(p.target.topic, p.partition)
		if block == nil {
			return p.failed(sarama.ErrIncompleteResponse)
		}
		if block.Err != sarama.ErrNoError {
			return p.failed(needs("READ", block.Err))
		}
		before := from
		for _, set := range block.RecordsSet {
			b := set.RecordBatch
			if b == nil || b.PartialTrailingRecord {
				continue
			}
			for _, r := range b.Records {
				offset := b.FirstOffset + r.OffsetDelta
				if b.Control || offset < from || offset >= to {
					continue
				}
				rec := fetched(b, r)
				packed, _ = PackRecord(packed[:0], &rec)
				each(offset, packed)
			}
			from = max(from, b.LastOffset()+1)
		}
		switch {
		case from > before || answer.ThrottleTime > 0: // Sarama has waited as long as it was told
		case size < largestRecord:
			size *= 2 // a record is larger, or nothing came in time
		default:
			return fmt.Errorf("read the mirror topic %s/%d: nothing comes at offset %d, before its end at %d", p.target.topic, p.partition, from, to)
		}
	}
	return nil
}

// fetched is one record of a batch.
func fetched(b *sarama.RecordBatch, r *sarama.Record) audit.Record {
	rec := audit.Record{Timestamp: b.FirstTimestamp.Add(r.TimestampDelta), Key: r.Key, Value: r.Value}
	if b.LogAppendTime {
		rec.Timestamp = b.MaxTimestamp
	}
	for _, h := range r.Headers {
		rec.Headers = append(rec.Headers, audit.Header{Key: string(h.Key), Value: h.Value})
	}
	return rec
}

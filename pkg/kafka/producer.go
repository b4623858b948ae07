package kafka

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/IBM/sarama"
	"go.uber.org/zap"
	"golang.org/x/sync/semaphore"

	"auditlog-forwarder/pkg/audit"
)

const (
	// maxInFlight bounds the bytes between Send and the broker's answer.
	maxInFlight = 32 << 20
	// recordOverhead is what a record costs in memory beside its bytes.
	recordOverhead = 512
	// A request is sent when it holds this much, or after the linger.
	produceBytes  = 256 << 10
	produceLinger = 5 * time.Millisecond
)

// ProducerOptions says how a producer writes.
type ProducerOptions struct {
	Compression string // none, lz4, zstd, gzip or snappy; empty means none
	// Idempotent keeps a retried batch from being stored twice and keeps a
	// partition's order. It allows one request at a time to each broker.
	Idempotent bool
	// MaxRequestBytes bounds a request and so a record; 0 is 1 MiB.
	MaxRequestBytes int
}

// Producer writes records to Kafka and waits for all in-sync replicas. It is
// safe for concurrent use until Close.
type Producer struct {
	client   sarama.Client
	async    sarama.AsyncProducer
	inFlight *semaphore.Weighted // in bytes; full means nothing is in flight
	done     chan struct{}       // closed when the broker has answered for everything

	written atomic.Int64
	mu      sync.Mutex
	err     error // the first delivery error since the last Flush
}

// NewProducer connects to the cluster. It gives up when the context ends.
func NewProducer(ctx context.Context, cfg Config, opts ProducerOptions) (*Producer, error) {
	return newProducer(ctx, cfg, opts, nil)
}

// newProducer takes the tokens of OAUTHBEARER from shared, if there is one.
func newProducer(ctx context.Context, cfg Config, opts ProducerOptions, shared *tokens) (*Producer, error) {
	sc, err := clientConfig(cfg, zap.NewNop())
	if err != nil {
		return nil, err
	}
	if shared != nil && cfg.UsesSASL() {
		cfg.SASL.apply(sc, shared)
	}
	if sc.Producer.Compression, err = codec(opts.Compression); err != nil {
		return nil, err
	}
	sc.Producer.RequiredAcks = sarama.WaitForAll
	sc.Producer.Return.Successes = true
	sc.Producer.Return.Errors = true
	sc.Producer.Partitioner = newStickyPartitioner
	sc.Producer.Flush.Bytes = produceBytes
	sc.Producer.Flush.Frequency = produceLinger
	if opts.MaxRequestBytes > 0 {
		sc.Producer.MaxMessageBytes = opts.MaxRequestBytes
	}
	if opts.Idempotent {
		sc.Producer.Idempotent = true
		sc.Net.MaxOpenRequests = 1
	}

	client, err := connect(ctx, cfg, sc)
	if err != nil {
		return nil, err
	}
	async, err := sarama.NewAsyncProducerFromClient(client)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start the Kafka producer: %w", err), client.Close())
	}
	p := &Producer{client: client, async: async, inFlight: semaphore.NewWeighted(maxInFlight), done: make(chan struct{})}
	go p.collect()
	return p, nil
}

// Send hands a record over and returns, or waits while too many bytes are in
// flight. It copies key, value and headers, so the caller may use them again.
// The record goes to its own partition, or with a negative partition to one
// that Send chooses. An earlier record's delivery error is returned here, and
// again by Flush or Close.
func (p *Producer) Send(ctx context.Context, r *audit.Record) error {
	if err := p.failure(); err != nil {
		return err
	}
	msg := message(r)
	size := weight(msg)
	if err := p.inFlight.Acquire(ctx, size); err != nil {
		return fmt.Errorf("wait for room to write to %s: %w", r.Topic, err)
	}
	select {
	case p.async.Input() <- msg:
		return nil
	case <-ctx.Done():
		p.inFlight.Release(size)
		return fmt.Errorf("write to %s: %w", r.Topic, ctx.Err())
	}
}

// Written returns how many records the broker has acknowledged.
func (p *Producer) Written() int64 { return p.written.Load() }

// Flush waits until the broker has answered for every record sent before. It
// returns the number acknowledged since the start and the first delivery error
// since the last Flush, which it thereby settles.
func (p *Producer) Flush(ctx context.Context) (written int64, err error) {
	if err := p.inFlight.Acquire(ctx, maxInFlight); err != nil {
		return p.Written(), fmt.Errorf("wait for the brokers' acknowledgements: %w", err)
	}
	p.inFlight.Release(maxInFlight)
	p.mu.Lock()
	defer p.mu.Unlock()
	err, p.err = p.err, nil
	return p.Written(), err
}

// Close writes what is in flight, waiting no longer than the context lasts,
// and disconnects. It must be called once, after the last Send.
func (p *Producer) Close(ctx context.Context) (written int64, err error) {
	p.async.AsyncClose()
	select {
	case <-p.done:
		return p.Written(), errors.Join(p.failure(), p.client.Close())
	case <-ctx.Done():
		// Without a client what is left fails soon, and collect ends. Closing
		// may wait for a dial, so the caller does not wait for it.
		go func() { _ = p.client.Close() }()
		return p.Written(), errors.Join(fmt.Errorf("close the Kafka producer with records unacknowledged: %w", ctx.Err()), p.failure())
	}
}

// collect counts the broker's answers until the producer is closed.
func (p *Producer) collect() {
	defer close(p.done)
	var wg sync.WaitGroup
	wg.Go(func() {
		for msg := range p.async.Successes() {
			p.written.Add(1)
			p.inFlight.Release(weight(msg))
		}
	})
	wg.Go(func() {
		for e := range p.async.Errors() {
			p.fail(e)
			p.inFlight.Release(weight(e.Msg))
		}
	})
	wg.Wait()
}

func (p *Producer) fail(e *sarama.ProducerError) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err == nil {
		where := e.Msg.Topic
		if e.Msg.Partition >= 0 {
			where = fmt.Sprintf("%s/%d", where, e.Msg.Partition)
		}
		p.err = fmt.Errorf("write to %s: %w", where, e.Err)
	}
}

func (p *Producer) failure() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.err
}

// message copies a record into one allocation that Sarama may keep.
func message(r *audit.Record) *sarama.ProducerMessage {
	size := len(r.Key) + len(r.Value)
	for _, h := range r.Headers {
		size += len(h.Key) + len(h.Value)
	}
	buf := make([]byte, 0, size)
	keep := func(b []byte) []byte {
		if b == nil {
			return nil
		}
		start := len(buf)
		buf = append(buf, b...)
		return buf[start:len(buf):len(buf)]
	}
	m := &sarama.ProducerMessage{Topic: r.Topic, Partition: r.Partition, Timestamp: r.Timestamp}
	// A nil interface is null on the wire; an empty slice is not.
	if r.Key != nil {
		m.Key = sarama.ByteEncoder(keep(r.Key))
	}
	if r.Value != nil {
		m.Value = sarama.ByteEncoder(keep(r.Value))
	}
	for _, h := range r.Headers {
		m.Headers = append(m.Headers, sarama.RecordHeader{Key: keep([]byte(h.Key)), Value: keep(h.Value)})
	}
	return m
}

// weight is what a message counts for in the bound on bytes in flight. No
// message counts for more than the bound, else it could never be sent.
func weight(m *sarama.ProducerMessage) int64 {
	n := recordOverhead
	for _, part := range []sarama.Encoder{m.Key, m.Value} {
		if part != nil {
			n += part.Length()
		}
	}
	for _, h := range m.Headers {
		n += len(h.Key) + len(h.Value)
	}
	return min(int64(n), maxInFlight)
}

// KnownCompression reports whether a producer accepts the name.
func KnownCompression(name string) bool {
	_, err := codec(name)
	return err == nil
}

// codec translates a compression's name.
func codec(name string) (sarama.CompressionCodec, error) {
	switch name {
	case "", "none":
		return sarama.CompressionNone, nil
	case "lz4":
		return sarama.CompressionLZ4, nil
	case "zstd":
		return sarama.CompressionZSTD, nil
	case "gzip":
		return sarama.CompressionGZIP, nil
	case "snappy":
		return sarama.CompressionSnappy, nil
	}
	return 0, fmt.Errorf("compression %q is unknown; allowed are none, lz4, zstd, gzip, snappy", name)
}

// connect opens a client and makes sure that a broker answers. Sarama takes no
// context, so a connection that comes too late is closed behind the caller's
// back.
func connect(ctx context.Context, cfg Config, sc *sarama.Config) (sarama.Client, error) {
	type result struct {
		client sarama.Client
		err    error
	}
	// Without this Sarama connects to nothing until the first record, and an
	// admin client never: neither asks for topics of its own.
	sc.Metadata.Full = true
	opened := make(chan result, 1)
	go func() {
		client, err := sarama.NewClient(cfg.BootstrapServers, sc)
		opened <- result{client, err}
	}()
	select {
	case r := <-opened:
		if r.err != nil {
			from, _ := sc.Net.SASL.TokenProvider.(*tokens)
			return nil, cfg.explain(from.refused(r.err))
		}
		return r.client, nil
	case <-ctx.Done():
		go func() {
			if r := <-opened; r.err == nil {
				_ = r.client.Close() // nobody is left to hear of it
			}
		}()
		return nil, fmt.Errorf("connect to Kafka at %v: %w", cfg.BootstrapServers, ctx.Err())
	}
}

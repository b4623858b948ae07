package kafka

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/IBM/sarama"
	"go.uber.org/zap"
)

// Reader looks at a cluster without a group: at its topics' partitions, their
// bounds and records, and at groups. It is safe for concurrent use. All of it
// only reads, but for CommitPlaces.
//
// What an aborted transaction wrote never happened, and what an open one wrote
// has not happened yet: a partition ends where its first open transaction
// begins.
type Reader struct {
	cfg    Config
	client sarama.Client
	unhook func() bool // takes back that the context closes the client
}

// readTimeout is how long a broker may take for one answer.
const readTimeout = 30 * time.Second

// OpenReader connects to the cluster of cfg. The reader works until ctx ends
// or Close.
func OpenReader(ctx context.Context, cfg Config) (*Reader, error) {
	s, err := clientConfig(cfg, zap.NewNop())
	if err != nil {
		return nil, err
	}
	s.Net.ReadTimeout, s.Net.WriteTimeout = readTimeout, readTimeout
	client, err := connect(ctx, cfg, s)
	if err != nil {
		return nil, err
	}
	r := &Reader{cfg: cfg, client: client}
	// Sarama's calls take no context.
	r.unhook = context.AfterFunc(ctx, func() { _ = client.Close() })
	return r, nil
}

// Close disconnects.
func (r *Reader) Close() error {
	if !r.unhook() {
		return nil // the context has closed it, or is about to
	}
	if err := r.client.Close(); err != nil {
		return fmt.Errorf("disconnect from kafka: %w", err)
	}
	return nil
}

// explain makes an error of Sarama's one for people, and that of a client that
// ctx has closed the context's.
func (r *Reader) explain(ctx context.Context, err error) error {
	var expired *ExpiredError
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("read from kafka: %w", ctx.Err())
	case errors.As(err, &expired):
		return err
	}
	return r.cfg.explain(err)
}

// ClusterID returns the cluster's id, which is empty if it has none.
func (r *Reader) ClusterID(ctx context.Context) (string, error) {
	id, err := clusterID(r.client)
	return id, r.explain(ctx, err)
}

// Partitions returns the numbers of a topic's partitions, in their order.
func (r *Reader) Partitions(ctx context.Context, topic string) ([]int32, error) {
	if err := r.client.RefreshMetadata(topic); err != nil {
		return nil, r.explain(ctx, &topicsError{[]string{topic}, err})
	}
	all, err := r.client.Partitions(topic)
	if err != nil {
		return nil, r.explain(ctx, &topicsError{[]string{topic}, err})
	}
	slices.Sort(all)
	return all, nil
}

// Bounds returns the oldest offset that a partition has, and its end: the
// offset of the next record, or of the first record of an open transaction.
func (r *Reader) Bounds(ctx context.Context, topic string, partition int32) (oldest, end int64, err error) {
	// In this order: the end never falls behind.
	if oldest, err = r.askOffset(ctx, topic, partition, sarama.OffsetOldest); err != nil {
		return 0, 0, err
	}
	if end, err = r.askOffset(ctx, topic, partition, sarama.OffsetNewest); err != nil {
		return 0, 0, err
	}
	return oldest, max(oldest, end), nil
}

// OffsetAt returns the first offset whose record is as young as at, or younger;
// ok is false if there is none yet.
func (r *Reader) OffsetAt(ctx context.Context, topic string, partition int32, at time.Time) (offset int64, ok bool, err error) {
	offset, err = r.askOffset(ctx, topic, partition, max(0, at.UnixMilli()))
	return offset, err == nil && offset >= 0, err
}

// askOffset is Sarama's GetOffset for one who reads committed records only:
// there the end is that of the last transaction that is decided.
func (r *Reader) askOffset(ctx context.Context, topic string, partition int32, when int64) (offset int64, err error) {
	err = r.again(ctx, topic, partition, func(leader *sarama.Broker) error {
		req := sarama.NewOffsetRequest(r.client.Config().Version)
		req.IsolationLevel = sarama.ReadCommitted
		req.AddBlock(topic, partition, when, 1)
		resp, err := leader.GetAvailableOffsets(req)
		if err != nil {
			_ = leader.Close() // it is opened again by the next look-up
			return err
		}
		block := resp.GetBlock(topic, partition)
		switch {
		case block == nil:
			return sarama.ErrIncompleteResponse
		case block.Err != sarama.ErrNoError:
			return block.Err
		}
		offset = block.Offset
		return nil
	})
	return offset, err
}

// readTries is how often a request is made before its error is the caller's.
// A leader that moves takes some seconds.
const readTries = 8

// again asks a partition's leader until it answers, waiting longer each time.
func (r *Reader) again(ctx context.Context, topic string, partition int32, ask func(leader *sarama.Broker) error) error {
	pause := 100 * time.Millisecond
	for try := 1; ; try++ {
		leader, err := r.client.Leader(topic, partition)
		if err == nil {
			err = ask(leader)
		}
		if err == nil || !passing(err) || try == readTries {
			return r.explain(ctx, err)
		}
		select {
		case <-ctx.Done():
			return r.explain(ctx, ctx.Err())
		case <-time.After(pause):
		}
		pause = min(2*pause, 2*time.Second)
		// If it fails, so will the next try, which tells about it.
		_ = r.client.RefreshMetadata(topic)
	}
}

// passing reports whether an error may be over at the next try.
func passing(err error) bool {
	var expired *ExpiredError
	var code sarama.KError
	switch {
	case errors.As(err, &expired), errors.Is(err, sarama.ErrClosedClient):
		return false
	case errors.As(err, &code):
		switch code {
		case sarama.ErrNotLeaderForPartition, sarama.ErrLeaderNotAvailable, sarama.ErrReplicaNotAvailable,
			sarama.ErrRequestTimedOut, sarama.ErrBrokerNotAvailable, sarama.ErrNetworkException,
			sarama.ErrFencedLeaderEpoch, sarama.ErrUnknownLeaderEpoch, sarama.ErrKafkaStorageError,
			sarama.ErrOffsetNotAvailable, sarama.ErrUnknown:
			return true
		}
		return false
	}
	return true // of the network
}

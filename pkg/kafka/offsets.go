package kafka

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/IBM/sarama"
	"go.uber.org/zap"
)

// TopicPartition names a partition.
type TopicPartition struct {
	Topic     string
	Partition int32
}

// String returns topic/partition.
func (p TopicPartition) String() string { return p.Topic + "/" + strconv.Itoa(int(p.Partition)) }

// Compare orders by topic and partition.
func (p TopicPartition) Compare(q TopicPartition) int {
	if p.Topic != q.Topic {
		if p.Topic < q.Topic {
			return -1
		}
		return 1
	}
	return int(p.Partition) - int(q.Partition)
}

// None stands for a partition without a committed offset.
const None = none

// Offsets looks at a group's offsets from outside, without joining it, and can
// set them while it has no members. Besides the group's offsets nothing is ever
// written, so that it works on a cluster that is read-only. Log, First, At and Next
// may be called at once; the rest is not safe for concurrent use.
type Offsets struct {
	cfg    Config
	client sarama.Client
	admin  sarama.ClusterAdmin
}

// OpenOffsets connects.
func OpenOffsets(ctx context.Context, cfg Config) (*Offsets, error) {
	s, err := clientConfig(cfg, zap.NewNop())
	if err != nil {
		return nil, err
	}
	s.Net.ReadTimeout, s.Net.WriteTimeout = offsetsPatience, offsetsPatience
	client, err := connect(ctx, cfg, s)
	if err != nil {
		return nil, explainedOffsets(cfg, err)
	}
	admin, err := sarama.NewClusterAdminFromClient(client)
	if err != nil {
		return nil, errors.Join(explainedOffsets(cfg, err), client.Close())
	}
	return &Offsets{cfg: cfg, client: client, admin: admin}, nil
}

// offsetsPatience is how long one answer may take.
const offsetsPatience = 15 * time.Second

// Offsets connects with the credentials of this moment.
func (g *Group) Offsets(ctx context.Context) (*Offsets, error) {
	cfg, _ := g.current()
	return OpenOffsets(ctx, cfg)
}

// Close ends the connections.
func (o *Offsets) Close() error { return o.admin.Close() } // closes the client as well

func explainedOffsets(cfg Config, err error) error {
	if err == nil {
		return nil
	}
	return cfg.explain(err)
}

// Partitions returns all partitions of the configured topics, in order.
func (o *Offsets) Partitions() ([]TopicPartition, error) {
	group := &Group{cfg: o.cfg}
	var err error
	if o.cfg.TopicPattern != "" {
		if group.pattern, err = compilePattern(o.cfg.TopicPattern); err != nil {
			return nil, err
		}
	}
	topics, err := group.topics(o.client)
	if err != nil {
		return nil, explainedOffsets(o.cfg, err)
	}
	var all []TopicPartition
	for _, topic := range topics {
		partitions, err := o.client.Partitions(topic)
		if err != nil {
			return nil, explainedOffsets(o.cfg, &topicsError{topics: []string{topic}, err: err})
		}
		for _, p := range partitions {
			all = append(all, TopicPartition{topic, p})
		}
	}
	slices.SortFunc(all, TopicPartition.Compare)
	return all, nil
}

// Log is what a partition holds.
type Log struct {
	Start int64 // the oldest offset that is there
	End   int64 // behind the last one that is decided
	High  int64 // behind the last one, also of transactions that are open; what is committed beyond is of another topic of that name
}

// Log asks for a partition's start and end. What an open transaction has written
// is behind the end.
func (o *Offsets) Log(p TopicPartition) (l Log, err error) {
	if l.Start, err = o.ask(p, sarama.OffsetOldest); err == nil {
		l.End, err = o.ask(p, sarama.OffsetNewest)
	}
	if err == nil {
		l.High, err = o.client.GetOffset(p.Topic, p.Partition, sarama.OffsetNewest)
		err = explainedOffsets(o.cfg, err)
	}
	l.Start = min(l.Start, l.End) // events may expire between the questions
	l.High = max(l.High, l.End)
	return l, err
}

// First returns where the group begins in a partition in which it has no offset.
func (o *Offsets) First(p TopicPartition, l Log) (int64, error) {
	start, isTime := o.cfg.StartTime()
	switch {
	case isTime:
		return o.At(p, start)
	case o.cfg.Start == StartLatest:
		return l.End, nil
	}
	return l.Start, nil
}

// At returns the first offset whose record has this timestamp or a younger one,
// or the end if there is none.
func (o *Offsets) At(p TopicPartition, when time.Time) (int64, error) {
	offset, err := o.ask(p, when.UnixMilli())
	if err == nil && offset <= none {
		offset, err = o.ask(p, sarama.OffsetNewest)
	}
	return offset, err
}

// ask tries again where a partition's leader has moved.
func (o *Offsets) ask(p TopicPartition, timestamp int64) (offset int64, err error) {
	for range 3 {
		if offset, err = offsetFor(o.client, place{p.Topic, p.Partition}, timestamp); err == nil {
			return offset, nil
		}
		_ = o.client.RefreshMetadata(p.Topic) // if it fails, the next try does too
	}
	return none, explainedOffsets(o.cfg, fmt.Errorf("%s: %w", p, err))
}

// Next returns the timestamp of the first record at or behind an offset, if there
// is one below end.
func (o *Offsets) Next(p TopicPartition, offset, end int64) (when time.Time, found bool, err error) {
	_, when, found, err = firstFrom(o.client, place{p.Topic, p.Partition}, offset, end)
	if errors.Is(err, sarama.ErrOffsetOutOfRange) || errors.Is(err, errShort) {
		return time.Time{}, false, nil
	}
	return when, found, explainedOffsets(o.cfg, err)
}

// Committed is a group's place in a partition.
type Committed struct {
	Offset int64 // None: there is none
	Note   string
}

// Committed returns the group's offsets; a partition without one has None.
func (o *Offsets) Committed(ctx context.Context, partitions []TopicPartition) (map[TopicPartition]Committed, error) {
	ask := map[string][]int32{}
	for _, p := range partitions {
		ask[p.Topic] = append(ask[p.Topic], p.Partition)
	}
	resp, err := groupOffsets(ctx, o.client, o.cfg.GroupID, ask)
	switch {
	case errors.Is(err, sarama.ErrGroupIDNotFound): // some brokers say so of a group that never committed
		resp = &sarama.OffsetFetchResponse{}
	case err != nil:
		return nil, explainedOffsets(o.cfg, err)
	}
	found := make(map[TopicPartition]Committed, len(partitions))
	for _, p := range partitions {
		block := resp.GetBlock(p.Topic, p.Partition)
		switch {
		case block == nil:
			found[p] = Committed{Offset: None}
		case block.Err != sarama.ErrNoError:
			return nil, explainedOffsets(o.cfg, fmt.Errorf("%s: %w", p, block.Err))
		default:
			found[p] = Committed{Offset: max(block.Offset, None), Note: block.Metadata}
		}
	}
	return found, nil
}

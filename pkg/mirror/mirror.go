// Package mirror copies the records of a topic into a topic of another
// cluster, partition by partition, byte for byte and in their order.
//
// It is a sink of the forwarder's lanes. What a lane delivers is appended to
// the partition of the same number, one batch at a time, and Kafka takes a
// batch as a whole or not at all. Beside each committed source offset stands a
// note: where the destination ended then. Whoever takes the partition over
// finds behind that end exactly what was written and not committed, compares
// it with what it reads, and does not write it again.
package mirror

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"auditlog-forwarder/pkg/audit"
	"auditlog-forwarder/pkg/kafka"
)

// Options are what a Sink needs.
type Options struct {
	Target     *kafka.CopyTarget
	Log        *zap.Logger
	Registerer prometheus.Registerer
	// OnProblem is told why a partition waits for the destination, each time that
	// changes, and nil when none does. Optional.
	OnProblem func(error)
}

// Sink writes what lanes deliver.
type Sink struct {
	opts    Options
	log     *zap.Logger
	metrics *metrics

	mu       sync.Mutex
	cluster  string // the destination's id
	lanes    map[int32]*lane
	problems map[int32]error
	told     string
}

// New makes a sink. It connects to nothing.
func New(opts Options) *Sink {
	return &Sink{
		opts: opts, log: opts.Log, metrics: newMetrics(opts.Registerer),
		lanes: map[int32]*lane{}, problems: map[int32]error{},
	}
}

// SetCluster says which cluster the destination is, before the first Begin.
func (s *Sink) SetCluster(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cluster = id
}

// Totals returns the accounts since the start.
func (s *Sink) Totals() Totals { return s.metrics.totals() }

// Claim is a partition that this member owns; see forwarder.Claim.
type Claim struct {
	Partition int32
	Committed int64
	Note      string
	Mark      func(next int64, note string, committed func())
}

// lane is one claim's end of the copy. It belongs to whoever runs the claim:
// batches go one at a time.
type lane struct {
	sink  *Sink
	claim Claim
	log   *zap.Logger
	to    *kafka.CopyPartition
	end   int64 // everything that was delivered stands before it
	ahead ahead // what stands behind end, if it is not known yet whose it is
}

func (s *Sink) lane(partition int32) *lane {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lanes[partition]
}

// Begin finds out what of a claim is in the destination already. It must have
// returned before the claim's first Deliver. It tries until ctx ends.
func (s *Sink) Begin(ctx context.Context, c Claim) error {
	l := &lane{
		sink: s, claim: c, to: s.opts.Target.Partition(c.Partition),
		log: s.log.With(zap.String("topic", s.opts.Target.Topic()), zap.Int32("partition", c.Partition)),
	}
	if err := l.begin(ctx); err != nil {
		l.to.Close()
		s.problem(c.Partition, nil)
		return err
	}
	s.metrics.at(c.Partition, l.end)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lanes[c.Partition] = l
	return nil
}

// End forgets a claim, when its lane has returned.
func (s *Sink) End(partition int32) {
	s.mu.Lock()
	l := s.lanes[partition]
	delete(s.lanes, partition)
	s.mu.Unlock()
	if l != nil {
		l.to.Close()
	}
	s.problem(partition, nil)
}

// Append implements forwarder.Sink. It refuses nothing.
func (s *Sink) Append(dst []byte, rec *audit.Record, _ audit.Event) (_ []byte, value int, err error) {
	dst, value = kafka.PackRecord(dst, rec)
	return dst, value, nil
}

// Deliver implements forwarder.Sink. It refuses nothing.
func (s *Sink) Deliver(ctx context.Context, b audit.Batch) ([]audit.Refusal, error) {
	l := s.lane(b.Partition)
	if l == nil { // a mistake in this program; nothing is committed by it
		return nil, fmt.Errorf("copy %s/%d: the partition was not begun", b.Topic, b.Partition)
	}
	return nil, l.deliver(ctx, b)
}

// Note implements forwarder.Noter.
func (s *Sink) Note(_ string, partition int32, _ int64) string {
	if l := s.lane(partition); l != nil {
		return l.note()
	}
	return ""
}

func (l *lane) note() string { return l.position(l.end).String() }

func (l *lane) position(end int64) Position {
	return Position{Cluster: l.sink.clusterID(), Topic: l.sink.opts.Target.Topic(), End: end}
}

func (s *Sink) clusterID() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cluster
}

// problem notes why a partition waits; nil: it does not.
func (s *Sink) problem(partition int32, err error) {
	s.mu.Lock()
	if err == nil {
		delete(s.problems, partition)
	} else {
		s.problems[partition] = err
	}
	var texts []string
	var one error
	for _, p := range s.problems {
		one = p
		if text := p.Error(); !slices.Contains(texts, text) {
			texts = append(texts, text)
		}
	}
	slices.Sort(texts)
	text := strings.Join(texts, "; ")
	changed := text != s.told
	s.told = text
	s.mu.Unlock()
	if !changed {
		return
	}
	if len(texts) > 1 {
		one = fmt.Errorf("%s", text)
	}
	if one != nil {
		s.log.Error("the destination does not take records; it is tried again", zap.String("reason", text))
	} else {
		s.log.Info("the destination takes records again")
	}
	if s.opts.OnProblem != nil {
		s.opts.OnProblem(one)
	}
}

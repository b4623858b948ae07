package kafka

import (
	"time"

	"github.com/IBM/sarama"
)

// A run ends after so many records or so much time, whichever comes first:
// long enough to fill batches, short enough to spread a slow stream.
const (
	runRecords  = 256
	runDuration = 100 * time.Millisecond
)

// stickyPartitioner keeps a record in the partition it names. Records that
// name none go to one partition in runs, and the runs go round, as full
// batches compress better and cost fewer requests than scattered records.
// Sarama calls it from one goroutine per topic.
type stickyPartitioner struct {
	current int32
	left    int
	until   time.Time
}

func newStickyPartitioner(string) sarama.Partitioner { return &stickyPartitioner{current: -1} }

// Partition implements sarama.Partitioner.
func (s *stickyPartitioner) Partition(m *sarama.ProducerMessage, partitions int32) (int32, error) {
	if m.Partition >= 0 {
		return m.Partition, nil
	}
	if now := time.Now(); s.left == 0 || now.After(s.until) {
		s.current++
		s.left, s.until = runRecords, now.Add(runDuration)
	}
	s.left--
	// Partitions may have become fewer: those without a leader do not count.
	s.current %= partitions
	return s.current, nil
}

// RequiresConsistency implements sarama.Partitioner.
func (s *stickyPartitioner) RequiresConsistency() bool { return true }

// MessageRequiresConsistency implements sarama.DynamicConsistencyPartitioner:
// a record that names no partition may go to any that has a leader.
func (s *stickyPartitioner) MessageRequiresConsistency(m *sarama.ProducerMessage) bool {
	return m.Partition >= 0
}

package kafka

import (
	"context"
	"fmt"
	"strconv"
	"sync"

	"github.com/IBM/sarama"
	"go.uber.org/zap"
)

// member implements sarama.ConsumerGroupHandler. Sarama calls Setup before,
// and Cleanup after, all ConsumeClaims of a session.
type member struct {
	group  *Group
	access access // what client was made with
	client sarama.Client
	handle Handler
	joined func()
	starts map[place]start // written by Setup, then only read
	// commits belongs to one session, from Setup to Cleanup.
	commits *committer
	// endSession makes the member join again; set before each session.
	endSession func()
	// watchers outlive a session by one request at most, which must not hold up
	// its end; whoever closes the client waits for them.
	watchers *sync.WaitGroup
}

// place is a partition of a topic.
type place struct {
	topic     string
	partition int32
}

// Setup finds out where each partition starts. Sarama alone would start
// wherever it can: it skips what has expired without a word, and knows no
// point in time. What is found is marked for Sarama, which starts there, and
// for the committer, so that a later start cannot choose another point.
func (m *member) Setup(session sarama.ConsumerGroupSession) error {
	m.group.holds.Store(true)
	m.commits = m.group.newCommits(session, m.access, m.endSession)
	m.watchers.Go(m.commits.run)
	claims := session.Claims()
	m.starts = map[place]start{}
	count := 0
	for _, partitions := range claims {
		count += len(partitions)
	}
	if count > 0 {
		committed, err := m.committed(session.Context(), claims)
		if err != nil {
			return fmt.Errorf("read the committed offsets of group %s: %w", m.group.cfg.GroupID, err)
		}
		for topic, partitions := range claims {
			for _, p := range partitions {
				at := place{topic, p}
				if m.starts[at], err = m.start(session, at, committed[at]); err != nil {
					return fmt.Errorf("find the start of %s/%d: %w", topic, p, err)
				}
			}
		}
	}
	m.group.joins.Inc()
	m.group.log.Info("partitions assigned", zap.Any("claims", claims), zap.Int32("generation", session.GenerationID()))
	m.group.setOut(nil)
	m.joined()
	if m.group.opts.OnAssigned != nil {
		m.group.opts.OnAssigned(count)
	}
	return nil
}

// start is where a claim begins; see Claim.
type start struct {
	offset, committed int64
	note              string
}

// none stands for a partition without a committed offset.
const none = -1

func (m *member) committed(ctx context.Context, claims map[string][]int32) (map[place]mark, error) {
	resp, err := groupOffsets(ctx, m.client, m.group.cfg.GroupID, claims)
	if err != nil {
		return nil, err
	}
	offsets := map[place]mark{}
	for topic, partitions := range claims {
		for _, p := range partitions {
			block := resp.GetBlock(topic, p)
			if block == nil {
				return nil, fmt.Errorf("the broker did not answer for %s/%d", topic, p)
			}
			if block.Err != sarama.ErrNoError {
				return nil, block.Err
			}
			offsets[place{topic, p}] = mark{block.Offset, block.Metadata}
		}
	}
	return offsets, nil
}

// start finds out where a partition starts.
func (m *member) start(session sarama.ConsumerGroupSession, at place, last mark) (start, error) {
	oldest, err := m.client.GetOffset(at.topic, at.partition, sarama.OffsetOldest)
	if err != nil {
		return start{}, err
	}
	offset, kept, err := m.next(session, at, last, oldest)
	if err != nil {
		return start{}, err
	}
	begin := start{offset: offset, committed: offset}
	if last.next > none && offset >= last.next {
		begin.note = last.note // also where what follows has expired: whoever left it may have to tell what is lost
	}
	if !kept {
		return begin, nil
	}
	if m.group.opts.Rewind == nil {
		return begin, nil
	}
	if back := max(m.group.opts.Rewind(at.topic, at.partition, offset, last.note), oldest); back < offset {
		// Sarama's marks only rise; nothing is committed by a reset.
		session.ResetOffset(at.topic, at.partition, back, last.note)
		begin.offset = back
	}
	return begin, nil
}

// next returns the next offset to settle, and whether that is the committed one.
func (m *member) next(session sarama.ConsumerGroupSession, at place, last mark, oldest int64) (_ int64, kept bool, err error) {
	committed := last.next
	// So that the series is there from the start, and an alert can see it rise.
	m.group.lost.WithLabelValues(at.topic, strconv.Itoa(int(at.partition)))
	if committed <= none {
		offset, err := m.chosen(at, oldest)
		if err != nil {
			return 0, false, err
		}
		session.MarkOffset(at.topic, at.partition, offset, "")
		m.commits.mark(at, mark{next: offset}, nil)
		return offset, false, nil
	}
	if committed < oldest {
		m.group.countLost(at.topic, at.partition, committed, oldest)
		session.MarkOffset(at.topic, at.partition, oldest, "")
		m.commits.mark(at, mark{next: oldest}, nil)
		return oldest, false, nil
	}
	end, err := m.client.GetOffset(at.topic, at.partition, sarama.OffsetNewest)
	if err != nil {
		return 0, false, err
	}
	if committed > end {
		// The topic was deleted and made again, or lost its end. Sarama's marks
		// only rise, so it needs a reset to start lower.
		m.group.log.Error("the committed offset is beyond the end of the partition, as after deleting and creating a topic; reading it from its oldest event",
			zap.String("topic", at.topic), zap.Int32("partition", at.partition), zap.Int64("committed", committed), zap.Int64("end", end))
		session.ResetOffset(at.topic, at.partition, oldest, "")
		m.commits.mark(at, mark{next: oldest}, nil)
		return oldest, false, nil
	}
	return committed, true, nil
}

// chosen resolves Config.Start for a partition that the group never read.
func (m *member) chosen(at place, oldest int64) (int64, error) {
	start, isTime := m.group.cfg.StartTime()
	switch {
	case isTime:
		offset, err := m.client.GetOffset(at.topic, at.partition, start.UnixMilli())
		if err != nil {
			return 0, err
		}
		if offset < 0 { // nothing is as young as that
			return m.client.GetOffset(at.topic, at.partition, sarama.OffsetNewest)
		}
		return offset, nil
	case m.group.cfg.Start == StartLatest:
		return m.client.GetOffset(at.topic, at.partition, sarama.OffsetNewest)
	}
	return oldest, nil
}

// checkFirst looks at a claim's first record: events may expire between Setup
// and the first fetch. A gap alone says nothing, compaction and transactions
// leave gaps as well; only the oldest offset tells.
func (m *member) checkFirst(c *Claim, first int64) {
	if first <= c.Committed { // what was read before may be gone
		return
	}
	oldest, err := m.client.GetOffset(c.Topic, c.Partition, sarama.OffsetOldest)
	if err != nil {
		m.group.log.Warn("the partition starts later than expected, and whether events expired could not be asked",
			zap.String("topic", c.Topic), zap.Int32("partition", c.Partition),
			zap.Int64("expected", c.Committed), zap.Int64("first", first), zap.Error(err))
		return
	}
	if oldest > c.Committed {
		m.group.countLost(c.Topic, c.Partition, c.Committed, min(oldest, first))
	}
}

// Cleanup implements sarama.ConsumerGroupHandler: all handlers have returned,
// and this member is still in the group, so the last marks can be committed.
func (m *member) Cleanup(sarama.ConsumerGroupSession) error {
	m.commits.close(closeGrace)
	m.group.holds.Store(m.commits.owes())
	return nil
}

// ConsumeClaim implements sarama.ConsumerGroupHandler.
func (m *member) ConsumeClaim(session sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	// The session's context is the claim's: with eager rebalancing all claims
	// of a member end together.
	begin := m.starts[place{claim.Topic(), claim.Partition()}]
	c := &Claim{
		Topic: claim.Topic(), Partition: claim.Partition(), Start: begin.offset, Committed: begin.committed, Note: begin.note,
		member: m, commits: m.commits, claim: claim,
	}
	ctx, cancel := context.WithCancel(session.Context())
	defer cancel()
	m.watchers.Go(func() { c.watchEnd(ctx) })
	return m.handle(ctx, c)
}

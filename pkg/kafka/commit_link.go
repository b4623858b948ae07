package kafka

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/IBM/sarama"
)

const (
	// commitVersion of the request knows static members; brokers older than
	// 2.4 get what they understand.
	commitVersion = 8
	// commitTimeout is how long a coordinator may take for one commit.
	commitTimeout = 10 * time.Second
	// noEpoch says nothing about the leader at the time of reading.
	noEpoch = -1
)

// commitLink is a way to the coordinator that nothing else uses. It belongs to
// one goroutine, and connects when it is first needed.
type commitLink struct {
	group      *Group
	member     string
	generation int32

	access access // what the session was joined with, as long as that works
	client sarama.Client
	stale  bool // the coordinator must be looked up again
}

// commit asks the coordinator to keep the marks, and returns its answer by
// partition.
func (l *commitLink) commit(ctx context.Context, marks map[place]mark) (map[place]error, error) {
	answer, err := l.try(ctx, marks)
	if err != nil {
		// The session's own credentials are the first choice even when there are
		// newer ones: they worked. Those may have been withdrawn since.
		if _, version := l.group.current(); version != l.access.version {
			if newest, aerr := l.group.access(); aerr == nil {
				l.close()
				l.access = newest
			}
		}
		return nil, fmt.Errorf("commit the offsets of group %s: %w", l.group.cfg.GroupID, err)
	}
	return answer, nil
}

func (l *commitLink) try(ctx context.Context, marks map[place]mark) (map[place]error, error) {
	coordinator, err := l.coordinator()
	if err != nil {
		return nil, err
	}
	if ctx.Err() != nil {
		return nil, ctx.Err() // the session is over; a late commit would be nobody's
	}
	req := &sarama.OffsetCommitRequest{
		Version: commitVersion, ConsumerGroup: l.group.cfg.GroupID, ConsumerID: l.member, ConsumerGroupGeneration: l.generation,
	}
	if id := l.group.cfg.GroupInstanceID; id != "" {
		req.GroupInstanceId = &id
	}
	for at, m := range marks {
		req.AddBlockWithLeaderEpoch(at.topic, at.partition, m.next, noEpoch, 0, m.note)
	}
	resp, err := coordinator.CommitOffset(req)
	if err != nil {
		l.stale = true
		_ = coordinator.Close() // it is opened again by the next look-up
		return nil, err
	}
	answer := make(map[place]error, len(marks))
	for topic, partitions := range resp.Errors {
		for p, kerr := range partitions {
			answer[place{topic, p}] = kerr
		}
	}
	return answer, nil
}

// coordinator finds the broker that keeps the group's offsets.
func (l *commitLink) coordinator() (*sarama.Broker, error) {
	if l.client == nil {
		s := *l.access.sarama
		s.Net.ReadTimeout, s.Net.WriteTimeout = commitTimeout, commitTimeout
		// It asks for no topics, and so has no metadata to keep fresh.
		s.Metadata.Full, s.Metadata.RefreshFrequency = false, 0
		s.Metadata.Retry.Max = 0 // the committer tries again, and tells about it
		client, err := sarama.NewClient(l.group.cfg.BootstrapServers, &s)
		if err != nil {
			return nil, err
		}
		l.client = client
	}
	if l.stale {
		if err := l.client.RefreshCoordinator(l.group.cfg.GroupID); err != nil {
			return nil, err
		}
		l.stale = false
	}
	return l.client.Coordinator(l.group.cfg.GroupID)
}

// doubt makes the next commit look the coordinator up again.
func (l *commitLink) doubt() { l.stale = true }

func (l *commitLink) close() {
	if l.client != nil {
		_ = l.client.Close() // nothing waits in it
		l.client = nil
	}
}

// judgement is what an answer means for a mark.
type judgement int

const (
	judgedDone    judgement = iota
	judgedRetry             // soon
	judgedRefused           // not as long as nobody changes something
	judgedOver              // this member has no say any more
)

func judgeCommit(err error) judgement {
	var code sarama.KError
	if !errors.As(err, &code) {
		return judgedRetry
	}
	switch code {
	case sarama.ErrNoError:
		return judgedDone
	case sarama.ErrIllegalGeneration, sarama.ErrUnknownMemberId, sarama.ErrFencedInstancedId:
		return judgedOver
	case sarama.ErrGroupAuthorizationFailed, sarama.ErrTopicAuthorizationFailed, sarama.ErrUnknownTopicOrPartition,
		sarama.ErrOffsetMetadataTooLarge, sarama.ErrInvalidCommitOffsetSize, sarama.ErrInvalidTopic:
		return judgedRefused
	}
	// The coordinator moves, loads, or is between two generations.
	return judgedRetry
}

// ownFault reports whether a refusal concerns the partition and not the group.
func ownFault(err error) bool {
	return !errors.Is(err, sarama.ErrGroupAuthorizationFailed)
}

// newCommits makes the committer of a session.
func (g *Group) newCommits(session sarama.ConsumerGroupSession, a access, lost func()) *committer {
	c := newCommitter(
		&commitLink{group: g, access: a, member: session.MemberID(), generation: session.GenerationID()},
		&commitReport{group: g, log: g.log, count: g.commits}, g.cfg.CommitInterval, lost,
	)
	g.committing.Store(c)
	return c
}

func (g *Group) commitAge() float64 {
	if c := g.committing.Load(); c != nil {
		return c.age(time.Now()).Seconds()
	}
	return 0
}

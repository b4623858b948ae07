package kafka

import (
	"context"
	"errors"
	"fmt"

	"github.com/IBM/sarama"
)

// GroupPlace is what a group has committed for a partition.
type GroupPlace struct {
	Next int64  // the next offset to settle
	Note string // see Claim.Mark
}

// GroupPlaces returns what a group has committed for a topic's partitions;
// those without anything are left out.
func (r *Reader) GroupPlaces(ctx context.Context, group, topic string, partitions []int32) (map[int32]GroupPlace, error) {
	resp, err := groupOffsets(ctx, r.client, group, map[string][]int32{topic: partitions})
	switch {
	case errors.Is(err, sarama.ErrGroupIDNotFound):
		return map[int32]GroupPlace{}, nil // so some brokers say that it never committed
	case err != nil:
		return nil, r.explainGroup(ctx, group, err)
	}
	places := map[int32]GroupPlace{}
	for _, p := range partitions {
		block := resp.GetBlock(topic, p)
		switch {
		case block == nil:
			return nil, fmt.Errorf("the broker did not say what group %s has committed for %s/%d; try again", group, topic, p)
		case block.Err != sarama.ErrNoError:
			return nil, r.explainGroup(ctx, group, block.Err)
		case block.Offset > none:
			places[p] = GroupPlace{block.Offset, block.Metadata}
		}
	}
	return places, nil
}

// GroupMembers returns how many members a group has, which is 0 also for one
// that does not exist.
func (r *Reader) GroupMembers(ctx context.Context, group string) (int, error) {
	g, err := describeGroup(ctx, r.client, group)
	switch {
	case errors.Is(err, sarama.ErrGroupIDNotFound):
		return 0, nil
	case err != nil:
		return 0, r.explainGroup(ctx, group, err)
	case g.State == "PreparingRebalance" || g.State == "CompletingRebalance":
		return max(1, len(g.Members)), nil // a member that joins just now is in the state alone
	}
	return len(g.Members), nil
}

// ErrGroupActive says that a group has members, so that nobody else may commit
// for it.
var ErrGroupActive = errors.New("the group has members")

// CommitPlaces commits offsets for a group that has no members; the broker
// refuses it for one that has, and then the error is ErrGroupActive.
func (r *Reader) CommitPlaces(ctx context.Context, group, topic string, places map[int32]GroupPlace) error {
	req := &sarama.OffsetCommitRequest{
		Version: commitVersion, ConsumerGroup: group, ConsumerGroupGeneration: sarama.GroupGenerationUndefined,
	}
	for p, at := range places {
		req.AddBlockWithLeaderEpoch(topic, p, at.Next, noEpoch, 0, at.Note)
	}
	var resp *sarama.OffsetCommitResponse
	err := askCoordinator(ctx, r.client, group, func() error {
		if err := r.client.RefreshCoordinator(group); err != nil {
			return err
		}
		coordinator, err := r.client.Coordinator(group)
		if err != nil {
			return err
		}
		if resp, err = coordinator.CommitOffset(req); err != nil {
			return err
		}
		for _, kerr := range resp.Errors[topic] { // nothing is written where the coordinator is on its way
			if onItsWay(kerr) {
				return kerr
			}
		}
		return nil
	})
	if err != nil {
		return r.explainGroup(ctx, group, err)
	}
	for _, partitions := range resp.Errors {
		for p, kerr := range partitions {
			switch {
			case kerr == sarama.ErrNoError:
			case judgeCommit(kerr) == judgedOver, errors.Is(kerr, sarama.ErrRebalanceInProgress):
				return fmt.Errorf("commit the offsets of group %s: %w", group, ErrGroupActive)
			default:
				return r.explainGroup(ctx, group, fmt.Errorf("commit the offset of %s/%d: %w", topic, p, kerr))
			}
		}
	}
	return nil
}

// explainGroup is explain for what is asked about a group.
func (r *Reader) explainGroup(ctx context.Context, group string, err error) error {
	cfg := r.cfg
	cfg.GroupID = group
	if ctx.Err() != nil {
		return r.explain(ctx, err)
	}
	return cfg.explain(err)
}

package kafka

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/IBM/sarama"
)

// GroupState is what the coordinator says of a group.
type GroupState struct {
	Name    string        `json:"name"`
	State   string        `json:"state"` // Stable, Empty, Dead (there is none), PreparingRebalance, …
	Members []GroupMember `json:"members"`
}

// GroupMember is one process in a group.
type GroupMember struct {
	ID         string   `json:"id"`
	InstanceID string   `json:"instance_id,omitempty"`
	ClientID   string   `json:"client_id"`
	Host       string   `json:"host"`
	Partitions []string `json:"partitions"` // topic/partition
}

// State describes the group.
func (o *Offsets) State(ctx context.Context) (GroupState, error) {
	group, err := describeGroup(ctx, o.client, o.cfg.GroupID)
	state := GroupState{Name: o.cfg.GroupID, State: "Dead", Members: []GroupMember{}}
	switch {
	case errors.Is(err, sarama.ErrGroupIDNotFound):
		return state, nil
	case err != nil:
		return state, explainedOffsets(o.cfg, err)
	}
	state.State = group.State
	for id, m := range group.Members {
		member := GroupMember{ID: id, ClientID: m.ClientId, Host: strings.TrimPrefix(m.ClientHost, "/"), Partitions: []string{}}
		if m.GroupInstanceId != nil {
			member.InstanceID = *m.GroupInstanceId
		}
		// What cannot be read belongs to a client of another kind, or to a member
		// that has none yet.
		if assigned, err := m.GetMemberAssignment(); err == nil && assigned != nil {
			var all []TopicPartition
			for topic, partitions := range assigned.Topics {
				for _, p := range partitions {
					all = append(all, TopicPartition{topic, p})
				}
			}
			slices.SortFunc(all, TopicPartition.Compare)
			for _, p := range all {
				member.Partitions = append(member.Partitions, p.String())
			}
		}
		state.Members = append(state.Members, member)
	}
	slices.SortFunc(state.Members, func(a, b GroupMember) int { return cmp.Compare(a.ID, b.ID) })
	return state, nil
}

// ActiveError says that a group has members, so that its offsets are theirs.
type ActiveError struct{ Group GroupState }

// Error implements error.
func (e *ActiveError) Error() string {
	var who []string
	for _, m := range e.Group.Members {
		who = append(who, fmt.Sprintf("%s at %s", cmp.Or(m.InstanceID, m.ID), m.Host))
	}
	if len(who) == 0 {
		who = []string{"state " + e.Group.State}
	}
	return fmt.Sprintf("the group %s is active (%s), and would commit over it; stop every member first, and wait kafka.session_timeout for one that died", e.Group.Name, strings.Join(who, ", "))
}

// Set commits offsets for the group, and thereby drops the notes beside the old
// ones. It is an *ActiveError while the group has members; the coordinator
// itself refuses then, so that no member can come in between.
func (o *Offsets) Set(ctx context.Context, to map[TopicPartition]int64) error {
	if len(to) == 0 {
		return nil
	}
	state, err := o.State(ctx)
	if err != nil {
		return err
	}
	if len(state.Members) > 0 {
		return &ActiveError{state}
	}
	offsets := map[string]map[int32]sarama.OffsetAndMetadata{}
	for p, offset := range to {
		if offsets[p.Topic] == nil {
			offsets[p.Topic] = map[int32]sarama.OffsetAndMetadata{}
		}
		offsets[p.Topic][p.Partition] = sarama.OffsetAndMetadata{Offset: offset, LeaderEpoch: -1}
	}
	var resp *sarama.OffsetCommitResponse
	err = askCoordinator(ctx, o.client, o.cfg.GroupID, func() (err error) {
		if resp, err = o.admin.AlterConsumerGroupOffsets(o.cfg.GroupID, offsets, nil); err != nil {
			return err
		}
		for p := range to { // nothing is written where one of these is said
			if kerr := resp.Errors[p.Topic][p.Partition]; onItsWay(kerr) {
				return kerr
			}
		}
		return nil
	})
	if err != nil {
		return explainedOffsets(o.cfg, err)
	}
	var errs []error
	for p := range to {
		kerr, answered := resp.Errors[p.Topic][p.Partition]
		switch {
		case !answered:
			kerr = sarama.ErrUnknown
		case kerr == sarama.ErrUnknownMemberId || kerr == sarama.ErrRebalanceInProgress || kerr == sarama.ErrIllegalGeneration:
			if state, err := o.State(ctx); err == nil {
				return &ActiveError{state}
			}
		}
		if kerr != sarama.ErrNoError {
			errs = append(errs, explainedOffsets(o.cfg, fmt.Errorf("set the offset of %s: %w", p, kerr)))
		}
	}
	return errors.Join(errs...)
}

package kafka

import (
	"context"
	"errors"
	"time"

	"github.com/IBM/sarama"
)

// A coordinator that has just moved, or just started, says for some time that
// it is not there yet, or still loads the group's offsets. Sarama asks again
// for the first of these alone, and only for half a second.
const (
	coordinatorPatience = 10 * time.Second
	coordinatorPause    = 100 * time.Millisecond // doubled, up to a second
)

// askCoordinator asks a group's coordinator, and asks again while it is on the way.
// Somebody waits for the answer, or another round asks anew, so it gives up
// with the coordinator's last word after coordinatorPatience.
func askCoordinator(ctx context.Context, client sarama.Client, group string, ask func() error) error {
	until, cancel := context.WithTimeout(ctx, coordinatorPatience)
	defer cancel()
	for pause := coordinatorPause; ; pause = min(2*pause, time.Second) {
		err := ask()
		if !onItsWay(err) {
			return err
		}
		_ = client.RefreshCoordinator(group) // asking again tells whether it helped
		select {
		case <-until.Done():
			return err
		case <-time.After(pause):
		}
	}
}

// onItsWay reports whether a coordinator says that it will be there soon.
func onItsWay(err error) bool {
	return errors.Is(err, sarama.ErrOffsetsLoadInProgress) || errors.Is(err, sarama.ErrNotCoordinatorForConsumer) ||
		errors.Is(err, sarama.ErrConsumerCoordinatorNotAvailable)
}

// groupOffsets returns what a group has committed for partitions.
func groupOffsets(ctx context.Context, client sarama.Client, group string, partitions map[string][]int32) (*sarama.OffsetFetchResponse, error) {
	// The admin is not closed: that would close the client, which is its owner's.
	admin, err := sarama.NewClusterAdminFromClient(client)
	if err != nil {
		return nil, err
	}
	var resp *sarama.OffsetFetchResponse
	err = askCoordinator(ctx, client, group, func() error {
		var err error
		if resp, err = admin.ListConsumerGroupOffsets(group, partitions); err != nil {
			return err
		}
		if resp.Err != sarama.ErrNoError {
			return resp.Err
		}
		for topic, list := range partitions {
			for _, p := range list {
				if b := resp.GetBlock(topic, p); b != nil && onItsWay(b.Err) {
					return b.Err
				}
			}
		}
		return nil
	})
	return resp, err
}

// describeGroup returns what the coordinator says of a group. One that does not
// exist is sarama.ErrGroupIDNotFound or in the state Dead, as the broker has it.
func describeGroup(ctx context.Context, client sarama.Client, group string) (*sarama.GroupDescription, error) {
	admin, err := sarama.NewClusterAdminFromClient(client) // not closed, as above
	if err != nil {
		return nil, err
	}
	var found []*sarama.GroupDescription
	err = askCoordinator(ctx, client, group, func() error {
		var err error
		if found, err = admin.DescribeConsumerGroups([]string{group}); err != nil {
			return err
		}
		if len(found) != 1 {
			return sarama.ErrIncompleteResponse
		}
		if found[0].Err != sarama.ErrNoError {
			return found[0].Err
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return found[0], nil
}

package kafkatest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/twmb/franz-go/pkg/kadm"
)

// createTopic creates a topic and waits for it. Replication -1 is the broker's
// default: 1 here, what its owner chose on a broker from the environment.
func createTopic(ctx context.Context, adm *kadm.Client, topic string, partitions int32) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	adm.SetTimeoutMillis(int32(requestTimeout / time.Millisecond))
	if _, err := adm.CreateTopic(ctx, partitions, -1, nil, topic); err != nil {
		return fmt.Errorf("create topic %s: %w", topic, err)
	}
	return waitForTopic(ctx, adm, topic, int(partitions))
}

// waitForTopic returns when the leader of each of the topic's partitions
// answers for it. A leader is named before it knows that it is one.
func waitForTopic(ctx context.Context, adm *kadm.Client, topic string, partitions int) error {
	ask := func() (struct{}, error) {
		meta, err := adm.Metadata(ctx, topic)
		if err != nil {
			return struct{}{}, err
		}
		t := meta.Topics[topic]
		led := 0
		for _, p := range t.Partitions {
			if p.Err == nil && p.Leader >= 0 {
				led++
			}
		}
		if led != partitions {
			return struct{}{}, errors.Join(fmt.Errorf("%d of %d partitions have a leader", led, partitions), t.Err)
		}
		ends, err := adm.ListEndOffsets(ctx, topic)
		return struct{}{}, errors.Join(err, ends.Error())
	}
	if err := again(ctx, ask); err != nil {
		return fmt.Errorf("wait for topic %s: %w", topic, err)
	}
	return nil
}

// again asks until there is no error, or ctx ends.
func again(ctx context.Context, ask func() (struct{}, error)) error {
	_, err := backoff.Retry(ctx, ask, backoff.WithBackOff(backoff.NewConstantBackOff(50*time.Millisecond)), backoff.WithMaxElapsedTime(0))
	return err
}

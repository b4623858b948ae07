package kafka

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/IBM/sarama"
	"go.uber.org/zap"
)

// PartitionsError says that a topic exists with another number of partitions.
type PartitionsError struct {
	Topic      string
	Want, Have int32
}

// Error implements error.
func (e *PartitionsError) Error() string {
	return fmt.Sprintf("topic %s exists with %d partitions, not %d; ask for %d, or delete or rename the topic", e.Topic, e.Have, e.Want, e.Have)
}

// EnsureTopic creates the topic if there is none. A replication of -1 and a
// retention of 0 are the broker's defaults. If the topic exists with another
// number of partitions, the error is a *PartitionsError; its other settings
// are left as they are.
func EnsureTopic(ctx context.Context, cfg Config, topic string, partitions int32, replication int16, retention time.Duration) (err error) {
	sc, err := clientConfig(cfg, zap.NewNop())
	if err != nil {
		return err
	}
	client, err := connect(ctx, cfg, sc)
	if err != nil {
		return err
	}
	admin, err := sarama.NewClusterAdminFromClient(client)
	if err != nil {
		return errors.Join(fmt.Errorf("open a Kafka admin client: %w", err), client.Close())
	}
	defer func() { err = errors.Join(err, admin.Close()) }() // closes the client as well

	// Look first: whoever may not create topics may still use an existing one.
	have, err := countPartitions(admin, topic)
	if err != nil {
		return err
	}
	if have == 0 {
		detail := &sarama.TopicDetail{NumPartitions: partitions, ReplicationFactor: replication}
		if retention > 0 {
			ms := strconv.FormatInt(retention.Milliseconds(), 10)
			detail.ConfigEntries = map[string]*string{"retention.ms": &ms}
		}
		err := admin.CreateTopic(topic, detail, false)
		switch {
		case err == nil:
			return nil
		case !errors.Is(err, sarama.ErrTopicAlreadyExists): // else somebody was quicker
			return fmt.Errorf("create topic %s: %w", topic, err)
		}
		if have, err = countPartitions(admin, topic); err != nil {
			return err
		}
	}
	if have != partitions {
		return &PartitionsError{Topic: topic, Want: partitions, Have: have}
	}
	return nil
}

// countPartitions returns 0 if there is no such topic.
func countPartitions(admin sarama.ClusterAdmin, topic string) (int32, error) {
	found, err := admin.DescribeTopics([]string{topic})
	if err != nil {
		return 0, fmt.Errorf("describe topic %s: %w", topic, err)
	}
	for _, t := range found {
		switch {
		case t.Name != topic || errors.Is(t.Err, sarama.ErrUnknownTopicOrPartition):
		case t.Err != sarama.ErrNoError:
			return 0, fmt.Errorf("describe topic %s: %w", topic, t.Err)
		default:
			return int32(len(t.Partitions)), nil
		}
	}
	return 0, nil
}

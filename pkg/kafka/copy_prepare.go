package kafka

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/IBM/sarama"
	"go.uber.org/zap"
)

// CopyMismatchError says why a topic cannot be copied to where it was asked to.
// Trying again does not help.
type CopyMismatchError struct{ What, Hint string }

func (e *CopyMismatchError) Error() string { return e.What + "; " + e.Hint }

// CopyState is what Prepare and Inspect find.
type CopyState struct {
	SourceCluster, Cluster string // their ids
	Topic                  string
	SourcePartitions       int32
	Partitions             int32 // 0: there is no topic yet
	Created                bool
	Warnings               []string // what differs from what was asked, and is left as it is
}

// Inspect looks whether source's only topic can be copied to t, and changes
// nothing.
func (t *CopyTarget) Inspect(ctx context.Context, source Config) (CopyState, error) {
	return t.look(ctx, source, false)
}

// Prepare does what Inspect does, and creates the topic if there is none, or
// partitions that were added at the source while nothing was copied.
func (t *CopyTarget) Prepare(ctx context.Context, source Config) (CopyState, error) {
	return t.look(ctx, source, true)
}

func (t *CopyTarget) look(ctx context.Context, source Config, change bool) (CopyState, error) {
	state := CopyState{Topic: t.topic}
	begun, err := lookAtSource(ctx, source, &state)
	if err != nil {
		return state, explained(source, err)
	}
	err = t.admin(ctx, func(client sarama.Client, admin sarama.ClusterAdmin) error {
		var err error
		if state.Cluster, err = clusterID(client); err != nil {
			return err
		}
		if state.Cluster == state.SourceCluster && t.topic == source.Topics[0] {
			return &CopyMismatchError{
				What: fmt.Sprintf("mirror.bootstrap_servers and kafka.bootstrap_servers lead to the same cluster (%s), where topic %s would be copied into itself", state.Cluster, t.topic),
				Hint: "name the cluster of yours in mirror.bootstrap_servers, or another topic in mirror.name",
			}
		}
		if state.Partitions, err = countPartitions(admin, t.topic); err != nil {
			return err
		}
		if state.Partitions == 0 {
			if !change {
				return nil
			}
			state.Created = true
			return t.create(admin, state.SourcePartitions)
		}
		if state.Partitions < state.SourcePartitions {
			if !begun {
				return &CopyMismatchError{
					What: fmt.Sprintf("topic %s has %d partitions and its source %d, so records could not keep theirs", t.topic, state.Partitions, state.SourcePartitions),
					Hint: fmt.Sprintf("add partitions to it (kafka-topics --alter --topic %s --partitions %d), or name another topic in mirror.name, which is then created", t.topic, state.SourcePartitions),
				}
			}
			// What the group has copied before fitted, so the source has grown since.
			if change {
				if err := admin.CreatePartitions(t.topic, state.SourcePartitions, nil, false); err != nil {
					return needs("ALTER", err)
				}
			}
			state.Warnings = append(state.Warnings, fmt.Sprintf("the source has grown from %d to %d partitions; those of %s follow", state.Partitions, state.SourcePartitions, t.topic))
		}
		return t.compare(admin, &state)
	})
	return state, err
}

// lookAtSource fills in what is read, and reports whether the group has copied
// any of it before.
func lookAtSource(ctx context.Context, source Config, state *CopyState) (begun bool, err error) {
	s, err := clientConfig(source, zap.NewNop())
	if err != nil {
		return false, err
	}
	s.Metadata.Retry.Max, s.Net.DialTimeout, s.Net.ReadTimeout = 1, copyDial, 2*copyAck
	client, err := connect(ctx, source, s)
	if err != nil {
		return false, err
	}
	defer func() { _ = client.Close() }() // nothing was written that closing could lose
	if state.SourceCluster, err = clusterID(client); err != nil {
		return false, err
	}
	topic := source.Topics[0]
	partitions, err := client.Partitions(topic)
	if err != nil {
		return false, &topicsError{topics: []string{topic}, err: err}
	}
	state.SourcePartitions = int32(len(partitions)) //nolint:gosec // a topic has far fewer
	resp, err := groupOffsets(ctx, client, source.GroupID, map[string][]int32{topic: partitions})
	switch {
	case errors.Is(err, sarama.ErrGroupIDNotFound):
		return false, nil
	case err != nil:
		return false, err
	}
	for _, p := range partitions {
		if b := resp.GetBlock(topic, p); b != nil && b.Offset > none {
			begun = true
		}
	}
	return begun, nil
}

// compare judges the settings of a topic that exists: they are not changed.
func (t *CopyTarget) compare(admin sarama.ClusterAdmin, state *CopyState) error {
	warn := func(format string, args ...any) {
		state.Warnings = append(state.Warnings, fmt.Sprintf(format, args...))
	}
	if state.Partitions > state.SourcePartitions {
		warn("topic %s has %d partitions and its source %d; those beyond stay empty", t.topic, state.Partitions, state.SourcePartitions)
	}
	entries, err := settingsOf(admin, t.topic)
	if errors.Is(err, sarama.ErrTopicAuthorizationFailed) || errors.Is(err, sarama.ErrClusterAuthorizationFailed) {
		warn("the settings of topic %s may not be seen; make sure that message.timestamp.type is CreateTime and cleanup.policy is delete, and give this principal DESCRIBE_CONFIGS on it", t.topic)
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		switch e.Name {
		case "message.timestamp.type":
			if e.Value == "LogAppendTime" {
				return &CopyMismatchError{
					What: fmt.Sprintf("topic %s has message.timestamp.type=LogAppendTime, so the records' own timestamps would be lost", t.topic),
					Hint: "set it to CreateTime, or name another topic in mirror.name, which is then created",
				}
			}
		case "cleanup.policy":
			if strings.Contains(e.Value, "compact") {
				return &CopyMismatchError{
					What: fmt.Sprintf("topic %s has cleanup.policy=%s, which removes records that have a newer one with the same key, and refuses those without a key", t.topic, e.Value),
					Hint: "set it to delete, or name another topic in mirror.name, which is then created",
				}
			}
		case "retention.bytes":
			if n, err := strconv.ParseInt(e.Value, 10, 64); err == nil && n >= 0 && t.cfg.Retention > 0 {
				warn("topic %s removes what is beyond %d bytes in a partition, however young it is, and mirror.retention asks for %s; it is not changed here, set its retention.bytes to -1", t.topic, n, t.cfg.Retention)
			}
		case "retention.ms":
			ms, err := strconv.ParseInt(e.Value, 10, 64)
			if kept := time.Duration(ms) * time.Millisecond; err == nil && ms >= 0 && t.cfg.Retention > 0 && kept < t.cfg.Retention {
				warn("topic %s keeps records for %s, and mirror.retention asks for %s; it is not changed here, set its retention.ms to %d", t.topic, kept, t.cfg.Retention, t.cfg.Retention.Milliseconds())
			}
		}
	}
	return nil
}

// settingsOf returns a topic's settings.
func settingsOf(admin sarama.ClusterAdmin, topic string) ([]sarama.ConfigEntry, error) {
	found, err := admin.DescribeConfigs([]*sarama.ConfigResource{{Type: sarama.TopicResource, Name: topic}}, sarama.DescribeConfigsOptions{})
	if err != nil {
		return nil, err
	}
	var entries []sarama.ConfigEntry
	for _, r := range found {
		if code := sarama.KError(r.ErrorCode); code != sarama.ErrNoError {
			return nil, code
		}
		entries = append(entries, r.Configs...)
	}
	return entries, nil
}

package app

import (
	"context"
	"strconv"

	"go.uber.org/zap"

	"auditlog-forwarder/pkg/audit"
	"auditlog-forwarder/pkg/config"
	"auditlog-forwarder/pkg/deadletter"
	"auditlog-forwarder/pkg/forwarder"
	"auditlog-forwarder/pkg/kafka"
)

// deadLetterTopic copies dead letters to a Kafka topic of the user's.
type deadLetterTopic struct {
	writer *kafka.TopicWriter
	group  string
}

// newDeadLetterTopic returns nil if there is none.
func newDeadLetterTopic(cfg config.Config, log *zap.Logger) *deadLetterTopic {
	if !cfg.DeadLetterTopic.Enabled() {
		return nil
	}
	return &deadLetterTopic{writer: kafka.NewTopicWriter(cfg.DeadLetterTopic, log), group: cfg.Kafka.GroupID}
}

// copies returns t as lanes take it: no interface without a topic.
func (t *deadLetterTopic) copies() forwarder.DeadLetterCopy {
	if t == nil {
		return nil
	}
	return t
}

func (t *deadLetterTopic) close(ctx context.Context) {
	if t != nil {
		t.writer.Close(ctx)
	}
}

// Copy implements forwarder.DeadLetterCopy.
func (t *deadLetterTopic) Copy(ctx context.Context, entries []deadletter.Entry) error {
	records := make([]audit.Record, len(entries))
	for i, e := range entries {
		records[i] = t.record(e)
	}
	return t.writer.Write(ctx, records)
}

// record is the entry's record as it came, with headers behind its own. The
// first ones are named as those of Kafka Connect's dead-letter queues, so that
// what reads these reads ours; there is no stack trace, as nothing was thrown.
func (t *deadLetterTopic) record(e deadletter.Entry) audit.Record {
	stage, message := "VALUE_CONVERTER", e.Detail
	if e.Reason == deadletter.Refused {
		stage, message = "TASK_PUT", e.Detail+": code "+strconv.Itoa(e.Code)+": "+e.Reply
	}
	r := e.Record
	r.Headers = append(make([]audit.Header, 0, len(e.Record.Headers)+12), e.Record.Headers...)
	for _, h := range []struct{ key, value string }{
		{"__connect.errors.topic", r.Topic},
		{"__connect.errors.partition", strconv.Itoa(int(r.Partition))},
		{"__connect.errors.offset", strconv.FormatInt(r.Offset, 10)},
		{"__connect.errors.connector.name", t.group},
		{"__connect.errors.task.id", "0"},
		{"__connect.errors.stage", stage},
		{"__connect.errors.class.name", "auditlog-forwarder"},
		{"__connect.errors.exception.class.name", string(e.Reason)},
		{"__connect.errors.exception.message", message},
		{"auditlog_forwarder.reason", string(e.Reason)},
		{"auditlog_forwarder.code", strconv.Itoa(e.Code)},
	} {
		r.Headers = append(r.Headers, audit.Header{Key: h.key, Value: []byte(h.value)})
	}
	return r
}

// topicMemory is what the copies take: a batch of nothing but dead letters, as
// it came, as a message, and as a request, besides a client of its own.
func topicMemory(cfg config.Config) int64 {
	if !cfg.DeadLetterTopic.Enabled() {
		return 0
	}
	return 8<<20 + 3*int64(2*cfg.Batch.MaxBytes+min(usualEvent, cfg.HEC.MaxEventBytes))
}

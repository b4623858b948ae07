package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"auditlog-forwarder/pkg/kafka"
)

// GroupOffsets is where a group stands.
type GroupOffsets struct {
	kafka.GroupState
	Partitions []PartitionOffset `json:"partitions"`
	Warnings   []string          `json:"warnings"`
}

// PartitionOffset is where a group stands in one partition.
type PartitionOffset struct {
	Topic     string     `json:"topic"`
	Partition int32      `json:"partition"`
	Committed *int64     `json:"committed"`        // the next offset to settle; nil: none yet
	Time      *time.Time `json:"time,omitempty"`   // of the record there, or of the next one; nil: nothing is behind it
	LogStart  int64      `json:"log_start"`        // the oldest offset that is there
	LogEnd    int64      `json:"log_end"`          // behind the newest
	Lag       int64      `json:"lag"`              // offsets that are there and not settled
	LagTime   float64    `json:"lag_seconds"`      // age of the oldest record of them
	Note      bool       `json:"note"`             // something is kept beside the offset, such as the place of a summary
	Member    string     `json:"member,omitempty"` // who has it
	Lost      int64      `json:"lost,omitempty"`   // offsets that expired before they were settled
}

// ShowOffsets looks where the configured group stands. It changes nothing.
func ShowOffsets(ctx context.Context, cfg kafka.Config, now time.Time) (_ GroupOffsets, err error) {
	o, err := kafka.OpenOffsets(ctx, cfg)
	if err != nil {
		return GroupOffsets{}, err
	}
	defer func() { err = errors.Join(err, o.Close()) }()
	state, err := o.State(ctx)
	if err != nil {
		return GroupOffsets{}, err
	}
	all, err := o.Partitions()
	if err != nil {
		return GroupOffsets{}, err
	}
	committed, err := o.Committed(ctx, all)
	if err != nil {
		return GroupOffsets{}, err
	}
	found := GroupOffsets{GroupState: state, Partitions: []PartitionOffset{}, Warnings: []string{}}
	owners := map[string]string{}
	for _, m := range state.Members {
		for _, p := range m.Partitions {
			owners[p] = m.ID
		}
	}
	warnings := make([]string, len(all))
	rows, errs := askEach(all, func(i int, p kafka.TopicPartition) (row PartitionOffset, err error) {
		row, warnings[i], err = showOffset(o, cfg, p, committed[p], now)
		row.Member = owners[p.String()]
		return row, err
	})
	for i, p := range all {
		if errs[i] != nil {
			return found, errs[i]
		}
		found.Partitions = append(found.Partitions, rows[i])
		if warnings[i] != "" {
			found.Warnings = append(found.Warnings, p.String()+": "+warnings[i])
		}
	}
	return found, nil
}

// askedAtOnce bounds questions about partitions that are open at once. Their answers take
// a round trip each, and the audit log's cluster may be on another continent.
const askedAtOnce = 16

// askEach asks about each partition, and returns answers and errors in their order.
func askEach[T any](all []kafka.TopicPartition, ask func(i int, p kafka.TopicPartition) (T, error)) ([]T, []error) {
	answers, errs := make([]T, len(all)), make([]error, len(all))
	var asking errgroup.Group
	asking.SetLimit(askedAtOnce)
	for i, p := range all {
		asking.Go(func() error {
			answers[i], errs[i] = ask(i, p)
			return nil // one that fails does not stop the others
		})
	}
	_ = asking.Wait() // each error is in errs
	return answers, errs
}

func showOffset(o *kafka.Offsets, cfg kafka.Config, p kafka.TopicPartition, at kafka.Committed, now time.Time) (row PartitionOffset, warning string, err error) {
	l, err := o.Log(p)
	if err != nil {
		return row, "", err
	}
	row = PartitionOffset{Topic: p.Topic, Partition: p.Partition, LogStart: l.Start, LogEnd: l.End, Note: at.Note != ""}
	next := at.Offset
	switch {
	case at.Offset == kafka.None:
		if next, err = o.First(p, l); err != nil {
			return row, "", err
		}
		warning = fmt.Sprintf("no offset is committed; reading will start at %s (kafka.start)", cfg.Start)
	case at.Offset < l.Start:
		row.Lost = l.Start - at.Offset
		warning = fmt.Sprintf("LOST GROUND: %d offsets, %d to %d, expired before they were settled; reading will go on at %d", row.Lost, at.Offset, l.Start-1, l.Start)
		next = l.Start
	case at.Offset > l.High:
		next = l.Start
		warning = "the committed offset is beyond the end, as after deleting and creating the topic; reading will start at the oldest event"
	}
	if at.Offset != kafka.None {
		row.Committed = &at.Offset
	}
	row.Lag = max(0, l.End-next)
	if row.Lag > 0 {
		when, found, err := o.Next(p, next, l.End)
		if err != nil {
			return row, "", err
		}
		if found {
			utc := when.UTC()
			row.Time, row.LagTime = &utc, max(0, now.Sub(when)).Seconds()
		}
	}
	return row, warning, nil
}

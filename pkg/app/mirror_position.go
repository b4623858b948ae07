package app

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"go.uber.org/zap"

	"auditlog-forwarder/pkg/config"
	"auditlog-forwarder/pkg/kafka"
	"auditlog-forwarder/pkg/mirror"
	"auditlog-forwarder/pkg/summary"
)

// MoveOptions say from where to where a forwarder moves.
type MoveOptions struct {
	Config config.Config // what is run now; kafka.* is the copy
	Old    kafka.Config  // kafka.* of what was run until now
	Force  bool
	Log    *zap.Logger
}

// MoveToCopy makes the group of Config go on in the copy where that of Old has
// stopped, exactly. It may be called before every Run: a group that has its
// offsets there already is left as it is.
func MoveToCopy(ctx context.Context, opts MoveOptions) error {
	pairs, err := samePlaces(opts.Old, opts.Config.Kafka)
	if err != nil {
		return err
	}
	for _, p := range pairs {
		if _, err := mirror.Move(ctx, mirror.MoveOptions{Old: p[0], New: p[1], Force: opts.Force, Note: moveNote, Log: opts.Log}); err != nil {
			return fmt.Errorf("move group %s over to the copy: %w", opts.Config.Kafka.GroupID, err)
		}
	}
	return nil
}

// moveNote is mirror.MoveOptions.Note. A window of summaries that is open there
// goes on in the copy, by the offsets there: under another name, so it takes
// along only what no summary has. What other clients note means nothing here.
func moveNote(note string, find func(int64) (int64, error)) (string, error) {
	n, err := summary.ParseNote(note)
	switch {
	case err != nil && summary.IsNote(note):
		return "", err
	case err != nil || n.Unsent == 0:
		return "", nil
	}
	start, err := find(max(n.Start, n.Sent))
	if err != nil {
		return "", fmt.Errorf("find the open window of summaries: %w", err)
	}
	n.Start, n.Sent, n.Seen = start, start, n.Unsent
	return n.String(), nil
}

// samePlaces pairs the topics of before with those of now. A single one may
// have another name in the copy; several must have the same names.
func samePlaces(old, now kafka.Config) ([][2]mirror.Leg, error) {
	switch {
	case old.TopicPattern != "" || now.TopicPattern != "":
		return nil, errors.New("--from-mirror-position: kafka.topic_pattern does not say which topic is a copy of which; name them in kafka.topics, in both configurations")
	case len(old.Topics) == 1 && len(now.Topics) == 1:
		return [][2]mirror.Leg{{{Kafka: old, Topic: old.Topics[0]}, {Kafka: now, Topic: now.Topics[0]}}}, nil
	}
	var pairs [][2]mirror.Leg
	for _, t := range now.Topics {
		if !slices.Contains(old.Topics, t) {
			return nil, fmt.Errorf("--from-mirror-position: the topic %s of kafka.topics is not in the old configuration; with several topics the copies must have the names of their sources", t)
		}
		pairs = append(pairs, [2]mirror.Leg{{Kafka: old, Topic: t}, {Kafka: now, Topic: t}})
	}
	for _, t := range old.Topics {
		if !slices.Contains(now.Topics, t) {
			return nil, fmt.Errorf("--from-mirror-position: the old configuration reads %s as well, which kafka.topics does not have, so its events would be skipped; mirror it and name it, or take it out of the old configuration", t)
		}
	}
	return pairs, nil
}

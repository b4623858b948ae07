package app

import (
	"context"
	"fmt"

	"auditlog-forwarder/pkg/config"
	"auditlog-forwarder/pkg/kafka"
)

const stepDestination = "destination"

// CheckMirror tries everything that mirroring needs, without joining the group,
// creating or writing anything.
func CheckMirror(ctx context.Context, cfg config.Config) []Step {
	steps := []Step{{Name: stepConfiguration, Status: StatusOK, OK: true, Found: "valid"}}
	source, err := MirrorSource(cfg)
	if err != nil {
		var all room
		all.report(stepConfiguration, "", err)
		return all.steps
	}
	var broker, to room
	kafka.Check(ctx, source, broker.report)
	steps = append(steps, broker.complete(kafkaSteps(source))...)
	target, err := kafka.NewCopyTarget(cfg.Mirror, source.Topics[0])
	if err != nil {
		to.report(stepDestination, "", err)
		return append(steps, to.steps...)
	}
	state, err := target.Inspect(ctx, source)
	found := fmt.Sprintf("%s: %d partitions, as many as the source; writing was not tried", state.Topic, state.Partitions)
	switch {
	case state.Partitions == 0:
		found = fmt.Sprintf("%s is not there yet; it will be created with %d partitions", state.Topic, state.SourcePartitions)
	case state.Partitions != state.SourcePartitions:
		found = fmt.Sprintf("%s: %d partitions, the source has %d; writing was not tried", state.Topic, state.Partitions, state.SourcePartitions)
	}
	to.report(stepDestination, found, err)
	if err == nil {
		for _, w := range state.Warnings {
			to.report(stepDestination, "", &warning{found: w, fix: "see docs/mirror.md"})
		}
	}
	return append(steps, to.steps...)
}

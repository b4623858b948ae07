package main

import (
	"github.com/spf13/cobra"

	"auditlog-forwarder/pkg/app"
	"auditlog-forwarder/pkg/config"
	"auditlog-forwarder/pkg/kafka"
)

func newOffsetsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "offsets",
		Short: "Show where the consumer group stands, or set it back",
		Long: `The group's committed offsets say, for each partition, up to where every event is
accepted by Splunk, filtered by a rule, or a dead letter. They live in Kafka, in
the group kafka.group_id. show looks at them, reset sets them.

Neither needs more than READ on the group and the topics, and neither writes
anything but the group's offsets, so that both work on the audit log cluster of
Confluent Cloud, which is read-only. Of the configuration only the section kafka
is needed; another group is looked at with --kafka.group-id, and that of the mirror
(mirror.group_id) with --mirror.`,
	}
	cmd.AddCommand(newOffsetsShowCommand(), newOffsetsResetCommand())
	return cmd
}

// loadForOffsets loads a configuration of which only kafka must be right, and
// returns what leads to the group: the forwarder's, or the mirror's.
func loadForOffsets(cmd *cobra.Command, ofMirror bool) (kafka.Config, error) {
	if ofMirror {
		loaded, err := loadForMirror(cmd)
		if err != nil {
			return kafka.Config{}, err
		}
		return app.MirrorSource(loaded.Config)
	}
	loaded, err := loadConfig(cmd)
	if loaded == nil {
		return kafka.Config{}, err
	}
	if err := config.Concerning(err, "kafka"); err != nil {
		return kafka.Config{}, &exitError{code: exitConfig, err: err, hint: configHint(loaded)}
	}
	return loaded.Kafka, nil
}

package main

import (
	"github.com/spf13/cobra"

	"auditlog-forwarder/pkg/app"
	"auditlog-forwarder/pkg/config"
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

// loadForOffsets loads a configuration of which only kafka must be right. Its
// kafka.group_id is that of the forwarder, or of the mirror.
func loadForOffsets(cmd *cobra.Command, ofMirror bool) (cfg config.Config, err error) {
	if ofMirror {
		loaded, err := loadForMirror(cmd)
		if err != nil {
			return cfg, err
		}
		cfg = loaded.Config
		cfg.Kafka, err = app.MirrorSource(cfg)
		return cfg, err
	}
	loaded, err := loadConfig(cmd)
	if loaded == nil {
		return cfg, err
	}
	if err := config.Concerning(err, "kafka"); err != nil {
		return cfg, &exitError{code: exitConfig, err: err, hint: configHint(loaded)}
	}
	return loaded.Config, nil
}

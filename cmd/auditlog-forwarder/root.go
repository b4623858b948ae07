package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"auditlog-forwarder/pkg/config"
)

// program is the name in messages and help.
const program = "auditlog-forwarder"

const rootHelp = `auditlog-forwarder reads Confluent Cloud audit events from Kafka and posts them
to Splunk's HTTP Event Collector (HEC). Every event is delivered at least once:
an offset is committed only after Splunk has taken the event, a rule has dropped
and counted it, or the dead-letter store on disk holds it.

Quick start:
  auditlog-forwarder init -o config.yaml        write a first configuration; it asks
  export AUDITLOG_FORWARDER_KAFKA_SASL_PASSWORD=...   the secret of the API key
  export AUDITLOG_FORWARDER_HEC_TOKEN=...             the HEC token
  export AUDITLOG_FORWARDER_CONFIG=config.yaml
  auditlog-forwarder config print               see what is in effect, and why
  auditlog-forwarder check                      try everything without forwarding
  auditlog-forwarder run                        forward

Configuration comes from, the later the stronger:
  1. defaults
  2. systemd credentials such as hec_token, for secrets ($CREDENTIALS_DIRECTORY)
  3. a YAML file: --config FILE, or AUDITLOG_FORWARDER_CONFIG,
     or ` + config.DefaultFile + ` if it exists
  4. the environment: hec.url is AUDITLOG_FORWARDER_HEC_URL
  5. flags: hec.url is --hec.url, kafka.group_id is --kafka.group-id
Secrets have no flag; each can also be read from a file, named by the key with
_file at its end: hec.token_file.

Exit codes:
    0  done, or stopped by SIGINT or SIGTERM after settling what was sent
    1  an error while running, or dead letters that stay
    2  the command line is wrong
    3  the configuration is invalid
    4  check found a failure, or alerts plan --detailed-exitcode something to do
    5  run --until or --from was stopped before its end
  130  stopped at once by a second signal; what was not settled is sent again`

// newRoot returns the whole command tree.
func newRoot(b build) *cobra.Command {
	root := &cobra.Command{
		Use:           program,
		Short:         "Forward Confluent Cloud audit events from Kafka to Splunk",
		Long:          rootHelp,
		Version:       b.String(),
		SilenceErrors: true, // printError does it
		SilenceUsage:  true,
	}
	root.SetVersionTemplate("{{.Version}}\n")
	root.SetFlagErrorFunc(flagError)
	root.AddCommand(newRunCommand(b), newCheckCommand(b), newConfigCommand(), newDeadLetterCommand(b), newFilterCommand(), newHealthCommand(), newVersionCommand(b))
	root.AddCommand(newMirrorCommand(b), newOffsetsCommand(), newConnectCommand(), newInitCommand(), newAlertsCommand())
	root.InitDefaultCompletionCmd() // now, so that it gets the same usage errors
	root.InitDefaultHelpCmd()
	groups(root)
	plainBools(root)
	return root
}

// plainBool hides from pflag that a flag is its own kind of bool, for which
// help would print --help[=true|false].
type plainBool struct{ pflag.Value }

func plainBools(cmd *cobra.Command) {
	cmd.InitDefaultHelpFlag()
	cmd.InitDefaultVersionFlag()
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if _, own := f.Value.(interface{ IsBoolFlag() bool }); own {
			f.Value = plainBool{f.Value}
		}
	})
	for _, sub := range cmd.Commands() {
		plainBools(sub)
	}
}

// groups makes every command that only holds others, and does nothing itself, refuse what is none of
// them. Cobra itself does that for the root alone.
func groups(cmd *cobra.Command) {
	for _, sub := range cmd.Commands() {
		groups(sub)
	}
	if !cmd.HasSubCommands() || cmd.Runnable() {
		return
	}
	cmd.Args = cobra.ArbitraryArgs
	cmd.DisableFlagsInUseLine = true
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return cmd.Help()
		}
		var names []string
		for _, sub := range cmd.Commands() {
			if sub.IsAvailableCommand() {
				names = append(names, sub.Name())
			}
		}
		hint := fmt.Sprintf("%s --help lists the commands", cmd.CommandPath())
		if near := config.Nearest(args[0], names); near != "" {
			hint = fmt.Sprintf("did you mean %s %s?", cmd.CommandPath(), near)
		}
		return usageError(fmt.Errorf("unknown command %q", args[0]), hint)
	}
}

// positional makes a wrong number of arguments a usage error.
func positional(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if err := check(cmd, args); err != nil {
			return usageError(err, cmd.CommandPath()+" --help shows how it is used")
		}
		return nil
	}
}

// oneOf is the value of a flag that allows only some words.
type oneOf struct {
	value   string
	allowed []string
}

func (o *oneOf) String() string { return o.value }
func (o *oneOf) Type() string   { return "string" }

// Set implements pflag.Value.
func (o *oneOf) Set(s string) error {
	if slices.Contains(o.allowed, s) {
		o.value = s
		return nil
	}
	return fmt.Errorf("%q is unknown; allowed are %s", s, strings.Join(o.allowed, ", "))
}

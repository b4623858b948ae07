package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"auditlog-forwarder/pkg/app"
)

func newFilterCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "filter",
		Short: "Try the rules that drop, keep, route, redact and sum up events",
		Long: `Rules say what becomes of events: they are left out, kept, sent elsewhere, have
values hidden, or are summed up into one event for many. They are Sigma rules
with a member more, auditlog-forwarder, that names the action:

  title: console dry runs
  logsource: {product: confluent, service: audit}
  detection:
    selection: {data.methodName: mds.Authorize, data.authorizationInfo.granted: true}
    condition: selection
  auditlog-forwarder:
    action: drop

filter.rules in the configuration names files of rules and presets, in the order
in which they are looked at; docs/filters.md tells the rest.`,
	}
	cmd.AddCommand(newFilterTestCommand(), newFilterPresetCommand())
	return cmd
}

func newFilterPresetCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "preset [NAME]",
		Short: "Print a preset, or the names of all",
		Long: `Print the text of a preset, to be read or to be made one's own, or the names of
all. The preset NAME is used by filter.rules: [preset:NAME].`,
		Example: "  " + program + " filter preset\n" +
			"  " + program + " filter preset keep-security > my-rules.yml",
		Args:              positional(cobra.MaximumNArgs(1)),
		ValidArgsFunction: cobra.FixedCompletions(app.FilterPresets(), cobra.ShellCompDirectiveNoFileComp),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				_, err := fmt.Fprintln(cmd.OutOrStdout(), strings.Join(app.FilterPresets(), "\n"))
				return err
			}
			text, err := app.FilterPreset(args[0])
			if err != nil {
				return usageError(err, cmd.CommandPath()+" lists them")
			}
			_, err = cmd.OutOrStdout().Write(text)
			return err
		},
	}
}

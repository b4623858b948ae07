package main

import (
	"github.com/spf13/cobra"

	"auditlog-forwarder/pkg/alerts"
	"auditlog-forwarder/pkg/config"
)

func newAlertsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "alerts",
		Short: "Alerts in Splunk: list them, prove them, bring them there",
		Long: `Alerts are files: Sigma rules with a schedule, a condition, a message, and examples
that prove them. Those that come with the program are alerts.rules: [builtin]; files
of one's own stand beside them. alerts.settings names a file that says which are
enabled, who is told, and which index is searched.

The way from a file to a message:
  alerts list      what there is, and what is enabled
  alerts test      whether each fires on its examples, or on events of yours
  alerts render    what becomes of them: savedsearches.conf, or one search to paste
and then one of
  alerts package   an app, to be installed in Splunk or Splunk Cloud
  alerts plan      what would change in a running Splunk, by its REST API
  alerts apply     change it

Of the configuration only the section alerts is needed, which flags can give as
well; help lists only those flags. docs/alerts.md describes rules and settings.`,
		Example: "  " + program + " alerts list\n" +
			"  " + program + " alerts render --search 'CC cluster deletion'\n" +
			"  " + program + " alerts list --alerts.rules builtin,my-alerts/*.yml --alerts.settings alerts.yaml",
	}
	cmd.AddCommand(newAlertsListCommand(), newAlertsTestCommand(), newAlertsRenderCommand(), newAlertsPackageCommand(), newAlertsPlanCommand(), newAlertsApplyCommand())
	return cmd
}

// loadAlerts loads the alerts that the configuration names. Mistakes in other
// sections do not stop it.
func loadAlerts(cmd *cobra.Command) (*alerts.Catalogue, config.Config, error) {
	loaded, err := loadConfig(cmd)
	if loaded == nil {
		return nil, config.Config{}, err
	}
	if err := config.Concerning(err, "alerts"); err != nil {
		return nil, loaded.Config, &exitError{code: exitConfig, err: err}
	}
	c, err := alerts.Load(loaded.Alerts.Rules, loaded.Alerts.Settings)
	if err != nil {
		return nil, loaded.Config, &exitError{code: exitConfig, err: err, hint: "docs/alerts.md describes rules and settings"}
	}
	return c, loaded.Config, nil
}

// completeAlerts completes the names of alerts, as far as they can be loaded.
func completeAlerts(cmd *cobra.Command, _ []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	c, _, err := loadAlerts(cmd)
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	return c.Names(), cobra.ShellCompDirectiveNoFileComp
}

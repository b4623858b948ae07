package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"auditlog-forwarder/pkg/alerts"
)

func newAlertsListCommand() *cobra.Command {
	format := &oneOf{value: "table", allowed: []string{"table", "json"}}
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the alerts: when they run, what fires them, which are enabled",
		Long: `List the alerts of alerts.rules as alerts.settings has them: the severity, how often
Splunk runs them, what fires them, whether they are enabled, and what of ATT&CK
they are about. -o json prints more: what to do first, what fires them in good faith, messages,
actions, schedules, files.

The exit code is 3 if a rule or the settings are wrong; all mistakes are told.`,
		Example: "  " + program + " alerts list\n" +
			"  " + program + " alerts list -o json | jq -r '.[] | select(.enabled) | .name'",
		Args: positional(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, _, err := loadAlerts(cmd)
			if err != nil {
				return err
			}
			if format.value == "json" {
				return listJSON(cmd.OutOrStdout(), c)
			}
			return listTable(cmd.OutOrStdout(), c)
		},
	}
	cmd.Flags().VarP(format, "output", "o", "table or json")
	completeFormat(cmd, format)
	addConfigFlags(cmd, "alerts.rules", "alerts.settings")
	return cmd
}

func listTable(w io.Writer, c *alerts.Catalogue) error {
	enabled := 0
	rows := []string{"ALERT\tLEVEL\tEVERY\tENABLED\tATT&CK\tFIRES FOR"}
	for _, a := range c.Alerts {
		yes := "no"
		if a.Enabled {
			yes, enabled = "yes", enabled+1
		}
		rows = append(rows, strings.Join([]string{a.Name, a.Rule.Level, alerts.Span(a.Every), yes, strings.Join(a.Techniques(), " "), a.Words()}, "\t"))
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	_, err := fmt.Fprintln(table, strings.Join(rows, "\n"))
	if err := errors.Join(err, table.Flush()); err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "%s, %d enabled\n", plural(len(c.Alerts), "alert"), enabled)
	return err
}

// listed is an alert as JSON.
type listed struct {
	Name        string   `json:"name"`
	ID          string   `json:"id"`
	Level       string   `json:"level"`
	Severity    int      `json:"severity"`
	Enabled     bool     `json:"enabled"`
	Every       string   `json:"every"`
	Cron        string   `json:"cron"`
	FiresFor    string   `json:"fires_for"`
	Suppress    string   `json:"suppress,omitempty"`
	SuppressBy  []string `json:"suppress_by,omitempty"`
	ATTACK      []string `json:"attack"`
	Actions     []string `json:"actions"`
	Message     string   `json:"message"`
	Description string   `json:"description"`
	InGoodFaith []string `json:"false_positives"`
	References  []string `json:"references"`
	File        string   `json:"file"`
	Line        int      `json:"line"`
}

func listJSON(w io.Writer, c *alerts.Catalogue) error {
	all := make([]listed, len(c.Alerts))
	for i, a := range c.Alerts {
		all[i] = listed{
			Name: a.Name, ID: a.Rule.ID, Level: a.Rule.Level, Severity: int(a.Severity), Enabled: a.Enabled,
			Every: alerts.Span(a.Every), Cron: a.Cron(), FiresFor: a.Words(), SuppressBy: a.Suppress.By,
			ATTACK: append([]string{}, a.Techniques()...), Actions: append([]string{}, a.Actions.Names()...),
			InGoodFaith: a.Rule.FalsePositives, References: append([]string{}, a.Rule.References...),
			Message: a.Message, Description: strings.TrimSpace(a.Rule.Description), File: a.Rule.File, Line: a.Rule.Line,
		}
		if a.Suppress.For > 0 {
			all[i].Suppress = alerts.Span(a.Suppress.For)
		}
	}
	return printJSON(w, all)
}

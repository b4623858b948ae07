package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"auditlog-forwarder/pkg/alerts"
	"auditlog-forwarder/pkg/alerts/deploy"
	"auditlog-forwarder/pkg/alerts/splunkapp"
	"auditlog-forwarder/pkg/config"
)

const deployHelp = `What is ours in Splunk is known by its alert.managedBy; an alert of the same name
that is not ours is left alone, unless --adopt takes it over. What users change in
Splunk stays: whether an alert is enabled and scheduled, its schedule, its
suppression, who is told, the wording, and macros, unless the settings file names it.
Ours that are not in the catalogue any more stay too, until --prune removes them. A
rule with a new title is the same alert by its id: it is made under the new name, with
what users changed, and the old one goes.

alerts.splunk.url is Splunk's management port (8089). Sign in by
alerts.splunk.token_file, or alerts.splunk.username and password_file. The role needs
write permission on the app and the capability schedule_search. On Splunk Cloud the
port is closed until support opens it, and trial stacks have none: use alerts package.`

// deployFlags are what plan and apply have in common.
type deployFlags struct {
	opts   deploy.Options
	all    bool
	format *oneOf
}

func newDeployFlags() *deployFlags {
	return &deployFlags{format: &oneOf{value: "table", allowed: []string{"table", "json"}}}
}

func (d *deployFlags) add(cmd *cobra.Command) {
	f := cmd.Flags()
	f.BoolVar(&d.opts.Adopt, "adopt", false, "take over alerts of the same name that are not ours; their schedule and recipients stay")
	f.BoolVar(&d.opts.Prune, "prune", false, "remove alerts and macros of ours that are not in the catalogue any more")
	f.BoolVar(&d.opts.CreateApp, "create-app", false, "make an empty app if alerts.splunk.app is not there")
	f.BoolVar(&d.all, "all", false, "list also what stays the same")
	f.VarP(d.format, "output", "o", "table or json")
	completeFormat(cmd, d.format)
}

func newAlertsPlanCommand() *cobra.Command {
	flags, detailed := newDeployFlags(), false
	cmd := &cobra.Command{
		Use:   "plan",
		Short: "Compare the alerts with a running Splunk, and change nothing",
		Long: `Compare the alerts of the catalogue with a running Splunk over its REST API, and tell
what alerts apply would do.

` + deployHelp + `

Exit codes: 0 it is told, whether there is something to do or not; 1 Splunk was not
reached or refused; 3 the configuration, a rule or the settings are wrong; with
--detailed-exitcode 4 if there is something to do.`,
		Example: "  " + program + " alerts plan --alerts.splunk.url https://splunk.example.com:8089\n" +
			"  " + program + " alerts plan --prune -o json | jq '.items[] | select(.action != \"same\")'\n" +
			"  " + program + " alerts plan --detailed-exitcode || echo 'Splunk differs'",
		Args: positional(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, wanted, err := newDeployment(cmd)
			if err != nil {
				return err
			}
			defer client.Close()
			plan, err := client.Plan(cmd.Context(), wanted, flags.opts)
			if err != nil {
				return planError(cmd.Context(), err)
			}
			if err := flags.print(cmd.OutOrStdout(), plan); err != nil {
				return fmt.Errorf("print the plan: %w", err)
			}
			if detailed && plan.Pending() > 0 {
				return &exitError{code: exitCheck, err: fmt.Errorf("Splunk differs in %s", plural(plan.Pending(), "object")), hint: program + " alerts apply changes it"} //nolint:staticcheck // Splunk is a name
			}
			return nil
		},
	}
	flags.add(cmd)
	cmd.Flags().BoolVar(&detailed, "detailed-exitcode", false, "exit with 4 if there is something to do")
	addConfigFlags(cmd, "alerts")
	return cmd
}

// newDeployment loads what is wanted and who is asked.
func newDeployment(cmd *cobra.Command) (*deploy.Client, deploy.Wanted, error) {
	loaded, err := loadConfig(cmd)
	if loaded == nil {
		return nil, deploy.Wanted{}, err
	}
	err = config.Concerning(err, "alerts")
	if err == nil {
		err = loaded.Alerts.Splunk.Ready()
	}
	if err != nil {
		return nil, deploy.Wanted{}, &exitError{code: exitConfig, err: err, hint: configHint(loaded)}
	}
	for _, w := range loaded.Warnings {
		if strings.HasPrefix(w, "alerts.") {
			printLines(cmd.ErrOrStderr(), "warning: ", w)
		}
	}
	c, err := alerts.Load(loaded.Alerts.Rules, loaded.Alerts.Settings)
	if err != nil {
		return nil, deploy.Wanted{}, &exitError{code: exitConfig, err: err, hint: "docs/alerts.md describes rules and settings"}
	}
	if err := splunkapp.Check(c); err != nil {
		return nil, deploy.Wanted{}, &exitError{code: exitConfig, err: err}
	}
	client, err := deploy.New(loaded.Alerts.Splunk, readBuild(version).Version)
	if err != nil {
		return nil, deploy.Wanted{}, &exitError{code: exitConfig, err: err}
	}
	return client, deploy.FromCatalogue(c), nil
}

// planError tells an error of Splunk, the next step on a line of its own.
func planError(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return errors.New("interrupted; nothing was changed")
	}
	var e *deploy.Error
	if errors.As(err, &e) && e.Hint != "" {
		text := strings.TrimSuffix(err.Error(), "; "+e.Hint)
		return &exitError{code: exitRunning, err: errors.New(text), hint: e.Hint}
	}
	return err
}

// print writes a plan.
func (d *deployFlags) print(w io.Writer, p deploy.Plan) error {
	if d.format.value == "json" {
		return printJSON(w, struct {
			deploy.Plan
			Pending int `json:"pending"`
		}{p, p.Pending()})
	}
	out := &planPrinter{w: w, colours: coloured(w)}
	out.plan(p, d.all)
	return out.err
}

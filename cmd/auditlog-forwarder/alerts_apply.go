package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"auditlog-forwarder/pkg/alerts/deploy"
)

func newAlertsApplyCommand() *cobra.Command {
	flags, yes, dryRun := newDeployFlags(), false, false
	cmd := &cobra.Command{
		Use:   "apply",
		Short: "Bring the alerts into a running Splunk",
		Long: `Bring the alerts of the catalogue into a running Splunk over its REST API: make what
is missing, change what differs. It tells what it will do, as alerts plan does, and
asks; with --yes it does not ask. What is there and right is not written, so that a
second run does nothing.

The order is: the app, macros, alerts with their permissions, what is removed. After
a failure it goes on with the others, and tells all failures at the end; apply it
again once the reason is gone.

` + deployHelp + `

Exit codes: 0 all is done, or there was nothing to do; 1 something failed, or the
answer was no; 2 the command line is wrong, or --yes is missing where nobody can be
asked; 3 the configuration, a rule or the settings are wrong.`,
		Example: "  " + program + " alerts apply --dry-run\n" +
			"  " + program + " alerts apply --yes --prune\n" +
			"  " + program + " alerts apply --alerts.splunk.url https://splunk.example.com:8089 --alerts.splunk.token-file token",
		Args: positional(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			ask := newAsker(cmd.Context(), cmd.InOrStdin(), cmd.ErrOrStderr())
			ask.on = !yes && !dryRun
			if yes && dryRun {
				return usageError(errors.New("--yes excludes --dry-run"), "--dry-run only tells")
			}
			if ask.on && (!ask.terminal() || flags.format.value == "json") {
				return usageError(errors.New("nobody can be asked whether to go on"), "--yes applies without asking, --dry-run only tells")
			}
			client, wanted, err := newDeployment(cmd)
			if err != nil {
				return err
			}
			defer client.Close()
			plan, err := client.Plan(cmd.Context(), wanted, flags.opts)
			if err != nil {
				return planError(cmd.Context(), err)
			}
			if dryRun || plan.Pending() == 0 || flags.format.value != "json" {
				if err := flags.print(cmd.OutOrStdout(), plan); err != nil {
					return fmt.Errorf("print the plan: %w", err)
				}
			}
			if dryRun || plan.Pending() == 0 {
				return nil
			}
			if ask.on && !ask.agrees(plan) {
				if cmd.Context().Err() != nil {
					return errors.New("interrupted; nothing was changed")
				}
				return errors.New("nothing was changed")
			}
			return applyPlan(cmd, client, plan, flags.format.value)
		},
	}
	flags.add(cmd)
	f := cmd.Flags()
	f.BoolVarP(&yes, "yes", "y", false, "do not ask")
	f.BoolVar(&dryRun, "dry-run", false, "only tell, as alerts plan does")
	addConfigFlags(cmd, "alerts")
	return cmd
}

// agrees asks whether a plan shall be applied.
func (a *asker) agrees(p deploy.Plan) bool {
	answer := ""
	a.text(&answer, fmt.Sprintf("Apply to %s? Type yes: ", p.URL))
	return a.err == nil && strings.EqualFold(answer, "yes")
}

// applied is what became of an object, as JSON.
type applied struct {
	Kind   deploy.Kind   `json:"kind"`
	Name   string        `json:"name"`
	Action deploy.Action `json:"action"`
	Error  string        `json:"error,omitempty"`
}

func applyPlan(cmd *cobra.Command, client *deploy.Client, plan deploy.Plan, format string) error {
	progress, beside, stop := showProgress(cmd.ErrOrStderr(), "apply: ", "objects")
	results, failed := []applied{}, 0
	progress(0, plan.Pending())
	err := client.Apply(cmd.Context(), plan, func(r deploy.Result) {
		one := applied{Kind: r.Item.Kind, Name: r.Item.Name, Action: r.Item.Action}
		if r.Err != nil {
			one.Error = r.Err.Error()
			failed++
			printLines(beside, "", r.Err.Error())
		}
		results = append(results, one)
		progress(len(results), plan.Pending())
	})
	stop()
	if printErr := printApplied(cmd.OutOrStdout(), plan, results, format); printErr != nil {
		return errors.Join(err, fmt.Errorf("print what was done: %w", printErr))
	}
	if err == nil {
		return nil
	}
	// Each failure was told as it happened.
	left := plan.Pending() - len(results)
	text := fmt.Sprintf("%d of %s failed", failed, plural(plan.Pending(), "change"))
	if left > 0 {
		text += fmt.Sprintf(", %d were not tried", left)
	}
	hint := "what was done stays; mend the reason and apply again"
	if cmd.Context().Err() != nil {
		text, hint = "interrupted: "+text, "what was done stays; apply again does the rest"
	}
	return &exitError{code: exitRunning, err: errors.New(text), hint: hint}
}

func printApplied(w io.Writer, plan deploy.Plan, results []applied, format string) error {
	if format == "json" {
		return printJSON(w, struct {
			deploy.Plan
			Results []applied `json:"results"`
		}{plan, results})
	}
	count := map[deploy.Action]int{}
	for _, r := range results {
		if r.Error == "" {
			count[r.Action]++
		}
	}
	renamed := ""
	if n := count[deploy.Rename]; n > 0 {
		renamed = fmt.Sprintf("%d renamed, ", n)
	}
	_, err := fmt.Fprintf(w, "applied: %d created, %d changed, %s%d removed\n", count[deploy.Create], count[deploy.Change], renamed, count[deploy.Remove])
	return err
}

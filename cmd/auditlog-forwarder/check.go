package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"auditlog-forwarder/pkg/app"
	"auditlog-forwarder/pkg/config"
)

func newCheckCommand(b build) *cobra.Command {
	format := &oneOf{value: "table", allowed: []string{"table", "json"}}
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Try everything that forwarding needs, without forwarding",
		Long: `Try everything that forwarding needs, and say for every failure what to do:
the configuration, the dead-letter folder, the broker, its certificate, the
credentials, the topics, the group's offsets, reading one record, Splunk's HEC,
its certificate and the token.

Nothing is forwarded or changed: the group is not joined, no offset is
committed, no file or folder is left behind, and nothing is indexed (a good
token is told from a bad one by a post without a body). It may run beside a
forwarder. What it cannot try is joining the group, and whether the token may
write to the index.

Each row is ok, failed, skipped (it could not be tried, since an earlier one
failed or there is nothing to try it on) or a warning (such as a certificate
with fewer than 21 days left). In JSON that is "status"; "ok" is false for what
failed, and true for all else.

The exit code is 0 if nothing failed, 3 if the configuration is invalid, with a
row for each mistake, and 4 if anything else failed.`,
		Example: "  " + program + " check --config config.yaml\n" +
			"  " + program + " check -o json | jq '.[] | select(.ok | not)'",
		Args: positional(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			loaded, err := loadConfig(cmd)
			var invalid *exitError
			if errors.As(err, &invalid) && invalid.code == exitUsage {
				return err
			}
			if loaded == nil {
				loaded = &config.Loaded{Config: config.Defaults()}
			}
			for _, w := range loaded.Warnings {
				printLines(cmd.ErrOrStderr(), "warning: ", w)
			}
			var steps []app.Step
			if err != nil {
				steps = app.CheckRefused(loaded.Config, err)
			} else {
				steps = app.Check(cmd.Context(), loaded.Config, b.Version)
			}
			if err := printSteps(cmd.OutOrStdout(), steps, format.value); err != nil {
				return fmt.Errorf("print the result: %w", err)
			}
			failed := countFailed(steps)
			switch {
			case invalid != nil:
				return &exitError{code: exitConfig, err: fmt.Errorf("the configuration has %s", plural(failed, "mistake")), hint: invalid.hint}
			case failed > 0:
				return &exitError{code: exitCheck, err: fmt.Errorf("%d of %d checks failed", failed, len(steps))}
			}
			return err
		},
	}
	cmd.Flags().VarP(format, "output", "o", "table or json")
	completeFormat(cmd, format)
	addConfigFlags(cmd)
	return cmd
}

func countFailed(steps []app.Step) int {
	failed := 0
	for _, s := range steps {
		if !s.OK {
			failed++
		}
	}
	return failed
}

func printSteps(w io.Writer, steps []app.Step, format string) error {
	if format == "json" {
		enc := json.NewEncoder(w)
		enc.SetIndent("", "  ")
		return enc.Encode(steps)
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	var errs []error
	line := func(a, b, c string) {
		_, err := fmt.Fprintf(table, "%s\t%s\t%s\n", a, b, c)
		errs = append(errs, err)
	}
	line("CHECK", "RESULT", "FOUND")
	for _, s := range steps {
		result := string(s.Status)
		if s.Status == app.StatusFailed {
			result = "FAILED" // to be found at a glance
		}
		line(s.Name, result, s.Found)
		if s.Fix != "" {
			line("", "fix:", s.Fix)
		}
	}
	return errors.Join(append(errs, table.Flush())...)
}

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"auditlog-forwarder/pkg/app"
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
committed, and nothing is indexed (a good token is told from a bad one by a post
without a body). It may run beside a forwarder. What it cannot try is joining
the group, and whether the token may write to the index.

The exit code is 0 if all is well and 4 if anything failed.`,
		Example: "  " + program + " check --config config.yaml\n" +
			"  " + program + " check -o json | jq '.[] | select(.ok | not)'",
		Args: positional(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			loaded, err := loadConfig(cmd)
			if err != nil {
				return err
			}
			for _, w := range loaded.Warnings {
				printLines(cmd.ErrOrStderr(), "warning: ", w)
			}
			steps := app.Check(cmd.Context(), loaded.Config, b.Version)
			if err := printSteps(cmd.OutOrStdout(), steps, format.value); err != nil {
				return fmt.Errorf("print the result: %w", err)
			}
			failed := 0
			for _, s := range steps {
				if !s.OK {
					failed++
				}
			}
			if failed > 0 {
				return &exitError{code: exitCheck, err: fmt.Errorf("%d of %d checks failed", failed, len(steps))}
			}
			return nil
		},
	}
	cmd.Flags().VarP(format, "output", "o", "table or json")
	addConfigFlags(cmd)
	return cmd
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
		result := "ok"
		if !s.OK {
			result = "FAILED"
		}
		line(s.Name, result, s.Found)
		if s.Fix != "" {
			line("", "fix:", s.Fix)
		}
	}
	return errors.Join(append(errs, table.Flush())...)
}

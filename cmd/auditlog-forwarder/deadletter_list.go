package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"auditlog-forwarder/pkg/app"
	"auditlog-forwarder/pkg/config"
	"auditlog-forwarder/pkg/deadletter"
)

func newDeadLetterListCommand() *cobra.Command {
	var chosen selection
	var all bool
	format := &oneOf{value: "table", allowed: []string{"table", "json"}}
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List dead letters",
		Long: `List the dead letters that wait, oldest first; with --all also those that were
replayed. It may run beside a forwarder. -o json prints one object a line with
everything that is kept, the body included (with --all also its status); a text
that is no UTF-8 stands in base64, as body_base64, key_base64 or value_base64. Of
the configuration it needs dead_letter.dir only.

The exit code is 1 if lines of the store are damaged; all others are listed.`,
		Example: "  " + program + " deadletter list --reason refused --since 24h\n" +
			"  " + program + " deadletter list -o json | jq -r .body",
		Args: positional(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			filter, err := chosen.filter(time.Now())
			if err != nil {
				return err
			}
			cfg, err := loadForListing(cmd)
			if err != nil {
				return err
			}
			l := listing{filter: filter, all: all, json: format.value == "json"}
			return l.print(cmd.OutOrStdout(), cmd.ErrOrStderr(), cfg.DeadLetter.Dir)
		},
	}
	chosen.addFlags(cmd)
	cmd.Flags().BoolVar(&all, "all", false, "list replayed ones too")
	cmd.Flags().VarP(format, "output", "o", "table or json")
	completeFormat(cmd, format)
	addConfigFlags(cmd, "dead_letter")
	return cmd
}

// loadForListing loads the configuration for a command that sends nothing:
// only a mistake that may lead it to the wrong folder stops it.
func loadForListing(cmd *cobra.Command) (config.Config, error) {
	loaded, err := loadConfig(cmd)
	if loaded == nil {
		return config.Config{}, err
	}
	if err := config.Concerning(err, "dead_letter"); err != nil {
		return config.Config{}, &exitError{code: exitConfig, err: err}
	}
	return loaded.Config, nil
}

// listing prints dead letters.
type listing struct {
	filter   deadletter.Filter
	all      bool // replayed ones too
	json     bool
	sendable func(deadletter.Entry) error // nil: not asked

	shown, cannot    int
	others, replayed int // pending ones that the filter leaves out, and replayed ones
}

// print lists a folder and ends with which one it was, since it may not be
// the one that was meant.
func (l *listing) print(stdout, stderr io.Writer, dir string) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return fmt.Errorf("dead_letter.dir: %w", err)
	}
	err = deadletter.Scan(dir, func(e deadletter.Entry, status deadletter.Status) error {
		switch {
		case status == deadletter.Replayed && !l.all:
			l.replayed++
			return nil
		case !l.filter.Match(e):
			l.others++
			return nil
		}
		l.shown++
		if l.json {
			return l.object(stdout, e, status)
		}
		return l.row(stdout, e, status)
	})
	damaged := damagedLines(stderr, err)
	if err != nil && damaged == 0 {
		return err
	}
	found := l.found(dir)
	if l.json {
		printLines(stderr, "", found) // beside the objects, which are for a program
	} else if _, err := fmt.Fprintln(stdout, found); err != nil {
		return err
	}
	if l.sendable != nil {
		if _, err := fmt.Fprintf(stdout, "%d would be sent, %d cannot\n", l.shown-l.cannot, l.cannot); err != nil {
			return err
		}
	}
	if damaged > 0 {
		return fmt.Errorf("the list is not complete: %s of %s could not be read", plural(damaged, "line"), dir)
	}
	return nil
}

// found sums up. What is there and not shown is counted, so that a filter that
// matches nothing does not look like a store that holds nothing.
func (l *listing) found(dir string) string {
	text := fmt.Sprintf("%s in %s", plural(l.shown, "dead letter"), dir)
	if l.others > 0 {
		if l.shown == 0 {
			text = fmt.Sprintf("no dead letter in %s is selected", dir)
		}
		text += fmt.Sprintf("; the filter leaves %d out", l.others)
	}
	if l.replayed > 0 {
		text += fmt.Sprintf("; %d replayed", l.replayed)
	}
	return text
}

func (l *listing) object(w io.Writer, e deadletter.Entry, status deadletter.Status) error {
	line, err := e.MarshalJSON()
	if err != nil {
		return err
	}
	if l.all {
		line = append(fmt.Appendf(nil, `{"status":%q,`, status), bytes.TrimPrefix(line, []byte("{"))...)
	}
	_, err = fmt.Fprintln(w, string(line))
	return err
}

func (l *listing) row(w io.Writer, e deadletter.Entry, status deadletter.Status) error {
	why := e.Detail
	if e.Reply != "" {
		why = e.Reply
	}
	state := string(status)
	if l.sendable != nil {
		state = "send"
		if err := l.sendable(e); err != nil {
			l.cannot++
			state, why = "cannot", err.Error()
		}
	}
	_, err := fmt.Fprintf(w, "%s  %-8s  %-12s  %s  %d bytes  %s\n",
		e.StoredAt.UTC().Format(time.RFC3339), state, e.Reason, printable(e.ID()), len(e.Record.Value), printable(why))
	return err
}

// damagedLines warns of the lines that could not be read and counts them.
func damagedLines(stderr io.Writer, err error) int {
	var damage *deadletter.DamageError
	if !errors.As(err, &damage) {
		return 0
	}
	printLines(stderr, "warning: ", damage.Error())
	return damage.Total
}

// plural counts things for people.
func plural(n int, thing string) string {
	switch n {
	case 0:
		return "no " + thing + "s"
	case 1:
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

// listSendable is what replay --dry-run prints.
func listSendable(cmd *cobra.Command, filter deadletter.Filter) error {
	cfg, err := loadForListing(cmd)
	if err != nil {
		return err
	}
	l := listing{filter: filter, sendable: func(e deadletter.Entry) error { return app.Sendable(cfg, e) }}
	return l.print(cmd.OutOrStdout(), cmd.ErrOrStderr(), cfg.DeadLetter.Dir)
}

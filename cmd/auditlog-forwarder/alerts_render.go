package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"auditlog-forwarder/pkg/alerts"
	"auditlog-forwarder/pkg/alerts/splunkapp"
)

func newAlertsRenderCommand() *cobra.Command {
	var search, out string
	var macros bool
	cmd := &cobra.Command{
		Use:   "render",
		Short: "Print the alerts as Splunk's configuration, or one search to paste",
		Long: `Print what becomes of the alerts in Splunk: savedsearches.conf and macros.conf, the
same as alerts package puts into the app. --out writes the two files into a folder,
which only the user can read: they hold the addresses of webhooks. On standard
output these are [redacted].

--search NAME prints the search of one alert, to be pasted into Splunk's search
bar. Index and source are those of alerts.settings, so that the app need not be
there; --macros leaves its macros in.`,
		Example: "  " + program + " alerts render | less\n" +
			"  " + program + " alerts render --out splunk/\n" +
			"  " + program + " alerts render --search 'CC cluster deletion'",
		Args: positional(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if search != "" && out != "" {
				return usageError(errors.New("--search and --out are given, but one search is printed and not written"), "leave one out")
			}
			if macros && search == "" {
				return usageError(errors.New("--macros is about --search, which is not given"), "name an alert with --search")
			}
			c, _, err := loadAlerts(cmd)
			if err == nil && (search == "" || macros) { // what is pasted without macros needs no app
				if err = splunkapp.Check(c); err != nil {
					err = &exitError{code: exitConfig, err: err}
				}
			}
			switch {
			case err != nil:
				return err
			case search != "":
				return renderSearch(cmd, c, search, macros)
			case out != "":
				return renderFiles(cmd.OutOrStdout(), c, out)
			default:
				return renderText(cmd.OutOrStdout(), c)
			}
		},
	}
	cmd.Flags().StringVar(&search, "search", "", "print the search of the alert of this name")
	cmd.Flags().BoolVar(&macros, "macros", false, "with --search: leave the app's macros in")
	cmd.Flags().StringVar(&out, "out", "", "write savedsearches.conf and macros.conf into this folder")
	_ = cmd.MarkFlagDirname("out")
	_ = cmd.RegisterFlagCompletionFunc("search", completeAlerts)
	addConfigFlags(cmd, "alerts.rules", "alerts.settings")
	return cmd
}

func renderSearch(cmd *cobra.Command, c *alerts.Catalogue, name string, macros bool) error {
	a, err := c.Find(name)
	if err != nil {
		return usageError(err, "") // the error has the next step
	}
	text, end := c.Expanded(a), "now"
	if macros {
		text, end = c.Search(a), "a day from now, as that of the saved search (Advanced, Latest: +1d)"
	}
	if strings.Contains(text, "info_max_time") {
		printLines(cmd.ErrOrStderr(), "note: ", "this search reckons from the end of its time range: choose one that ends "+end+", not all time")
	}
	_, err = fmt.Fprintln(cmd.OutOrStdout(), text)
	return err
}

func renderText(w io.Writer, c *alerts.Catalogue) error {
	var texts []string
	for _, f := range confFiles(c) {
		var b strings.Builder
		if err := alerts.WriteConf(&b, alerts.Redact(f.stanzas)); err != nil {
			return err
		}
		texts = append(texts, "# "+f.name+"\n\n"+b.String())
	}
	_, err := io.WriteString(w, strings.Join(texts, "\n"))
	return err
}

func renderFiles(w io.Writer, c *alerts.Catalogue, dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("flag --out: %w", err)
	}
	for _, f := range confFiles(c) {
		path := filepath.Join(dir, f.name)
		if err := writeConf(path, f.stanzas); err != nil {
			return err
		}
		if _, err := fmt.Fprintf(w, "%s: %s\n", path, plural(len(f.stanzas), "stanza")); err != nil {
			return err
		}
	}
	return nil
}

func writeConf(path string, stanzas []alerts.Stanza) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("flag --out: %w", err)
	}
	// A file that was there before keeps its mode.
	return errors.Join(file.Chmod(0o600), alerts.WriteConf(file, stanzas), file.Close())
}

type confFile struct {
	name    string
	stanzas []alerts.Stanza
}

func confFiles(c *alerts.Catalogue) []confFile {
	return []confFile{{"savedsearches.conf", c.SavedSearches()}, {"macros.conf", c.Macros()}}
}

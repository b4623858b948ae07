package main

import (
	"cmp"
	"fmt"
	"io"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"auditlog-forwarder/pkg/alerts"
	"auditlog-forwarder/pkg/alerts/splunkapp"
)

func newAlertsPackageCommand() *cobra.Command {
	var out, appVersion string
	format := &oneOf{value: "text", allowed: []string{"text", "json"}}
	cmd := &cobra.Command{
		Use:   "package",
		Short: "Build the Splunk app, to be installed in Splunk or Splunk Cloud",
		Long: `Build the app ` + splunkapp.ID + ` as a .tar.gz: the alerts of alerts.rules as
saved searches, macros, dashboards, and what Splunk has to know to read the events:
fields of long events too, and those of the data models Authentication and Change.

Alerts are enabled, and have e-mail addresses, webhooks and other actions, as
alerts.settings says; without it all are disabled, and everything can be set in
Splunk. What is set there is kept in the app's folder local, and a newer package
that is installed over the app leaves it alone.

The package has the program's version unless --app-version gives one: Splunk wants a
higher one for an upgrade, so give one if only rules or settings have changed. The
same rules, settings and version give the same file, byte for byte. Only its owner
can read it, since webhooks' addresses are in it.

It needs no Splunk; where Splunk's REST API can be reached, alerts plan and
alerts apply bring the alerts there without a package.`,
		Example: "  " + program + " alerts package\n" +
			"  " + program + " alerts package --out dist --app-version 1.4.0 --alerts.settings alerts.yaml\n" +
			"  " + program + " alerts package -o json | jq -r .path",
		Args: positional(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if appVersion != "" {
				if err := splunkapp.CheckVersion(appVersion); err != nil {
					return usageError(fmt.Errorf("flag --app-version: %w", err), "")
				}
			}
			c, _, err := loadAlerts(cmd)
			if err != nil {
				return err
			}
			app, err := splunkapp.Build(c, cmp.Or(appVersion, splunkapp.VersionOf(readBuild(version).Version)))
			if err != nil {
				return &exitError{code: exitConfig, err: err}
			}
			saved, err := app.Save(out)
			if err != nil {
				return fmt.Errorf("flag --out: %w; name a folder that can be written to and has room", err)
			}
			built := builtApp{Saved: saved, App: splunkapp.ID, Version: app.Version, Alerts: len(c.Alerts), Dashboards: app.Dashboards, Secrets: app.Secrets}
			for _, a := range c.Alerts {
				if a.Enabled {
					built.Enabled++
				}
			}
			if format.value == "json" {
				return printJSON(cmd.OutOrStdout(), built)
			}
			return built.print(cmd.OutOrStdout(), c.Settings)
		},
	}
	cmd.Flags().StringVar(&out, "out", ".", "the folder to write the package into")
	cmd.Flags().StringVar(&appVersion, "app-version", "", "the app's version, as 1.2.3 (default the program's)")
	cmd.Flags().VarP(format, "output", "o", "text or json")
	_ = cmd.MarkFlagDirname("out")
	_ = cmd.RegisterFlagCompletionFunc("app-version", cobra.NoFileCompletions)
	completeFormat(cmd, format)
	addConfigFlags(cmd, "alerts.rules", "alerts.settings")
	return cmd
}

// builtApp says what was built.
type builtApp struct {
	splunkapp.Saved
	App        string   `json:"app"`
	Version    string   `json:"version"`
	Alerts     int      `json:"alerts"`
	Enabled    int      `json:"enabled"`
	Dashboards []string `json:"dashboards"`
	Secrets    bool     `json:"secrets"` // the addresses of webhooks
}

func (b builtApp) print(w io.Writer, s alerts.Settings) error {
	enable := "\n4. Enable alerts: Settings > Searches, reports, and alerts. None is enabled as it comes."
	if b.Enabled > 0 {
		enable = fmt.Sprintf("\n4. Alerts that are enabled as they come: %d of %d. Others are enabled under Settings >\n   Searches, reports, and alerts.", b.Enabled, b.Alerts)
	}
	secrets := ""
	if b.Secrets {
		secrets = `
The addresses of webhooks are in this file, readable: keep it as you keep them, and out of
version control. In Splunk whoever may read the app's alerts can read them too.
`
	}
	_, err := fmt.Fprintf(w, `%s: %s, version %s, sha256 %s
%s (%d enabled), %s
%s
What to do now:
1. Splunk Enterprise: in Splunk Web, Apps > Manage Apps > Install app from file; tick
   "Upgrade app" if it is there already. Splunk Cloud: upload it there as a private
   app, with the role sc_admin; Splunk inspects it first.
2. Say where the events are: Settings > Advanced search > Search macros,
     %s is now  %s
     %s is now  %s
   or set search and heartbeat_search in alerts.settings and build again.
3. Open the app: its dashboards show whether the events are found.%s
`,
		b.Path, humanize.Bytes(uint64(b.Bytes)), b.Version, b.SHA256,
		plural(b.Alerts, "alert"), b.Enabled, plural(len(b.Dashboards), "dashboard"), secrets,
		alerts.EventsMacro, s.Search, alerts.HeartbeatsMacro, s.HeartbeatSearch, enable)
	return err
}

package config

import (
	"errors"

	"auditlog-forwarder/pkg/alerts"
)

// Alerts names the alerts that the commands alerts list, test, render,
// package, plan and apply work with. The files are read by these, since a
// forwarder needs none of them.
type Alerts struct {
	Rules    []string `mapstructure:"rules"`    // files, patterns of files, and builtin
	Settings string   `mapstructure:"settings"` // a file; empty: none
}

func defaultAlerts() Alerts { return Alerts{Rules: []string{alerts.Builtin}} }

// Validate returns every mistake, each starting with its key.
func (a Alerts) Validate() (errs []error) {
	if len(a.Rules) == 0 {
		errs = append(errs, errors.New("rules: no file is named; name one, or "+alerts.Builtin))
	}
	return errs
}

func alertKeys() section {
	return section{
		name: "alerts",
		doc: "Alerts in Splunk, for the commands alerts list, test, render, package, plan and apply; a forwarder that runs needs none of it. " +
			"docs/alerts.md describes rules and settings.",
		keys: []Key{
			{
				Name: "alerts.rules", Kind: List,
				Doc: "Files of alerts: Sigma rules with a schedule, a condition and examples. A path, a pattern such as /etc/auditlog-forwarder/alerts/*.yml, or builtin for those that come with the program. " +
					"A relative path starts at the working directory.",
				Example: alerts.Builtin,
			},
			{
				Name: "alerts.settings", Kind: String,
				Doc:     "A file that says which alerts are enabled, who is told, which index is searched, and what of single alerts is to be different.",
				Example: "/etc/auditlog-forwarder/alerts.yaml",
			},
		},
	}
}

// Package splunkapp holds what of the Splunk app is written by hand: the
// templates of its configuration files, lookups, dashboards, icons and README.
// pkg/alerts/splunkapp makes the app of them and of the alerts.
package splunkapp

import "embed"

// FS holds the files at their places below the app's folder, but for what is of
// the dashboards: these are in views, and the app has them in
// default/data/ui/views; their macros.conf goes behind the macros of the alerts.
//
//go:embed README.md macros.conf default lookups metadata static views
var FS embed.FS

// Package splunkapp holds what of the Splunk app is written by hand: the
// templates of its configuration files, lookups, dashboards, icons and README.
// pkg/alerts/splunkapp makes the app of them and of the alerts.
package splunkapp

import "embed"

// FS holds the files at their places below the app's folder, but for the
// dashboards: these are in views, and the app has them in default/data/ui/views.
//
//go:embed README.md default lookups metadata static views
var FS embed.FS

// Package catalogue holds the alerts that come with the program, one to a file.
package catalogue

import "embed"

// FS has the files of the alerts.
//
//go:embed *.yml
var FS embed.FS

// Package events holds realistic Confluent Cloud audit events, one to a file,
// for tests, for the generator, and for trying out rules and searches.
package events

import "embed"

// FS holds the events; a file is named after the event's method, with a
// variant behind it if a method has more than one file.
//
//go:embed *.json
var FS embed.FS

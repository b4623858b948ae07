package alerts

import "auditlog-forwarder/pkg/sigma"

// Subject is what alerts group by, show and put into messages: one name for a
// value that events carry in several places and spellings.
type Subject struct {
	Name   string
	Doc    string
	Source Source // the log that has it
	// Paths in the order in which they are looked at. The first value at one of
	// them gives the subject that is a number, a boolean, or a text other than ""
	// and "null"; Splunk cannot tell that text from JSON's null.
	Paths []sigma.Path
	Trim  string // a prefix that is cut off
	All   bool   // not the first value, but all that differ, with commas between them
	Find  string // a regular expression: values without a match are passed over, and the first match is the subject
}

package alerts

import "auditlog-forwarder/pkg/sigma"

// Subject is what alerts group by, show and put into messages: one name for a
// value that events carry in several places and spellings.
type Subject struct {
	Name string
	Doc  string
	// Paths in the order in which they are looked at; the first one whose first
	// value is a text that is not empty, a number or a boolean gives the subject.
	Paths []sigma.Path
	Trim  string // a prefix that is cut off
}

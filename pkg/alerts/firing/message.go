package firing

import (
	"strconv"
	"strings"

	"auditlog-forwarder/pkg/alerts"
)

// message puts what a firing is about into its alert's message.
func message(f Firing) string { return alerts.ExpandMessage(f.Alert.Message, f.text) }

// text is what stands for a name in a message.
func (f *Firing) text(name string) string {
	switch name {
	case alerts.CountWord:
		return strconv.FormatInt(f.Count, 10)
	case alerts.DistinctWord:
		return strconv.FormatInt(f.Distinct, 10)
	}
	for _, values := range [][]Value{f.Group, f.Others} {
		for _, v := range values {
			if v.Subject == name {
				return strings.Join(v.Texts, ", ")
			}
		}
	}
	return Unknown
}

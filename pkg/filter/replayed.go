package filter

import (
	"auditlog-forwarder/pkg/audit"
	"auditlog-forwarder/pkg/summary"
)

// SummaryRoute says where a summary goes that is sent again: where its rule says
// now. It reports whether the event is a summary, which no rule looks at: it has
// the method and the principal of what it counts, and so would match.
func (f *Filter) SummaryRoute(value []byte) (to *audit.Route, ok bool) {
	name, ok := summary.RuleOf(value)
	if !ok {
		return nil, false
	}
	for _, r := range f.rules {
		if r.Action == Summarise && r.Name == name && r.Route != (audit.Route{}) {
			return &r.Route, true
		}
	}
	return nil, true
}

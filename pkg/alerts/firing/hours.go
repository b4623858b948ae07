package firing

import (
	"time"

	"auditlog-forwarder/pkg/alerts"
)

// outside tells whether a time is outside of working hours. At all hours it is.
func outside(h *alerts.Hours, at time.Time) bool {
	if h == nil {
		return true
	}
	local := at.UTC().Add(h.UTCOffset)
	if !h.Days[local.Weekday()] {
		return true
	}
	day := local.Sub(local.Truncate(24 * time.Hour))
	return day < h.From || day >= h.To
}

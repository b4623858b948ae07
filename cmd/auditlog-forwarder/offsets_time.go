package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// parseTime reads a point in time as people write it: RFC 3339, also without
// seconds, zone (UTC) or time of day, how long ago, or now.
func parseTime(text string, now time.Time) (time.Time, error) {
	text = strings.TrimSpace(text)
	if text == "now" {
		return now, nil
	}
	ago := text
	if days, ok := strings.CutSuffix(text, "d"); ok {
		if n, err := strconv.ParseUint(days, 10, 16); err == nil {
			ago = strconv.FormatUint(n*24, 10) + "h"
		}
	}
	if d, err := time.ParseDuration(ago); err == nil && d >= 0 {
		return now.Add(-d), nil
	}
	for _, form := range []string{
		time.RFC3339, "2006-01-02T15:04Z07:00", "2006-01-02T15:04:05", "2006-01-02T15:04",
		"2006-01-02 15:04:05", "2006-01-02 15:04", time.DateOnly,
	} {
		if t, err := time.Parse(form, text); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is no time; give one such as 2026-11-01T00:00:00Z, 2026-11-01T00:00Z or 2026-11-01 (UTC), how long ago it is, such as 24h or 7d, or now", text)
}

package alerts

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // a container may have no time zones of its own
)

// Hours limits an alert to events outside of working hours. Which time zone that
// is about is a setting; Splunk's own differ from user to user.
type Hours struct {
	From, To time.Duration // of the day, From included
	Days     [7]bool       // working days, by time.Weekday
	Zone     Zone
}

// Zone is how far clocks are from UTC: From until the first change, and then what
// the changes say, in their order. A search has no time zones of its own to ask, so
// that both it and the stream go by this list.
type Zone struct {
	Name    string // of the time zone; empty: one offset
	From    time.Duration
	Changes []ZoneChange
}

// ZoneChange is a change to summer time or back.
type ZoneChange struct {
	At     time.Time
	Offset time.Duration
}

// zoneYears are those whose changes are listed, the last one excluded. They are
// fixed, so that the same settings give the same search in every year.
const zoneYearFrom, zoneYearTo = 2020, 2041

// zoneOf lists the changes of a time zone.
func zoneOf(name string) (Zone, error) {
	loc, err := time.LoadLocation(name)
	if err != nil || name == "" || name == "Local" {
		return Zone{}, fmt.Errorf("time_zone: %q is no time zone; write one of the IANA database, such as Europe/Zurich, or utc_offset: \"+01:00\"", name)
	}
	at := time.Date(zoneYearFrom, 1, 1, 0, 0, 0, 0, time.UTC)
	until := time.Date(zoneYearTo, 1, 1, 0, 0, 0, 0, time.UTC)
	offset := func(t time.Time) time.Duration {
		_, seconds := t.In(loc).Zone()
		return time.Duration(seconds) * time.Second
	}
	z := Zone{Name: name, From: offset(at)}
	last := z.From
	for {
		_, next := at.In(loc).ZoneBounds()
		if next.IsZero() || !at.Before(until) || !next.Before(until) {
			return z, nil
		}
		if !next.After(at) { // of the last day of a leap year, Go says that its zone ended before
			next = at.Add(time.Hour)
		}
		at = next.UTC()
		if now := offset(at); now != last {
			z.Changes, last = append(z.Changes, ZoneChange{At: at, Offset: now}), now
		}
	}
}

// Offset is how far clocks are from UTC at a time.
func (z Zone) Offset(at time.Time) time.Duration {
	offset := z.From
	for _, c := range z.Changes {
		if at.Before(c.At) {
			break
		}
		offset = c.Offset
	}
	return offset
}

// Outside tells whether a time is outside of working hours. At all hours it is.
func (h *Hours) Outside(at time.Time) bool {
	if h == nil {
		return true
	}
	local := at.UTC().Add(h.Zone.Offset(at))
	if !h.Days[local.Weekday()] {
		return true
	}
	clock := local.Sub(local.Truncate(day))
	return clock < h.From || clock >= h.To
}

// hours keeps the events outside of working hours. It counts from the epoch,
// since what strftime makes of a time depends on who looks.
func (p *pipeline) hours() {
	h := p.a.Hours
	if h == nil {
		return
	}
	var days []string
	for i, working := range h.Days {
		if working {
			days = append(days, "weekday="+strconv.Itoa(i))
		}
	}
	if len(days) == 0 {
		return
	}
	local := fmt.Sprintf("_time%+d", seconds(h.Zone.From))
	if len(h.Zone.Changes) > 0 {
		p.add("| eval local=_time+%s", h.Zone.eval())
		local = "local"
	}
	// 1 January 1970 was a Thursday, and Sunday is day 0.
	p.add("| eval weekday=(floor((%s)/86400)+4)%%7, second=floor(%s)%%86400", local, local)
	p.add("| where NOT ((%s) AND second>=%d AND second<%d)", strings.Join(days, " OR "), seconds(h.From), seconds(h.To))
}

// eval is the offset in a search, by _time.
func (z Zone) eval() string {
	parts, offset := []string{}, z.From
	for _, c := range z.Changes {
		parts = append(parts, fmt.Sprintf("_time<%d, %d", c.At.Unix(), seconds(offset)))
		offset = c.Offset
	}
	return fmt.Sprintf("case(%s, true(), %d)", strings.Join(parts, ", "), seconds(offset))
}

// words are the hours for people.
func (h *Hours) words() string {
	var days []string
	for i := range h.Days {
		if day := (i + 1) % 7; h.Days[day] { // from Monday
			days = append(days, weekdays()[day])
		}
	}
	clock := func(minutes int64) string { return fmt.Sprintf("%02d:%02d", minutes/60, minutes%60) }
	words := fmt.Sprintf("%s %s-%s", strings.Join(days, " "), clock(seconds(h.From)/60), clock(seconds(h.To)/60))
	if h.Zone.Name != "" {
		words += " (" + h.Zone.Name + ")"
	}
	return words
}

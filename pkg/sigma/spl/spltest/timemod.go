package spltest

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"time"
)

// relativeTime reads a time modifier: now, seconds since 1970, or an offset and
// a unit to snap to, in any number and order (-1d@d+9h). Days are those of UTC.
func relativeTime(s string, now time.Time) (time.Time, error) {
	if s == "now" || s == "now()" {
		return now, nil
	}
	if n, ok := parseNumber(s); ok && s[0] != '+' && s[0] != '-' {
		return fromEpoch(n), nil
	}
	step := regexp.MustCompile(`^(?:([+-])(\d*)([a-z]+)|@([a-z]+)([0-7]?))`)
	at, rest := now.UTC(), s
	for rest != "" {
		m := step.FindStringSubmatch(rest)
		if m == nil {
			return time.Time{}, fmt.Errorf("time modifier %q: %q is not understood", s, rest)
		}
		rest = rest[len(m[0]):]
		var err error
		if m[1] != "" {
			at, err = offset(at, m[1]+m[2], m[3])
		} else {
			at, err = snap(at, m[4], m[5])
		}
		if err != nil {
			return time.Time{}, fmt.Errorf("time modifier %q: %w", s, err)
		}
	}
	return at, nil
}

func offset(at time.Time, count, unit string) (time.Time, error) {
	if len(count) == 1 {
		count += "1"
	}
	n, err := strconv.Atoi(count)
	if err != nil {
		return at, err
	}
	switch unitOf(unit) {
	case "mon":
		return at.AddDate(0, n, 0), nil
	case "q":
		return at.AddDate(0, 3*n, 0), nil
	case "y":
		return at.AddDate(n, 0, 0), nil
	case "w":
		return at.AddDate(0, 0, 7*n), nil
	case "d":
		return at.AddDate(0, 0, n), nil
	}
	d, err := spanOf("1" + unit)
	return at.Add(time.Duration(n) * d), err
}

func snap(at time.Time, unit, weekday string) (time.Time, error) {
	day := time.Date(at.Year(), at.Month(), at.Day(), 0, 0, 0, 0, time.UTC)
	if weekday != "" && unitOf(unit) != "w" {
		return at, fmt.Errorf("@%s%s is not understood", unit, weekday)
	}
	switch unitOf(unit) {
	case "s", "m", "h":
		d, err := spanOf("1" + unit)
		return at.Truncate(d), err
	case "d":
		return day, nil
	case "w":
		first := 0
		if weekday != "" {
			first = int(weekday[0]-'0') % 7
		}
		return day.AddDate(0, 0, -((int(day.Weekday()) - first + 7) % 7)), nil
	case "mon":
		return time.Date(at.Year(), at.Month(), 1, 0, 0, 0, 0, time.UTC), nil
	case "y":
		return time.Date(at.Year(), 1, 1, 0, 0, 0, 0, time.UTC), nil
	}
	return at, fmt.Errorf("@%s is not understood", unit)
}

// unitOf gives the short name of a unit of time, "" for an unknown one.
func unitOf(unit string) string {
	switch unit {
	case "s", "sec", "secs", "second", "seconds":
		return "s"
	case "m", "min", "mins", "minute", "minutes":
		return "m"
	case "h", "hr", "hrs", "hour", "hours":
		return "h"
	case "d", "day", "days":
		return "d"
	case "w", "week", "weeks":
		return "w"
	case "mon", "month", "months":
		return "mon"
	case "q", "qtr", "qtrs", "quarter", "quarters":
		return "q"
	case "y", "yr", "yrs", "year", "years":
		return "y"
	}
	return ""
}

// spanOf reads a span of bin and timechart: 5m, 1h, 300.
func spanOf(s string) (time.Duration, error) {
	m := regexp.MustCompile(`^(\d+)([a-z]*)$`).FindStringSubmatch(s)
	if m == nil {
		return 0, fmt.Errorf("%q is no span of time", s)
	}
	n, err := strconv.Atoi(m[1])
	if err != nil || n < 1 {
		return 0, fmt.Errorf("%q is no span of time", s)
	}
	switch unit := unitOf(m[2]); {
	case unit == "s" || m[2] == "":
		return time.Duration(n) * time.Second, nil
	case unit == "m":
		return time.Duration(n) * time.Minute, nil
	case unit == "h":
		return time.Duration(n) * time.Hour, nil
	case unit == "d":
		return time.Duration(n) * 24 * time.Hour, nil
	}
	return 0, fmt.Errorf("span %q: the unit is not understood here", s)
}

func fromEpoch(n float64) time.Time {
	seconds := math.Floor(n)
	return time.Unix(int64(seconds), int64(math.Round((n-seconds)*1e6))*1000).UTC()
}

// epoch gives a time as Splunk keeps it, in seconds with six digits.
func epoch(t time.Time) string {
	s := strconv.FormatInt(t.Unix(), 10)
	if micro := t.Nanosecond() / 1000; micro != 0 {
		s += fmt.Sprintf(".%06d", micro)
	}
	return s
}

package alerts

import (
	"fmt"
	"hash/fnv"
	"time"
)

// late is how much older than its index time an event may be: the topic keeps
// seven days, and the forwarder may have been down as long.
const late = 7 * day

// ahead is by how much an event's time may lie before Splunk's, whose clock, or
// that of whoever wrote the event, may be wrong. What a run leaves out for its
// time no later run tells: its index time is over then.
const ahead = day

// first is the time of the day of the first run. It comes from the alert's id,
// so that many alerts do not run in one minute, and stays the same.
func (a *Alert) first() time.Duration {
	h := fnv.New32a()
	_, _ = h.Write([]byte(a.Rule.ID)) // it never fails
	return time.Duration(int64(h.Sum32())%int64(a.Every/time.Minute)) * time.Minute
}

// Cron is when the alert runs.
func (a *Alert) Cron() string {
	at := a.first()
	minute, hour := int(at%time.Hour/time.Minute), int(at/time.Hour)
	switch {
	case a.Every < time.Hour:
		return fmt.Sprintf("%d-59/%d * * * *", minute, int(a.Every/time.Minute))
	case a.Every == time.Hour:
		return fmt.Sprintf("%d * * * *", minute)
	case a.Every == day:
		return fmt.Sprintf("%d %d * * *", minute, hour)
	default:
		return fmt.Sprintf("%d %d-23/%d * * *", minute, hour, int(a.Every/time.Hour))
	}
}

// window is how much of the index's past a run looks at.
func (a *Alert) window() time.Duration {
	switch c := a.Condition; {
	case c.New != nil:
		return a.Every + c.New.Within
	case c.Spike != nil:
		return c.Spike.Over
	case c.Absent != nil:
		return c.Absent.For
	default:
		return a.LookBack
	}
}

// age is how far back the times of its events may lie. A spike is sought in the
// events' own time.
func (a *Alert) age() time.Duration {
	if a.Condition.Spike != nil {
		return a.window() + lag
	}
	return a.window() + lag + late
}

// times are the windows of a run: by index time without gap or overlap, and by
// the events' time wide enough for what comes late.
func (a *Alert) times() []Setting {
	minutes := func(d time.Duration) string { return fmt.Sprintf("%+dm@m", int(d/time.Minute)) }
	return []Setting{
		{Key: "dispatch.earliest_time", Value: minutes(-a.age())},
		{Key: "dispatch.latest_time", Value: minutes(ahead)},
		{Key: "dispatch.index_earliest", Value: minutes(-a.window() - lag)},
		{Key: "dispatch.index_latest", Value: minutes(-lag)},
	}
}

// Phase is by how much the windows of the alert's runs end behind the multiples
// of Every since 1970 in UTC. A run looks at what was indexed up to lag before it.
func (a *Alert) Phase() time.Duration { return (a.first() - lag + a.Every) % a.Every }

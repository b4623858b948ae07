package alerts_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"auditlog-forwarder/pkg/alerts"
	"auditlog-forwarder/pkg/sigma"
)

// span is a time in which events are indexed, in minutes, without its end.
type span struct{ from, to int }

// TestRunsOfADay walks the minutes of two days by cron: with each interval that
// is allowed, every minute of index time is looked at by one run and no second.
func TestRunsOfADay(t *testing.T) {
	t.Parallel()
	for _, every := range []string{"5m", "10m", "15m", "20m", "30m", "1h", "2h", "3h", "4h", "6h", "8h", "12h", "24h"} {
		for id := range 20 {
			text := strings.NewReplacer("every: 1h", "every: "+every, "0001", fmt.Sprintf("%04d", id)).Replace(valid)
			c := load(t, "", write(t, "a.yml", text))
			settings := map[string]string{}
			for _, s := range c.SavedSearches()[0].Settings {
				settings[s.Key] = s.Value
			}
			from, to := ago(t, settings["dispatch.index_earliest"]), ago(t, settings["dispatch.index_latest"])
			if to <= 0 || to > 5 {
				t.Fatalf("%s: a run looks up to %d minutes before it", every, to)
			}
			if age := ago(t, settings["dispatch.earliest_time"]); age < from+7*24*60 {
				t.Errorf("%s: events may be %d minutes old, less than 7 days before %d", every, age, from)
			}
			var seen []span
			for minute := range 2 * 24 * 60 {
				if due(t, settings["cron_schedule"], minute) {
					seen = append(seen, span{minute - from, minute - to})
				}
			}
			if len(seen) < 2 {
				t.Fatalf("%s: cron %s runs %d times in two days", every, settings["cron_schedule"], len(seen))
			}
			for i, s := range seen[1:] {
				if s.from != seen[i].to {
					t.Fatalf("%s, cron %s: a run looks at %v, and the next one at %v", every, settings["cron_schedule"], seen[i], s)
				}
			}
		}
	}
}

// ago reads -63m@m.
func ago(t *testing.T, modifier string) int {
	t.Helper()
	n, ok := strings.CutSuffix(strings.TrimPrefix(modifier, "-"), "m@m")
	minutes, err := strconv.Atoi(n)
	if !ok || err != nil {
		t.Fatalf("%q is no number of minutes", modifier)
	}
	return minutes
}

// due reports whether a minute of the time is one of a cron schedule's.
func due(t *testing.T, cron string, minute int) bool {
	t.Helper()
	fields := strings.Fields(cron)
	if len(fields) != 5 || fields[2] != "*" || fields[3] != "*" || fields[4] != "*" {
		t.Fatalf("cron %q", cron)
	}
	return in(t, fields[0], minute%60, 59) && in(t, fields[1], minute/60%24, 23)
}

func in(t *testing.T, field string, n, last int) bool {
	t.Helper()
	if field == "*" {
		return true
	}
	span, step, stepped := strings.Cut(field, "/")
	first, end, isRange := strings.Cut(span, "-")
	from, err1 := strconv.Atoi(first)
	by, err2 := strconv.Atoi(step)
	if !stepped {
		return err1 == nil && n == from
	}
	if err1 != nil || err2 != nil || !isRange || end != strconv.Itoa(last) || from >= by {
		t.Fatalf("field %q of a cron schedule", field)
	}
	return n >= from && (n-from)%by == 0
}

// TestSpread holds that the alerts that come with the program do not run all
// at once, and that each keeps its minute.
func TestSpread(t *testing.T) {
	t.Parallel()
	perMinute := map[string]int{}
	c := load(t, "", alerts.Builtin)
	hourly := 0
	for _, a := range c.Alerts {
		if a.Every == time.Hour {
			perMinute[a.Cron()]++
			hourly++
		}
	}
	for cron, n := range perMinute {
		if n > 1+hourly/8 {
			t.Errorf("%d of %d hourly alerts run at %s", n, hourly, cron)
		}
	}
	a := load(t, "", filepath.Join("testdata", "conditions.yml")).Alerts[0]
	before := a.Cron()
	a.Name, a.Slug = "Another name", "another_name"
	if a.Cron() != before {
		t.Errorf("cron is %s with another title, and was %s", a.Cron(), before)
	}
}

// TestSubjects holds that the table can be read, and names each subject once.
func TestSubjects(t *testing.T) {
	t.Parallel()
	var names []string
	for _, s := range alerts.Subjects() {
		if slices.Contains(names, s.Name) || s.Doc == "" || len(s.Paths) == 0 {
			t.Errorf("subject %+v", s)
		}
		names = append(names, s.Name)
		for i, p := range s.Paths {
			snake := strings.ToLower(p.String()) == p.String()
			if !snake && i+1 == len(s.Paths) {
				t.Errorf("%s: %s has no other spelling behind it", s.Name, p)
			}
		}
	}
	if want := "data.request_metadata.client_address{}.ip"; !slices.ContainsFunc(alerts.Subjects(), func(s alerts.Subject) bool {
		return s.Name == "source_ip" && slices.ContainsFunc(s.Paths, func(p sigma.Path) bool { return p.String() == want })
	}) {
		t.Errorf("source_ip has no path %s", want)
	}
}

package firing_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"auditlog-forwarder/pkg/alerts"
	"auditlog-forwarder/pkg/sigma/spl/spltest"
)

// TestWorkingHoursOfATimeZone asks the stream and the search about every quarter of
// an hour around the changes of time, against what Go itself says of the zone.
func TestWorkingHoursOfATimeZone(t *testing.T) {
	t.Parallel()
	for name, days := range map[string][]string{
		"Europe/Zurich":       {"2020-01-01", "2026-03-28", "2026-10-24", "2040-10-27"},
		"America/New_York":    {"2026-03-07", "2026-10-31", "2039-11-05"},
		"Australia/Lord_Howe": {"2026-04-04", "2026-10-03"}, // half an hour, in the other half of the year
		"Asia/Kolkata":        {"2026-03-28"},               // none
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			loc, err := time.LoadLocation(name)
			if err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(t.TempDir(), "settings.yaml")
			if err := os.WriteFile(file, []byte("time_zone: "+name+"\nalerts:\n  Administration off hours: {outside_hours: {days: [sun, mon, tue, wed, thu, fri]}}\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			c, err := alerts.Load([]string{"builtin"}, file)
			if err != nil {
				t.Fatal(err)
			}
			a, err := c.Find("Administration off hours")
			if err != nil {
				t.Fatal(err)
			}
			s := &searcher{c, macros(c)}
			for _, from := range days {
				start, err := time.Parse(time.DateOnly, from)
				if err != nil {
					t.Fatal(err)
				}
				end := start.Add(72 * time.Hour)
				var events []spltest.Event
				var want []string
				for at := start; at.Before(end); at = at.Add(15 * time.Minute) {
					// Indexed at once within the one run's window, whenever it was.
					events = append(events, spltest.Event{Raw: change(at), Sourcetype: "confluent:auditlog", Time: at, IndexTime: end.Add(-time.Minute)})
					local := at.In(loc)
					if out := local.Weekday() == time.Saturday || local.Hour() < 7 || local.Hour() >= 19; out != a.Hours.Outside(at) {
						t.Errorf("%s is outside of working hours: %t; want %t", local, !out, out)
					} else if out {
						want = append(want, at.UTC().Format(time.RFC3339))
					}
				}
				var got []string
				for _, row := range s.run(t, a, spltest.Load(events, 0), end) {
					got = append(got, row["resource"][0])
				}
				slices.Sort(got)
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%s: the search finds otherwise than the clocks there (-): %s", from, diff)
				}
			}
		})
	}
}

// change is an event of administration whose resource tells its time.
func change(at time.Time) []byte {
	text := at.UTC().Format(time.RFC3339)
	return fmt.Appendf(nil, `{"specversion":"1.0","id":"1","type":"io.confluent.cloud/request","time":%q,"data":{"methodName":"CreateEnvironment",`+
		`"cloudResources":[{"resource":{"type":"ENVIRONMENT","resourceId":%q}}],"authenticationInfo":{"principal":{"confluentUser":{"resourceId":"u-1"}},"result":"SUCCESS"},`+
		`"request":{"accessType":"MODIFICATION"},"result":{"status":"SUCCESS"}}}`, text, text)
}

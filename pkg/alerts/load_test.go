package alerts_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"auditlog-forwarder/pkg/alerts"
)

// valid is an alert that nothing is wrong with; a test changes a part of it.
const valid = `title: A deletion
id: 20000000-0000-4000-8000-000000000001
description: Something was deleted.
logsource: {product: confluent, service: audit}
detection:
  selection: {data.methodName: DeleteTopic}
  condition: selection
falsepositives: [none]
level: low
alert:
  every: 1h
  threshold: {count: 3, by: [principal]}
  message: "{count} by {principal}"
examples:
  - name: fires
    fires: true
    events: [{event: {"time": "2026-11-23T03:00:00Z"}, repeat: 3}]
  - name: silent
    fires: false
    events: []
`

func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestValid(t *testing.T) {
	t.Parallel()
	a := load(t, "", write(t, "a.yml", valid)).Alerts[0]
	want := alerts.Threshold{Count: 3, By: []string{"principal"}}
	if diff := cmp.Diff(&want, a.Condition.Threshold); diff != "" {
		t.Error(diff)
	}
	if a.Slug != "a_deletion" || a.Severity != alerts.Warn || a.LookBack != time.Hour || a.Enabled || a.Examples[0].Events[0].Repeat != 3 {
		t.Errorf("alert %+v", a)
	}
}

func TestWrongRules(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, old, new, want string }{
		{"unknown member", "alert:\n", "alrt: {}\nalert:\n", `10:7: unknown member "alrt"; did you mean alert?`},
		{"unknown member of alert", "every: 1h", "evry: 1h", `11:3: alert: unknown member "evry"; did you mean every?`},
		{"unknown member of a condition", "count: 3,", "count: 3, buy: 1,", `12:25: threshold: unknown member "buy"; did you mean by?`},
		{"twice", "every: 1h", "every: 1h\n  every: 1h", `12:3: alert: every is given twice, first in line 11`},
		{"every", "every: 1h", "every: 7m", `11:10: every is one of 5m, 10m, 15m, 20m, 30m, 1h, 2h, 3h, 4h, 6h, 8h, 12h, 1d, which each divide a day`},
		{"look_back below every", "every: 1h", "every: 1h\n  look_back: 30m", `11:3: look_back is 30m and every is 1h: what comes between two runs would not be seen; look back at least as far as every`},
		{"look_back of single events", "threshold: {count: 3, by: [principal]}\n  message: \"{count} by {principal}\"", "look_back: 2h", `11:3: look_back is 2h and every is 1h: each event would be told several times; without threshold they are the same`},
		{"look_back in seconds", "every: 1h", "every: 1h\n  look_back: 90m5s", `11:3: look_back is 5405s, and must be whole minutes`},
		{"no time", "every: 1h", "every: 1h\n  look_back: long", `12:14: look_back is a time from 5m to 7d, such as 15m, 4h or 7d`},
		{"two conditions", "every: 1h", "every: 1h\n  absent: {for: 2h}", `12:3: absent stands beside threshold; an alert has one of threshold, new, spike and absent`},
		{"unknown subject of by", "by: [principal]", "by: [principle]", `12:30: by: unknown subject "principle"; did you mean principal?`},
		{"subject of another log", "by: [principal]", "by: [instance]", `12:30: by: unknown subject "instance"; there are principal, email, credential, source_ip, client_id, method, result, resource, resources, resource_type, cluster, environment, role, target, operation`},
		{"unknown subject of the message", "by {principal}", "by {princpal}", `13:12: message: unknown subject {princpal}; did you mean principal?`},
		{"open brace", "by {principal}", "by {principal", `13:12: message: a brace is not closed; subjects stand as {principal}`},
		{"not counted", "threshold: {count: 3, by: [principal]}", "show: principal", `11:3: message: {count} has no value, since the alert does not count it`},
		{"count 0", "count: 3,", "count: 0,", `12:22: count is a whole number from 1 to 1000000`},
		{"distinct alone", "count: 3,", "count: 3, distinct: method,", `12:14: threshold has one of distinct and distinct_count; they stand together, as in distinct: credential, distinct_count: 3`},
		{"distinct of the group", "count: 3,", "count: 3, distinct: principal, distinct_count: 2,", `12:14: threshold counts the different values of principal in groups that each have one; name another subject in distinct, or take it from by`},
		{"absent below every", "threshold: {count: 3, by: [principal]}\n  message: \"{count} by {principal}\"", "absent: {for: 30m}", `11:3: absent looks at 30m and every is 1h: a silence between two runs would not be seen; make for at least every`},
		{"bins", "threshold: {count: 3, by: [principal]}", "spike: {count: 3, bin: 7m}", `12:10: spike: bin is 7m, and must divide an hour, so that bins begin at the same minutes whatever the time zone is`},
		{"few bins", "threshold: {count: 3, by: [principal]}", "spike: {count: 3, bin: 30m, over: 2h}", `12:10: spike: over is 2h, and must be a multiple of bin, at least 12 of them; with fewer a mean says little`},
		{"no bin so high", "threshold: {count: 3, by: [principal]}", "spike: {count: 3, bin: 30m, over: 13h, deviations: 5}", `12:10: spike: no bin of 26 can be 5 deviations above their mean, so that it would never fire; 4.9 is the most`},
		{"new of nothing", "threshold: {count: 3, by: [principal]}", "new: {within: 2d}", `12:8: new has no by; say which subjects make something new, as in new: {by: [principal, source_ip], within: 30d}`},
		{"hours", "every: 1h", "every: 1h\n  outside_hours: {from: \"19:00\", to: \"07:00\"}", `12:18: outside_hours: from is not before to; working hours lie within a day`},
		{"days", "every: 1h", "every: 1h\n  outside_hours: {days: [mond]}", `12:25: days: unknown day "mond"; did you mean mon?`},
		{"no days", "every: 1h", "every: 1h\n  outside_hours: {days: []}", `12:25: days is empty; name the working days, or leave it out for mon to fri`},
		{"suppress", "every: 1h", "every: 1h\n  suppress: {by: principal}", `12:13: suppress has no for; say how long, as in suppress: {for: 4h, by: [principal]}`},
		{"id", "id: 2000", "id: x000", `1:1: the alert "A deletion" needs an id that is a UUID, such as uuidgen makes, by which it stays the same when its title changes`},
		{"description", "description: Something was deleted.\n", "", `1:1: the alert "A deletion" has no description; say what it means and what to do`},
		{"falsepositives", "falsepositives: [none]\n", "", `1:1: the alert "A deletion" has no falsepositives; say what fires it in good faith, or none`},
		{"level", "level: low\n", "", `1:1: the alert "A deletion" has no level; allowed are informational, low, medium, high, critical`},
		{"title", "title: A deletion", "title: A deletion [x]", `1:1: the title has one of [ ] \ /, which the name of a saved search cannot have`},
		{"title of a global stanza", "title: A deletion", "title: Default", `1:1: the title is "Default", which as the name of a saved search would be another thing; choose one that says what happens`},
		{"message", "by {principal}", "by $user$", `13:12: message has a $, which begins a name of Splunk's, or a backslash at its end; subjects stand as {principal}`},
		{"logsource", "service: audit", "service: adit", `1:1: the logsource of "A deletion" is product "confluent", service "adit"; known are product confluent, service audit, and product auditlog-forwarder, service heartbeat`},
		{"no firing example", "fires: true", "fires: false", `15:3: examples: there is none with fires: true; an alert that nothing shows to fire may never do so`},
		{"no silent example", "fires: false", "fires: true", `15:3: examples: there is none with fires: false; show an event near by that must not fire the alert`},
		{"no time of an event", `"time"`, `"tim"`, `17:22: the event has no time, by which an example is run`},
		{"time of an event", `T03:00:00Z`, ``, `17:31: the event's time is not as in 2026-11-23T03:00:00Z`},
		{"number of an event", `{"time"`, `{"n": 0x1F, "time"`, `17:28: the event: 0x1F is not written as in JSON; put a text in quotes`},
		{"Sigma's own and ours", "DeleteTopic}", "[]}\n  sel: {a|wide: b}", `17:15: `},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if !strings.Contains(valid, tt.old) {
				t.Fatalf("%q is not there to be changed", tt.old)
			}
			path := write(t, "a.yml", strings.Replace(valid, tt.old, tt.new, 1))
			_, err := alerts.Load([]string{path}, "")
			if tt.name == "Sigma's own and ours" {
				if n := len(strings.Split(err.Error(), "\n")); n != 2 {
					t.Errorf("%d mistakes, want 2:\n%v", n, err)
				}
				return
			}
			if err == nil || err.Error() != path+":"+tt.want {
				t.Errorf("error\n%v, want\n%s:%s", err, path, tt.want)
			}
		})
	}
}

// TestAllMistakesAtOnce has one in Sigma's members, in ours, in the next
// document, in another file, and in the settings.
func TestAllMistakesAtOnce(t *testing.T) {
	t.Parallel()
	first := strings.NewReplacer("DeleteTopic", "[]", "every: 1h", "every: 7m").Replace(valid)
	first += "---\ntitle: A bare rule\nlogsource: {product: confluent}\ndetection: {sel: {a: b}, condition: sel}\n"
	second := strings.Replace(valid, "count: 3", "count: x", 1)
	files := []string{write(t, "a.yml", first), write(t, "b.yml", second), filepath.Join(t.TempDir(), "none.yml")}
	_, err := alerts.Load(files, write(t, "s.yaml", "enable: all\n"))
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{
		"a.yml:6:32: data.methodName has an empty list", "a.yml:11:10: every is one of", "b.yml:12:22: count is a whole number",
		`a.yml:22:1: the alert "A bare rule" needs an id that is a UUID`, `a.yml:22:1: the alert "A bare rule" has no description`,
		`a.yml:22:1: the alert "A bare rule" has no falsepositives`, `a.yml:22:1: the alert "A bare rule" has no level`,
		`a.yml:22:1: the alert "A bare rule" has no examples`,
		"none.yml: no such file", `s.yaml:1:1: the settings: unknown member "enable"; did you mean enabled?`,
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error lacks %q:\n%v", want, err)
		}
	}
}

func TestTwice(t *testing.T) {
	t.Parallel()
	other := func(from, to string) string { return strings.Replace(valid, from, to, 1) }
	for _, tt := range []struct{ name, second, want string }{
		{"title", other("id: 2", "id: 3"), `:22:1: the title is that of the alert in `},
		{"slug", strings.NewReplacer("id: 2", "id: 3", "A deletion", "A-DELETION").Replace(valid), `:22:1: the title in lower case, from which the name of its macro is made, is that of the alert in `},
		{"id", other("A deletion", "B"), `:22:1: the id is that of the alert in `},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			path := write(t, "a.yml", valid+"---\n"+tt.second)
			_, err := alerts.Load([]string{path}, "")
			if err == nil || !strings.Contains(err.Error(), tt.want+path+":1 as well: ") {
				t.Errorf("error %v, want one with %q", err, tt.want)
			}
		})
	}
}

// TestExampleBodies holds that events stay as they are written.
func TestExampleBodies(t *testing.T) {
	t.Parallel()
	text := strings.Replace(valid, `{"time": "2026-11-23T03:00:00Z"}`,
		`{"z": 1, "time": "2026-11-23T03:00:00Z", "a": [1.50, -2e3, true, null, "true", "", "<&\u00e9\n", {"": {}}], "n": 12345678901234567890}`, 1)
	got := string(load(t, "", write(t, "a.yml", text)).Alerts[0].Examples[0].Events[0].Body)
	want := `{"z":1,"time":"2026-11-23T03:00:00Z","a":[1.50,-2e3,true,null,"true","","<&é\n",{"":{}}],"n":12345678901234567890}`
	if got != want {
		t.Errorf("body\n%s, want\n%s", got, want)
	}
}

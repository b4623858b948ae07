package alerts_test

import (
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"auditlog-forwarder/pkg/alerts"
)

func TestSettings(t *testing.T) {
	t.Parallel()
	c := load(t, filepath.Join("testdata", "settings.yaml"), filepath.Join("testdata", "conditions.yml"))
	find := func(name string) *alerts.Alert {
		a, err := c.Find(name)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	deletion := find("Every deletion")
	if !deletion.Enabled || deletion.Every != 5*time.Minute || deletion.LookBack != deletion.Every || deletion.Severity != alerts.Fatal {
		t.Errorf("alert %+v", deletion)
	}
	if diff := cmp.Diff([]string{"email", "webhook", "slack", "teams"}, deletion.Actions.Names()); diff != "" {
		t.Error(diff)
	}
	failures := find("Failures of an address (20)")
	want := alerts.Threshold{Count: 5, By: []string{"source_ip"}, Distinct: "credential", DistinctCount: 3}
	if diff := cmp.Diff(&want, failures.Condition.Threshold); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(alerts.Suppress{For: 30 * time.Minute, By: []string{"source_ip"}}, failures.Suppress); diff != "" {
		t.Error(diff)
	}
	if failures.Enabled || failures.Actions.Email != nil || failures.Actions.Slack == nil {
		t.Errorf("alert %+v", failures)
	}
	if offset := find("Off hours").Hours.Zone.From; offset != time.Hour {
		t.Errorf("working hours at %s from UTC", offset)
	}
	text := c.Search(deletion)
	for _, want := range []string{`IN ("lkc-1", "lkc-2")`, "NOT ", `"User:sa-ci"`} {
		if !strings.Contains(text, want) {
			t.Errorf("the search lacks %s:\n%s", want, text)
		}
	}
}

func TestEmptySettings(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "# nothing\n", "---\n", "enabled: all\n"} {
		c := load(t, write(t, "s.yaml", text), filepath.Join("testdata", "conditions.yml"))
		for _, a := range c.Alerts {
			if a.Enabled != (text == "enabled: all\n") {
				t.Errorf("settings %q: %s is enabled: %t", text, a.Name, a.Enabled)
			}
		}
	}
}

// TestTakenAway holds that null takes away what an alert has by itself, and
// that parentheses within quotes are text.
func TestTakenAway(t *testing.T) {
	t.Parallel()
	rules := filepath.Join("testdata", "conditions.yml")
	text := "search: index=a \"b)\" (c=\"\\\\\")\nalerts:\n  Off hours: {outside_hours: null, suppress: null}\n"
	before, err := load(t, "", rules).Find("Off hours")
	if err != nil {
		t.Fatal(err)
	}
	after, err := load(t, write(t, "s.yaml", text), rules).Find("Off hours")
	if err != nil {
		t.Fatal(err)
	}
	if before.Hours == nil || after.Hours != nil || before.Suppress.For == 0 || after.Suppress.For != 0 || len(after.Suppress.By) > 0 {
		t.Errorf("before %+v\nafter %+v", before, after)
	}
	if diff := cmp.Diff([]string{"outside_hours", "suppress"}, after.Named); diff != "" {
		t.Error(diff)
	}
}

func TestWrongSettings(t *testing.T) {
	t.Parallel()
	url := write(t, "url", "s3cret is no address\n")
	for _, tt := range []struct{ name, text, want string }{
		{"not YAML", "a: [\n", ":2:1: not YAML: did not find expected node content"},
		{"unknown member", "enable: all", `:1:1: the settings: unknown member "enable"; did you mean enabled?`},
		{"unknown alert", "enabled: [Every deletions]", `:1:11: there is no alert "Every deletions"; did you mean Every deletion?`},
		{"unknown alert of alerts", "alerts: {Every delete: {}}", `:1:10: there is no alert "Every delete"; did you mean Every deletion?`},
		{"far from any alert", "enabled: [Something else]", `:1:11: there is no alert "Something else"; alerts list shows them`},
		{"unknown member of an alert", "alerts: {Silence: {evry: 5m}}", `:1:20: an alert: unknown member "evry"; did you mean every?`},
		{"level", "alerts: {Silence: {level: hihg}}", `:1:27: level is one of informational, low, medium, high, critical`},
		{"cross check", "alerts: {Silence: {absent: {for: 1h}}}", `:1:19: absent looks at 1h and every is 1d: a silence between two runs would not be seen; make for at least every`},
		{"only", "alerts:\n  Spike:\n    only: {a|wide: x}", `:3:12: `},
		{"not in Splunk", "alerts:\n  Spike:\n    except: {a: null, b|exists: 1}", `:3:33: `},
		{"search", "search: index=a | head 1", `:1:9: search has one of`},
		{"open parenthesis", "search: (index=a OR index=b", `:1:9: search has a parenthesis without its other half`},
		{"closed twice", "search: index=a) (index=b", `:1:9: search has a parenthesis without its other half`},
		{"the command search", "heartbeat_search: search index=a", `:1:19: heartbeat_search begins with the command search; leave that out, since it stands within a search`},
		{"all in a list", "enabled: [all]", `:1:11: enabled: all stands alone, and not in a list; write enabled: all`},
		{"enabled at an alert", "alerts: {Silence: {enabled: true}}", `:1:20: enabled stands beside alerts, as a list of names: enabled: [Silence]`},
		{"no name", "enabled: [[Silence]]", `:1:11: the name of an alert is a text, such as CC cluster deletion`},
		{"empty only", "alerts: {Spike: {only: }}", `:1:24: only is empty; write fields and values, such as data.cloudResources{}.resource.resourceId: [lkc-1]`},
		{"condition", "alerts: {Spike: {condition: selektion}}", `:1:29: the condition: there is no search "selektion"; `},
		{"condition that is none", "alerts: {Spike: {condition: }}", `:1:29: a condition is a string, and this is `},
		{"a tab", "alerts:\n\tSpike: {}", `:2:1: not YAML: a tab; indent with spaces`},
		{"another encoding", "enabled: all\nsearch: \"\xf6\"", `:2:10: not YAML: a byte that is not UTF-8; save the file in that encoding`},
		{"utc_offset", "utc_offset: CET", `:1:13: utc_offset is as in "+01:00", in quotes; a name such as Europe/Zurich is a time_zone`},
		{"time_zone", "time_zone: Europe/Zürich", `:1:12: time_zone: "Europe/Zürich" is no time zone; write one of the IANA database`},
		{"the machine's time zone", "time_zone: Local", `:1:12: time_zone: "Local" is no time zone; `},
		{"no time zone", "time_zone: ", `:1:11: time_zone: "" is no time zone; `},
		{"two time zones", "time_zone: Europe/Zurich\nutc_offset: \"+01:00\"", `:1:1: time_zone and utc_offset say the same; leave one out`},
		{"no e-mail address", "actions: {email: {to: [nobody]}}", `:1:23: to: "nobody" is no e-mail address`},
		{"no to", "actions: {email: {}}", `:1:18: email has no to; name who gets the messages`},
		{"channel", "actions: {slack: {channel: security}}", `:1:28: channel begins with # for a channel, or @ for a person; write it in quotes`},
		{"URL in the settings", "actions: {webhook: {url: https://a}}", `:1:21: webhook: unknown member "url"; it has url_file`},
		{"address in place of its file", "actions: {teams: {url_file: https://a.example.com/s3cret}}", `:1:29: url_file is an address; write it into a file that others cannot read, and name that file here`},
		{"empty name of the URL's file", "actions: {teams: {url_file: }}", `:1:29: url_file is no text`},
		{"no file of the URL", "actions: {teams: {url_file: none}}", `:1:29: read the address of teams: open none: no such file or directory`},
		{"no URL", "actions: {webhook: {url_file: " + url + "}}", `:1:31: ` + url + ` does not hold one address that begins with https:// or http://`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			path := write(t, "s.yaml", tt.text+"\n")
			_, err := alerts.Load([]string{filepath.Join("testdata", "conditions.yml")}, path)
			if err == nil || !strings.HasPrefix(err.Error(), path+tt.want) || strings.Contains(err.Error(), "\n") || strings.Contains(err.Error(), "s3cret") {
				t.Errorf("error\n%v, want\n%s%s", err, path, tt.want)
			}
		})
	}
}

// TestEveryKindCanBeChanged holds that settings of one member leave the rest
// of an alert right, whatever its condition is.
func TestEveryKindCanBeChanged(t *testing.T) {
	t.Parallel()
	rules := filepath.Join("testdata", "conditions.yml")
	for _, a := range load(t, "", rules).Alerts {
		for _, change := range []string{"level: low", "except: {a: b}", "every: 12h, suppress: {for: 1h}", "new: {by: [method]}, message: new", "threshold: {count: 7}"} {
			if a.Condition.Threshold != nil && strings.Contains(change, "every") || a.Source == alerts.Heartbeat && strings.Contains(change, "method") {
				continue // its look_back would have to follow, or the subject is not there
			}
			settings := write(t, "s.yaml", "alerts:\n  "+strconv.Quote(a.Name)+": {"+change+"}\n")
			if _, err := alerts.Load([]string{rules}, settings); err != nil {
				t.Errorf("%s, %s: %v", a.Name, change, err)
			}
		}
	}
}

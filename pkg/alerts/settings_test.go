package alerts_test

import (
	"path/filepath"
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
	if offset := find("Off hours").Hours.UTCOffset; offset != time.Hour {
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
		{"level", "alerts: {Silence: {level: hihg}}", `:1:27: level is "hihg"; allowed are informational, low, medium, high, critical`},
		{"cross check", "alerts: {Silence: {absent: {for: 1h}}}", `:1:19: absent looks at 1h and every is 1d: a silence between two runs would not be seen; make for at least every`},
		{"only", "alerts:\n  Spike:\n    only: {a|wide: x}", `:3:12: `},
		{"not in Splunk", "alerts:\n  Spike:\n    except: {a: null, b|exists: 1}", `:3:33: `},
		{"search", "search: index=a | head 1", `:1:9: search has one of`},
		{"utc_offset", "utc_offset: CET", `:1:13: utc_offset is as in "+01:00"; write it in quotes`},
		{"no e-mail address", "actions: {email: {to: [nobody]}}", `:1:23: to: "nobody" is no e-mail address`},
		{"no to", "actions: {email: {}}", `:1:18: email has no to; name who gets the messages`},
		{"channel", "actions: {slack: {channel: security}}", `:1:28: channel begins with # for a channel, or @ for a person; write it in quotes`},
		{"URL in the settings", "actions: {webhook: {url: https://a}}", `:1:21: webhook: unknown member "url"; it has url_file`},
		{"no file of the URL", "actions: {teams: {url_file: none}}", `:1:29: read the address of teams: open none: no such file or directory`},
		{"no URL", "actions: {webhook: {url_file: " + url + "}}", `:1:31: ` + url + ` does not hold one address that begins with https:// or http://`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			path := write(t, "s.yaml", tt.text+"\n")
			_, err := alerts.Load([]string{filepath.Join("testdata", "conditions.yml")}, path)
			if err == nil || !strings.Contains(err.Error(), path+tt.want) || strings.Contains(err.Error(), "s3cret") {
				t.Errorf("error\n%v, want\n%s%s", err, path, tt.want)
			}
		})
	}
}

package alerts_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"auditlog-forwarder/pkg/alerts"
	"auditlog-forwarder/pkg/sigma/spl"
)

var update = flag.Bool("update", false, "write testdata/*.golden")

// golden compares a text with a file.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got), which go test ./pkg/alerts -update writes anew:\n%s", path, diff)
	}
}

func load(t *testing.T, settings string, files ...string) *alerts.Catalogue {
	t.Helper()
	c, err := alerts.Load(files, settings)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func conf(t *testing.T, stanzas []alerts.Stanza) string {
	t.Helper()
	var b bytes.Buffer
	if err := alerts.WriteConf(&b, stanzas); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestRendered holds what Splunk is given of the alerts that come with the
// program, and of one of each kind with all settings.
func TestRendered(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, settings, file string }{
		{"builtin", "", alerts.Builtin},
		{"conditions", "", filepath.Join("testdata", "conditions.yml")},
		{"settings", filepath.Join("testdata", "settings.yaml"), filepath.Join("testdata", "conditions.yml")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := load(t, tt.settings, tt.file)
			golden(t, tt.name+".savedsearches.conf", conf(t, c.SavedSearches()))
			golden(t, tt.name+".macros.conf", conf(t, c.Macros()))
		})
	}
}

func TestExpandedHasNoMacro(t *testing.T) {
	t.Parallel()
	c := load(t, filepath.Join("testdata", "settings.yaml"), filepath.Join("testdata", "conditions.yml"))
	for _, a := range c.Alerts {
		want := "(index=confluent_audit OR index=old) "
		if a.Source == alerts.Heartbeat {
			want = `index=ops sourcetype="auditlog-forwarder:heartbeat" `
		}
		text := c.Expanded(a)
		if !strings.HasPrefix(text, want) || strings.Contains(text, "`") {
			t.Errorf("%s:\n%s\nwant the text of the settings in place of every macro", a.Name, text)
		}
	}
}

// TestWords: the app's searches of audit events begin with words of the index, but
// for those of which nothing is known. Heartbeats have no calculated fields, and a
// search to paste is for where the app is not.
func TestWords(t *testing.T) {
	t.Parallel()
	c := load(t, "", alerts.Builtin)
	var worded int
	for _, a := range c.Alerts {
		words := spl.Words(a.Rule)
		if a.Source == alerts.Heartbeat {
			words = ""
		}
		app, ok := strings.CutPrefix(c.Search(a), "`confluent_audit_events` "+words)
		switch {
		case words == "":
		case !ok:
			t.Errorf("%s does not begin with %s:\n%s", a.Name, words, c.Search(a))
		default:
			worded++
			app, _, _ = strings.Cut(app, "\n")
			if pasted, _, _ := strings.Cut(c.Expanded(a), "\n"); pasted != c.Settings.Search+app {
				t.Errorf("%s: pasted\n%s\nin the app, behind the words,\n%s", a.Name, pasted, app)
			}
		}
	}
	if worded < len(c.Alerts)*3/4 {
		t.Errorf("of %d alerts %d have words", len(c.Alerts), worded)
	}
}

// TestRedacted holds the addresses of webhooks back from what is shown.
func TestRedacted(t *testing.T) {
	t.Parallel()
	c := load(t, filepath.Join("testdata", "settings.yaml"), filepath.Join("testdata", "conditions.yml"))
	stanzas := c.SavedSearches()
	shown := conf(t, alerts.Redact(stanzas))
	if strings.Contains(shown, "secret-") || strings.Count(shown, "[redacted]") != 2 {
		t.Errorf("shown:\n%s", shown)
	}
	if whole := conf(t, stanzas); strings.Count(whole, "secret-") != 2 {
		t.Errorf("Redact changed what it was given:\n%s", whole)
	}
}

// TestMailSetInSplunk: the form for an alert in Splunk begins with a message that
// has the raw event, and nobody is told before somebody is named.
func TestMailSetInSplunk(t *testing.T) {
	t.Parallel()
	c := load(t, "", alerts.Builtin)
	for i, s := range c.SavedSearches() {
		message := ""
		for _, set := range s.Settings {
			switch set.Key {
			case "action.email.message.alert":
				message = set.Value
			case "action.email", "action.email.to", "action.email.cc", "actions":
				t.Errorf("%s has %s without settings", s.Name, set.Key)
			}
		}
		if has := strings.Contains(message, "$result.event$"); has == (c.Alerts[i].Condition.Absent != nil) {
			t.Errorf("%s: the message of a mail has the raw event: %t\n%s", s.Name, has, message)
		}
	}
}

package filter

import (
	"bytes"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"auditlog-forwarder/pkg/audit"
	"auditlog-forwarder/testdata/events"
)

var update = flag.Bool("update", false, "write testdata/*.golden")

// samples are the events of testdata/events by their files' names, compact as
// they come.
func samples(t testing.TB) (names []string, values [][]byte) {
	t.Helper()
	names, err := fs.Glob(events.FS, "*.json")
	if err != nil || len(names) < 50 {
		t.Fatalf("%d events, %v", len(names), err)
	}
	for _, name := range names {
		data, err := events.FS.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		values = append(values, data)
	}
	return names, values
}

// TestPresets: testdata/<preset>.golden says of every sample event what the
// preset does to it. No event that tells of a denial or a failure may be among
// those that are not sent.
func TestPresets(t *testing.T) {
	t.Parallel()
	for _, preset := range Presets() {
		t.Run(preset, func(t *testing.T) {
			t.Parallel()
			f, err := New(Config{Rules: []string{presetPrefix + preset}}, Options{})
			if err != nil {
				t.Fatal(err)
			}
			j := f.Judge()
			var got bytes.Buffer
			names, values := samples(t)
			for i, name := range names {
				ev, err := audit.ReadEvent(values[i])
				if err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				v := j.Judge(&audit.Record{Value: values[i]}, &ev)
				what := "sent"
				switch {
				case v.Summary != nil:
					what = "summed up by " + v.Rule
				case v.Rule != "":
					what = "dropped by " + v.Rule
				}
				fmt.Fprintf(&got, "%-55s %s\n", name, what)
				for _, bad := range []string{"denied", "failure"} {
					if strings.Contains(name, bad) && what != "sent" {
						t.Errorf("%s is %s", name, what)
					}
				}
			}
			file := "testdata/" + preset + ".golden"
			if *update {
				if err := os.WriteFile(file, got.Bytes(), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got.String()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestPresetsNeverHideFailures: every sample event, changed so that it tells of
// a failure in any of the known ways, is sent.
func TestPresetsNeverHideFailures(t *testing.T) {
	t.Parallel()
	failures := []struct{ was, now string }{
		{`"granted": true`, `"granted": false`},
		{`"granted": true`, `"granted": null`},
		{`"result": "ALLOW"`, `"result": "DENY"`},
		{`"result": "ALLOW"`, `"result": "UNSET"`},
		{`"result": "SUCCESS"`, `"result": "FAILURE"`},
		{`"result": "SUCCESS"`, `"result": "UNAUTHENTICATED"`},
		{`"status": "SUCCESS"`, `"status": "FAILURE"`},
		{`"status": "SUCCESS"`, `"status": "UNAUTHENTICATED"`},
		{`"status": "SUCCESS"`, `"status": "SOMETHING_NEW"`},
	}
	for _, preset := range Presets() {
		f, err := New(Config{Rules: []string{presetPrefix + preset}}, Options{})
		if err != nil {
			t.Fatal(err)
		}
		j, tried := f.Judge(), 0
		names, values := samples(t)
		for i, name := range names {
			for _, c := range failures {
				if !bytes.Contains(values[i], []byte(c.was)) {
					continue
				}
				tried++
				value := bytes.Replace(values[i], []byte(c.was), []byte(c.now), 1)
				ev, err := audit.ReadEvent(value)
				if err != nil {
					t.Fatal(err)
				}
				if v := j.Judge(&audit.Record{Value: value}, &ev); v.Rule != "" {
					t.Errorf("%s: %s with %s is left out by %s", preset, name, c.now, v.Rule)
				}
			}
		}
		if tried < 100 {
			t.Errorf("%d events tried, want 100 or more", tried)
		}
	}
}

// TestKeepSecurityKeepsFailuresFromLaterRules: who adds rules behind the preset
// loses no failure by them.
func TestKeepSecurityKeepsFailuresFromLaterRules(t *testing.T) {
	t.Parallel()
	f := withRules(t, Config{Rules: []string{"preset:keep-security"}}, rule("all", "*", "{action: drop}"))
	j, kept := f.Judge(), 0
	names, values := samples(t)
	for i, name := range names {
		for _, c := range []struct{ was, now string }{
			{`"granted": true`, `"granted": false`},
			{`"result": "ALLOW"`, `"result": "DENY"`},
			{`"result": "SUCCESS"`, `"result": "FAILURE"`},
			{`"status": "SUCCESS"`, `"status": "FAILURE"`},
			{`"status": "SUCCESS"`, `"status": "SOMETHING_NEW"`},
		} {
			if !bytes.Contains(values[i], []byte(c.was)) {
				continue
			}
			kept++
			value := bytes.Replace(values[i], []byte(c.was), []byte(c.now), 1)
			if got := judged(t, j, string(value)); got != "" {
				t.Errorf("%s with %s: %s", name, c.now, got)
			}
		}
	}
	if kept < 100 {
		t.Errorf("%d events tried, want 100 or more", kept)
	}
	if got := judged(t, j, `{"data":{"methodName":"else"}}`); got != "dropped by all" {
		t.Errorf("the rule behind the preset does nothing: %q", got)
	}
}

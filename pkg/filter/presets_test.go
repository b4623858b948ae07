package filter

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"auditlog-forwarder/pkg/audit"
	"auditlog-forwarder/pkg/audit/auditgen"
	"auditlog-forwarder/pkg/forwarder"
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

// outcomes are members in which an event says how it ended, and what they may
// hold that is no success.
func outcomes() map[string][]string {
	noSuccess := []string{`"FAILURE"`, `"UNAUTHENTICATED"`, `"PERMISSION_DENIED"`, `"SOMETHING_NEW"`, `""`, `7`, `false`, `{"code":"FAILURE"}`, `["FAILURE"]`}
	return map[string][]string{
		"data.authorizationInfo.granted":                         {`false`, `"false"`, `"FALSE"`},
		"data.authorizationInfo.result":                          {`"DENY"`, `"deny"`},
		"data.authorizationInfo.aclAuthorization.permissionType": {`"DENY"`},
		"data.authenticationInfo.errorMessage":                   {`"no such user"`, `"\n"`, `{"text":"no"}`, `["no"]`},
		"data.authenticationInfo.result":                         noSuccess,
		"data.result.status":                                     noSuccess,
		"data.result.data.errorType":                             {`"NotFound"`, `7`},
		"data.result.data.errors":                                {`[{"code":7}]`},
	}
}

// TestPresetsLeaveOutNoFailure: an event that a preset leaves out is sent as
// soon as any one member says that something failed, in place of what it says
// there or beside it.
func TestPresetsLeaveOutNoFailure(t *testing.T) {
	t.Parallel()
	gen, err := auditgen.New(7)
	if err != nil {
		t.Fatal(err)
	}
	_, values := samples(t)
	for i := range 150 {
		values = append(values, gen.Next(nil, time.Unix(int64(i), 0)))
	}
	for _, preset := range Presets() {
		f, err := New(Config{Rules: []string{presetPrefix + preset}}, Options{})
		if err != nil {
			t.Fatal(err)
		}
		j, left := f.Judge(), 0
		for _, value := range values {
			if !leftOut(t, j, value) {
				continue
			}
			left++
			for path, texts := range outcomes() {
				for _, text := range texts {
					said := "as " + path + " says " + text
					if spoilt := replaced(t, value, path, text); leftOut(t, j, spoilt) {
						t.Fatalf("%s leaves out, %s: %s", preset, said, spoilt)
					}
					if strings.HasSuffix(path, "Info.result") && !strings.Contains(text, "eny") && text != `"DENY"` || strings.HasSuffix(path, ".status") {
						continue // a rule cannot say that one of two values is not in a list
					}
					for _, spoilt := range [][]byte{doubled(t, value, path, text, true), doubled(t, value, path, text, false)} {
						if leftOut(t, j, spoilt) {
							t.Fatalf("%s leaves out, %s beside another: %s", preset, said, spoilt)
						}
					}
				}
			}
		}
		if left < 100 {
			t.Errorf("%s leaves out %d events, want 100 or more", preset, left)
		}
	}
}

func leftOut(t *testing.T, j forwarder.Judge, value []byte) bool {
	t.Helper()
	ev, err := audit.ReadEvent(value)
	if err != nil {
		t.Fatalf("%v: %s", err, value)
	}
	return j.Judge(&audit.Record{Value: value}, &ev).Rule != ""
}

// replaced is value with another text at a path.
func replaced(t *testing.T, value []byte, path, text string) []byte {
	t.Helper()
	names := strings.Split(path, ".")
	var put func(raw json.RawMessage, names []string) json.RawMessage
	put = func(raw json.RawMessage, names []string) json.RawMessage {
		if len(names) == 0 {
			return json.RawMessage(text)
		}
		members := map[string]json.RawMessage{}
		if len(raw) > 0 && raw[0] == '{' {
			if err := json.Unmarshal(raw, &members); err != nil {
				t.Fatal(err)
			}
		}
		members[names[0]] = put(members[names[0]], names[1:])
		out, err := json.Marshal(members)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	return put(value, names)
}

// doubled is value with its data there twice, of which one says text at a path.
func doubled(t *testing.T, value []byte, path, text string, first bool) []byte {
	t.Helper()
	at := bytes.IndexByte(value, '{') + 1
	_, below, _ := strings.Cut(path, ".")
	spoilt := append([]byte(`"data":`), replaced(t, []byte(`{}`), below, text)...)
	if first {
		return slices.Concat(value[:at], spoilt, []byte(","), value[at:])
	}
	end := bytes.LastIndexByte(value, '}')
	return slices.Concat(value[:end], []byte(","), spoilt, value[end:])
}

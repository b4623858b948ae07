package filter

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/tidwall/gjson"

	"auditlog-forwarder/pkg/audit"
	"auditlog-forwarder/pkg/creds"
)

// leaves calls leaf with the path of every value of an object that is in no array.
func leaves(prefix string, v gjson.Result, leaf func(path string, v gjson.Result)) {
	v.ForEach(func(key, value gjson.Result) bool {
		if name := key.String(); !strings.ContainsAny(name, ".{}@*?|#") {
			leaf(prefix+name, value)
			if value.IsObject() {
				leaves(prefix+name+".", value, leaf)
			}
		}
		return true
	})
}

// TestOnlyTheNamedValueChanges: of every sample event every value is redacted
// once, and compared with what another reader of JSON says where it stands.
func TestOnlyTheNamedValueChanges(t *testing.T) {
	t.Parallel()
	names, values := samples(t)
	tried := 0
	for i := 0; i < len(names); i += 7 { // one in seven is enough of each kind of value
		body := string(values[i])
		leaves("", gjson.Parse(body), func(path string, v gjson.Result) {
			tried++
			text := "title: t\nlogsource: {product: confluent}\ndetection: {sel: {'" + path + "|exists': true}, condition: sel}\n" +
				Member + ": {action: redact, redact: {fields: ['" + path + "'], with: \"a\\\"b\"}}\n"
			parsed, mistakes := parse("t.yml", []byte(text))
			if len(mistakes) > 0 {
				t.Fatalf("%s: %v", path, mistakes)
			}
			f, errs := build(Config{}, parsed)
			if len(errs) > 0 {
				t.Fatalf("%s: %v", path, errs)
			}
			want := body[:v.Index] + `"a\"b"` + body[v.Index+len(v.Raw):]
			ev, err := audit.ReadEvent([]byte(body))
			if err != nil {
				t.Fatal(err)
			}
			got := f.Judge().Judge(&audit.Record{Value: []byte(body)}, &ev)
			switch {
			case v.Type == gjson.Null:
				if got.Value != nil {
					t.Errorf("%s: null in %s was replaced", names[i], path)
				}
			case string(got.Value) != want || !json.Valid(got.Value):
				t.Errorf("%s: %s\ngot  %s\nwant %s", names[i], path, got.Value, want)
			}
		})
	}
	if tried < 200 {
		t.Errorf("%d values tried, want 200 or more", tried)
	}
}

// TestAgain: a dead letter goes where the rules say, with hidden in it what they
// hide now, also if there was no such rule when it was put aside. A hash is not
// hashed again.
func TestAgain(t *testing.T) {
	t.Parallel()
	const key = "0123456789abcdef"
	j := withRules(t, Config{HashKey: creds.NewSecret(key)},
		rule("hide", "m", "{action: redact, redact: {fields: a}}"),
		rule("hash", "m", "{action: redact, redact: {fields: b, with: hash}}"),
		rule("route", "m", "{action: route, route: {index: i}}")).NewJudge()
	event := func(a, b string) string { return `{"a":` + a + `,"b":` + b + `,"data":{"methodName":"m"}}` }
	hash := hashOf(key, "x")
	for _, tc := range []struct {
		judged      bool
		value, want string
	}{
		{false, event(`"x"`, `"x"`), event(`"REDACTED"`, hash)},
		{true, event(`"x"`, `"x"`), event(`"REDACTED"`, hash)},
		{true, event(`"REDACTED"`, hash), event(`"REDACTED"`, hash)},
		{false, event(`"x"`, hash), event(`"REDACTED"`, hashOf(key, strings.Trim(hash, `"`)))},
	} {
		rec := audit.Record{Value: []byte(tc.value)}
		ev, err := audit.ReadEvent(rec.Value)
		if err != nil {
			t.Fatal(err)
		}
		j.Again(&rec, &ev, tc.judged)
		if string(rec.Value) != tc.want || ev.Route == nil || ev.Route.Index != "i" {
			t.Errorf("judged %t: %s to %v, want %s to i", tc.judged, rec.Value, ev.Route, tc.want)
		}
	}
}

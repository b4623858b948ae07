package catalogue_test

import (
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/tidwall/gjson"

	"auditlog-forwarder/pkg/alerts"
	"auditlog-forwarder/pkg/sigma"
	"auditlog-forwarder/testdata/events"
)

// searches are those that users of Confluent Cloud know as a table, written
// without Sigma. The alerts of their names find the same events.
func searches() map[string]func(e gjson.Result) bool {
	is := func(e gjson.Result, path string, texts ...string) bool {
		return slices.ContainsFunc(texts, func(text string) bool { return strings.EqualFold(e.Get(path).String(), text) })
	}
	return map[string]func(e gjson.Result) bool{
		"CC cluster deletion":  func(e gjson.Result) bool { return is(e, "data.methodName", "DeleteKafkaCluster") },
		"Environment deletion": func(e gjson.Result) bool { return is(e, "data.methodName", "DeleteEnvironment") },
		"Authentication failure to CC cluster": func(e gjson.Result) bool {
			return is(e, "data.methodName", "kafka.Authentication") && is(e, "data.result.status", "UNAUTHENTICATED")
		},
		"Authentication failure to Schema Registry": func(e gjson.Result) bool {
			return is(e, "data.methodName", "schema-registry.Authentication") && is(e, "data.authenticationInfo.result", "UNAUTHENTICATED", "FAILURE")
		},
		"Authorization failure to CC cluster resource": func(e gjson.Result) bool {
			return is(e, "type", "io.confluent.kafka.server/authorization") && is(e, "data.authorizationInfo.granted", "false") &&
				!is(e, "data.methodName", "mds.Authorize")
		},
		"Authorization failure based on IP filter": func(e gjson.Result) bool {
			return is(e, "data.methodName", "ip-filter.Authorize") && is(e, "data.authorizationInfo.result", "DENY")
		},
		"OrganizationAdmin role binding associated": func(e gjson.Result) bool {
			return is(e, "data.methodName", "BindRoleForPrincipal", "CreateRoleBinding") && is(e, "data.request.data.role_name", "OrganizationAdmin")
		},
		"Pipeline health": func(e gjson.Result) bool { return is(e, "type", "auditlog-forwarder.heartbeat.v1") },
	}
}

// TestSearches compares the alerts of the table with its searches, over the
// test events and those of all examples. Results are varied as well: an alert
// of the table is no narrower than its search.
func TestSearches(t *testing.T) {
	t.Parallel()
	all := load(t)
	corpus := corpus(t, all)
	for name, want := range searches() {
		i := slices.IndexFunc(all, func(a *alerts.Alert) bool { return a.Name == name })
		if i < 0 {
			t.Errorf("there is no alert %q", name)
			continue
		}
		set, err := sigma.Compile([]*sigma.Rule{all[i].Rule})
		if err != nil {
			t.Fatal(err)
		}
		matcher, found := set.NewMatcher(), 0
		for _, text := range corpus {
			got := len(matcher.Match([]byte(text))) > 0
			if got {
				found++
			}
			if got != want(gjson.Parse(text)) {
				t.Errorf("%s: the alert says %v, its search the opposite: %s", name, got, text)
			}
		}
		if found < 2 {
			t.Errorf("%s: %d events are found, want at least 2 to compare", name, found)
		}
	}
}

// corpus is the test events and those of examples, in the spelling of the
// searches, and each with other outcomes.
func corpus(t *testing.T, all []*alerts.Alert) (texts []string) {
	t.Helper()
	names, err := fs.Glob(events.FS, "*.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		text, err := events.FS.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, string(text))
	}
	for _, a := range all {
		for _, e := range a.Examples {
			for _, ev := range e.Events {
				texts = append(texts, string(ev.Body))
			}
		}
	}
	texts = slices.DeleteFunc(texts, func(text string) bool { return gjson.Get(text, "data.method_name").Exists() })
	outcomes := strings.NewReplacer(`"SUCCESS"`, `"FAILURE"`, `"FAILURE"`, `"UNAUTHENTICATED"`, `"UNAUTHENTICATED"`, `"SUCCESS"`,
		`"ALLOW"`, `"DENY"`, `"DENY"`, `"ALLOW"`, `"granted":true`, `"granted":false`, `"granted":false`, `"granted":"False"`)
	for _, text := range slices.Clone(texts) {
		texts = append(texts, outcomes.Replace(strings.ReplaceAll(text, `"granted": `, `"granted":`)))
	}
	if len(texts) < 400 {
		t.Fatalf("%d events, want several hundred", len(texts))
	}
	return texts
}

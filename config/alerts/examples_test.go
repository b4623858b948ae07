package catalogue_test

import (
	"bytes"
	"encoding/json"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/tidwall/gjson"
)

const schemaFile = "../../testdata/schema/confluent-audit-log-schema-v1.2.json"

// TestExamples holds that examples are such events as there are: valid against
// the published schema, with ids of their own, and from nobody's network.
func TestExamples(t *testing.T) {
	t.Parallel()
	schema, err := jsonschema.NewCompiler().Compile(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	ids := map[string]bool{}
	var stray []string // in the order of the files
	for _, a := range load(t) {
		for _, e := range a.Examples {
			for _, ev := range e.Events {
				event := gjson.ParseBytes(ev.Body)
				id := event.Get("id").Str
				if ids[id] || id == "" {
					t.Errorf("%s: %s: the id %q is not its own", a.Name, e.Name, id)
				}
				ids[id] = true
				for _, text := range regexp.MustCompile(`"ip": ?"([^"]*)"`).FindAllStringSubmatch(string(ev.Body), -1) {
					if !documentation(text[1]) {
						t.Errorf("%s: %s: %s is not of a network for documentation", a.Name, e.Name, text[1])
					}
				}
				if event.Get("heartbeat").Exists() || event.Get("data.method_name").Exists() {
					continue // not what the schema is about
				}
				v, err := jsonschema.UnmarshalJSON(bytes.NewReader(ev.Body))
				if err != nil {
					t.Fatal(err)
				}
				if schema.Validate(v) != nil {
					stray = append(stray, a.Slug+": "+event.Get("data.methodName").Str)
				}
			}
		}
	}
	want := []string{
		// The outcome that older searches look for; the address as the documentation has it; a
		// dry run of Flink; a sign-in that fails and has an e-mail address and no user.
		"authentication_failure_to_schema_registry: schema-registry.Authentication",
		"authorization_failure_based_on_ip_filter: ip-filter.Authorize",
		"authorization_failure_outside_of_kafka: flink.Authorize",
		"failed_administration: SignIn",
		"new_source_address_of_a_principal: SignIn",
		"sign_in_failures_of_a_user: SignIn",
		"sign_in_failures_of_many_users: SignIn",
	}
	slices.Sort(stray)
	if diff := cmp.Diff(want, slices.Compact(stray)); diff != "" {
		t.Errorf("events that the schema refuses (-want +got):\n%s", diff)
	}
}

func documentation(address string) bool {
	a, err := netip.ParseAddr(address)
	if err != nil {
		return false
	}
	return slices.ContainsFunc([]string{"192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32"}, func(network string) bool {
		return netip.MustParsePrefix(network).Contains(a)
	})
}

// TestHeartbeats holds that heartbeats in examples have the members that the
// forwarder writes.
func TestHeartbeats(t *testing.T) {
	t.Parallel()
	want := strings.Fields("instance version group_id uptime_seconds ready blocked partitions lag_records lag_seconds " +
		"delivered filtered dead_lettered lost_ground last_delivered last_event")
	found := 0
	for _, a := range load(t) {
		for _, e := range a.Examples {
			for _, ev := range e.Events {
				var event struct {
					Heartbeat map[string]json.RawMessage
				}
				if err := json.Unmarshal(ev.Body, &event); err != nil {
					t.Fatal(err)
				}
				for name := range event.Heartbeat {
					if !slices.Contains(want, name) {
						t.Errorf("%s: %s: heartbeats have no %s", a.Name, e.Name, name)
					}
					found++
				}
			}
		}
	}
	if found == 0 {
		t.Error("no example has a heartbeat")
	}
}

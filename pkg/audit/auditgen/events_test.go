package auditgen_test

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/tidwall/gjson"

	"auditlog-forwarder/testdata/events"
)

const schemaFile = "../../../testdata/schema/confluent-audit-log-schema-v1.2.json"

// deviations lists the events that the published schema refuses on purpose,
// each with the reason. The README beside the events names them as well.
func deviations() map[string]string {
	return map[string]string{
		"CreateNetwork":                        "authenticationInfo.exposure is in documented events, not in the schema",
		"CreateWorkspace":                      "authenticationInfo.exposure, as above",
		"ListFlinkRegions.snake":               "snake_case throughout, as in a documented event",
		"SignIn.failure":                       "a principal with nothing but an e-mail address",
		"flink.Authorize.internal":             "principal.confluentInternal and authorizationInfo.dryRun",
		"ip-filter.Authorize.camel":            "clientIp and resourceGroup, as documented; the schema has client_ip and resource_group",
		"kafka.CreatePartitions.slash-address": "an address with a leading slash, as Java prints it, in clientAddress",
	}
}

func schema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	s, err := jsonschema.NewCompiler().Compile(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func validate(t *testing.T, s *jsonschema.Schema, event []byte) error {
	t.Helper()
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(event))
	if err != nil {
		t.Fatalf("%v: %s", err, event)
	}
	return s.Validate(v)
}

// load returns the embedded events by name.
func load(t *testing.T) map[string][]byte {
	t.Helper()
	files, err := fs.Glob(events.FS, "*.json")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]byte{}
	for _, f := range files {
		text, err := fs.ReadFile(events.FS, f)
		if err != nil {
			t.Fatal(err)
		}
		all[strings.TrimSuffix(f, ".json")] = text
	}
	return all
}

func TestEventsAgainstSchema(t *testing.T) {
	t.Parallel()
	s, all := schema(t), load(t)
	for name := range deviations() {
		if all[name] == nil {
			t.Errorf("%s is listed as a deviation, but there is no such event", name)
		}
	}
	for name, text := range all {
		err := validate(t, s, text)
		reason, deviates := deviations()[name]
		switch {
		case err != nil && !deviates:
			t.Errorf("%s: %v", name, err)
		case err == nil && deviates:
			t.Errorf("%s is valid, but listed as a deviation (%s)", name, reason)
		}
	}
}

func TestEventsCoverEveryType(t *testing.T) {
	t.Parallel()
	all := load(t)
	if len(all) < 45 {
		t.Errorf("%d events, want at least 45", len(all))
	}
	types, ids := map[string]bool{}, map[string]string{}
	for name, text := range all {
		e := gjson.ParseBytes(text)
		types[e.Get("type").Str] = true
		id := e.Get("id").Str
		if ids[id] != "" {
			t.Errorf("%s and %s have the same id", name, ids[id])
		}
		ids[id] = name
		method := e.Get("data.methodName").Str + e.Get("data.method_name").Str
		if variant, ok := strings.CutPrefix(name, method); !ok || method == "" || (variant != "" && variant[0] != '.') {
			t.Errorf("%s: the file's name does not start with its method %q", name, method)
		}
	}
	want := []string{
		"io.confluent.cloud/access-transparency",
		"io.confluent.cloud/authorization",
		"io.confluent.cloud/request",
		"io.confluent.flink.server/authentication",
		"io.confluent.flink.server/authorization",
		"io.confluent.kafka.server/authentication",
		"io.confluent.kafka.server/authorization",
		"io.confluent.kafka.server/request",
		"io.confluent.ksql.server/authentication",
		"io.confluent.ksql.server/authorization",
		"io.confluent.sg.server/authentication",
		"io.confluent.sg.server/authorization",
		"io.confluent.sg.server/request",
	}
	var got []string
	for typ := range types {
		got = append(got, typ)
	}
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("types (-want +got):\n%s", diff)
	}
}

// TestEventsArePretty holds that people and diffs find every file in the same
// form. Go's encoder cannot tell: it would undo the escapes in the strings.
func TestEventsArePretty(t *testing.T) {
	t.Parallel()
	for name, text := range load(t) {
		var b bytes.Buffer
		if err := json.Indent(&b, text, "", "  "); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if diff := cmp.Diff(b.String(), string(text)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestReadmeNamesEveryDeviation(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("../../../testdata/events/README.md")
	if err != nil {
		t.Fatal(err)
	}
	for name := range deviations() {
		if !bytes.Contains(readme, []byte("`"+name+".json`")) {
			t.Errorf("testdata/events/README.md does not name %s.json", name)
		}
	}
}

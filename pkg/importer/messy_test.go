package importer

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// read imports files that are given by their text, under their names.
func read(t *testing.T, opts Options, files ...[2]string) *Result {
	t.Helper()
	var docs []Document
	for _, f := range files {
		d, err := Read(f[0], []byte(f[1]))
		if err != nil {
			t.Fatal(err)
		}
		docs = append(docs, d...)
	}
	res, err := Import(interpolate(docs), opts)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

// start makes a first configuration of a client's properties.
func start(t *testing.T, properties string, give func(*Start)) *Result {
	t.Helper()
	s := NewStart()
	s.SecretsDir, s.Name = t.TempDir(), "config.yaml"
	docs, err := Read("client.properties", []byte(properties))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Properties(docs); err != nil {
		t.Fatal(err)
	}
	give(s)
	res, err := s.Result()
	if err != nil {
		t.Fatal(err)
	}
	return res
}

// TestSpellings: librdkafka writes in small letters what Java writes in
// capitals, and has other names for the same places to begin.
func TestSpellings(t *testing.T) {
	t.Parallel()
	res := start(t, "bootstrap.servers=b:9092\nsecurity.protocol=sasl_ssl\nsasl.mechanisms=PLAIN\nsasl.username=u\nsasl.password=p\nauto.offset.reset=largest\n",
		func(s *Start) { s.URL = "https://splunk:8088" })
	if !res.Ready() || res.Count(Translated) != 6 {
		t.Errorf("ready: %t, findings %+v", res.Ready(), res.Findings)
	}
	for key, want := range map[string]any{"kafka.security_protocol": "SASL_SSL", "kafka.start": "latest"} {
		if got := res.settings[key].value; got != want {
			t.Errorf("%s is %v, want %v", key, got, want)
		}
	}
}

// TestInitKeepsWhatPropertiesLack: what the properties name and do not tell is
// still to be given, unless a flag gives it.
func TestInitKeepsWhatPropertiesLack(t *testing.T) {
	t.Parallel()
	const properties = "bootstrap.servers=${env:BROKER}\nsecurity.protocol=SASL_SSL\nsasl.mechanism=GSSAPI\n"
	res := start(t, properties, func(s *Start) { s.URL, s.Bootstrap, s.APIKey = "https://splunk:8088", "b:9092", "key" })
	var keys []string
	for _, m := range res.Missing {
		keys = append(keys, m.Key)
	}
	if diff := cmp.Diff([]string{"kafka.sasl.mechanism", "kafka.sasl.password", "hec.token"}, keys); diff != "" || res.Ready() {
		t.Errorf("ready: %t, missing: %s", res.Ready(), diff)
	}
}

// TestPEMOverLines: PEM that goes on over lines as if it were no properties
// file is read whole, and no line of a key is shown as the name of a property.
func TestPEMOverLines(t *testing.T) {
	t.Parallel()
	const key = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj\nMzEfYyjiWA4R4/M2b==\n-----END PRIVATE KEY-----"
	const chain = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n-----BEGIN CERTIFICATE-----\nMIIC\n-----END CERTIFICATE-----"
	res := start(t, "bootstrap.servers=b:9092\nsecurity.protocol=SSL\nssl.keystore.key="+key+"\nssl.keystore.certificate.chain="+chain+"\nclient.id=last\n",
		func(s *Start) { s.URL = "https://splunk:8088" })
	var files []string
	for _, f := range res.Files() {
		files = append(files, f.Data().Reveal())
	}
	if diff := cmp.Diff([]string{key + "\n", chain + "\n"}, files); diff != "" {
		t.Error(diff)
	}
	if res.settings["kafka.client_id"].value != "last" || len(res.Notes) != 2 {
		t.Errorf("what follows is lost, or nothing is said: %v, %q", res.settings["kafka.client_id"], res.Notes)
	}
	// Without an end, or a beginning, the lines are properties like others.
	for _, part := range []string{strings.TrimSuffix(key, "-----END PRIVATE KEY-----"), strings.TrimPrefix(key, "-----BEGIN PRIVATE KEY-----")} {
		res = start(t, "bootstrap.servers=b:9092\nssl.keystore.key="+part+"\n", func(*Start) {})
		var out bytes.Buffer
		if err := res.WriteText(&out); err != nil {
			t.Fatal(err)
		}
		if err := res.WriteJSON(&out); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(out.String(), "MIIE") || strings.Contains(out.String(), "MzEf") || !strings.Contains(out.String(), "(no name, at client.properties:3)") {
			t.Errorf("a key is shown, or its place is not named:\n%s", out.String())
		}
	}
}

// TestStrimzi: a KafkaConnector, alone and among others, as YAML and as JSON.
func TestStrimzi(t *testing.T) {
	t.Parallel()
	const resource = `apiVersion: kafka.strimzi.io/v1beta2
kind: KafkaConnector
metadata: {name: splunk-audit, labels: {strimzi.io/cluster: connect}}
spec:
  class: com.splunk.kafka.connect.SplunkSinkConnector
  tasksMax: 3
  autoRestart: {enabled: true}
  surprise: 1
  config:
    topics: confluent-audit-log-events
    splunk.hec.uri: https://splunk:8088
    splunk.hec.token: ${secrets:kafka/splunk:token}
    splunk.hec.ack.enabled: true
    splunk.flush.window: 5
    splunk.indexes:
`
	const list = "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: ConfigMap\n- "
	for name, text := range map[string]string{
		"yaml": resource, "several": "apiVersion: v1\nkind: Secret\n---\n" + resource,
		"list": list + strings.TrimSuffix(strings.ReplaceAll(resource, "\n", "\n  "), "  "),
		"json": `{"apiVersion":"kafka.strimzi.io/v1beta2","kind":"KafkaConnector","metadata":{"name":"splunk-audit"},"spec":{"class":"com.splunk.kafka.connect.SplunkSinkConnector","tasksMax":3,
			"autoRestart":{"enabled":true},"surprise":1,"config":{"topics":"confluent-audit-log-events","splunk.hec.uri":"https:\/\/splunk:8088","splunk.hec.token":"${secrets:kafka/splunk:token}",
			"splunk.hec.ack.enabled":true,"splunk.flush.window":5,"splunk.indexes":null}}}`,
	} {
		res := read(t, Options{ContinueGroup: true}, [2]string{"c.txt", text})
		got := map[string]any{}
		for _, key := range []string{"kafka.group_id", "hec.ack.enabled", "hec.index"} {
			got[key] = res.settings[key].value
		}
		if diff := cmp.Diff(map[string]any{"kafka.group_id": "connect-splunk-audit", "hec.ack.enabled": true, "hec.index": nil}, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		if res.Count(Unknown) != 1 || res.Count(FillIn) != 1 || !slices.ContainsFunc(res.Findings, func(f Finding) bool { return f.Property == "spec.surprise" && f.Verdict == Unknown }) {
			t.Errorf("%s: findings %+v", name, res.Findings)
		}
	}
	for text, want := range map[string]string{
		"apiVersion: v1\nkind: KafkaConnect\n": `"KafkaConnect"; give that resource`, resource + "---\n" + resource: "2 connectors; give one",
		"apiVersion: v1\nkind: [s3cret\n": "is not YAML",
	} {
		if _, err := Read("c.yaml", []byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error is %v, want %q", err, want)
		}
	}
}

// TestOffsetsOfOthers: commands are given for what the configuration reads.
func TestOffsetsOfOthers(t *testing.T) {
	t.Parallel()
	connector := [2]string{"c.json", `{"name":"a b/c","config":{"connector.class":"SplunkSink","topics":"a","splunk.hec.uri":"https://splunk:8088"}}`}
	connector[1] = strings.Replace(connector[1], "SplunkSink", "com.splunk.kafka.connect.SplunkSinkConnector", 1)
	offsets := [2]string{"o.json", `{"offsets":[{"partition":{"kafka_topic":"b","kafka_partition":0},"offset":{"kafka_offset":1}},{"partition":{"kafka_topic":"a","kafka_partition":2},"offset":{"kafka_offset":7}}]}`}
	res := read(t, Options{Name: "c.yaml"}, connector, offsets)
	var commands []string
	for _, s := range res.Next {
		if strings.Contains(s, "offsets reset") || strings.Contains(s, "curl") {
			command, _, _ := strings.Cut(s, "   (")
			commands = append(commands, command)
		}
	}
	want := []string{
		"curl -X PUT http://<worker>:8083/connectors/a%20b%2Fc/stop",
		"auditlog-forwarder offsets reset --config c.yaml --topic a --partition 2 --to-offset 7 --allow-skip --yes",
	}
	if diff := cmp.Diff(want, commands); diff != "" {
		t.Error(diff)
	}
	if !slices.ContainsFunc(res.Notes, func(n string) bool { return strings.HasSuffix(n, "passed over: b") }) {
		t.Errorf("the other topic is not named: %q", res.Notes)
	}
}

// TestConfluentOAuth: librdkafka's way to sign in to Confluent Cloud.
func TestConfluentOAuth(t *testing.T) {
	t.Parallel()
	const common = "bootstrap.servers=b:9092\nsecurity.protocol=SASL_SSL\nsasl.mechanisms=OAUTHBEARER\nsasl.oauthbearer.method=oidc\n" +
		"sasl.oauthbearer.token.endpoint.url=https://idp/token\nsasl.oauthbearer.client.id=c\nsasl.oauthbearer.client.secret=s\nsasl.oauthbearer.extensions="
	for given, want := range map[string]map[string]any{
		"logicalCluster=lkc-1,identityPoolId=pool-1": {"kafka.sasl.oauth.logical_cluster": "lkc-1", "kafka.sasl.oauth.identity_pool": "pool-1", "kafka.sasl.oauth.extensions": nil},
		"traceId=a b, logicalCluster=lkc-1":          {"kafka.sasl.oauth.logical_cluster": "lkc-1", "kafka.sasl.oauth.extensions": []string{"traceId=a b"}},
	} {
		res := start(t, common+given+"\n", func(s *Start) { s.URL = "https://splunk:8088" })
		if !res.Ready() || len(res.Mistakes) > 0 || res.Count(Translated) != 7 {
			t.Errorf("%s: mistakes %q, missing %v, findings %+v", given, res.Mistakes, res.Missing, res.Findings)
		}
		for key, value := range want {
			if diff := cmp.Diff(value, res.settings[key].value); diff != "" {
				t.Errorf("%s: %s: %s", given, key, diff)
			}
		}
	}
}

package config

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPrintYAML(t *testing.T) {
	t.Parallel()
	l, err := load(Source{Env: secretEnv(), Flags: parseFlags(t, "--batch.linger=60s")}, "c.yaml",
		[]byte(minimal+"hec.source: \"a # b\"\nfilter.drop_methods: [xx, \"y z\"]\nadmin.listen: \"\"\n"), 0o600)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := l.Print(&out, PrintYAML); err != nil {
		t.Fatal(err)
	}
	want := `kafka:
  bootstrap_servers: [b:9092] # c.yaml:3
  topics: [confluent-audit-log-events] # default
  topic_pattern: "" # default
  group_id: auditlog-forwarder # default
  group_instance_id: "" # default
  client_id: auditlog-forwarder # default
  client_rack: "" # default
  start: earliest # default
  security_protocol: SASL_SSL # default
  sasl:
    mechanism: PLAIN # default
    username: file-user # c.yaml:4
    password: "[redacted]" # environment AUDITLOG_FORWARDER_KAFKA_SASL_PASSWORD
    oauth:
      token_url: "" # default
      client_id: "" # default
      client_secret: "" # default
      scope: "" # default
      audience: "" # default
      logical_cluster: "" # default
      identity_pool: "" # default
      extensions: [] # default
      tls:
        ca_file: "" # default
        truststore_file: "" # default
        truststore_password: "" # default
        client_cert_file: "" # default
        client_key_file: "" # default
        client_key_password: "" # default
        keystore_file: "" # default
        keystore_password: "" # default
        server_name: "" # default
        min_version: "1.2" # default
        pinned_sha256: [] # default
        insecure_skip_verify: false # default
  tls:
    ca_file: "" # default
    truststore_file: "" # default
    truststore_password: "" # default
    client_cert_file: "" # default
    client_key_file: "" # default
    client_key_password: "" # default
    keystore_file: "" # default
    keystore_password: "" # default
    server_name: "" # default
    min_version: "1.2" # default
    pinned_sha256: [] # default
    insecure_skip_verify: false # default
  session_timeout: 45s # default
  commit_interval: 0s # default
  metadata_refresh: 1m # default
  fetch_max_wait: 500ms # default
  fetch_bytes: 512KiB # default
hec:
  url: [https://s:8088] # c.yaml:5
  token: "[redacted]" # environment AUDITLOG_FORWARDER_HEC_TOKEN
  index: "" # default
  source: "a # b" # c.yaml:6
  sourcetype: confluent:auditlog # default
  host: "" # default
  routes: [] # default
  index_header: "" # default
  source_header: "" # default
  sourcetype_header: "" # default
  host_header: "" # default
  fields: [] # default
  field_headers: [] # default
  time: event # default
  auto_extract_timestamp: false # default
  formatted: false # default
  endpoint: event # default
  raw_line_breaker: "\n" # default
  max_event_bytes: 5MiB # default
  gzip: true # default
  gzip_level: 1 # default
  timeout: 30s # default
  backoff_min: 500ms # default
  backoff_max: 30s # default
  partial_acceptance: prefix # default
  connection_max_age: 5m # default
  http2: true # default
  proxy: "" # default
  ack:
    enabled: false # default
    poll_interval: 1s # default
    timeout: 5m # default
  limit:
    events_per_second: 0 # default
    bytes_per_second: 0 # default
    bytes_per_day: 0 # default
    on_daily_limit: slow # default
  tls:
    ca_file: "" # default
    truststore_file: "" # default
    truststore_password: "" # default
    client_cert_file: "" # default
    client_key_file: "" # default
    client_key_password: "" # default
    keystore_file: "" # default
    keystore_password: "" # default
    server_name: "" # default
    min_version: "1.2" # default
    pinned_sha256: [] # default
    insecure_skip_verify: false # default
batch:
  max_events: 1000 # default
  max_bytes: 512KiB # default
  linger: 1m # flag --batch.linger
  window: 3 # default
  max_uncommitted: 1000 # default
  drain: 10s # default
dead_letter:
  dir: dead-letter # default
  max_bytes: 1GiB # default
dead_letter_topic:
  name: "" # default
  bootstrap_servers: [] # default
  security_protocol: SASL_SSL # default
  sasl:
    mechanism: PLAIN # default
    username: "" # default
    password: "" # default
    oauth:
      token_url: "" # default
      client_id: "" # default
      client_secret: "" # default
      scope: "" # default
      audience: "" # default
      logical_cluster: "" # default
      identity_pool: "" # default
      extensions: [] # default
      tls:
        ca_file: "" # default
        truststore_file: "" # default
        truststore_password: "" # default
        client_cert_file: "" # default
        client_key_file: "" # default
        client_key_password: "" # default
        keystore_file: "" # default
        keystore_password: "" # default
        server_name: "" # default
        min_version: "1.2" # default
        pinned_sha256: [] # default
        insecure_skip_verify: false # default
  tls:
    ca_file: "" # default
    truststore_file: "" # default
    truststore_password: "" # default
    client_cert_file: "" # default
    client_key_file: "" # default
    client_key_password: "" # default
    keystore_file: "" # default
    keystore_password: "" # default
    server_name: "" # default
    min_version: "1.2" # default
    pinned_sha256: [] # default
    insecure_skip_verify: false # default
  compression: none # default
mirror:
  bootstrap_servers: [] # default
  name: "" # default
  retention: 0s # default
  replication_factor: -1 # default
  compression: zstd # default
  group_id: auditlog-forwarder-mirror # default
  group_instance_id: "" # default
  security_protocol: SASL_SSL # default
  sasl:
    mechanism: PLAIN # default
    username: "" # default
    password: "" # default
    oauth:
      token_url: "" # default
      client_id: "" # default
      client_secret: "" # default
      scope: "" # default
      audience: "" # default
      logical_cluster: "" # default
      identity_pool: "" # default
      extensions: [] # default
      tls:
        ca_file: "" # default
        truststore_file: "" # default
        truststore_password: "" # default
        client_cert_file: "" # default
        client_key_file: "" # default
        client_key_password: "" # default
        keystore_file: "" # default
        keystore_password: "" # default
        server_name: "" # default
        min_version: "1.2" # default
        pinned_sha256: [] # default
        insecure_skip_verify: false # default
  tls:
    ca_file: "" # default
    truststore_file: "" # default
    truststore_password: "" # default
    client_cert_file: "" # default
    client_key_file: "" # default
    client_key_password: "" # default
    keystore_file: "" # default
    keystore_password: "" # default
    server_name: "" # default
    min_version: "1.2" # default
    pinned_sha256: [] # default
    insecure_skip_verify: false # default
admin:
  listen: "" # c.yaml:8
filter:
  rules: [] # default
  hash_key: "" # default
  drop_methods: [xx, "y z"] # c.yaml:7
summaries:
  every: 1m # default
  max_keys: 10000 # default
  samples: 3 # default
heartbeat:
  interval: 1m # default
  index: "" # default
  source: auditlog-forwarder # default
  sourcetype: auditlog-forwarder:heartbeat # default
alerts:
  rules: [builtin] # default
  settings: "" # default
log:
  level: info # default
  format: auto # default
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("printed (-want +got):\n%s", diff)
	}
}

func TestPrintJSON(t *testing.T) {
	t.Parallel()
	l, err := load(Source{Env: secretEnv()}, "c.yaml", []byte(minimal), 0o600)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := l.Print(&out, PrintJSON); err != nil {
		t.Fatal(err)
	}
	type leaf struct {
		Value  any
		Origin string
	}
	var got struct {
		Kafka struct {
			Bootstrap leaf `json:"bootstrap_servers"`
		}
		HEC struct {
			Token, Timeout leaf
			MaxEventBytes  leaf `json:"max_event_bytes"`
			TLS            map[string]leaf
		}
	}
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]leaf{
		{[]any{"b:9092"}, "c.yaml:3"},
		{"[redacted]", "environment AUDITLOG_FORWARDER_HEC_TOKEN"},
		{"30s", "default"},
		{float64(5 << 20), "default"},
		{false, "default"},
	}, []leaf{
		got.Kafka.Bootstrap, got.HEC.Token, got.HEC.Timeout, got.HEC.MaxEventBytes, got.HEC.TLS["insecure_skip_verify"],
	}); diff != "" {
		t.Errorf("values (-want +got):\n%s", diff)
	}
	if err := l.Print(&out, "toml"); err == nil || !strings.Contains(err.Error(), "allowed are yaml and json") {
		t.Errorf("format toml: %v", err)
	}
}

// example returns what config init writes.
func example(t *testing.T) string {
	t.Helper()
	var b bytes.Buffer
	if err := WriteExample(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestExampleLoads holds what the head of the example promises: with the two
// secrets given it is valid as it is and says the defaults.
func TestExampleLoads(t *testing.T) {
	t.Parallel()
	l, err := load(Source{Env: secretEnv()}, "example.yaml", []byte(example(t)), 0o644)
	if err != nil {
		t.Fatal(err)
	}
	if len(l.Warnings) > 0 {
		t.Errorf("warnings: %q", l.Warnings)
	}
	want := Defaults()
	for _, k := range Keys() {
		if k.Required {
			if l.Origin(k.Name) == "default" {
				t.Errorf("%s is required and not in the example", k.Name)
			}
		}
	}
	want.Kafka.BootstrapServers, want.Kafka.SASL = l.Kafka.BootstrapServers, l.Kafka.SASL
	want.HEC.URLs, want.HEC.Token = l.HEC.URLs, l.HEC.Token
	if diff := cmp.Diff(want, l.Config, compareSecrets()); diff != "" {
		t.Errorf("the example is not the defaults (-defaults +example):\n%s", diff)
	}
	if _, err := load(Source{}, "example.yaml", []byte(example(t)), 0o644); err == nil ||
		err.Error() != "kafka.sasl.password: missing; set AUDITLOG_FORWARDER_KAFKA_SASL_PASSWORD, or kafka.sasl.password_file to a file that holds the API secret\n"+
			"hec.token: missing; set AUDITLOG_FORWARDER_HEC_TOKEN, or hec.token_file to a file that holds the HEC token" {
		t.Errorf("without secrets: %v", err)
	}
}

// TestExampleUncommented takes the # away from every line that shows a key:
// each key that is no secret is there, once, and can be read. Some of them
// exclude others, so the whole is not checked.
func TestExampleUncommented(t *testing.T) {
	t.Parallel()
	var lines []string
	for line := range strings.Lines(example(t)) {
		text := strings.TrimLeft(line, " ")
		if strings.HasPrefix(text, "#") && !strings.HasPrefix(text, "# ") && text != "#\n" {
			line = strings.Replace(line, "#", "", 1)
		}
		lines = append(lines, line)
	}
	keys := Keys()
	given, errs, _ := readYAML("example.yaml", []byte(strings.Join(lines, "")), keys)
	if len(errs) > 0 {
		t.Errorf("mistakes: %v", errs)
	}
	for _, k := range keys {
		if _, ok := given.settings[k.Name]; ok == k.Secret {
			t.Errorf("%s is in the example: %t", k.Name, ok)
		}
	}
}

// TestExampleIsReadable: what has to be read first is little, and nothing that
// must be given stands below the line.
func TestExampleIsReadable(t *testing.T) {
	t.Parallel()
	first, rest, found := strings.Cut(example(t), exampleRest)
	if n := strings.Count(first, "\n"); !found || n > 120 {
		t.Errorf("%d lines come first, want at most 120", n)
	}
	for line := range strings.Lines(rest) {
		if line != "\n" && line[0] != '#' {
			t.Errorf("a key is set below the line: %s", line)
		}
	}
}

// FuzzLoad: no file may crash Load or hide a broken rule, and what Load
// accepts must come back unchanged from what Print writes.
func FuzzLoad(f *testing.F) {
	f.Add([]byte(minimal))
	f.Add([]byte("kafka: &k {sasl: *k, tls: {ca_file: \"\\x00\\u2028\"}}\n"))
	f.Add([]byte("hec: [a, {b: c}]\n? [x]\n: y\n--- !t\n"))
	f.Add([]byte(minimal + "hec.raw_line_breaker: 'a\\\\\\t'\nhec.routes: 'source=\"a,b\",c'\n"))
	f.Add([]byte(minimal + "hec.source: \"a\\n\\\"# b\"\nfilter.drop_methods: [\"yes\", 'a,b']\nbatch.linger: 1.5s\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		src := Source{Env: secretEnv()}
		l, err := load(src, "fuzz.yaml", data, fs.FileMode(0o644))
		if err != nil {
			return
		}
		if errs := l.Validate(); len(errs) > 0 {
			t.Fatalf("accepted with %v", errs)
		}
		var out bytes.Buffer
		if err := l.Print(&out, PrintYAML); err != nil {
			t.Fatal(err)
		}
		var visible []string // without the redacted secrets, which are in the environment
		for line := range strings.Lines(out.String()) {
			if !strings.Contains(line, `"[redacted]" # `) {
				visible = append(visible, line)
			}
		}
		env := []string{
			"AUDITLOG_FORWARDER_HEC_TOKEN=" + l.HEC.Token.Reveal(),
			"AUDITLOG_FORWARDER_KAFKA_SASL_PASSWORD=" + l.Kafka.SASL.Password.Reveal(),
		}
		again, err := load(Source{Env: env}, "printed.yaml", []byte(strings.Join(visible, "")), 0o600)
		if err != nil {
			t.Fatalf("what was printed does not load: %v\n%s", err, out.String())
		}
		if diff := cmp.Diff(l.Config, again.Config, compareSecrets()); diff != "" {
			t.Fatalf("what was printed differs (-read +printed):\n%s", diff)
		}
	})
}

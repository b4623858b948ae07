package importer

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"auditlog-forwarder/pkg/config"
)

func TestMain(m *testing.M) {
	flag.Bool("update", false, "write the golden files anew")
	os.Exit(m.Run())
}

func updating() bool { return flag.Lookup("update").Value.String() == "true" }

func golden(t *testing.T, path string, got []byte) {
	t.Helper()
	if updating() {
		if err := os.WriteFile(path, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s differs (-want +got); after a change that is meant, run with -update:\n%s", path, diff)
	}
}

func names(t *testing.T, file string) (list []string) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "properties", file))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(data)) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			list = append(list, line)
		}
	}
	return list
}

// sample is a value that a property may have.
func sample(name string) string {
	values := map[string]string{
		"connector.class": "com.splunk.kafka.connect.SplunkSinkConnector", "topics": "a", "topics.regex": "a.*",
		"splunk.hec.uri": "https://splunk.example.com:8088", "security.protocol": "SASL_SSL", "sasl.mechanism": "PLAIN",
		"sasl.jaas.config":  `org.apache.kafka.common.security.plain.PlainLoginModule required username="u" password="TOPSECRET";`,
		"auto.offset.reset": "latest", "bootstrap.servers": "b:9092", "kafka.endpoint": "SASL_SSL://b:9092", "input.data.format": "JSON",
		"value.converter": "org.apache.kafka.connect.storage.StringConverter", "kafka.auth.mode": "KAFKA_API_KEY",
		"splunk.hec.json.event.enrichment": "a=b", "splunk.header.custom": "region", "transforms.mask.type": "org.apache.kafka.connect.transforms.MaskField$Value",
		"compression.type": "zstd", "group.protocol": "classic", "ssl.enabled.protocols": "TLSv1.2,TLSv1.3", "ssl.endpoint.identification.algorithm": "https",
		"value.converter.schemas.enable": "false", "splunk.hec.ssl.trust.store.file": "data:text/plain;base64,AAAA", "splunk.indexes": "main", "splunk.hec.ack.poll.interval": "10", "splunk.hec.event.timeout": "300", "client.dns.lookup": "use_all_dns_ips",
	}
	base := strings.TrimPrefix(strings.TrimPrefix(name, "consumer.override."), "producer.override.")
	if v, ok := values[base]; ok {
		return v
	}
	switch {
	case strings.HasSuffix(name, ".enabled"), strings.HasSuffix(name, ".support"), strings.HasSuffix(name, ".timestamp"), strings.HasSuffix(name, ".certs"),
		strings.HasSuffix(name, ".compression"), strings.HasSuffix(name, "extraction"):
		return "true"
	case strings.HasSuffix(name, "raw"), strings.HasSuffix(name, ".formatted"):
		return "false"
	case strings.HasSuffix(base, ".ms"), strings.HasSuffix(base, ".bytes"), strings.HasSuffix(base, "interval"), strings.HasSuffix(base, "timeout"),
		strings.HasSuffix(base, "seconds"), strings.HasSuffix(base, "size"), strings.HasSuffix(base, "window"):
		return "10000"
	default:
		return "TOPSECRET"
	}
}

// TestEveryProperty gives every documented property, and holds what becomes
// of each.
func TestEveryProperty(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		file string
		kind Kind
		more []Property // without which these have no effect
	}{
		{"splunk-sink.txt", Connector, nil},
		{"managed.txt", Connector, nil},
		{"consumer.txt", Connector, nil},
		{"producer.txt", Connector, []Property{{Name: "errors.deadletterqueue.topic.name", Value: "dead"}}},
		{"pem.txt", Connector, nil},
		{"worker.txt", Worker, nil},
	} {
		t.Run(tt.file, func(t *testing.T) {
			t.Parallel()
			var props []Property
			for _, name := range names(t, tt.file) {
				if name == "topics.regex" { // the connector refuses it beside topics
					continue
				}
				p := Property{Name: name, Value: sample(name), Where: "file"}
				if tt.file == "managed.txt" && name == "connector.class" {
					p.Value = "SplunkSink"
				}
				props = append(props, p)
			}
			res, err := Import([]Document{{Kind: tt.kind, Props: append(props, tt.more...)}}, Options{ContinueGroup: true, SecretsDir: "secrets"})
			if err != nil {
				t.Fatal(err)
			}
			var out strings.Builder
			for _, p := range props {
				said := 0
				for _, f := range res.Findings {
					if f.Property == p.Name || strings.HasPrefix(f.Property, p.Name+" (") {
						said++
						fmt.Fprintf(&out, "%s: %s %s | %s\n", f.Property, f.Verdict, strings.Join(f.Keys, ","), f.Text)
					}
				}
				if said == 0 {
					t.Errorf("nothing is said about %s", p.Name)
				}
			}
			if n := res.Count(Unknown); n > 0 {
				t.Errorf("%d documented properties are unknown:\n%s", n, out.String())
			}
			for _, f := range res.Findings {
				if f.Text == "" && f.Verdict != Translated {
					t.Errorf("%s is %s without a reason", f.Property, f.Verdict)
				}
				for _, key := range f.Keys {
					if _, ok := lookupKey(key); !ok {
						t.Errorf("%s names the key %s, which there is not", f.Property, key)
					}
				}
			}
			if strings.Contains(strings.ReplaceAll(string(res.YAML()), "errors", ""), "required username") || len(res.Mistakes) > 0 && tt.file != "worker.txt" {
				t.Errorf("mistakes %q in\n%s", res.Mistakes, res.YAML())
			}
			golden(t, filepath.Join("testdata", "properties", strings.TrimSuffix(tt.file, ".txt")+".golden"), []byte(out.String()))
		})
	}
}

// TestEveryValue: no property is left out, whatever its value, and no secret
// is seen.
func TestEveryValue(t *testing.T) {
	t.Parallel()
	for _, file := range []string{"splunk-sink.txt", "managed.txt", "consumer.txt", "producer.txt", "pem.txt"} {
		for _, value := range []string{"", " ", "true", "x", "-1", "${file:/etc/x:y}", "${dir:/etc:y}", "****************", "<VALUE>", "a,b,c", "https://u:p@h"} {
			for _, dir := range []string{"", "secrets"} {
				props := []Property{{Name: "other.thing", Value: "TOPSECRET", Where: "file"}}
				for _, name := range names(t, file) {
					props = append(props, Property{Name: name, Value: value, Where: "file"})
				}
				res, err := Import([]Document{{Kind: Connector, Props: props}}, Options{ContinueGroup: true, SecretsDir: dir})
				if err != nil {
					t.Fatalf("%s with %q: %v", file, value, err)
				}
				for _, p := range props {
					if !slices.ContainsFunc(res.Findings, func(f Finding) bool { return f.Property == p.Name || strings.HasPrefix(f.Property, p.Name+" (") }) {
						t.Errorf("%s=%q is dropped in silence", p.Name, value)
					}
				}
				if res.Count(Unknown) != 1 {
					t.Errorf("%s with %q: %d are unknown, want the one other", file, value, res.Count(Unknown))
				}
				if everything := show(t, res); strings.Contains(everything, "TOPSECRET") {
					t.Errorf("%s with %q: a value that nobody knows is shown", file, value)
				}
			}
		}
	}
}

// show is all that a result lets be seen.
func show(t *testing.T, res *Result) string {
	t.Helper()
	var out bytes.Buffer
	out.Write(res.YAML())
	if err := errors.Join(res.WriteText(&out), res.WriteJSON(&out)); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// TestPublished translates published examples. Each folder holds the files,
// in the order of their names, and what becomes of them.
func TestPublished(t *testing.T) {
	t.Parallel()
	dirs, err := filepath.Glob("testdata/published/*")
	if err != nil || len(dirs) < 10 {
		t.Fatalf("%d folders, error %v", len(dirs), err)
	}
	for _, dir := range dirs {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			t.Parallel()
			entries, err := os.ReadDir(dir)
			if err != nil {
				t.Fatal(err)
			}
			var paths []string
			for _, e := range entries {
				if !strings.HasSuffix(e.Name(), ".golden") {
					paths = append(paths, filepath.Join(dir, e.Name()))
				}
			}
			docs, err := ReadAll(paths, os.ReadFile)
			if err != nil {
				t.Fatal(err)
			}
			res, err := Import(docs, Options{ContinueGroup: true, SecretsDir: "secrets", Name: "config.yaml"})
			if err != nil {
				t.Fatal(err)
			}
			var report bytes.Buffer
			if err := res.WriteText(&report); err != nil {
				t.Fatal(err)
			}
			golden(t, filepath.Join(dir, "config.golden"), res.YAML())
			golden(t, filepath.Join(dir, "report.golden"), report.Bytes())
			loads(t, res)
			if everything := show(t, res); strings.Contains(everything, "SECRET") {
				t.Errorf("a secret is shown:\n%s", everything)
			}
		})
	}
}

// loads writes the result and its secrets, and loads it as run does.
func loads(t *testing.T, res *Result) {
	t.Helper()
	yaml := string(res.YAML())
	for _, f := range res.Files() {
		path := filepath.Join(t.TempDir(), filepath.Base(f.Path))
		if err := os.WriteFile(path, []byte(f.Data().Reveal()), 0o600); err != nil {
			t.Fatal(err)
		}
		yaml = strings.ReplaceAll(yaml, " "+f.Path+"\n", " "+path+"\n")
	}
	_, err := config.LoadBytes(config.Source{}, "config.yaml", []byte(yaml))
	switch {
	case err != nil && len(res.Missing)+len(res.Mistakes) == 0:
		t.Errorf("the result says that it is whole and does not load: %v\n%s", err, yaml)
	case err == nil && !res.Ready():
		t.Errorf("the result loads, and says that %v and %v are missing", res.Missing, res.Mistakes)
	}
}

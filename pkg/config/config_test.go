package config

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"

	"auditlog-forwarder/pkg/creds"
	"auditlog-forwarder/pkg/deadletter"
	"auditlog-forwarder/pkg/forwarder"
	"auditlog-forwarder/pkg/hec"
	"auditlog-forwarder/pkg/kafka"
	"auditlog-forwarder/pkg/ops"
)

var update = flag.Bool("update", false, "write the generated files")

// secretEnv gives the two secrets.
func secretEnv(more ...string) []string {
	return append([]string{
		"PATH=/bin",
		"AUDITLOG_FORWARDER_HEC_TOKEN=env-t0ken",
		"AUDITLOG_FORWARDER_KAFKA_SASL_PASSWORD=env-s3cret",
	}, more...)
}

// parseFlags returns a flag set that was given args.
func parseFlags(t *testing.T, args ...string) *pflag.FlagSet {
	t.Helper()
	fs := pflag.NewFlagSet("test", pflag.ContinueOnError)
	AddFlags(fs)
	if err := fs.Parse(args); err != nil {
		t.Fatal(err)
	}
	return fs
}

// write makes a file that only its owner may read.
func write(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// compareSecrets lets cmp look at secrets by their value.
func compareSecrets() cmp.Option {
	return cmp.Comparer(func(a, b creds.Secret) bool { return a.Reveal() == b.Reveal() })
}

func TestLoadGood(t *testing.T) {
	t.Parallel()
	defaultsWith := func(change func(*Config)) Config {
		c := Defaults()
		change(&c)
		return c
	}
	for _, tt := range []struct {
		file string
		env  []string
		want Config
	}{
		{"good.minimal.yaml", secretEnv(), defaultsWith(func(c *Config) {
			c.Kafka.BootstrapServers = []string{"pkc-xxxxx.us-west-2.aws.confluent.cloud:9092"}
			c.Kafka.SASL.Username = "KEY"
			c.Kafka.SASL.Password = creds.NewSecret("env-s3cret")
			c.HEC.URL = "https://splunk.example.com:8088"
			c.HEC.Token = creds.NewSecret("env-t0ken")
		})},
		{"good.everything.yaml", nil, everything()},
		{"good.forms.yaml", nil, defaultsWith(func(c *Config) {
			c.Kafka.SecurityProtocol = kafka.Plaintext
			c.Kafka.BootstrapServers = []string{"localhost:9092", "localhost:9093"}
			c.Kafka.GroupID, c.Kafka.ClientID = "0123", "0123"
			c.HEC.URL = "http://127.0.0.1:8088"
			c.HEC.Token = creds.NewSecret("00000000-0000-0000-0000-000000000000")
		})},
		{"good.empty_sections.yaml", nil, defaultsWith(func(c *Config) {
			c.Kafka.BootstrapServers = []string{"b:9092"}
			c.Kafka.SASL.Username, c.Kafka.SASL.Password = "u", creds.NewSecret("p")
			c.HEC.URL, c.HEC.Token = "https://s:8088", creds.NewSecret("t")
		})},
	} {
		t.Run(tt.file, func(t *testing.T) {
			t.Parallel()
			l, err := Load(Source{File: filepath.Join("testdata", tt.file), Env: tt.env})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, l.Config, compareSecrets()); diff != "" {
				t.Errorf("config (-want +got):\n%s", diff)
			}
		})
	}
}

// everything is what testdata/good.everything.yaml holds.
func everything() Config {
	return Config{
		Kafka: kafka.Config{
			BootstrapServers: []string{"a.example.com:9092", "b.example.com:9093"},
			Topics:           []string{"one", "two"},
			TopicPattern:     "audit-.+",
			GroupID:          "group",
			GroupInstanceID:  "member-1",
			ClientID:         "client",
			ClientRack:       "usw2-az1",
			Start:            "2026-11-01T00:00:00Z",
			SecurityProtocol: "SASL_PLAINTEXT",
			SASL:             kafka.SASL{Mechanism: "PLAIN", Username: "KEY", Password: creds.NewSecret("file-s3cret")},
			TLS:              creds.TLS{CAFile: "/etc/kafka-ca.pem", InsecureSkipVerify: true},
			SessionTimeout:   90 * time.Second,
			CommitInterval:   2 * time.Second,
			MetadataRefresh:  5 * time.Minute,
			FetchMaxWait:     250 * time.Millisecond,
			FetchBytes:       2 << 20,
		},
		HEC: hec.Config{
			URL:               "http://splunk.example.com:8088",
			Token:             creds.NewSecret("file-t0ken"),
			Index:             "audit",
			Source:            "a source",
			Sourcetype:        "a:sourcetype",
			Host:              "forwarder-1",
			Gzip:              false,
			GzipLevel:         9,
			Timeout:           10 * time.Second,
			BackoffMin:        time.Second,
			BackoffMax:        time.Minute,
			MaxEventBytes:     1_000_000,
			PartialAcceptance: "none",
			TLS:               creds.TLS{CAFile: "/etc/splunk-ca.pem", InsecureSkipVerify: true},
		},
		Batch:      forwarder.Config{MaxEvents: 5, MaxBytes: 65536, Linger: 10 * time.Millisecond, Window: 7},
		DeadLetter: deadletter.Config{Dir: "/var/lib/dead", MaxBytes: 3 << 29},
		Admin:      ops.Config{},
		Filter:     Filter{DropMethods: []string{"mds.Authorize", "kafka.Authentication"}},
		Log:        Log{Level: "debug", Format: "console"},
	}
}

// TestLoadBad loads every testdata/bad.<rule>.yaml. Its first line is the
// whole error, with FILE for the file's path.
func TestLoadBad(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/bad.*.yaml")
	if err != nil || len(files) < 20 {
		t.Fatalf("found %d files, want 20 or more (%v)", len(files), err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			first, _, _ := strings.Cut(string(data), "\n")
			want := strings.ReplaceAll(strings.TrimPrefix(first, "# "), "FILE", file)
			env := secretEnv()
			if strings.Contains(file, "bad.token") {
				env = []string{"AUDITLOG_FORWARDER_KAFKA_SASL_PASSWORD=env-s3cret"}
			}
			_, err = Load(Source{File: file, Env: env})
			if err == nil {
				t.Fatal("no error")
			}
			if diff := cmp.Diff(want, err.Error()); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
		})
	}
}

// TestTable holds the table of keys and the rooms' structs together.
func TestTable(t *testing.T) {
	t.Parallel()
	defaults, keys := Defaults(), Keys()
	envs := map[string]string{FileEnv: "the configuration file"}
	for _, k := range keys {
		if k.Doc == "" || !strings.HasSuffix(k.Doc, ".") || strings.Contains(k.Doc, "  ") {
			t.Errorf("%s: documentation is not made of sentences: %q", k.Name, k.Doc)
		}
		if other, taken := envs[k.Env()]; taken {
			t.Errorf("%s and %s share the variable %s", k.Name, other, k.Env())
		}
		envs[k.Env()] = k.Name
		if isServiceLink(k.Env()) {
			t.Errorf("%s: Kubernetes sets %s", k.Name, k.Env())
		}
		if k.Example == "" && !k.Secret {
			t.Errorf("%s: no example", k.Name)
		}
		if strings.HasSuffix(k.Name, fileSuffix) {
			if of, ok := lookup(keys, strings.TrimSuffix(k.Name, fileSuffix)); ok != of.FromFile {
				t.Errorf("%s: is a file of no key", k.Name)
			} else if ok {
				continue // it has no field
			}
		}
		v, ok := defaults.value(k.Name)
		if !ok {
			t.Errorf("%s: no field of Config has this name", k.Name)
			continue
		}
		if k.Secret != (reflect.TypeOf(v) == reflect.TypeFor[creds.Secret]()) {
			t.Errorf("%s: secret is %t, type is %T", k.Name, k.Secret, v)
		}
		for _, text := range append([]string{k.Example, k.text(v), k.Min, k.Max}, k.Values...) {
			parsed, err := k.parse(text)
			if text != "" && err != nil {
				t.Errorf("%s: %v", k.Name, err)
			}
			if text != "" && !reflect.TypeOf(parsed).ConvertibleTo(reflect.TypeOf(v)) {
				t.Errorf("%s: is %s in the table and %T in the struct", k.Name, k.Kind, v)
			}
		}
	}
	for _, name := range fieldNames("", reflect.TypeFor[Config]()) {
		if _, ok := lookup(keys, name); !ok {
			t.Errorf("%s is a field of Config and not in the table", name)
		}
	}
}

// fieldNames returns the dotted names of all fields that hold values.
func fieldNames(prefix string, typ reflect.Type) []string {
	if typ.Kind() != reflect.Struct || typ == reflect.TypeFor[creds.Secret]() {
		return []string{strings.TrimSuffix(prefix, ".")}
	}
	var names []string
	for f := range typ.Fields() {
		names = append(names, fieldNames(prefix+f.Tag.Get("mapstructure")+".", f.Type)...)
	}
	return names
}

// TestBounds proves that the bounds and values in the table, which people
// read, are those that Validate holds.
func TestBounds(t *testing.T) {
	t.Parallel()
	load := func(k Key, text string) error {
		_, err := Load(Source{
			File:  "testdata/good.minimal.yaml",
			Env:   secretEnv("AUDITLOG_FORWARDER_HEC_BACKOFF_MIN=1ms"),
			Flags: parseFlags(t, "--"+k.Flag()+"="+text),
		})
		return err
	}
	for _, k := range Keys() {
		for _, text := range append([]string{k.Min, k.Max, k.Example}, k.Values...) {
			if k.Secret || strings.HasSuffix(k.Name, fileSuffix) || (text == "" && k.Kind != String) {
				continue
			}
			if text == "" {
				continue
			}
			if err := load(k, text); err != nil {
				t.Errorf("%s allows %s in the table: %v", k.Name, text, err)
			}
		}
		for _, b := range []struct {
			text string
			step int64
		}{{k.Min, -1}, {k.Max, 1}} {
			if b.text == "" {
				continue
			}
			v, err := k.parse(b.text)
			if err != nil {
				t.Fatal(err)
			}
			n := reflect.ValueOf(v)
			beyond := reflect.New(n.Type()).Elem()
			beyond.SetInt(n.Int() + b.step)
			if err := load(k, k.text(beyond.Interface())); err == nil {
				t.Errorf("%s: %v is accepted, beyond %s", k.Name, beyond, b.text)
			}
		}
		if len(k.Values) > 0 {
			if err := load(k, "bogus"); err == nil {
				t.Errorf("%s: bogus is accepted", k.Name)
			}
		}
	}
}

// TestCurrent compares the generated files of the repository.
func TestCurrent(t *testing.T) {
	t.Parallel()
	for path, generate := range map[string]func(*bytes.Buffer) error{
		"../../config/auditlog-forwarder.example.yaml": func(b *bytes.Buffer) error { return WriteExample(b) },
		"../../docs/configuration.md":                  func(b *bytes.Buffer) error { return WriteReference(b) },
	} {
		var want bytes.Buffer
		if err := generate(&want); err != nil {
			t.Fatal(err)
		}
		if *update {
			if err := os.WriteFile(path, want.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		got, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want.String(), string(got)); diff != "" {
			t.Errorf("%s is not current; run: go test ./pkg/config -run Current -update\n%s", path, diff)
		}
	}
}

package config

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"

	"auditlog-forwarder/pkg/creds"
	"auditlog-forwarder/pkg/deadletter"
	"auditlog-forwarder/pkg/filter"
	"auditlog-forwarder/pkg/forwarder"
	"auditlog-forwarder/pkg/heartbeat"
	"auditlog-forwarder/pkg/hec"
	"auditlog-forwarder/pkg/kafka"
	"auditlog-forwarder/pkg/ops"
	"auditlog-forwarder/pkg/summary"
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
			c.HEC.URLs = []string{"https://splunk.example.com:8088"}
			c.HEC.Token = creds.NewSecret("env-t0ken")
		})},
		{"good.everything.yaml", nil, everything()},
		{"good.forms.yaml", nil, defaultsWith(func(c *Config) {
			c.Kafka.SecurityProtocol = kafka.Plaintext
			c.Kafka.BootstrapServers = []string{"localhost:9092", "localhost:9093"}
			c.Kafka.GroupID, c.Kafka.ClientID = "0123", "0123"
			c.HEC.URLs = []string{"http://127.0.0.1:8088"}
			c.HEC.Token = creds.NewSecret("00000000-0000-0000-0000-000000000000")
		})},
		{"good.empty_sections.yaml", nil, defaultsWith(smallest)},
		{"good.raw.yaml", nil, defaultsWith(func(c *Config) {
			smallest(c)
			c.HEC.Endpoint, c.HEC.Time, c.HEC.RawLineBreaker = hec.EndpointRaw, hec.TimeNone, "\r\n\\#"
		})},
		{"good.formatted.yaml", nil, defaultsWith(func(c *Config) {
			smallest(c)
			c.HEC.Formatted, c.HEC.RawLineBreaker = true, "\n"
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

// smallest is what some files give: just what has no default.
func smallest(c *Config) {
	c.Kafka.BootstrapServers = []string{"b:9092"}
	c.Kafka.SASL.Username, c.Kafka.SASL.Password = "u", creds.NewSecret("p")
	c.HEC.URLs, c.HEC.Token = []string{"https://s:8088"}, creds.NewSecret("t")
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
			SASL: kafka.SASL{
				Mechanism: "PLAIN", Username: "KEY", Password: creds.NewSecret("file-s3cret"),
				OAuth: kafka.OAuth{
					TokenURL: "https://idp.example.com/token", ClientID: "client", ClientSecret: creds.NewSecret("client-s3cret"), Scope: "kafka read",
					Audience: "kafka", LogicalCluster: "lkc-1", IdentityPool: "pool-1", Extensions: []string{"traceId=a", "other=b c"},
					TLS: creds.TLS{CAFile: "/etc/idp-ca.pem", MinVersion: "1.3", PinnedSHA256: []string{}},
				},
			},
			TLS: creds.TLS{
				CAFile: "/etc/kafka-ca.pem", ClientCertFile: "/etc/kafka-client.pem", ClientKeyFile: "/etc/kafka-client.key",
				ClientKeyPassword: creds.NewSecret("key-s3cret"), ServerName: "kafka.example.com", MinVersion: "1.3",
				PinnedSHA256:       []string{"9F:86:D0:81:88:4C:7D:65:9A:2F:EA:A0:C5:5A:D0:15:A3:BF:4F:1B:2B:0B:82:2C:D1:5D:6C:15:B0:F0:0A:08"},
				InsecureSkipVerify: true,
			},
			SessionTimeout:  90 * time.Second,
			CommitInterval:  2 * time.Second,
			MetadataRefresh: 5 * time.Minute,
			FetchMaxWait:    250 * time.Millisecond,
			FetchBytes:      2 << 20,
		},
		HEC: hec.Config{
			URLs:              []string{"http://splunk-1.example.com:8088", "https://splunk-2.example.com:8088"},
			Token:             creds.NewSecret("file-t0ken"),
			Index:             "audit",
			Source:            "a source",
			Sourcetype:        "a:sourcetype",
			Host:              "forwarder-1",
			Routes:            []string{"method=kafka.* -> index=kafka", `topic=other header.region=eu-? -> source="a, b" host=eu`},
			IndexHeader:       "i",
			SourceHeader:      "s",
			SourcetypeHeader:  "st",
			HostHeader:        "h",
			Fields:            []string{"env=prod", "team=security"},
			FieldHeaders:      []string{"region", "tenant=customer"},
			Time:              hec.TimeRecord,
			Endpoint:          hec.EndpointEvent,
			RawLineBreaker:    "####",
			MaxEventBytes:     1_000_000,
			Gzip:              false,
			GzipLevel:         9,
			Timeout:           10 * time.Second,
			BackoffMin:        time.Second,
			BackoffMax:        time.Minute,
			PartialAcceptance: hec.PartialNone,
			Proxy:             creds.NewSecret("http://user:proxy-s3cret@proxy.example.com:3128"),
			Ack:               hec.Ack{Enabled: true, PollInterval: 2 * time.Second, Timeout: 10 * time.Minute},
			Limit:             hec.Limit{EventsPerSecond: 500, BytesPerSecond: 1 << 20, BytesPerDay: 500_000_000, OnDailyLimit: hec.DailyWarn},
			TLS: creds.TLS{
				CAFile: "/etc/splunk-ca.pem", TruststoreFile: "/etc/splunk-trust.jks", TruststorePassword: creds.NewSecret("trust-s3cret"),
				KeystoreFile: "/etc/splunk-client.p12", KeystorePassword: creds.NewSecret("store-s3cret"),
				ServerName: "splunk.example.com", MinVersion: "1.3",
				PinnedSHA256:       []string{"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"},
				InsecureSkipVerify: true,
			},
		},
		Batch:      forwarder.Config{MaxEvents: 5, MaxBytes: 65536, Linger: 10 * time.Millisecond, Window: 7, MaxUncommitted: 50},
		DeadLetter: deadletter.Config{Dir: "/var/lib/dead", MaxBytes: 3 << 29},
		DeadLetterTopic: kafka.TopicConfig{
			Name: "dead", BootstrapServers: []string{"c:9092"}, SecurityProtocol: "SSL", SASL: kafka.DefaultSASL(),
			TLS: creds.TLS{CAFile: "/etc/dead-ca.pem", MinVersion: "1.3", PinnedSHA256: []string{}}, Compression: "lz4",
		},
		Mirror: kafka.CopyConfig{
			Name: "copy", BootstrapServers: []string{"d:9092"}, SecurityProtocol: "SSL", SASL: kafka.DefaultSASL(),
			TLS:         creds.TLS{CAFile: "/etc/mine-ca.pem", MinVersion: "1.2", PinnedSHA256: []string{}},
			Compression: "gzip", Retention: 90 * 24 * time.Hour, ReplicationFactor: 3, GroupID: "mirrors", GroupInstanceID: "mirror-1",
		},
		Admin:     ops.Config{},
		Filter:    filter.Config{Rules: []string{"preset:noise-authorize"}, HashKey: creds.NewSecret("sixteen bytes or more"), DropMethods: []string{"mds.Authorize", "kafka.Authentication"}},
		Summaries: summary.Config{Every: 30 * time.Second, MaxKeys: 500},
		Heartbeat: heartbeat.Config{Index: "ops", Source: "a:heart", Sourcetype: "a:heartbeat"},
		Alerts:    Alerts{Rules: []string{"builtin", "/etc/auditlog-forwarder/alerts/*.yml"}, Settings: "/etc/auditlog-forwarder/alerts.yaml"},
		Log:       Log{Level: "debug", Format: "console"},
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

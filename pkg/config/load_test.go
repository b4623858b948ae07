package config

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"
)

const minimal = `
kafka:
  bootstrap_servers: [b:9092]
  sasl: {username: file-user}
hec: {url: "https://s:8088"}
`

// TestPrecedence sets one key in every subset of the sources; the highest
// source must win and be named as the origin.
func TestPrecedence(t *testing.T) {
	t.Parallel()
	creds := t.TempDir()
	if err := os.WriteFile(filepath.Join(creds, "kafka_sasl_username"), []byte("credential\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	base := strings.Replace(minimal, "sasl: {username: file-user}", "sasl: {mechanism: PLAIN}", 1)
	for subset := range 16 {
		src := Source{Env: secretEnv()}
		content, want, origin := base, "", "default"
		if subset&1 != 0 {
			src.CredentialsDir = creds
			want, origin = "credential", "systemd credential kafka_sasl_username"
		}
		if subset&2 != 0 {
			content = minimal
			want = "file-user"
		}
		src.File = write(t, "c.yaml", content)
		if subset&2 != 0 {
			origin = src.File + ":4"
		}
		if subset&4 != 0 {
			src.Env = secretEnv("AUDITLOG_FORWARDER_KAFKA_SASL_USERNAME=env")
			want, origin = "env", "environment AUDITLOG_FORWARDER_KAFKA_SASL_USERNAME"
		}
		if subset&8 != 0 {
			src.Flags = parseFlags(t, "--kafka.sasl.username=flag")
			want, origin = "flag", "flag --kafka.sasl.username"
		}
		l, err := Load(src)
		if (err != nil) != (subset == 0) {
			t.Errorf("sources %04b: error %v", subset, err)
		}
		if got := l.Kafka.SASL.Username; got != want {
			t.Errorf("sources %04b: got %q, want %q", subset, got, want)
		}
		if got := l.Origin("kafka.sasl.username"); got != origin {
			t.Errorf("sources %04b: origin %q, want %q", subset, got, origin)
		}
	}
}

// TestKinds gives each kind of value by the environment and by a flag.
func TestKinds(t *testing.T) {
	t.Parallel()
	l, err := Load(Source{
		File: write(t, "c.yaml", minimal),
		Env: secretEnv(
			"AUDITLOG_FORWARDER_KAFKA_TOPICS=a, b,c",
			"AUDITLOG_FORWARDER_BATCH_LINGER=1m30s",
			"AUDITLOG_FORWARDER_BATCH_MAX_BYTES=64KB",
			"AUDITLOG_FORWARDER_HEC_GZIP=FALSE",
			"AUDITLOG_FORWARDER_BATCH_WINDOW=9",
			"AUDITLOG_FORWARDER_HEC_INDEX=", // empty: not given
		),
		Flags: parseFlags(t, "--filter.drop-methods=x", "--filter.drop-methods", "y,z", "--hec.tls.insecure-skip-verify", "--admin.listen="),
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]any{
		[]string{"a", "b", "c"}, "1m30s", 64000, false, 9, "", []string{"x", "y", "z"}, true, "",
	}, []any{
		l.Kafka.Topics, formatDuration(l.Batch.Linger), l.Batch.MaxBytes, l.HEC.Gzip, l.Batch.Window,
		l.HEC.Index, l.Filter.DropMethods, l.HEC.TLS.InsecureSkipVerify, l.Admin.Listen,
	}); diff != "" {
		t.Errorf("values (-want +got):\n%s", diff)
	}
	if o := l.Origin("hec.index"); o != "default" {
		t.Errorf("an empty variable counts as given: %s", o)
	}
}

// TestAllAtOnce wants the mistakes of all sources in one error.
func TestAllAtOnce(t *testing.T) {
	t.Parallel()
	file := write(t, "c.yaml", "kafka:\n  topcis: [a]\n  start: never\nbatch: {linger: 5}\nhec: {token: t, token_file: f}\n")
	_, err := Load(Source{
		File:  file,
		Env:   []string{"AUDITLOG_FORWARDER_HEC_URI=x", "AUDITLOG_FORWARDER_BATCH_WINDOW=many", "AUDITLOG_FORWARDER_SERVICE_PORT_HTTP=80"},
		Flags: parseFlags(t, "--log.level=loud", "--hec.timeout=1"),
	})
	if err == nil {
		t.Fatal("no error")
	}
	want := strings.ReplaceAll(`FILE:2: unknown key kafka.topcis; did you mean kafka.topics?
FILE:4: batch.linger: "5" has no unit; write 5s for seconds, 5ms for milliseconds or 5m for minutes
environment AUDITLOG_FORWARDER_BATCH_WINDOW: batch.window: "many" is not a whole number; give one such as 3
environment AUDITLOG_FORWARDER_HEC_URI: unknown variable; did you mean AUDITLOG_FORWARDER_HEC_URL?
flag --hec.timeout: hec.timeout: "1" has no unit; write 1s for seconds, 1ms for milliseconds or 1m for minutes
FILE:5: hec.token: given as well as hec.token_file (FILE:5); keep one of the two
kafka.bootstrap_servers: missing; give host:port, such as pkc-xxxxx.us-west-2.aws.confluent.cloud:9092
FILE:3: kafka.start: "never" is unknown; allowed are earliest, latest, or a time such as 2026-11-01T00:00:00Z
kafka.sasl.username: missing; give the API key, or set kafka.security_protocol to PLAINTEXT for a local broker
kafka.sasl.password: missing; set AUDITLOG_FORWARDER_KAFKA_SASL_PASSWORD, or kafka.sasl.password_file to a file that holds the API secret
hec.url: missing; give Splunk's HEC address, such as https://splunk.example.com:8088
flag --log.level: log.level: "loud" is unknown; allowed are debug, info, warn, error`, "FILE", file)
	if diff := cmp.Diff(want, err.Error()); diff != "" {
		t.Errorf("error (-want +got):\n%s", diff)
	}
	var one *Error
	if !errors.As(err, &one) || one.Where != file+":2" {
		t.Errorf("first error is %#v, want an *Error on line 2", one)
	}
}

// TestFiles tells which file is read.
func TestFiles(t *testing.T) {
	t.Parallel()
	one, two, three := write(t, "1.yaml", minimal), write(t, "2.yaml", minimal), write(t, "3.yaml", minimal)
	missing := filepath.Join(t.TempDir(), "missing.yaml")
	dir := t.TempDir()
	large := write(t, "large.yaml", strings.Repeat("#", maxFile+1))
	required := []string{"--kafka.bootstrap-servers=b:1", "--kafka.sasl.username=u", "--hec.url=https://s"}
	for _, tt := range []struct {
		name, flag, env, def string
		want, wantErr        string
	}{
		{name: "flag before environment", flag: one, env: two, def: three, want: one},
		{name: "environment before default", env: two, def: three, want: two},
		{name: "default", def: three, want: three},
		{name: "default missing", def: missing, want: ""},
		{name: "none", want: ""},
		{name: "flag missing", flag: missing, wantErr: missing + ": read the configuration file: no such file or directory; check the path, and that it is mounted"},
		{name: "environment missing", env: missing, wantErr: missing + ": read the configuration file: no such file or directory; check the path, and that it is mounted"},
		{name: "directory", flag: dir, wantErr: dir + ": read the configuration file: it is a directory; name a file"},
		{name: "too large", flag: large, wantErr: large + ": read the configuration file: it is larger than 1MiB"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			l, err := Load(Source{
				File: tt.flag, DefaultFile: tt.def, Env: secretEnv(FileEnv + "=" + tt.env), Flags: parseFlags(t, required...),
			})
			if tt.wantErr != "" {
				if err == nil || err.Error() != tt.wantErr {
					t.Fatalf("error %v, want %s", err, tt.wantErr)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if l.File != tt.want {
				t.Errorf("read %q, want %q", l.File, tt.want)
			}
		})
	}
}

func TestWarnings(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		content string
		mode    os.FileMode
		flags   []string
		env     []string
		want    []string
	}{
		{name: "nothing", content: minimal, mode: 0o644},
		{
			name: "secret in a readable file", content: minimal + "hec.token: s3cret\n", mode: 0o640,
			want: []string{"FILE:6: hec.token is in the file in clear, and others may read the file (mode 0640); run chmod 600 FILE, or use hec.token_file"},
		},
		{name: "secret in a private file", content: minimal + "hec.token: s3cret\n", mode: 0o600},
		{
			name: "no checks", content: minimal, mode: 0o600,
			flags: []string{"--hec.tls.insecure-skip-verify", "--kafka.tls.insecure-skip-verify"},
			want: []string{
				"kafka.tls.insecure_skip_verify (flag --kafka.tls.insecure-skip-verify): the brokers' certificates are not checked; anybody on the way can read the password and the events",
				"hec.tls.insecure_skip_verify (flag --hec.tls.insecure-skip-verify): Splunk's certificate is not checked; anybody on the way can read the token and the events",
			},
		},
		{
			name: "alerts over REST", content: minimal + "alerts.splunk.url: https://splunk:8089\n", mode: 0o600,
			flags: []string{"--alerts.splunk.tls.insecure-skip-verify"},
			want: []string{
				"alerts.splunk.tls.insecure_skip_verify (flag --alerts.splunk.tls.insecure-skip-verify): Splunk's certificate is not checked; anybody on the way can read the token or the password, and change the alerts",
			},
		},
		{
			name: "alerts over REST in clear", content: minimal, mode: 0o600,
			flags: []string{"--alerts.splunk.url=http://splunk:8089"},
			want:  []string{"alerts.splunk.url (flag --alerts.splunk.url): the token or the password cross the network unencrypted; use https"},
		},
		{
			name: "in clear", content: minimal, mode: 0o600,
			flags: []string{"--kafka.security-protocol=SASL_PLAINTEXT", "--hec.url=http://splunk:8088"},
			want: []string{
				"kafka.security_protocol (flag --kafka.security-protocol): the password and the events cross the network unencrypted",
				"hec.url (flag --hec.url): the token and the events cross the network unencrypted; use https",
			},
		},
		{
			name: "without effect", content: minimal, mode: 0o600,
			flags: []string{"--kafka.topics=a", "--kafka.topic-pattern=b", "--kafka.security-protocol=PLAINTEXT", "--kafka.tls.ca-file=x", "--hec.url=http://localhost:8088", "--hec.tls.ca-file=y"},
			want: []string{
				"kafka.topics (flag --kafka.topics): has no effect, since kafka.topic_pattern is set",
				"kafka.tls.ca_file (flag --kafka.tls.ca-file): has no effect, since kafka.security_protocol is PLAINTEXT",
				"kafka.sasl.username (FILE:4): has no effect, since kafka.security_protocol is PLAINTEXT",
				"kafka.sasl.password (environment AUDITLOG_FORWARDER_KAFKA_SASL_PASSWORD): has no effect, since kafka.security_protocol is PLAINTEXT",
				"hec.tls.ca_file (flag --hec.tls.ca-file): has no effect, since hec.url begins with http://",
			},
		},
		{
			name: "formatted", content: minimal, mode: 0o600,
			flags: []string{"--hec.formatted", "--hec.index=a", "--hec.raw-line-breaker=#", "--hec.limit.on-daily-limit=warn"},
			want: []string{
				"hec.index (flag --hec.index): has no effect, since hec.formatted is true: each value brings its own",
				"hec.raw_line_breaker (flag --hec.raw-line-breaker): has no effect, since hec.endpoint is event",
				"hec.limit.on_daily_limit (flag --hec.limit.on-daily-limit): has no effect, since hec.limit.bytes_per_day is 0",
			},
		},
		{
			name: "settings of what is off", content: minimal, mode: 0o600,
			flags: []string{"--hec.raw-line-breaker=x", "--hec.gzip=false", "--hec.gzip-level=2", "--hec.ack.timeout=1m", "--hec.ack.poll-interval=2s", "--hec.limit.on-daily-limit=warn"},
			want: []string{
				"hec.raw_line_breaker (flag --hec.raw-line-breaker): has no effect, since hec.endpoint is event",
				"hec.gzip_level (flag --hec.gzip-level): has no effect, since hec.gzip is false",
				"hec.ack.poll_interval (flag --hec.ack.poll-interval): has no effect, since hec.ack.enabled is false",
				"hec.ack.timeout (flag --hec.ack.timeout): has no effect, since hec.ack.enabled is false",
				"hec.limit.on_daily_limit (flag --hec.limit.on-daily-limit): has no effect, since hec.limit.bytes_per_day is 0",
			},
		},
		{
			name: "raw", content: minimal, mode: 0o600,
			flags: []string{"--hec.endpoint=raw", "--hec.index=a", "--hec.raw-line-breaker=#", "--hec.time=event"},
			want: []string{
				"hec.time (flag --hec.time): has no effect, since hec.endpoint is raw: Splunk finds the time by the sourcetype's rules",
			},
		},
		{
			name: "settings of what is on", content: minimal, mode: 0o600,
			flags: []string{
				"--hec.endpoint=raw", "--hec.raw-line-breaker=x", "--hec.gzip-level=2", "--hec.ack.enabled", "--hec.ack.timeout=1m", "--hec.ack.poll-interval=2s",
				"--batch.window=16", "--hec.limit.bytes-per-day=1GB", "--hec.limit.on-daily-limit=warn",
			},
		},
		{
			name: "pinned", content: minimal, mode: 0o600,
			flags: []string{"--hec.tls.insecure-skip-verify", "--hec.tls.pinned-sha256=9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"},
			want: []string{
				"hec.tls.insecure_skip_verify (flag --hec.tls.insecure-skip-verify): accepted is only what hec.tls.pinned_sha256 (flag --hec.tls.pinned-sha256) names; name, chain and end of validity are not checked",
			},
		},
		{
			name: "several addresses", content: minimal, mode: 0o600,
			flags: []string{"--hec.url=https://a:8088,http://b:8088,http://localhost:1"},
			want: []string{
				"hec.url (flag --hec.url): some addresses are http:// and some https://; to http://b:8088 the token and the events cross the network unencrypted; use https for all",
			},
		},
		{
			name: "acknowledgement", content: minimal, mode: 0o600,
			flags: []string{"--hec.ack.enabled", "--hec.ack.poll-interval=5s", "--hec.url=https://http-inputs-x.splunkcloud.com:443"},
			want: []string{
				"batch.window (default): 3 is little with hec.ack.enabled: a batch is out until Splunk has indexed it, which takes seconds, so each partition gets on by at most 3000 events in that time; give 16 or more",
				"batch.drain (default): 10s is short with hec.ack.enabled and hec.ack.poll_interval 5s: an orderly stop does not wait for the acknowledgements that are open, and their events are sent again; give 15s or more",
				"hec.ack.enabled (flag --hec.ack.enabled): Splunk Cloud documents acknowledgement for Kinesis Firehose only; ask its support before you rely on it at http-inputs-x.splunkcloud.com:443",
			},
		},
		{
			name: "a proxy of the environment", content: minimal, mode: 0o600,
			env:   []string{"HTTPS_PROXY=http://user:s3cret@proxy:3128", "NO_PROXY=b"},
			flags: []string{"--hec.url=https://a:8088,https://b:8088"},
			want: []string{
				"hec.proxy (default): a:8088 is reached through the proxy proxy:3128 of HTTPS_PROXY; set hec.proxy to direct if that is not meant, or name the host in NO_PROXY",
			},
		},
		{name: "no proxy", content: minimal, mode: 0o600, env: []string{"HTTPS_PROXY=http://proxy:3128", "AUDITLOG_FORWARDER_HEC_PROXY=direct"}},
		{
			name: "a proxy with a password", content: minimal, mode: 0o600, env: []string{"AUDITLOG_FORWARDER_HEC_PROXY=http://user:s3cret@proxy:3128"},
			want: []string{"hec.proxy (environment AUDITLOG_FORWARDER_HEC_PROXY): the proxy's password crosses the network unencrypted, as it does with every http:// proxy"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			file := write(t, "c.yaml", tt.content)
			if err := os.Chmod(file, tt.mode); err != nil {
				t.Fatal(err)
			}
			env := secretEnv(tt.env...)
			if strings.Contains(tt.content, "hec.token") {
				env = slices.DeleteFunc(env, func(s string) bool { return strings.Contains(s, "TOKEN") })
			}
			l, err := Load(Source{File: file, Env: env, Flags: parseFlags(t, tt.flags...)})
			if err != nil {
				t.Fatal(err)
			}
			var want []string
			for _, w := range tt.want {
				want = append(want, strings.ReplaceAll(w, "FILE", file))
			}
			if diff := cmp.Diff(want, l.Warnings); diff != "" {
				t.Errorf("warnings (-want +got):\n%s", diff)
			}
		})
	}
}

func TestFlagHint(t *testing.T) {
	t.Parallel()
	fs := pflag.NewFlagSet("test", pflag.ContinueOnError)
	AddFlags(fs)
	fs.String("config", "", "")
	for name, want := range map[string]string{
		"hec.token": "secrets are not taken from the command line, where every user of this host can read them; " +
			"use --hec.token-file, AUDITLOG_FORWARDER_HEC_TOKEN or AUDITLOG_FORWARDER_HEC_TOKEN_FILE",
		"kafka.sasl.password": "secrets are not taken from the command line, where every user of this host can read them; " +
			"use --kafka.sasl.password-file, AUDITLOG_FORWARDER_KAFKA_SASL_PASSWORD or AUDITLOG_FORWARDER_KAFKA_SASL_PASSWORD_FILE",
		"kafka.topic":    "did you mean --kafka.topics?",
		"kafka.group_id": "did you mean --kafka.group-id?",
		"kafka.username": "did you mean --kafka.sasl.username?",
		"conf":           "did you mean --config?",
		"quite-else":     "",
	} {
		if got := FlagHint(fs, name); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
	if fs.Lookup("hec.token") != nil || fs.Lookup("hec.token-file") == nil {
		t.Error("flags: want --hec.token-file and no --hec.token")
	}
}

func TestNearest(t *testing.T) {
	t.Parallel()
	candidates := []string{"run", "check", "config", "deadletter", "version"}
	for word, want := range map[string]string{
		"rnu": "run", "chekc": "check", "conifg": "config", "dead-letter": "deadletter", "VERSION": "version",
		"": "", "x": "", "xyzzy": "",
	} {
		if got := Nearest(word, candidates); got != want {
			t.Errorf("%q: got %q, want %q", word, got, want)
		}
	}
	for _, d := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"", "abc", 3}, {"abc", "", 3}, {"kitten", "sitting", 3}, {"ab", "ba", 1}, {"ca", "abc", 3}} {
		if got := distance(d.a, d.b); got != d.want {
			t.Errorf("distance(%q, %q) = %d, want %d", d.a, d.b, got, d.want)
		}
	}
}

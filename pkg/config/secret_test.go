package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSecretFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	good := file("good", "t0ken\n")
	credentials := t.TempDir()
	if err := os.WriteFile(filepath.Join(credentials, "hec_token"), []byte("cred-t0ken\n"), 0o400); err != nil {
		t.Fatal(err)
	}
	const envToken, envFile = "AUDITLOG_FORWARDER_HEC_TOKEN=", "AUDITLOG_FORWARDER_HEC_TOKEN_FILE="
	for _, tt := range []struct {
		name       string
		yaml       string // appended to minimal
		env        string
		flag       string
		credential bool
		want       string // the token
		origin     string // its origin, with DIR and CFG
		wantErr    string // with DIR and CFG
	}{
		{name: "file", yaml: "hec.token_file: " + good, want: "t0ken", origin: "file DIR/good, named by CFG:6"},
		{name: "environment", env: envFile + good, want: "t0ken", origin: "file DIR/good, named by environment AUDITLOG_FORWARDER_HEC_TOKEN_FILE"},
		{name: "flag", flag: good, want: "t0ken", origin: "file DIR/good, named by flag --hec.token-file"},
		{name: "no line break at the end", flag: file("bare", "t0ken"), want: "t0ken", origin: "file DIR/bare, named by flag --hec.token-file"},
		{name: "several line breaks", flag: file("breaks", "t0ken\r\n\n"), want: "t0ken", origin: "file DIR/breaks, named by flag --hec.token-file"},
		{
			name: "value above file", yaml: "hec.token_file: /nonexistent", env: envToken + "env",
			want: "env", origin: "environment AUDITLOG_FORWARDER_HEC_TOKEN",
		},
		{
			name: "file above value", yaml: "hec.token: low", flag: good,
			want: "t0ken", origin: "file DIR/good, named by flag --hec.token-file",
		},
		{
			name: "file above file", yaml: "hec.token_file: /nonexistent", env: envFile + good,
			want: "t0ken", origin: "file DIR/good, named by environment AUDITLOG_FORWARDER_HEC_TOKEN_FILE",
		},
		{name: "credential", credential: true, want: "cred-t0ken", origin: "systemd credential hec_token"},
		{
			name: "value above credential", credential: true, env: envToken + "env",
			want: "env", origin: "environment AUDITLOG_FORWARDER_HEC_TOKEN",
		},
		{name: "file above credential", credential: true, flag: good, want: "t0ken", origin: "file DIR/good, named by flag --hec.token-file"},
		{
			name: "both in the file", yaml: "hec.token: x\nhec.token_file: y",
			wantErr: "CFG:6: hec.token: given as well as hec.token_file (CFG:7); keep one of the two",
		},
		{
			name: "both in the file, and above", yaml: "hec.token: x\nhec.token_file: y", flag: good,
			wantErr: "CFG:6: hec.token: given as well as hec.token_file (CFG:7); keep one of the two",
		},
		{name: "empty", flag: file("empty", "\n"), wantErr: "flag --hec.token-file: hec.token_file: DIR/empty is empty; write hec.token into it"},
		{name: "blank", flag: file("blank", "  \n"), wantErr: "flag --hec.token-file: hec.token_file: DIR/blank is empty; write hec.token into it"},
		{name: "missing", flag: filepath.Join(dir, "no"), wantErr: "flag --hec.token-file: hec.token_file: read DIR/no: no such file or directory; check the path, and that it is mounted"},
		{name: "directory", flag: dir, wantErr: "flag --hec.token-file: hec.token_file: read DIR: it is a directory; name a file"},
		{
			name: "too large", flag: file("large", strings.Repeat("s3cret", maxSecret)),
			wantErr: "flag --hec.token-file: hec.token_file: read DIR/large: it is larger than 64KiB",
		},
		{
			name: "two lines", flag: file("lines", "s3cret\ns3cret\n"),
			wantErr: "flag --hec.token-file: hec.token_file: DIR/lines holds a line break, a byte order mark or other bytes that are not text; it must be the secret alone",
		},
		{
			name: "UTF-16", flag: file("utf16", "\xff\xfes\x003\x00"),
			wantErr: "flag --hec.token-file: hec.token_file: DIR/utf16 holds a line break, a byte order mark or other bytes that are not text; it must be the secret alone",
		},
		{
			name: "no path", yaml: `hec.token_file: ""`,
			wantErr: "CFG:6: hec.token_file: empty; give the path of a file, or remove it",
		},
		{name: "not given", wantErr: "hec.token: missing; set AUDITLOG_FORWARDER_HEC_TOKEN, or hec.token_file to a file that holds the HEC token"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			src := Source{
				File: write(t, "c.yaml", minimal+tt.yaml+"\n"),
				Env:  []string{"AUDITLOG_FORWARDER_KAFKA_SASL_PASSWORD=env-s3cret", tt.env},
			}
			if tt.flag != "" {
				src.Flags = parseFlags(t, "--hec.token-file", tt.flag)
			}
			if tt.credential {
				src.CredentialsDir = credentials
			}
			l, err := Load(src)
			fill := strings.NewReplacer("DIR", dir, "CFG", src.File)
			if tt.wantErr != "" {
				if want := fill.Replace(tt.wantErr); err == nil || err.Error() != want {
					t.Fatalf("error\n%v, want\n%s", err, want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := l.HEC.Token.Reveal(); got != tt.want {
				t.Errorf("token %q, want %q", got, tt.want)
			}
			if got, want := l.Origin("hec.token"), fill.Replace(tt.origin); got != want {
				t.Errorf("origin %q, want %q", got, want)
			}
		})
	}
}

// TestUsernameFile proves that a key which is no secret may come from a file too.
func TestUsernameFile(t *testing.T) {
	t.Parallel()
	name := write(t, "name", "API-KEY\n")
	l, err := Load(Source{
		File: write(t, "c.yaml", minimal), Env: secretEnv(), Flags: parseFlags(t, "--kafka.sasl.username-file", name),
	})
	if err != nil {
		t.Fatal(err)
	}
	if l.Kafka.SASL.Username != "API-KEY" {
		t.Errorf("username %q, want API-KEY", l.Kafka.SASL.Username)
	}
}

// TestSecretsStaySecret looks for secrets in everything that can be printed.
func TestSecretsStaySecret(t *testing.T) {
	t.Parallel()
	const marker = "s3cret"
	credentials := t.TempDir()
	if err := os.WriteFile(filepath.Join(credentials, "hec_token"), []byte(marker), 0o400); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ name, yaml, env string }{
		{"in the file", "kafka.sasl.password: s3cret\nhec.token: s3cret", ""},
		{"in the environment", "kafka.sasl.password: p", "AUDITLOG_FORWARDER_HEC_TOKEN=s3cret"},
		{"a credential", "kafka.sasl.password: p", ""},
		{"with other mistakes", "kafka.sasl.password: s3cret\nhec.token: s3cret\nbatch: {window: 0}\nlog.level: 3", ""},
		{"two lines", "hec.token: \"s3cret\\ns3cret\"", "AUDITLOG_FORWARDER_KAFKA_SASL_PASSWORD=s3cret\n\ns3cret"},
		{"a list", "hec.token: [s3cret]", ""},
		{"a map", "hec.token: {value: s3cret}", ""},
		{"instead of a section", "kafka.sasl: s3cret", ""},
		{"an anchor", "hec.token: *s3cret", ""},
		{"a tag", "hec.token: !s3cret", ""},
		{"a tag with a value", "hec.token: !!int s3cret", ""},
		{"binary", "hec.token: !!binary czNjcmV0", ""},
		{"an open quote", "hec.token: \"s3cret", ""},
		{"a directive", "%s3cret", ""},
		{"after a bad escape", `hec.token: "\s3cret"`, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			l, err := Load(Source{File: write(t, "c.yaml", minimal+tt.yaml+"\n"), Env: []string{tt.env}, CredentialsDir: credentials})
			var out bytes.Buffer
			fmt.Fprintf(&out, "%v\n%+v\n%#v\n", err, err, err)
			if l != nil {
				fmt.Fprintf(&out, "%v\n%+v\n%#v\n%v\n", l, l, l.Config, l.Warnings)
				for _, format := range []string{PrintYAML, PrintJSON} {
					if err := l.Print(&out, format); err != nil {
						t.Fatal(err)
					}
				}
				if err := json.NewEncoder(&out).Encode(l); err != nil {
					t.Fatal(err)
				}
			}
			for i, line := range strings.Split(out.String(), "\n") {
				if strings.Contains(line, marker) {
					t.Errorf("line %d shows the secret: %s", i+1, line)
				}
			}
		})
	}
}

// TestSecretFilesAreListed: every file that gave a secret or should have, and no other.
func TestSecretFilesAreListed(t *testing.T) {
	t.Parallel()
	credentials := t.TempDir()
	for _, name := range []string{"kafka_sasl_password", "kafka_sasl_username", "unknown"} {
		if err := os.WriteFile(filepath.Join(credentials, name), []byte("x"), 0o400); err != nil {
			t.Fatal(err)
		}
	}
	token := write(t, "token", "t0ken")
	file := write(t, "c.yaml", minimal+"hec.token_file: /overridden\n")
	withSecret := write(t, "s.yaml", minimal+"hec.tls.keystore_password: s3cret\nhec.token: t0ken\n")
	for _, tt := range []struct {
		name string
		src  Source
		want []string
	}{
		{"none", Source{File: write(t, "c.yaml", minimal), Env: secretEnv()}, nil},
		{
			"a file and a credential",
			Source{File: file, Env: []string{"AUDITLOG_FORWARDER_HEC_TOKEN_FILE=" + token}, CredentialsDir: credentials},
			[]string{filepath.Join(credentials, "kafka_sasl_password"), token},
		},
		{"in the configuration", Source{File: withSecret, Env: secretEnv()[:1], CredentialsDir: credentials}, []string{withSecret, filepath.Join(credentials, "kafka_sasl_password")}},
		{"one that cannot be read", Source{File: file, Env: []string{"AUDITLOG_FORWARDER_KAFKA_SASL_PASSWORD=p"}}, []string{"/overridden"}},
	} {
		l, _ := Load(tt.src)
		if diff := cmp.Diff(tt.want, l.SecretFiles()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

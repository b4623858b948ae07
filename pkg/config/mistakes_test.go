package config

import (
	"bytes"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"auditlog-forwarder/pkg/creds"
)

// TestConcerning: a command that needs one section stops at mistakes in it and
// at unknown names, and at nothing else.
func TestConcerning(t *testing.T) {
	t.Parallel()
	file := write(t, "c.yaml", "dead_letter: {max_bytes: 1, dri: x}\nhec: {gzip: perhaps}\nkafka: {start: never}\n")
	_, err := Load(Source{File: file, Env: []string{"AUDITLOG_FORWARDER_FOO=1"}})
	if n := len(Mistakes(err)); n != 10 {
		t.Errorf("%d mistakes, want 10: %v", n, err)
	}
	want := strings.ReplaceAll(`FILE:1: unknown key dead_letter.dri; did you mean dead_letter.dir?
environment AUDITLOG_FORWARDER_FOO: unknown variable; unset it, or give it the name of a key: hec.url is AUDITLOG_FORWARDER_HEC_URL
FILE:1: dead_letter.max_bytes: 1 is too small; allowed is 1MiB or more`, "FILE", file)
	if diff := cmp.Diff(want, Concerning(err, "dead_letter").Error()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	_, err = Load(Source{})
	if err == nil || Concerning(err, "dead_letter") != nil || Concerning(nil, "dead_letter") != nil || len(Mistakes(nil)) != 0 {
		t.Errorf("mistakes elsewhere count: %v of %v", Concerning(err, "dead_letter"), err)
	}
}

// TestSaidOnce: two empty names in one list are one mistake.
func TestSaidOnce(t *testing.T) {
	t.Parallel()
	_, err := Load(Source{File: write(t, "c.yaml", minimal), Env: secretEnv(), Flags: parseFlags(t, "--kafka.topics=,")})
	if want := "flag --kafka.topics: kafka.topics: holds an empty name"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// TestRefusedIsMarked: a value that could not be read is not shown as if
// nothing had been given.
func TestRefusedIsMarked(t *testing.T) {
	t.Parallel()
	l, err := Load(Source{
		File:  write(t, "c.yaml", minimal+"batch: {linger: 5, window: 0}\n"),
		Env:   secretEnv("AUDITLOG_FORWARDER_HEC_GZIP=perhaps"),
		Flags: parseFlags(t, "--batch.linger=2s", "--kafka.tls.insecure-skip-verify=nay"),
	})
	if err == nil {
		t.Fatal("no error")
	}
	var yaml, json bytes.Buffer
	if err := l.Print(&yaml, PrintYAML); err != nil {
		t.Fatal(err)
	}
	if err := l.Print(&json, PrintJSON); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"  gzip: true # default; environment AUDITLOG_FORWARDER_HEC_GZIP was refused\n",
		"  linger: 2s # flag --batch.linger; " + l.File + ":6 was refused\n",
		"    insecure_skip_verify: false # default; flag --kafka.tls.insecure-skip-verify was refused\n",
		"  window: 0 # " + l.File + ":6\n", // read, and out of range
	} {
		if !strings.Contains(yaml.String(), want) {
			t.Errorf("no line %q in:\n%s", want, yaml.String())
		}
	}
	if n := strings.Count(json.String(), `"refused": `); n != 3 || !strings.Contains(json.String(), `"refused": "environment AUDITLOG_FORWARDER_HEC_GZIP"`) {
		t.Errorf("%d values are marked as refused, want 3:\n%s", n, json.String())
	}
}

// TestAbout: what a key and the file that holds its value have in common.
func TestAbout(t *testing.T) {
	t.Parallel()
	file := write(t, "c.yaml", minimal+"hec.token_file: /nonexistent\nbatch.window: 0\n")
	_, err := Load(Source{File: file, Env: []string{"AUDITLOG_FORWARDER_HEC_TOKEN_FIL=x"}})
	for key, want := range map[string]string{
		"hec.token":           file + ":6: hec.token_file: read /nonexistent: no such file or directory; check the path, and that it is mounted",
		"kafka.sasl.password": "kafka.sasl.password: missing; set AUDITLOG_FORWARDER_KAFKA_SASL_PASSWORD, or kafka.sasl.password_file to a file that holds the API secret",
		"batch.window":        file + ":7: batch.window: 0 is out of range; allowed are 1 to 64",
	} {
		if got := About(err, key); got == nil || got.Error() != want {
			t.Errorf("%s: got %v, want %s", key, got, want)
		}
	}
	for _, key := range []string{"hec", "hec.toke", "batch.windo"} {
		if got := About(err, key); got != nil {
			t.Errorf("%s: got %v", key, got)
		}
	}
	if About(nil, "hec.token") != nil {
		t.Error("no mistake is one")
	}
}

// TestDifferences: by name, and secrets by what they hold.
func TestDifferences(t *testing.T) {
	t.Parallel()
	a := everything()
	b := everything()
	if got := Differences(a, b); len(got) > 0 {
		t.Errorf("equal ones differ in %v", got)
	}
	b.HEC.Token, b.Batch.Window, b.Filter.DropMethods, b.Kafka.TLS.KeystorePassword = creds.NewSecret("other"), 8, nil, creds.NewSecret("new")
	if diff := cmp.Diff([]string{"kafka.tls.keystore_password", "hec.token", "batch.window", "filter.drop_methods"}, Differences(a, b)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got, want := len(Differences(a, Config{})), len(fieldNames("", reflect.TypeFor[Config]())); got < want-40 {
		t.Errorf("%d keys differ from nothing, of %d", got, want)
	}
}

package app

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"auditlog-forwarder/pkg/config"
	"auditlog-forwarder/pkg/creds"
	"auditlog-forwarder/pkg/kafka"
)

// vault is a folder with credentials, a configuration that names them, and a
// rotator over both that runs in virtual time. What it hands out is written
// down, secrets in clear, and what it logs as well.
type vault struct {
	t    *testing.T
	dir  string
	reg  *prometheus.Registry
	logs *observer.ObservedLogs
	r    *rotator
	told int

	mu     sync.Mutex
	taken  []string
	bad    map[string]error // what the takers of TLS return
	loaded func()           // called once, after the next load
}

// open starts it and runs body; only within a bubble.
func open(t *testing.T, body func(v *vault)) {
	t.Helper()
	dir := t.TempDir() // outside the bubble, whose end would wait for nothing
	synctest.Test(t, func(t *testing.T) {
		core, logs := observer.New(zap.InfoLevel)
		v := &vault{t: t, dir: dir, reg: prometheus.NewRegistry(), logs: logs}
		for name, content := range map[string]string{
			"token": "t0ken-1\n", "user": "user-1\n", "password": "s3cret-1\n", "ca.pem": "ca 1", "trust.jks": "trust 1", "trust-password": "pw-1",
			"topic-password": "s3cret-t1\n", "topic-ca.pem": "topic ca 1",
			"config.yaml": `
kafka:
  bootstrap_servers: [b:9092]
  sasl: {username_file: DIR/user, password_file: DIR/password}
  tls: {ca_file: DIR/ca.pem}
hec:
  url: https://s:8088
  token_file: DIR/token
  tls: {truststore_file: DIR/trust.jks, truststore_password_file: DIR/trust-password}
dead_letter_topic:
  name: dead
  bootstrap_servers: [d:9092]
  sasl: {username: user-t, password_file: DIR/topic-password}
  tls: {ca_file: DIR/topic-ca.pem}
`,
		} {
			v.write(name, strings.ReplaceAll(content, "DIR", dir))
		}
		load := func() (*config.Loaded, error) {
			loaded, err := config.Load(config.Source{File: v.path("config.yaml")})
			v.mu.Lock()
			defer v.mu.Unlock()
			if then := v.loaded; then != nil {
				v.loaded = nil
				then()
			}
			return loaded, err
		}
		loaded, err := load()
		if err != nil {
			t.Fatal(err)
		}
		v.r = newRotator(loaded.Config, load, zap.New(core), v.reg)
		v.r.to = takers{
			hecToken:  func(s creds.Secret) { v.note("token %s", s.Reveal()) },
			kafkaSASL: func(s kafka.SASL) { v.note("sasl %s %s %s", s.Mechanism, s.Username, s.Password.Reveal()) },
			hecTLS:    func(c creds.TLS) error { return v.use("splunk tls", c) },
			kafkaTLS:  func(c creds.TLS) error { return v.use("kafka tls", c) },
			topicSASL: func(s kafka.SASL) { v.note("topic sasl %s %s", s.Username, s.Password.Reveal()) },
			topicTLS:  func(c creds.TLS) error { return v.use("topic tls", c) },
		}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { defer close(ended); v.r.run(ctx) }()
		v.pass(3 * lookEvery)
		v.want("at the start")
		body(v)
		v.noSecrets()
		stop()
		<-ended
	})
}

func (v *vault) path(name string) string { return filepath.Join(v.dir, name) }

func (v *vault) write(name, content string) {
	v.t.Helper()
	if err := os.WriteFile(v.path(name), []byte(content), 0o600); err != nil {
		v.t.Fatal(err)
	}
}

func (v *vault) remove(name string) {
	v.t.Helper()
	if err := os.Remove(v.path(name)); err != nil {
		v.t.Fatal(err)
	}
}

func (v *vault) note(format string, args ...any) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.taken = append(v.taken, fmt.Sprintf(format, args...))
}

func (v *vault) use(what string, c creds.TLS) error {
	v.mu.Lock()
	err := v.bad[what]
	v.mu.Unlock()
	if err != nil {
		v.note("%s refused", what)
		return err
	}
	v.note("%s %s", what, c.TruststorePassword.Reveal())
	return nil
}

// spoil makes a taker of TLS return err from now on.
func (v *vault) spoil(what string, err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.bad = map[string]error{what: err}
}

// onLoad has do called once, after the next load.
func (v *vault) onLoad(do func()) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.loaded = do
}

// pass lets virtual time go by.
func (v *vault) pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

// want compares what was handed out since the last call.
func (v *vault) want(when string, taken ...string) {
	v.t.Helper()
	v.mu.Lock()
	defer v.mu.Unlock()
	if diff := cmp.Diff(taken, v.taken); diff != "" {
		v.t.Errorf("%s: taken (-want +got):\n%s", when, diff)
	}
	v.taken = nil
}

// says compares what was logged since the last call: each line has to begin
// with the level and hold all the rest of a want, which has DIR for the folder.
func (v *vault) says(when string, wants ...string) {
	v.t.Helper()
	var lines []string
	for _, e := range v.logs.All()[v.told:] {
		lines = append(lines, fmt.Sprint(e.Level, " ", e.Message, " ", e.ContextMap()))
	}
	v.told = v.logs.Len()
	if len(lines) != len(wants) {
		v.t.Fatalf("%s: logged %q, want %d lines like %q", when, lines, len(wants), wants)
	}
	for i, want := range wants {
		for part := range strings.SplitSeq(strings.ReplaceAll(want, "DIR", v.dir), "…") {
			if !strings.Contains(lines[i], part) {
				v.t.Errorf("%s: logged %q, want %q in it", when, lines[i], part)
			}
		}
	}
}

// noSecrets looks for every secret that was ever in a file.
func (v *vault) noSecrets() {
	v.t.Helper()
	for _, e := range v.logs.All() {
		for _, secret := range []string{"t0ken", "s3cret", "pw-"} {
			if line := fmt.Sprint(e.Message, e.ContextMap()); strings.Contains(line, secret) {
				v.t.Errorf("the log shows a secret: %s", line)
			}
		}
	}
}

func (v *vault) refused() float64 {
	v.t.Helper()
	return testutil.ToFloat64(v.r.metrics.bad)
}

// forbid puts something there that cannot be read, whoever runs the test.
func (v *vault) forbid(name string) {
	v.t.Helper()
	if err := os.Mkdir(v.path(name), 0o700); err != nil {
		v.t.Fatal(err)
	}
}

// heal puts a good file there, whatever is there now.
func (v *vault) heal(name, content string) {
	v.t.Helper()
	if err := os.RemoveAll(v.path(name)); err != nil {
		v.t.Fatal(err)
	}
	v.write(name, content)
}

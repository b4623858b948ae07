package app

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/prometheus/client_golang/prometheus/testutil"
)

// TestRotate: what changes is taken within a look and the time to settle, and
// nothing else is touched.
func TestRotate(t *testing.T) {
	t.Parallel()
	open(t, func(v *vault) {
		v.write("token", "t0ken-2\n")
		v.pass(lookEvery + 2*settleFor)
		v.want("token", "token t0ken-2")
		v.says("token", "info hec.token re-read from file DIR/token, named by DIR/config.yaml:8")

		v.write("user", "user-2")
		v.write("password", "s3cret-2")
		v.pass(lookEvery + 2*settleFor)
		v.want("sasl", "sasl PLAIN user-2 s3cret-2")
		v.says("sasl", "info kafka.sasl re-read from file DIR/user, named by DIR/config.yaml:4 and file DIR/password")

		v.write("ca.pem", "ca 2")
		v.pass(lookEvery + 2*settleFor)
		v.want("kafka's CA", "kafka tls ")
		v.says("kafka's CA", "info kafka.tls re-read from DIR/ca.pem")

		v.write("trust.jks", "trust 2")
		v.write("trust-password", "pw-2")
		v.pass(lookEvery + 2*settleFor)
		v.want("a store and its password", "splunk tls pw-2")
		v.says("a store and its password", "info hec.tls re-read from DIR/trust.jks")

		v.write("trust-password", "pw-3")
		v.pass(lookEvery + 2*settleFor)
		v.want("a password alone", "splunk tls pw-3")
		v.says("a password alone", "info hec.tls re-read from DIR/trust.jks")

		v.write("topic-password", "s3cret-t2")
		v.write("topic-ca.pem", "topic ca 2")
		v.pass(lookEvery + 2*settleFor)
		v.want("the dead-letter topic", "topic sasl user-t s3cret-t2", "topic tls ")
		v.says("the dead-letter topic", "info dead_letter_topic.sasl re-read from file DIR/topic-password", "info dead_letter_topic.tls re-read from DIR/topic-ca.pem")

		// As Kubernetes does it: another file takes the name, with old times.
		v.write("new", "t0ken-3")
		if err := os.Rename(v.path("new"), v.path("token")); err != nil {
			t.Fatal(err)
		}
		v.pass(lookEvery + 2*settleFor)
		v.want("replaced", "token t0ken-3")
		v.says("replaced", "info hec.token re-read from")

		v.write("token", "t0ken-3\n\n") // the same token
		v.pass(2 * lookEvery)
		v.want("the same")
		v.says("the same")
		if got := v.r.summary(); !strings.HasPrefix(got, "hec.token re-read from file ") {
			t.Errorf("the status page has %q", got)
		}
		v.write("token", "")
		v.pass(2 * lookEvery)
		v.says("empty", "warn credentials cannot be re-read")
		if got := v.r.summary(); !strings.Contains(got, "; NOT taken: hec.token, since ") || !strings.Contains(got, "token is empty") {
			t.Errorf("the status page has %q while the file is empty", got)
		}
		v.write("token", "t0ken-3")
		v.pass(2 * lookEvery)
		v.says("back", "info hec.token can be read again")
		if got := v.r.summary(); strings.Contains(got, "NOT taken") {
			t.Errorf("the status page has %q when all is well again", got)
		}
		if err := testutil.CollectAndCompare(v.r.metrics.results, strings.NewReader(`
# HELP auditlog_forwarder_credentials_reread_total Times that credentials or certificates have changed while running, and were taken or refused.
# TYPE auditlog_forwarder_credentials_reread_total counter
auditlog_forwarder_credentials_reread_total{credential="dead_letter_topic.sasl",result="refused"} 0
auditlog_forwarder_credentials_reread_total{credential="dead_letter_topic.sasl",result="taken"} 1
auditlog_forwarder_credentials_reread_total{credential="dead_letter_topic.tls",result="refused"} 0
auditlog_forwarder_credentials_reread_total{credential="dead_letter_topic.tls",result="taken"} 1
auditlog_forwarder_credentials_reread_total{credential="hec.tls",result="refused"} 0
auditlog_forwarder_credentials_reread_total{credential="hec.tls",result="taken"} 2
auditlog_forwarder_credentials_reread_total{credential="hec.token",result="refused"} 1
auditlog_forwarder_credentials_reread_total{credential="hec.token",result="taken"} 2
auditlog_forwarder_credentials_reread_total{credential="kafka.sasl",result="refused"} 0
auditlog_forwarder_credentials_reread_total{credential="kafka.sasl",result="taken"} 1
auditlog_forwarder_credentials_reread_total{credential="kafka.tls",result="refused"} 0
auditlog_forwarder_credentials_reread_total{credential="kafka.tls",result="taken"} 1
`)); err != nil {
			t.Error(err)
		}
	})
}

// TestRotateWaitsForTheWriter: a file that is being written is not read until
// it stays as it is, and one that never does is read at last.
func TestRotateWaitsForTheWriter(t *testing.T) {
	t.Parallel()
	open(t, func(v *vault) {
		v.pass(lookEvery - settleFor/2)
		for i := range 5 {
			v.write("token", "t0ken-2"[:3+i%4])
			v.pass(settleFor)
			if i > 0 {
				v.want("while it is written")
			}
		}
		v.write("token", "t0ken-2")
		v.pass(3 * settleFor)
		v.want("written", "token t0ken-2")
		v.says("written", "info hec.token")

		for i := range 20 {
			v.write("token", fmt.Sprint("t0ken-again-", i))
			v.pass(settleFor)
		}
		if n := v.logs.Len() - v.told; n == 0 || n > 2 {
			t.Errorf("a file that always changes was read %d times in 20 s, want once or twice", n)
		}
	})
}

// TestRotateKeepsWhatWorks: whatever becomes of a file, what is in use stays,
// it is told once, the others are rotated all the same, and when the file is
// good again it is taken.
func TestRotateKeepsWhatWorks(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		spoil  func(v *vault)
		reason string
	}{
		"empty":       {func(v *vault) { v.write("token", "") }, "DIR/token is empty; write hec.token into it"},
		"blank":       {func(v *vault) { v.write("token", "\n") }, "DIR/token is empty; write hec.token into it"},
		"missing":     {func(v *vault) { v.remove("token") }, "read DIR/token: no such file or directory"},
		"nonsense":    {func(v *vault) { v.write("token", "\x00t0ken\xff") }, "DIR/token holds a line break"},
		"two lines":   {func(v *vault) { v.write("token", "t0ken-2\nt0ken-3\n") }, "DIR/token holds a line break"},
		"not allowed": {func(v *vault) { v.remove("token"); v.forbid("token") }, "read DIR/token"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			open(t, func(v *vault) {
				tc.spoil(v)
				v.pass(5 * lookEvery)
				v.want("spoilt")
				v.says("spoilt", "warn credentials cannot be re-read; what is in use stays in use…key:hec.token…"+tc.reason)
				if n := v.refused(); n != 1 {
					t.Errorf("%v credentials count as refused, want 1", n)
				}
				v.write("password", "s3cret-2")
				v.pass(lookEvery + 2*settleFor)
				v.want("another", "sasl PLAIN user-1 s3cret-2")
				v.says("another", "info kafka.sasl re-read")

				v.heal("token", "t0ken-2")
				v.pass(lookEvery + 2*settleFor)
				v.want("good again", "token t0ken-2")
				v.says("good again", "info hec.token re-read from file DIR/token")
				if n := v.refused(); n != 0 {
					t.Errorf("%v credentials count as refused, want 0", n)
				}

				tc.spoil(v)
				v.pass(2 * lookEvery)
				v.says("spoilt again", "warn credentials cannot be re-read")
				v.heal("token", "t0ken-2")
				v.pass(2 * lookEvery)
				v.want("as it was")
				v.says("as it was", "info hec.token can be read again, and has not changed: file DIR/token")
			})
		})
	}
}

// TestRotateRefusedCertificates: files of TLS that cannot be used are tried
// again without a further change, since what was missing may be elsewhere.
func TestRotateRefusedCertificates(t *testing.T) {
	t.Parallel()
	open(t, func(v *vault) {
		v.spoil("splunk tls", errors.New("truststore_file x: wrong password; correct it"))
		v.write("trust.jks", "half")
		v.write("ca.pem", "ca 2")
		v.pass(lookEvery + 2*settleFor)
		v.want("half", "splunk tls refused", "kafka tls ")
		v.says("half", "warn credentials cannot be re-read…key:hec.tls…truststore_file x: wrong password", "info kafka.tls re-read from DIR/ca.pem")
		v.pass(2 * lookEvery)
		v.want("tried again", "splunk tls refused", "splunk tls refused")
		v.says("tried again")
		v.spoil("splunk tls", nil)
		v.pass(lookEvery)
		v.want("good", "splunk tls pw-1")
		v.says("good", "info hec.tls re-read from DIR/trust.jks")
		v.pass(5 * lookEvery)
		v.want("calm")

		// A password that cannot be read keeps the new store for later.
		v.write("trust.jks", "trust 3")
		v.write("trust-password", "")
		v.pass(3 * lookEvery)
		v.want("no password")
		v.says("no password", "warn credentials cannot be re-read…key:hec.tls…DIR/trust-password is empty")
		v.write("trust-password", "pw-3")
		v.pass(lookEvery + 2*settleFor)
		v.want("with its password", "splunk tls pw-3")
		v.says("with its password", "info hec.tls re-read from DIR/trust.jks")
		v.write("trust.jks", "trust 4")
		v.write("trust-password", "")
		v.pass(3 * lookEvery)
		v.says("no password again", "warn credentials cannot be re-read")
		v.write("trust-password", "pw-3")
		v.pass(lookEvery + 2*settleFor)
		v.want("with its old password", "splunk tls pw-3")
	})
}

// TestReread: on demand at once, with a word about what needs a restart and
// about what would stop the next start.
func TestReread(t *testing.T) {
	t.Parallel()
	open(t, func(v *vault) {
		ask := func() { v.r.ask(); synctest.Wait() }
		ask()
		v.want("nothing")
		v.says("nothing", "info credentials re-read as asked; none has changed")

		good, err := os.ReadFile(v.path("config.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		v.write("token", "t0ken-2")
		v.write("config.yaml", string(good)+"batch: {window: 5}\nhec.index: other\nhec.proxy: http://u:s3cret@p:1\n")
		ask() // no time passes
		v.want("asked", "token t0ken-2")
		v.says("asked", "info hec.token re-read", "warn the configuration differs from what runs; these keys need a restart…keys:[hec.index hec.proxy batch.window]")
		v.write("token", "t0ken-3")
		v.pass(2 * lookEvery)
		v.want("by itself", "token t0ken-3")
		v.says("told once", "info hec.token re-read")

		v.write("config.yaml", string(good)+"batch: {window: 0, x: y}\n")
		ask()
		v.want("mistakes elsewhere")
		v.says("mistakes elsewhere", "warn the configuration has mistakes now…batch.window: 0 is out of range", "info credentials re-read as asked; none")

		v.write("config.yaml", "kafka: [")
		v.write("password", "s3cret-2")
		ask()
		v.pass(3 * lookEvery)
		v.want("no YAML")
		v.says("no YAML", "warn credentials cannot be re-read…key:configuration…not YAML")
		v.write("config.yaml", string(good))
		v.pass(lookEvery)
		v.want("YAML again", "sasl PLAIN user-1 s3cret-2")
		v.says("YAML again", "info configuration can be read again", "info kafka.sasl re-read")

		v.write("config.yaml", "kafka: [") // alone: nobody looks at this file
		ask()
		v.says("no YAML, and no other change", "warn credentials cannot be re-read…key:configuration…not YAML")
		v.write("config.yaml", string(good))
		v.pass(lookEvery)
		v.says("YAML once more", "info configuration can be read again")

		// A file that is named only now is looked at from now on, and read once
		// more if it changed while it was read first.
		v.write("token-b", "t0ken-b")
		v.write("config.yaml", strings.ReplaceAll(string(good), "/token\n", "/token-b\n"))
		v.onLoad(func() { v.write("token-b", "t0ken-bb") })
		ask()
		v.want("another file", "token t0ken-b")
		v.pass(lookEvery)
		v.want("a change while it was read", "token t0ken-bb")
		v.write("token-b", "t0ken-c")
		v.pass(lookEvery + 2*settleFor)
		v.want("its change", "token t0ken-c")
		v.write("token", "t0ken-nobody-asks-for")
		v.pass(2 * lookEvery)
		v.want("the file that was named before")
	})
}

// TestRotateSecretInConfiguration: the configuration file is looked at if a
// secret stands in it.
func TestRotateSecretInConfiguration(t *testing.T) {
	t.Parallel()
	open(t, func(v *vault) {
		good, err := os.ReadFile(v.path("config.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		with := func(token string) string {
			return strings.Replace(string(good), "token_file: "+v.path("token"), "token: "+token, 1)
		}
		v.write("config.yaml", with("t0ken-a"))
		v.r.ask()
		synctest.Wait()
		v.want("asked", "token t0ken-a")
		v.write("config.yaml", with("t0ken-b"))
		v.pass(lookEvery + 2*settleFor)
		v.want("by itself", "token t0ken-b")
		v.says("both", "info hec.token re-read from DIR/config.yaml:8", "info hec.token re-read from DIR/config.yaml:8")
	})
}

// TestRotateNotElsewhere: a configuration that is edited for the next start may
// name another cluster, another Splunk, or no SASL at all. Its credentials are
// not for what runs.
func TestRotateNotElsewhere(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ old, now, reason string }{
		"no SASL": {
			"sasl: {username_file: DIR/user, password_file: DIR/password}", "security_protocol: PLAINTEXT",
			"key:kafka.sasl…kafka.security_protocol, which needs a restart",
		},
		"another cluster": {"bootstrap_servers: [b:9092]", "bootstrap_servers: [c:9092]", "key:kafka.sasl…kafka.bootstrap_servers, which needs a restart"},
		"another Splunk":  {"url: https://s:8088", "url: https://z:8088", "key:hec.token…hec.url, which needs a restart"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			open(t, func(v *vault) {
				good, err := os.ReadFile(v.path("config.yaml"))
				if err != nil {
					t.Fatal(err)
				}
				old := strings.ReplaceAll(tc.old, "DIR", v.dir)
				if !strings.Contains(string(good), old) {
					t.Fatalf("the configuration has no %q", old)
				}
				v.write("config.yaml", strings.Replace(string(good), old, tc.now, 1))
				if strings.Contains(tc.reason, "kafka.sasl") {
					v.write("password", "s3cret-2")
				} else {
					v.write("token", "t0ken-2")
				}
				v.r.ask()
				synctest.Wait()
				v.want("the edited configuration")
				v.says("the edited configuration", "warn credentials cannot be re-read…"+tc.reason, "warn the configuration differs from what runs")
				v.write("config.yaml", string(good))
				v.pass(lookEvery)
				if strings.Contains(tc.reason, "kafka.sasl") {
					v.want("as it was", "sasl PLAIN user-1 s3cret-2")
				} else {
					v.want("as it was", "token t0ken-2")
				}
			})
		})
	}
	t.Run("one more server", func(t *testing.T) {
		t.Parallel()
		open(t, func(v *vault) {
			good, err := os.ReadFile(v.path("config.yaml"))
			if err != nil {
				t.Fatal(err)
			}
			v.write("config.yaml", strings.Replace(string(good), "[b:9092]", "[a:9092, b:9092]", 1))
			v.write("password", "s3cret-2")
			v.r.ask()
			synctest.Wait()
			v.want("the same cluster", "sasl PLAIN user-1 s3cret-2")
		})
	})
}

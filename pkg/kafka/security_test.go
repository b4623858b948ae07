package kafka_test

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"auditlog-forwarder/pkg/creds"
	"auditlog-forwarder/pkg/kafka"
	"auditlog-forwarder/pkg/kafka/kafkatest"
)

// refusals: every way to be refused has its own clear error, in check and
// while running, on a real broker.
func refusals(t *testing.T, b *kafkatest.Broker) {
	t.Parallel()
	const password = readerPassword
	topic := kafkatest.Name(t, "secured")
	b.CreateTopic(t, topic, 1)
	b.Allow(t,
		kadm.NewACLs().Allow("User:reader").AllowHosts().Topics(topic).Operations(kadm.OpRead, kadm.OpDescribe).ResourcePatternType(kadm.ACLPatternLiteral),
		kadm.NewACLs().Allow("User:looker").AllowHosts().Topics(topic).Operations(kadm.OpDescribe).ResourcePatternType(kadm.ACLPatternLiteral),
		kadm.NewACLs().Allow("User:looker").AllowHosts().Groups("lookers").Operations(kadm.OpRead).ResourcePatternType(kadm.ACLPatternLiteral),
		kadm.NewACLs().Allow("User:reader").AllowHosts().Groups("allowed").Operations(kadm.OpRead).ResourcePatternType(kadm.ACLPatternLiteral))
	produceSecured(t, b, topic)

	good := func() kafka.Config {
		cfg := settings(b, "allowed", topic)
		cfg.BootstrapServers, cfg.SecurityProtocol = b.SASLBootstrap(), kafka.SASLSSL
		cfg.SASL.Username, cfg.SASL.Password = "reader", creds.NewSecret(password)
		cfg.TLS.CAFile = b.CAFile()
		return cfg
	}
	t.Run("all is well", func(t *testing.T) {
		r := join(t, good(), nil)
		r.until("the record", func() bool { return len(r.read[place(topic, 0)]) == 1 })
		r.stop()
		steps := 0
		kafka.Check(t.Context(), good(), func(step, found string, err error) {
			steps++
			if err != nil || found == "" {
				t.Errorf("%s: %q, %v", step, found, err)
			}
		})
		if steps != 5 {
			t.Errorf("%d steps, want certificate, broker, topic, group, read", steps)
		}
	})

	otherCA := kafkatest.OtherCA(t)

	for _, tc := range []struct {
		name   string
		change func(*kafka.Config)
		says   []string
	}{
		{"wrong password", func(c *kafka.Config) { c.SASL.Password = creds.NewSecret("wrong-" + password) }, []string{"credentials of \"reader\" are refused", "kafka.sasl.password_file", "SASL_SSL, PLAIN"}},
		{"unknown user", func(c *kafka.Config) { c.SASL.Username = "nobody" }, []string{"credentials of \"nobody\" are refused"}},
		{"no access to the topic", func(c *kafka.Config) {
			c.SASL.Username, c.SASL.Password = "stranger", creds.NewSecret("other")
		}, []string{"no access to " + topic, "READ and DESCRIBE"}},
		// It joins the group and gets partitions; only fetching fails.
		{"may see the topic and not read it", func(c *kafka.Config) {
			c.SASL.Username, c.SASL.Password, c.GroupID = "looker", creds.NewSecret("third"), "lookers"
		}, []string{"no access to " + topic, "READ and DESCRIBE"}},
		{"no access to the group", func(c *kafka.Config) { c.GroupID = "forbidden" }, []string{`no access to the consumer group "forbidden"`, "kafka.group_id"}},
		{"unknown CA", func(c *kafka.Config) { c.TLS.CAFile = otherCA }, []string{"CA that this machine does not know", "kafka.tls.ca_file"}},
		{"TLS to a plain port", func(c *kafka.Config) { c.BootstrapServers = b.Bootstrap() }, []string{"closed the connection", "a plain listener closes TLS connections"}},
		{"plain to a TLS port", func(c *kafka.Config) { c.SecurityProtocol = kafka.Plaintext }, []string{"kafka.security_protocol"}},
		{"SASL to a port without", func(c *kafka.Config) {
			c.BootstrapServers, c.SecurityProtocol = b.Bootstrap(), kafka.SASLPlaintext
		}, []string{"the broker did not expect SASL", "kafka.security_protocol"}},
		{"unreachable", func(c *kafka.Config) { c.BootstrapServers = []string{"127.0.0.1:1"} }, []string{"127.0.0.1:1", "unreachable", "firewalls"}},
		{"no such name", func(c *kafka.Config) { c.BootstrapServers = []string{"kafka.invalid:9092"} }, []string{"kafka.invalid", "does not resolve"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			cfg := good()
			tc.change(&cfg)
			explains := func(text string) bool {
				if strings.Contains(text, password) {
					t.Errorf("the password is in %q", text)
				}
				for _, s := range tc.says {
					if !strings.Contains(text, s) {
						return false
					}
				}
				return true
			}
			var failures []string
			kafka.Check(t.Context(), cfg, func(_, _ string, err error) {
				if err == nil {
					return
				}
				failures = append(failures, err.Error())
				var known *kafka.Error
				if !errors.As(err, &known) {
					t.Errorf("not an *Error: %v", err)
				}
			})
			if !explains(strings.Join(failures, "\n")) {
				t.Errorf("check says %q, want %q", failures, tc.says)
			}
			r := join(t, cfg, nil)
			r.until("the reason "+strings.Join(tc.says, " … "), func() bool { return explains(strings.Join(r.states, "\n")) })
			r.stop()
		})
	}
}

func produceSecured(t *testing.T, b *kafkatest.Broker, topic string) {
	t.Helper()
	produce(t, b, topic, 0, 1, time.Now())
}

func copyCA(t *testing.T, b *kafkatest.Broker, to string) {
	t.Helper()
	pem, err := os.ReadFile(b.CAFile())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, pem, 0o600); err != nil {
		t.Fatal(err)
	}
}

package kafka_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/time/rate"

	"auditlog-forwarder/pkg/creds"
	"auditlog-forwarder/pkg/kafka"
	"auditlog-forwarder/pkg/kafka/kafkatest"
)

// rotations: credentials and certificate files are replaced under load, wrong
// ones as well, and each record is read exactly once.
func rotations(t *testing.T, b *kafkatest.Broker) {
	t.Parallel()
	for name, instance := range map[string]string{"dynamic member": "", "static member": "forwarder-0"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rotation(t, b, instance)
		})
	}
}

func rotation(t *testing.T, b *kafkatest.Broker, instance string) {
	t.Helper()
	topic := kafkatest.Name(t, "rotation")
	b.CreateTopic(t, topic, 2)
	caFile := filepath.Join(t.TempDir(), "ca.pem")
	copyCA(t, b, caFile)
	cfg := settings(b, kafkatest.Name(t, "g"), topic)
	cfg.BootstrapServers, cfg.SecurityProtocol, cfg.TLS.CAFile = b.SASLBootstrap(), kafka.SASLSSL, caFile
	cfg.GroupInstanceID = instance
	cfg.SASL.Username, cfg.SASL.Password = "old", creds.NewSecret("secret-1")

	// Load, from before the first join to the end.
	loading, stopLoad := context.WithCancel(t.Context())
	var load sync.WaitGroup
	var sent [2]int64 // by partition; read after load.Wait
	client := b.Client(t, kgo.RecordPartitioner(kgo.ManualPartitioner()))
	load.Go(func() {
		limit := rate.NewLimiter(200, 1)
		for i := 0; limit.Wait(loading) == nil; i++ {
			rec := &kgo.Record{Topic: topic, Partition: int32(i % 2), Value: []byte("x")}
			if err := client.ProduceSync(context.WithoutCancel(loading), rec).FirstErr(); err != nil {
				t.Errorf("produce: %v", err)
				return
			}
			sent[i%2]++
		}
	})
	defer load.Wait()
	defer stopLoad()

	r := join(t, cfg, nil)
	count := func() int { return len(r.read[place(topic, 0)]) + len(r.read[place(topic, 1)]) }
	flows := func(what string, joins int) {
		t.Helper()
		before := -1
		r.until(what, func() bool {
			if len(r.starts[place(topic, 0)]) < joins || r.states[len(r.states)-1] != "" {
				return false
			}
			if before < 0 {
				before = count()
			}
			return count() > before+20
		})
	}
	flows("the first records", 1)

	r.group.SetCredentials(kafka.SASL{Mechanism: "PLAIN", Username: "new", Password: creds.NewSecret("secret-2")})
	flows("records after a rotation", 2)

	r.group.SetCredentials(kafka.SASL{Mechanism: "PLAIN", Username: "new", Password: creds.NewSecret("not-yet")})
	r.until("the reason", func() bool { return strings.Contains(r.states[len(r.states)-1], `credentials of "new" are refused`) })
	r.group.SetCredentials(kafka.SASL{Mechanism: "PLAIN", Username: "old", Password: creds.NewSecret("secret-1")})
	flows("records after the right credentials", 3)

	if err := r.group.SetTLS(creds.TLS{MinVersion: "1.2", CAFile: caFile}); err != nil {
		t.Errorf("the same certificates again: %v", err)
	}
	flows("records after new certificates", 4)
	if err := os.WriteFile(caFile, []byte("half a file"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := r.group.SetTLS(creds.TLS{MinVersion: "1.2", CAFile: caFile}); err == nil || !strings.Contains(err.Error(), "kafka.tls") {
		t.Errorf("a broken file: %v", err)
	}
	flows("records all the same", 4)
	// Also over a new connection: what is in use stays in use.
	r.group.SetCredentials(kafka.SASL{Mechanism: "PLAIN", Username: "new", Password: creds.NewSecret("secret-2")})
	flows("records with the certificates of before", 5)

	stopLoad()
	load.Wait()
	r.until("the rest", func() bool { return count() >= int(sent[0]+sent[1]) })
	r.stop()
	for p := range int32(2) {
		for i, offset := range r.read[place(topic, p)] {
			if offset != int64(i) {
				t.Fatalf("partition %d: record %d has offset %d: one is missing or came twice", p, i, offset)
			}
		}
		if got := committed(t, b, cfg.GroupID, topic, p); got != sent[p] {
			t.Errorf("partition %d is committed up to %d, %d were sent", p, got, sent[p])
		}
	}
	for _, line := range r.logs.All() {
		for _, f := range line.Context {
			if strings.Contains(line.Message+f.String, "secret-") || strings.Contains(f.String, "not-yet") {
				t.Errorf("a password is in the log: %s %s", line.Message, f.String)
			}
		}
	}
	if n := len(r.starts[place(topic, 0)]); n != 5 {
		t.Errorf("%d sessions, want 5", n)
	}
}

// TestRotationOfNothing: without TLS there are no files to read again, and the
// credentials that it has change nothing.
func TestRotationOfNothing(t *testing.T) {
	t.Parallel()
	b := kafkatest.Shared(t)
	topic := kafkatest.Name(t, "plain")
	b.CreateTopic(t, topic, 1)
	r := join(t, settings(b, kafkatest.Name(t, "g"), topic), nil)
	r.until("a claim", func() bool { return len(r.starts) > 0 })
	if err := r.group.SetTLS(creds.DefaultTLS()); err == nil || !strings.Contains(err.Error(), "kafka.security_protocol") {
		t.Errorf("without TLS: %v", err)
	}
	r.group.SetCredentials(kafka.SASL{Mechanism: "PLAIN"}) // what it has
	produce(t, b, topic, 0, 1, time.Now())
	r.until("the record", func() bool { return len(r.read[place(topic, 0)]) == 1 })
	r.stop()
	if n := r.metric("auditlog_forwarder_group_joins_total"); n != 1 {
		t.Errorf("%v joins, want 1", n)
	}
}

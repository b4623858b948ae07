package app_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/time/rate"

	"auditlog-forwarder/pkg/kafka"
	"auditlog-forwarder/pkg/kafka/kafkatest"
)

// TestEndToEndMirrorRotate: the password of the destination is replaced under
// load, by a wrong one first. That one shows at once, while the old one would
// still let in; nothing is lost, nothing is there twice.
func TestEndToEndMirrorRotate(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts a broker of its own")
	}
	t.Parallel()
	const user, partitions = "copier", 2
	from, to := kafkatest.Shared(t), kafkatest.Start(t, kafkatest.WithSASLSSL(nil), kafkatest.WithSCRAM())
	to.SetSCRAM(t, kafka.ScramSHA512, user, "s3cret-1")
	topic, group := kafkatest.Name(t, "audit"), kafkatest.Name(t, "mirror")
	from.CreateTopic(t, topic, partitions)
	password := filepath.Join(t.TempDir(), "password")
	replace := func(content string) {
		t.Helper()
		if err := os.WriteFile(password+".new", []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(password+".new", password); err != nil {
			t.Fatal(err)
		}
	}
	replace("s3cret-1")

	loading, stop := context.WithCancel(t.Context())
	var load sync.WaitGroup
	each := 0 // read after load.Wait
	client := from.Client(t, kgo.RecordPartitioner(kgo.ManualPartitioner()))
	load.Go(func() {
		for limit := rate.NewLimiter(200, 1); limit.Wait(loading) == nil; each++ {
			for p := range int32(partitions) {
				if err := client.ProduceSync(context.WithoutCancel(loading), original(topic, p, each)).FirstErr(); err != nil {
					t.Errorf("produce: %v", err)
					return
				}
			}
		}
	})
	t.Cleanup(func() { stop(); load.Wait() })

	p := startCommand(t, "mirror", mirroring(from, to, topic, group).with(settings{
		"mirror.bootstrap_servers": strings.Join(to.SASLBootstrap(), ","), "mirror.security_protocol": kafka.SASLSSL, "mirror.tls.ca_file": to.CAFile(),
		"mirror.sasl.mechanism": kafka.ScramSHA512, "mirror.sasl.username": user, "mirror.sasl.password_file": password,
	}), "mirror")
	p.line("the destination is ready")
	grown := func(what string) {
		t.Helper()
		before := total(endsOf(t, to.Admin(t), topic))
		eventually(t, what, func() string {
			if n := total(endsOf(t, to.Admin(t), topic)); n < before+100 {
				return fmt.Sprintf("%d records, and %d before", n, before)
			}
			return ""
		})
	}
	grown("a copy")
	replace("s3cret-3") // it is not valid, and never will be
	p.signal(syscall.SIGHUP)
	p.notReady("destination", "mirror.sasl.password_file")
	to.SetSCRAM(t, kafka.ScramSHA512, user, "s3cret-2")
	replace("s3cret-2")
	p.signal(syscall.SIGHUP)
	grown("a copy with the new password")
	stop()
	load.Wait()
	eventually(t, "the rest", func() string { return uncommitted(t, from.Admin(t), group, topic, endsOf(t, from.Admin(t), topic)) })
	p.stop()
	if twice := compareCopy(t, to, topic, partitions, each); twice != 0 {
		t.Errorf("%d records stand there twice", twice)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if log := fmt.Sprint(p.lines, p.raw); strings.Contains(log, "s3cret") {
		t.Error("a password is in the log")
	}
}

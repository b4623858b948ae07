package app_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tidwall/gjson"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest"

	"auditlog-forwarder/pkg/app"
	"auditlog-forwarder/pkg/config"
	"auditlog-forwarder/pkg/creds"
	"auditlog-forwarder/pkg/hec/hectest"
	"auditlog-forwarder/pkg/kafka/kafkatest"
)

// arrivals counts events by their ids, wherever they were read.
type arrivals struct {
	mu      sync.Mutex
	times   map[string]int
	foreign int // events of the copy's that are none of the source's
}

func (a *arrivals) take(ev hectest.Event) {
	a.mu.Lock()
	defer a.mu.Unlock()
	id := gjson.GetBytes(ev.Event, "id").String()
	if id == "foreign" {
		a.foreign++
		return
	}
	a.times[id]++
}

// lacks says what is missing of n events.
func (a *arrivals) lacks(n int) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.times) < n {
		return fmt.Sprintf("%d of %d events have arrived", len(a.times), n)
	}
	return ""
}

// TestEndToEndMoveToCopy forwards a part from the source, mirrors it all into
// another broker, moves over, and forwards the rest from there: every event
// arrives exactly once.
func TestEndToEndMoveToCopy(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it takes a minute")
	}
	const parts, first, rest = 3, 6000, 900
	from, to := kafkatest.Shared(t), kafkatest.Start(t)
	topic, copied := kafkatest.Name(t, "audit"), kafkatest.Name(t, "copy")
	feeder := newFeeder(t, from, topic, parts)
	feeder.must(first)

	// The copy's offsets are not the source's.
	to.CreateTopic(t, copied, parts)
	theirs := to.Client(t, kgo.RecordPartitioner(kgo.ManualPartitioner()))
	for p := range int32(parts) {
		for range 5 + p {
			r := &kgo.Record{Topic: copied, Partition: p, Value: []byte(`{"id":"foreign"}`), Timestamp: time.Now().Add(-time.Hour)}
			if err := theirs.ProduceSync(t.Context(), r).FirstErr(); err != nil {
				t.Fatal(err)
			}
		}
	}

	seen := &arrivals{times: map[string]int{}}
	splunk := hectest.Start(t, hectest.WithSink(seen.take))
	log := zaptest.NewLogger(t, zaptest.WrapOptions(zap.IncreaseLevel(zap.InfoLevel)))
	old := config.Defaults()
	old.Kafka.BootstrapServers, old.Kafka.SecurityProtocol = from.Bootstrap(), "PLAINTEXT"
	old.Kafka.Topics, old.Kafka.GroupID = []string{topic}, kafkatest.Name(t, "group")
	old.Kafka.MetadataRefresh, old.Kafka.SessionTimeout = time.Second, 6*time.Second
	old.HEC.URLs, old.HEC.Token = []string{splunk.URL()}, creds.NewSecret(hectest.DefaultToken)
	old.DeadLetter.Dir, old.Admin.Listen = t.TempDir(), "127.0.0.1:0"
	old.Batch.MaxEvents = 20
	old.Mirror.BootstrapServers, old.Mirror.SecurityProtocol = to.Bootstrap(), "PLAINTEXT"
	old.Mirror.Name, old.Mirror.GroupID = copied, kafkatest.Name(t, "mirror")
	now := old
	now.Kafka.BootstrapServers, now.Kafka.Topics = to.Bootstrap(), []string{copied}

	// A part: the stop comes while most of it is still to be read.
	start := func(cfg config.Config) (stop func()) {
		ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
		a, err := app.New(ctx, app.Options{Config: cfg, Version: "test", Log: log})
		if err != nil {
			cancel()
			t.Fatal(err)
		}
		return running(t, cancel, func() error { return a.Run(ctx) })
	}
	stop := start(old)
	eventually(t, "some events", func() string { return seen.lacks(first / 10) })
	if err := move(t, old, now, log); err == nil || !strings.Contains(err.Error(), "has 1 active members") {
		t.Errorf("moved under a running forwarder: %v", err)
	}
	stop()
	if seen.lacks(first) == "" {
		t.Log("all was forwarded before the stop; nothing but the end is tested")
	}
	feeder.must(rest)

	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	m, err := app.NewMirror(ctx, app.Options{Config: old, Version: "test", Log: log.WithOptions(zap.IncreaseLevel(zap.WarnLevel))})
	if err != nil {
		cancel()
		t.Fatal(err)
	}
	stopMirror := running(t, cancel, func() error { return m.Run(ctx) })
	// It waits for the mirror, and may be called twice.
	for range 2 {
		if err := move(t, old, now, log); err != nil {
			t.Fatal(err)
		}
	}
	stop = start(now)
	eventually(t, "the rest", func() string { return seen.lacks(first + rest) })
	feeder.must(rest)
	eventually(t, "what came after", func() string { return seen.lacks(first + 2*rest) })
	stop()
	// The flag may stay: a group that has moved is not moved back.
	if err := move(t, old, now, log); err != nil {
		t.Error(err)
	}
	feeder.must(rest)
	stop = start(now)
	eventually(t, "what came after a restart", func() string { return seen.lacks(first + 3*rest) })
	stop()

	seen.mu.Lock()
	defer seen.mu.Unlock()
	if seen.foreign > 0 {
		t.Errorf("%d events came that stand before the source's", seen.foreign)
	}
	for id, n := range seen.times {
		if n != 1 {
			t.Errorf("event %s came %d times", id, n)
		}
	}

	report, err := app.VerifyMirror(t.Context(), app.VerifyMirrorOptions{Config: old, Findings: 3, MaxBehind: time.Hour})
	stopMirror()
	// What was there before is extra, and all that differs.
	if err != nil || report.Total.Same+report.Total.NotCopied != first+3*rest || report.Total.Wrong() != 5+6+7 || report.Total.Extra != 5+6+7 {
		t.Errorf("verify: %v, %+v", err, report)
	}
}

func move(t *testing.T, old, now config.Config, log *zap.Logger) error {
	t.Helper()
	return app.MoveToCopy(t.Context(), app.MoveOptions{Config: now, Old: old.Kafka, Log: log.Named("move")})
}

// running runs something until stop, which waits for its end; the test's end
// stops it, too.
func running(t *testing.T, cancel context.CancelFunc, run func() error) (stop func()) {
	t.Helper()
	done := make(chan error, 1)
	go func() { done <- run() }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	t.Cleanup(stop)
	return stop
}

package app_test

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/sync/errgroup"
	"golang.org/x/time/rate"

	"auditlog-forwarder/pkg/config"
	"auditlog-forwarder/pkg/deadletter"
	"auditlog-forwarder/pkg/hec/hectest"
	"auditlog-forwarder/pkg/kafka/kafkatest"
)

// outage is the stage of TestEndToEndOutage.
type outage struct {
	t      *testing.T
	broker *kafkatest.Broker
	hec    *hectest.Server
	feeder *feeder
	ledger *ledger
	p      *process
	dir    string // of the dead letters

	began   time.Time
	allowed int // repeated events, of all stages so far
}

// outageSession is how long the group keeps a silent member.
const outageSession = 10 * time.Second

// restartFed is how many events are fed right before the broker restarts.
const restartFed = 20_000

// TestEndToEndOutage lets everything around the forwarder fail, one after the
// other, while events flow. It must say what is wrong, keep its place in the
// group and its memory, and go on by itself.
func TestEndToEndOutage(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it takes a minute")
	}
	b := kafkatest.Start(t)
	topic, group, adm := kafkatest.Name(t, "outage"), kafkatest.Name(t, "g"), b.Admin(t)
	f := newFeeder(t, b, topic, 2)
	l := f.ledger
	hec := hectest.Start(t, hectest.WithSink(l.take))
	set := local(t, b, hec, topic, group).with(settings{
		"hec.backoff_min": "100ms", "hec.backoff_max": "1s", "dead_letter.max_bytes": "1MiB", "kafka.metadata_refresh": "1s", "kafka.session_timeout": outageSession.String(),
	})
	o := &outage{t: t, broker: b, hec: hec, feeder: f, ledger: l, dir: set["dead_letter.dir"], began: time.Now(), p: start(t, "forwarder", set)}
	o.p.ready()

	// More than fills all windows and buffers while nothing goes out.
	flow, stop := context.WithCancel(t.Context())
	var feeding errgroup.Group
	feeding.Go(func() error { return f.feed(flow, 1_000_000, rate.Limit(2000)) })
	halt := func() {
		stop()
		if err := feeding.Wait(); err != nil {
			t.Errorf("produce: %v", err)
		}
	}
	t.Cleanup(halt)

	largest := func() (n int) {
		for _, r := range hec.Requests() {
			n = max(n, r.Events)
		}
		return n
	}
	o.splunkDown()
	// What was in flight when Splunk went comes again, for its answers are lost.
	o.repeats("Splunk down", 2*config.Defaults().Batch.Window*largest())
	o.wrongToken()
	halt() // what follows needs the offsets
	l.all(t)
	o.repeats("wrong token", 0)
	o.deadLettersFull()
	o.deadLettersNotWritable()
	o.repeats("dead letters", 0)
	if joins, _ := o.p.metric("auditlog_forwarder_group_joins_total"); joins != 1 {
		t.Errorf("the forwarder has joined the group %v times, want once", joins)
	}
	o.brokerRestart()

	l.all(t)
	eventually(t, "the commit", func() string { return uncommitted(t, adm, group, topic, l.ends()) })
	o.p.ready()
	o.p.checkMemory()
	o.p.stop()
	// While the broker is away what was fetched is still delivered, and cannot
	// be committed: at most all that was fed meanwhile.
	o.repeats("broker restart", restartFed)
	l.check(t, math.MaxInt)
}

// repeats allows so many more repeated events. What a stage causes may arrive
// in the next: a batch whose answer was lost comes again when its back-off is
// over, so what is not used up is carried on.
func (o *outage) repeats(stage string, more int) {
	o.t.Helper()
	o.allowed += more
	_, repeated, _ := o.ledger.figures()
	o.t.Logf("%s: %d events have come again so far, bound %d; %s since the start", stage, repeated, o.allowed, time.Since(o.began).Round(time.Second))
	if repeated > o.allowed {
		o.t.Errorf("%s: %d events have come again, at most %d may", stage, repeated, o.allowed)
	}
}

// flows waits until some more events have arrived.
func (o *outage) flows() {
	o.t.Helper()
	before, _, _ := o.ledger.figures()
	o.ledger.until(o.t, "events to flow", func(now, _ int) bool { return now > before+2000 })
}

// splunkDown lasts longer than the session timeout: the group would drop a
// member that forgets it.
func (o *outage) splunkDown() {
	o.t.Helper()
	o.flows()
	o.hec.Pause()
	o.p.notReady("splunk: ", "nothing listens there")
	select {
	case <-time.After(outageSession + 2*time.Second):
	case <-o.p.ended:
		o.t.Fatal("the forwarder has ended while Splunk was down")
	}
	o.p.notReady("splunk: ", "nothing listens there")
	if status, text, err := o.p.get("/healthz"); status != 200 || err != nil {
		o.t.Errorf("/healthz while Splunk is down: %d %s %v; a restart would not help", status, text, err)
	}
	if err := o.hec.Resume(); err != nil {
		o.t.Fatal(err)
	}
	o.p.ready()
	o.flows()
}

func (o *outage) wrongToken() {
	o.t.Helper()
	o.hec.RemoveToken(hectest.DefaultToken)
	o.p.notReady("splunk: ", "token")
	o.hec.SetToken(hectest.Token{Value: hectest.DefaultToken})
	o.p.ready()
	o.flows()
}

// bad produces records that are no JSON, and good events behind them.
func (o *outage) bad(n, size int) {
	o.t.Helper()
	for range n {
		rec := &kgo.Record{Topic: o.feeder.topic, Partition: 0, Value: []byte(strings.Repeat("x", size))}
		o.ledger.expect(0, rec.Value)
		if err := o.feeder.client.ProduceSync(o.t.Context(), rec).FirstErr(); err != nil {
			o.t.Fatal(err)
		}
	}
	o.feeder.must(100)
}

// kept counts the dead letters in a folder.
func (o *outage) kept(dir string) (n int) {
	o.t.Helper()
	err := deadletter.Scan(dir, func(deadletter.Entry, deadletter.Status) error { n++; return nil })
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		o.t.Errorf("read the dead letters: %v", err)
	}
	return n
}

// deadLettersFull: the partition waits until there is room, the other goes on.
func (o *outage) deadLettersFull() {
	o.t.Helper()
	_, _, before := o.ledger.figures()
	const records = 12 // of 100 KiB: more than the 1 MiB that the store may have
	o.bad(records, 100<<10)
	o.p.notReady("dead letters: ", "full", "dead_letter.max_bytes")
	archive := filepath.Join(o.t.TempDir(), "archive")
	if err := os.Mkdir(archive, 0o700); err != nil {
		o.t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(o.dir, "*.jsonl"))
	if err != nil || len(files) != 1 {
		o.t.Fatalf("files of dead letters: %v, %v", files, err)
	}
	if err := os.Rename(files[0], filepath.Join(archive, filepath.Base(files[0]))); err != nil {
		o.t.Fatal(err)
	}
	o.p.ready()
	o.ledger.until(o.t, "the good events", func(_, missing int) bool { return missing == before+records })
	if in, out := o.kept(archive), o.kept(o.dir); in == 0 || out == 0 || in+out != records {
		o.t.Errorf("%d dead letters in the archive and %d in the store, want some in each and %d together", in, out, records)
	}
}

// deadLettersNotWritable: something else stands where the folder was.
func (o *outage) deadLettersNotWritable() {
	o.t.Helper()
	_, _, before := o.ledger.figures()
	away := o.dir + "-away"
	if err := os.Rename(o.dir, away); err != nil {
		o.t.Fatal(err)
	}
	if err := os.WriteFile(o.dir, nil, 0o600); err != nil {
		o.t.Fatal(err)
	}
	o.bad(3, 100)
	o.p.notReady("dead letters: ", o.dir)
	if err := os.Remove(o.dir); err != nil {
		o.t.Fatal(err)
	}
	o.p.ready()
	o.ledger.until(o.t, "the good events", func(_, missing int) bool { return missing == before+3 })
	if n := o.kept(o.dir); n != 3 {
		o.t.Errorf("%d dead letters in the new folder, want 3", n)
	}
	o.ledger.forgive()
}

// forgive takes what is missing, and is a dead letter, out of the account.
func (l *ledger) forgive() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, times := range l.times {
		for i := range times {
			if times[i] == 0 {
				times[i] = 1
				l.missing--
			}
		}
	}
}

// brokerRestart: events before, while and after the broker is away.
func (o *outage) brokerRestart() {
	o.t.Helper()
	o.feeder.must(restartFed)
	o.broker.Stop()
	o.p.notReady("kafka: ")
	o.broker.Restart()
	o.feeder.must(restartFed)
	o.p.ready()
}

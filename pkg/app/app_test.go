package app_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest"

	"auditlog-forwarder/pkg/app"
	"auditlog-forwarder/pkg/audit/auditgen"
	"auditlog-forwarder/pkg/config"
	"auditlog-forwarder/pkg/creds"
	"auditlog-forwarder/pkg/deadletter"
	"auditlog-forwarder/pkg/hec/hectest"
)

const (
	testTopic = "audit"
	testGroup = "group"
)

// stage is a Kafka and a Splunk for whole daemons in this process.
type stage struct {
	t      *testing.T
	kafka  *kfake.Cluster
	client *kgo.Client
	adm    *kadm.Client
	hec    *hectest.Server
	ledger *ledger
	gen    *auditgen.Generator
	next   int
}

func newStage(t *testing.T, parts int32) *stage {
	t.Helper()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(parts, testTopic))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	client, err := kgo.NewClient(kgo.SeedBrokers(cluster.ListenAddrs()...), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	gen, err := auditgen.New(1)
	if err != nil {
		t.Fatal(err)
	}
	l := newLedger(parts)
	return &stage{
		t: t, kafka: cluster, client: client, adm: kadm.NewClient(client), ledger: l, gen: gen,
		hec: hectest.Start(t, hectest.WithSink(l.take)),
	}
}

// feed produces n events, one after the other, over all partitions.
func (s *stage) feed(n int) {
	s.t.Helper()
	f := &feeder{t: s.t, client: s.client, gen: s.gen, ledger: s.ledger, topic: testTopic, next: s.next}
	f.must(n)
	s.next = f.next
}

func (s *stage) config() config.Config {
	cfg := config.Defaults()
	cfg.Kafka.BootstrapServers, cfg.Kafka.SecurityProtocol = s.kafka.ListenAddrs(), "PLAINTEXT"
	cfg.Kafka.Topics, cfg.Kafka.GroupID = []string{testTopic}, testGroup
	cfg.HEC.URLs, cfg.HEC.Token = []string{s.hec.URL()}, creds.NewSecret(hectest.DefaultToken)
	cfg.DeadLetter.Dir = s.t.TempDir()
	cfg.Admin.Listen = "127.0.0.1:0"
	cfg.Heartbeat.Interval = 0 // what arrives is counted
	return cfg
}

// daemon is an App that runs.
type daemon struct {
	*app.App
	t      *testing.T
	cancel context.CancelFunc
	ended  chan struct{}
	err    error // of Run, once ended is closed
}

func (s *stage) run(cfg config.Config) *daemon {
	s.t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(s.t.Context()))
	a, err := app.New(ctx, app.Options{
		Config: cfg, Version: "test",
		Log: zaptest.NewLogger(s.t, zaptest.WrapOptions(zap.IncreaseLevel(zap.InfoLevel))),
	})
	if err != nil {
		cancel()
		s.t.Fatal(err)
	}
	d := &daemon{App: a, t: s.t, cancel: cancel, ended: make(chan struct{})}
	go func() {
		defer close(d.ended)
		d.err = a.Run(ctx)
	}()
	s.t.Cleanup(func() { cancel(); <-d.ended })
	return d
}

// end waits for Run to return nil; what follows it must already be on its way.
func (d *daemon) end() {
	d.t.Helper()
	<-d.ended
	if d.err != nil {
		d.t.Errorf("Run: %v", d.err)
	}
	if got := d.Totals(); got.Missing() != 0 || got.Unsettled != 0 || got.Partitions != 0 {
		d.t.Errorf("the accounts do not add up: %+v", got)
	}
}

func (d *daemon) stop() {
	d.t.Helper()
	d.cancel()
	d.end()
}

// checkCommitted wants everything to be committed, once all daemons ended.
func (s *stage) checkCommitted() {
	s.t.Helper()
	if behind := uncommitted(s.t, s.adm, testGroup, testTopic, s.ledger.ends()); behind != "" {
		s.t.Errorf("not everything is committed: %s", behind)
	}
}

// answerPosts answers every post of events so, and counts them. The posts
// without a body by which the forwarder asks for Splunk's health pass.
func answerPosts(server *hectest.Server, reply hectest.Reply) *atomic.Int64 {
	posts := new(atomic.Int64)
	server.SetFault(func(_ int, r *http.Request) *hectest.Reply {
		if n, err := io.Copy(io.Discard, r.Body); err == nil && n == 0 {
			return nil
		}
		posts.Add(1)
		return &reply
	})
	return posts
}

// TestStopDrains: a stop waits for the answers that are on their way, commits
// what they settle, and leaves the rest to the next start. Nothing comes twice.
func TestStopDrains(t *testing.T) {
	t.Parallel()
	const parts = 3
	s := newStage(t, parts)
	cfg := s.config()
	cfg.Batch.MaxEvents = 50
	answers := make(chan struct{})
	// Splunk takes what is posted, and does not say so yet.
	held := hectest.Normal().Until(answers)
	posts := answerPosts(s.hec, held)
	s.feed(parts * 3 * cfg.Batch.Window * cfg.Batch.MaxEvents) // more than all windows
	d := s.run(cfg)
	out := int64(parts * cfg.Batch.Window)
	eventually(t, "full windows", func() string {
		if n := posts.Load(); n != out {
			return fmt.Sprintf("%d posts are out, want %d", n, out)
		}
		return ""
	})
	d.cancel()
	if got := d.Totals(); got.Accepted != 0 {
		t.Errorf("%d events count as accepted before any answer", got.Accepted)
	}
	close(answers)
	d.end()
	arrived, _, missing := s.ledger.figures()
	if got := d.Totals(); got.Accepted != int64(arrived) || missing == 0 {
		t.Errorf("%d events accepted, %d arrived, %d missing; want all that arrived, and some missing", got.Accepted, arrived, missing)
	}
	again := s.run(cfg)
	s.ledger.all(t)
	again.stop()
	s.ledger.check(t, 0)
	s.checkCommitted()
}

// TestTwoDaemons: two in one process share the work and nothing else.
func TestTwoDaemons(t *testing.T) {
	t.Parallel()
	s := newStage(t, 4)
	a, b := s.run(s.config()), s.run(s.config())
	eventually(t, "both to own partitions", func() string {
		if x, y := a.Totals().Partitions, b.Totals().Partitions; x != 2 || y != 2 {
			return fmt.Sprintf("they own %d and %d", x, y)
		}
		return ""
	})
	s.feed(4000)
	s.ledger.all(t)
	a.stop()
	b.stop()
	for _, d := range []*daemon{a, b} {
		if got := d.Totals(); got.Accepted != 2000 || accepted(t, d) != 2000 {
			t.Errorf("accepted %d, by its metrics %v; want 2000", got.Accepted, accepted(t, d))
		}
	}
	s.ledger.check(t, 0)
	s.checkCommitted()
}

// accepted returns what a daemon's own metrics count.
func accepted(t *testing.T, d *daemon) (sum float64) {
	t.Helper()
	families, err := d.Gatherer().Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == "auditlog_forwarder_events_accepted_total" {
			for _, m := range f.GetMetric() {
				sum += m.GetCounter().GetValue()
			}
		}
	}
	return sum
}

// TestStopWhileSplunkIsDown: the drain bounds the stop, nothing is committed,
// and everything is delivered by the next start.
func TestStopWhileSplunkIsDown(t *testing.T) {
	t.Parallel()
	s := newStage(t, 2)
	cfg := s.config()
	cfg.Batch.Drain = 200 * time.Millisecond
	cfg.HEC.BackoffMin = 10 * time.Millisecond
	s.hec.Pause()
	s.feed(1000)
	d := s.run(cfg)
	eventually(t, "the reason", func() string {
		ready, open := d.Ready()
		if ready || len(open) != 1 || open[0].Name != "splunk" || !strings.Contains(open[0].Reason, "nothing listens") || d.Totals().Unsettled == 0 {
			return fmt.Sprintf("%v %+v %+v", ready, open, d.Totals())
		}
		return ""
	})
	d.stop()
	if got := d.Totals(); got.Returned == 0 || got.Accepted != 0 {
		t.Errorf("totals %+v, want records that were given back and none that was accepted", got)
	}
	if err := s.hec.Resume(); err != nil {
		t.Fatal(err)
	}
	again := s.run(cfg)
	s.ledger.all(t)
	if got, want := again.Totals().Read, int64(1000); got > want {
		t.Errorf("%d records read, want %d", got, want)
	}
	again.stop()
	s.ledger.check(t, 0)
	s.checkCommitted()
}

// TestDropMethods: an event whose method is listed is counted and committed,
// and not sent.
func TestDropMethods(t *testing.T) {
	t.Parallel()
	s := newStage(t, 1)
	cfg := s.config()
	cfg.Filter.DropMethods = []string{"mds.Authorize"}
	for _, method := range []string{"mds.Authorize", "mds.Authorize2", "kafka.Authentication", "mds.Authorize"} {
		value := fmt.Appendf(nil, `{"data":{"methodName":%q}}`, method)
		s.ledger.expect(0, value)
		if err := s.client.ProduceSync(t.Context(), &kgo.Record{Topic: testTopic, Value: value}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	d := s.run(cfg)
	eventually(t, "all to be settled", func() string {
		if got := d.Totals(); got.Accepted+got.Filtered < 4 {
			return fmt.Sprintf("%+v", got)
		}
		return ""
	})
	d.stop()
	if got := d.Totals(); got.Accepted != 2 || got.Filtered != 2 {
		t.Errorf("totals %+v, want 2 accepted and 2 filtered", got)
	}
	s.checkCommitted()
}

// TestNewRefuses: what is taken is said before any work begins, and a refusal
// holds on to nothing.
func TestNewRefuses(t *testing.T) {
	t.Parallel()
	s := newStage(t, 1)
	first := s.config()
	d := s.run(first)
	refuse := func(cfg config.Config, want string) {
		t.Helper()
		if _, err := app.New(t.Context(), app.Options{Config: cfg, Version: "test", Log: zap.NewNop()}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("New returns %v, want an error with %q", err, want)
		}
	}
	same := s.config()
	same.DeadLetter.Dir = first.DeadLetter.Dir
	refuse(same, "dead_letter.dir of its own")
	taken := s.config()
	taken.Admin.Listen = d.AdminAddr()
	refuse(taken, "give each its own")
	noCA := s.config()
	noCA.HEC.URLs, noCA.HEC.TLS.CAFile = []string{"https://localhost"}, filepath.Join(t.TempDir(), "missing.pem")
	refuse(noCA, "missing.pem")

	store, err := deadletter.Open(taken.DeadLetter, zap.NewNop())
	if err != nil {
		t.Fatalf("the folder is still held after New has refused: %v", err)
	}
	if err := store.Close(); err != nil {
		t.Error(err)
	}
	d.stop()
}

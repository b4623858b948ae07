package app_test

import (
	"context"
	"fmt"
	"maps"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tidwall/gjson"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest"

	"auditlog-forwarder/pkg/app"
	"auditlog-forwarder/pkg/hec/hectest"
)

// tally counts what came, as a search in Splunk does: of the summaries of one
// id, the highest count.
type tally struct {
	mu     sync.Mutex
	byID   map[string]int64
	who    map[string]string
	events map[string]int64 // sent as they are
}

func (y *tally) take(ev hectest.Event) {
	y.mu.Lock()
	defer y.mu.Unlock()
	e := gjson.ParseBytes(ev.Event)
	id := e.Get("id").String()
	if n := e.Get("summary.count"); n.Exists() {
		y.byID[id], y.who[id] = max(y.byID[id], n.Int()), e.Get("data.who").String()
		return
	}
	y.events[id]++
}

func (y *tally) counts() map[string]int64 {
	y.mu.Lock()
	defer y.mu.Unlock()
	sums := map[string]int64{}
	for id, n := range y.byID {
		sums[y.who[id]] += n
	}
	return sums
}

// TestMoveWithOpenSummaries: a group that moves to the copy in the middle of a
// window of summaries counts each record once, whether or not a part of the
// window is in a summary already, and whatever the copy's offsets are.
func TestMoveWithOpenSummaries(t *testing.T) {
	t.Parallel()
	for _, shift := range []int{0, 7} {
		t.Run(fmt.Sprintf("shift=%d", shift), func(t *testing.T) {
			t.Parallel()
			testMoveWithOpenSummaries(t, shift)
		})
	}
}

func testMoveWithOpenSummaries(t *testing.T, shift int) {
	const parts = 2
	s := newStage(t, parts)
	seen := &tally{byID: map[string]int64{}, who: map[string]string{}, events: map[string]int64{}}
	s.hec = hectest.Start(t, hectest.WithSink(seen.take))
	theirs, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.ClusterID("mine"), kfake.SeedTopics(parts, testTopic))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(theirs.Close)
	stranger, err := kgo.NewClient(kgo.SeedBrokers(theirs.ListenAddrs()...), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stranger.Close)

	old := withRules(t, s.config())
	old.Mirror.BootstrapServers, old.Mirror.SecurityProtocol = theirs.ListenAddrs(), "PLAINTEXT"
	now := old
	now.Kafka.BootstrapServers = theirs.ListenAddrs()

	minute := time.Now().Add(-time.Hour).Truncate(time.Minute)
	truth, sent, produced := map[string]int64{}, map[string]int64{}, int64(0)
	produce := func(cl *kgo.Client, partition int32, at time.Time, id, method, who string) {
		t.Helper()
		value := fmt.Appendf(nil, `{"id":%q,"data":{"methodName":%q,"who":%q}}`, id, method, who)
		rec := &kgo.Record{Topic: testTopic, Partition: partition, Value: value, Timestamp: at}
		if err := cl.ProduceSync(t.Context(), rec).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	feed := func(partition int32, n int) {
		t.Helper()
		for range n {
			produced++
			at, id := minute.Add(time.Duration(produced)*10*time.Millisecond), fmt.Sprint(produced)
			switch produced % 4 {
			case 0:
				produce(s.client, partition, at, id, "other", "a")
				sent[id] = 1
			case 1:
				produce(s.client, partition, at, id, "many", "b")
				truth["b"]++
			default:
				produce(s.client, partition, at, id, "many", "a")
				truth["a"]++
			}
		}
	}
	for p := range int32(parts) {
		for range shift {
			produce(stranger, p, minute.Add(-time.Hour), "foreign", "many", "nobody")
		}
	}

	// One partition's window has been sent in part, the other's has not.
	feed(0, 41)
	d, _ := s.bounded(old, time.Time{})
	d.end()
	if got := seen.counts(); !maps.Equal(got, truth) {
		t.Fatalf("before the move %v are summarised, want %v", got, truth)
	}
	feed(0, 22)
	feed(1, 31)
	ofOld := maps.Clone(truth)
	d = s.run(old)
	eventually(t, "all to be settled", func() string {
		if got := d.Totals(); got.Filtered+got.Accepted < 22+31 || got.Uncommitted > 0 {
			return fmt.Sprintf("%+v", got)
		}
		return ""
	})
	d.stop()
	if maps.Equal(seen.counts(), ofOld) {
		t.Fatal("no window is open at the move, so nothing is tested")
	}
	feed(0, 5)

	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	log := zaptest.NewLogger(t, zaptest.WrapOptions(zap.IncreaseLevel(zap.InfoLevel)))
	m, err := app.NewMirror(ctx, app.Options{Config: old, Version: "test", Log: log.Named("mirror")})
	if err != nil {
		cancel()
		t.Fatal(err)
	}
	running(t, cancel, func() error { return m.Run(ctx) })
	for range 2 {
		if err := move(t, old, now, log); err != nil {
			t.Fatal(err)
		}
	}
	feed(0, 9)
	feed(1, 9)
	for p := range int32(parts) {
		produce(s.client, p, minute.Add(2*time.Minute), fmt.Sprintf("last-%d", p), "other", "a")
		sent[fmt.Sprintf("last-%d", p)] = 1
	}
	d = s.run(now)
	eventually(t, "the last events", func() string {
		seen.mu.Lock()
		defer seen.mu.Unlock()
		return cmp.Diff(sent, seen.events)
	})
	d.stop()
	if diff := cmp.Diff(truth, seen.counts()); diff != "" {
		t.Errorf("the summaries count otherwise (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(sent, seen.events); diff != "" {
		t.Errorf("events that no rule summarises (-want +got):\n%s", diff)
	}
}

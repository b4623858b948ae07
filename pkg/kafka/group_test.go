package kafka_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"auditlog-forwarder/pkg/kafka"
	"auditlog-forwarder/pkg/kafka/kafkatest"
)

func settings(b *kafkatest.Broker, group string, topics ...string) kafka.Config {
	cfg := kafka.DefaultConfig()
	cfg.BootstrapServers, cfg.SecurityProtocol = b.Bootstrap(), kafka.Plaintext
	cfg.GroupID, cfg.Topics = group, topics
	cfg.FetchMaxWait, cfg.MetadataRefresh = 100*time.Millisecond, time.Second
	cfg.SessionTimeout = session
	return cfg
}

// produce writes n records to a partition, one hour apart from `from` on.
func produce(t *testing.T, b *kafkatest.Broker, topic string, partition int32, n int, from time.Time) {
	t.Helper()
	client := b.Client(t, kgo.RecordPartitioner(kgo.ManualPartitioner()))
	for i := range n {
		rec := &kgo.Record{Topic: topic, Partition: partition, Value: []byte("x"), Timestamp: from.Add(time.Duration(i) * time.Hour)}
		if err := client.ProduceSync(t.Context(), rec).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
}

func committed(t *testing.T, b *kafkatest.Broker, group, topic string, partition int32) int64 {
	t.Helper()
	offsets, err := b.Admin(t).FetchOffsets(t.Context(), group)
	if err != nil {
		t.Fatal(err)
	}
	o, ok := offsets.Lookup(topic, partition)
	if !ok {
		return -1
	}
	return o.At
}

func commit(t *testing.T, b *kafkatest.Broker, group, topic string, partition int32, at int64) {
	t.Helper()
	var offsets kadm.Offsets
	offsets.Add(kadm.Offset{Topic: topic, Partition: partition, At: at, LeaderEpoch: -1})
	if err := b.Admin(t).CommitAllOffsets(t.Context(), group, offsets); err != nil {
		t.Fatal(err)
	}
}

// TestStart: where a group begins that has never read, and that the choice is
// made once: a second start must not jump over what came in between.
func TestStart(t *testing.T) {
	t.Parallel()
	b := kafkatest.Shared(t)
	day := time.Now().Add(-20 * time.Hour).Truncate(time.Second)
	for _, tc := range []struct {
		name, start string
		first       int64
	}{
		{"earliest", "earliest", 0},
		{"latest", "latest", 10},
		{"a point in time", day.Add(4 * time.Hour).UTC().Format(time.RFC3339), 4},
		{"between two records", day.Add(4*time.Hour + time.Minute).UTC().Format(time.RFC3339), 5},
		{"after the end", time.Now().Add(time.Hour).UTC().Format(time.RFC3339), 10},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			topic, group := kafkatest.Name(t, "start"), kafkatest.Name(t, "g")
			b.CreateTopic(t, topic, 1)
			produce(t, b, topic, 0, 10, day)
			cfg := settings(b, group, topic)
			cfg.Start = tc.start

			r := join(t, cfg, nil)
			r.until("a claim", func() bool { return len(r.starts[place(topic, 0)]) > 0 })
			if got := r.starts[place(topic, 0)][0]; got != tc.first {
				t.Errorf("starts at %d, want %d", got, tc.first)
			}
			r.until("the rest", func() bool { return int64(len(r.read[place(topic, 0)])) == 10-tc.first })
			r.stop()
			if got := committed(t, b, group, topic, 0); got != 10 {
				t.Errorf("committed %d, want 10", got)
			}
			produce(t, b, topic, 0, 2, time.Now())
			again := join(t, cfg, nil)
			again.until("what came in between", func() bool { return len(again.read[place(topic, 0)]) == 2 })
			if lost := r.metric("auditlog_forwarder_lost_events_total"); lost != 0 {
				t.Errorf("%v events counted as lost", lost)
			}
		})
	}
}

func TestLostGround(t *testing.T) {
	t.Parallel()
	b := kafkatest.Shared(t)

	t.Run("before the claim", func(t *testing.T) {
		t.Parallel()
		topic, group := kafkatest.Name(t, "lost"), kafkatest.Name(t, "g")
		b.CreateTopic(t, topic, 2)
		for p := range int32(2) {
			produce(t, b, topic, p, 30, time.Now())
			commit(t, b, group, topic, p, 5)
		}
		b.DeleteRecords(t, topic, 0, 20)
		r := join(t, settings(b, group, topic), nil)
		r.until("the rest", func() bool { return len(r.read[place(topic, 0)]) == 10 && len(r.read[place(topic, 1)]) == 25 })
		if got := r.read[place(topic, 0)][0]; got != 20 {
			t.Errorf("goes on at %d, want 20", got)
		}
		if lost := r.metric("auditlog_forwarder_lost_events_total"); lost != 15 {
			t.Errorf("%v events counted as lost, want 15", lost)
		}
		lines := r.logs.FilterMessageSnippet("LOST GROUND").FilterLevelExact(zapcore.ErrorLevel).All()
		if len(lines) != 1 {
			t.Fatalf("%d lines about lost ground, want 1", len(lines))
		}
		if m := lines[0].ContextMap(); m["first_lost_offset"] != int64(5) || m["last_lost_offset"] != int64(19) || m["lost"] != int64(15) {
			t.Errorf("the line says %v", m)
		}
		r.stop()
		if got := committed(t, b, group, topic, 0); got != 30 {
			t.Errorf("committed %d, want 30", got)
		}
	})

	// The reader is held at its first record until everything it has not
	// fetched is gone.
	t.Run("while running", func(t *testing.T) {
		t.Parallel()
		topic, group := kafkatest.Name(t, "lost"), kafkatest.Name(t, "g")
		b.CreateTopic(t, topic, 1)
		produce(t, b, topic, 0, 3, time.Now())
		release := make(chan struct{})
		r := join(t, settings(b, group, topic), func(string, int32, int64) { <-release })
		r.until("a claim", func() bool { return len(r.starts) > 0 })
		// Far more than Sarama buffers, then most of it expires. Compressed, all of
		// it would come with one fetch.
		client := b.Client(t, kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerBatchCompression(kgo.NoCompression()))
		var records []*kgo.Record
		for range 4000 {
			records = append(records, &kgo.Record{Topic: topic, Value: make([]byte, 2000)})
		}
		if err := client.ProduceSync(t.Context(), records...).FirstErr(); err != nil {
			t.Fatal(err)
		}
		b.DeleteRecords(t, topic, 0, 3900)
		close(release)
		at := place(topic, 0)
		r.until("the end", func() bool { n := len(r.read[at]); return n > 0 && r.read[at][n-1] == 4002 })
		r.stop()
		seen := map[int64]bool{}
		for _, o := range r.read[at] {
			seen[o] = true
		}
		// Every offset is either read or counted as lost, and none is both.
		if lost := r.metric("auditlog_forwarder_lost_events_total"); lost == 0 || int(lost)+len(seen) != 4003 {
			t.Errorf("%v lost and %d read do not make 4003", lost, len(seen))
		}
	})
}

// TestTopicMadeAgain: the committed offset is beyond the end of a topic that
// was deleted and created; all of it must be read and committed.
func TestTopicMadeAgain(t *testing.T) {
	t.Parallel()
	b := kafkatest.Shared(t)
	topic, group := kafkatest.Name(t, "again"), kafkatest.Name(t, "g")
	b.CreateTopic(t, topic, 1)
	commit(t, b, group, topic, 0, 1000)
	produce(t, b, topic, 0, 7, time.Now())
	r := join(t, settings(b, group, topic), nil)
	r.until("all", func() bool { return len(r.read[place(topic, 0)]) == 7 })
	r.stop()
	if got := committed(t, b, group, topic, 0); got != 7 {
		t.Errorf("committed %d, want 7", got)
	}
	if r.logs.FilterMessageSnippet("beyond the end").Len() != 1 {
		t.Error("nothing was said about it")
	}
}

// TestTopicMadeAgainWhileStopped: Kafka forgets a group's offsets with a topic, so
// that the next one of that name is read from its start, however far it has grown.
func TestTopicMadeAgainWhileStopped(t *testing.T) {
	t.Parallel()
	b := kafkatest.Shared(t)
	topic, group := kafkatest.Name(t, "again"), kafkatest.Name(t, "g")
	if _, err := b.Admin(t).CreateTopic(t.Context(), 1, 1, nil, topic); err != nil {
		t.Fatal(err)
	}
	produce(t, b, topic, 0, 3, time.Now())
	first := join(t, settings(b, group, topic), nil)
	first.until("all", func() bool { return len(first.read[place(topic, 0)]) == 3 })
	first.stop()
	if _, err := b.Admin(t).DeleteTopic(t.Context(), topic); err != nil {
		t.Fatal(err)
	}
	guard, tick := time.After(time.Minute), time.NewTicker(50*time.Millisecond)
	defer tick.Stop()
	for committed(t, b, group, topic, 0) != -1 { // the coordinator comes to it a little later
		select {
		case <-tick.C:
		case <-guard:
			t.Fatal("the group keeps its offset in a topic that is gone")
		}
	}
	b.CreateTopic(t, topic, 1)
	produce(t, b, topic, 0, 5, time.Now())
	second := join(t, settings(b, group, topic), nil)
	second.until("all", func() bool { return len(second.read[place(topic, 0)]) == 5 })
}

// TestMembersShare: a second member takes over half of the partitions, and
// gives them back when it leaves; every record is read.
func TestMembersShare(t *testing.T) {
	t.Parallel()
	b := kafkatest.Shared(t)
	topic, group := kafkatest.Name(t, "share"), kafkatest.Name(t, "g")
	b.CreateTopic(t, topic, 4)
	owns := func(r *reader) (n int) {
		for _, held := range r.owned {
			n += held
		}
		return n
	}
	one := join(t, settings(b, group, topic), nil)
	one.until("all partitions", func() bool { return owns(one) == 4 })
	two := join(t, settings(b, group, topic), nil)
	two.until("half of the partitions", func() bool { return owns(two) == 2 })
	one.until("half of the partitions", func() bool { return owns(one) == 2 })
	for p := range int32(4) {
		produce(t, b, topic, p, 5, time.Now())
	}
	two.until("its records", func() bool { return len(two.read) == 2 })
	two.stop()
	one.until("all partitions again", func() bool { return owns(one) == 4 })
	one.until("all records", func() bool {
		n := 0
		for p := range int32(4) {
			if len(one.read[place(topic, p)])+len(two.read[place(topic, p)]) >= 5 {
				n++
			}
		}
		return n == 4
	})
}

// TestStaticMember: a member with an instance id keeps its partitions over a
// restart, and a second one with the same id is told why it cannot work.
func TestStaticMember(t *testing.T) {
	t.Parallel()
	b := kafkatest.Shared(t)
	topic, group := kafkatest.Name(t, "static"), kafkatest.Name(t, "g")
	b.CreateTopic(t, topic, 1)
	cfg := settings(b, group, topic)
	cfg.GroupInstanceID = "forwarder-0"
	one := join(t, cfg, nil)
	one.until("a claim", func() bool { return len(one.starts) > 0 })
	members, err := b.Admin(t).DescribeGroups(t.Context(), group)
	if err != nil {
		t.Fatal(err)
	}
	if m := members[group].Members; len(m) != 1 || m[0].InstanceID == nil || *m[0].InstanceID != "forwarder-0" {
		t.Fatalf("members %+v", m)
	}
	two := join(t, cfg, nil)
	two.until("its claim", func() bool { return len(two.starts) > 0 })
	one.until("a reason", func() bool {
		return strings.Contains(strings.Join(one.states, "\n"), "group_instance_id")
	})
}

// TestFencedMemberStaysAway: two members with one group.instance.id must not
// throw each other out by turns, since each time repeats what was on its way.
func TestFencedMemberStaysAway(t *testing.T) {
	t.Parallel()
	b := kafkatest.Shared(t)
	topic := kafkatest.Name(t, "fenced")
	b.CreateTopic(t, topic, 1)
	cfg := settings(b, kafkatest.Name(t, "g"), topic)
	cfg.GroupInstanceID = "forwarder-0"
	first := join(t, cfg, nil)
	first.until("its claim", func() bool { return len(first.starts) == 1 })
	second := join(t, cfg, nil)
	second.until("the same claim", func() bool { return len(second.starts) == 1 })
	first.until("the reason", func() bool {
		return strings.Contains(first.states[len(first.states)-1], "give each member its own kafka.group_instance_id")
	})
	// Coming back too soon takes one second or two, and a heartbeat to show.
	time.AfterFunc(6*time.Second, func() { second.change(func() { second.owned["time is up"]++ }) })
	second.until("the time", func() bool { return second.owned["time is up"] == 1 })
	for name, r := range map[string]*reader{"first": first, "second": second} {
		r.change(func() {
			if n := len(r.starts[place(topic, 0)]); n != 1 {
				t.Errorf("the %s member has claimed %d times, want once", name, n)
			}
		})
	}
}

// TestLagIsKnownWithoutFetching: a reader that is held up fetches nothing more,
// and still learns how far the partition has grown.
func TestLagIsKnownWithoutFetching(t *testing.T) {
	t.Parallel()
	b := kafkatest.Shared(t)
	topic := kafkatest.Name(t, "end")
	b.CreateTopic(t, topic, 1)
	g, err := kafka.NewGroup(settings(b, kafkatest.Name(t, "g"), topic), kafka.Options{
		Drain: drain, Log: zap.NewNop(), Registerer: prometheus.NewRegistry(),
	})
	if err != nil {
		t.Fatal(err)
	}
	claims := make(chan *kafka.Claim, 1)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() {
		done <- g.Run(ctx, func(ctx context.Context, c *kafka.Claim) error {
			claims <- c
			<-ctx.Done() // reads nothing
			return nil
		})
	}()
	c := <-claims
	client := b.Client(t, kgo.RecordPartitioner(kgo.ManualPartitioner()))
	add := func(n int) {
		t.Helper()
		var records []*kgo.Record
		for range n {
			records = append(records, &kgo.Record{Topic: topic, Value: make([]byte, 2000)})
		}
		if err := client.ProduceSync(t.Context(), records...).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	tick, limit := time.NewTicker(50*time.Millisecond), time.After(guard)
	defer tick.Stop()
	until := func(what string, cond func() bool) {
		t.Helper()
		for !cond() {
			select {
			case <-tick.C:
			case <-limit:
				t.Fatalf("waited in vain for %s; the end is known as %d", what, c.HighWater())
			}
		}
	}
	add(3000) // far more than Sarama buffers
	until("the first fetch", func() bool { return c.HighWater() > 0 })
	add(500) // no fetch will see these
	until("the end", func() bool { return c.HighWater() == 3500 })
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestTopicPattern(t *testing.T) {
	t.Parallel()
	b := kafkatest.Shared(t)
	prefix, group := kafkatest.Name(t, "pattern"), kafkatest.Name(t, "g")
	b.CreateTopic(t, prefix+"-a", 1)
	b.CreateTopic(t, "not-"+prefix+"-a", 1)
	cfg := settings(b, group)
	cfg.Topics, cfg.TopicPattern = nil, prefix+"-[ab]"
	r := join(t, cfg, nil)
	r.until("the first topic", func() bool { return len(r.starts[place(prefix+"-a", 0)]) > 0 })
	b.CreateTopic(t, prefix+"-b", 1)
	produce(t, b, prefix+"-b", 0, 1, time.Now())
	r.until("the second topic", func() bool { return len(r.read[place(prefix+"-b", 0)]) == 1 })
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.starts) != 2 {
		t.Errorf("claims of %v", r.starts)
	}
}

// TestNoTopic: a topic that is missing is waited for, and not created.
func TestNoTopic(t *testing.T) {
	t.Parallel()
	b := kafkatest.Shared(t)
	topic := kafkatest.Name(t, "late")
	r := join(t, settings(b, kafkatest.Name(t, "g"), topic), nil)
	r.until("a reason", func() bool { return strings.Contains(strings.Join(r.states, "\n"), "there is no topic "+topic) })
	if topics, err := b.Admin(t).ListTopics(t.Context()); err != nil || topics.Has(topic) {
		t.Fatal("the topic was created by reading it", err)
	}
	b.CreateTopic(t, topic, 1)
	r.until("the topic", func() bool { return len(r.starts) == 1 && r.states[len(r.states)-1] == "" })
	if n := testutil.CollectAndCount(r.reg, "auditlog_forwarder_lost_events_total"); n != 1 {
		t.Errorf("%d series of lost events, want 1 from the start", n)
	}
}

package kafka_test

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"auditlog-forwarder/pkg/kafka"
)

const commitTopic = "committed"

// commitCluster is a broker with n records in each of two partitions.
func commitCluster(t *testing.T, n int, opts ...kfake.Opt) (*kfake.Cluster, kafka.Config, *kgo.Client) {
	t.Helper()
	c, err := kfake.NewCluster(append(opts, kfake.SeedTopics(2, commitTopic))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	client, err := kgo.NewClient(kgo.SeedBrokers(c.ListenAddrs()...), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	cfg := kafka.DefaultConfig()
	cfg.BootstrapServers, cfg.SecurityProtocol = c.ListenAddrs(), kafka.Plaintext
	cfg.GroupID, cfg.Topics = "g", []string{commitTopic}
	cfg.FetchMaxWait, cfg.SessionTimeout = 100*time.Millisecond, session
	addTo(t, client, n)
	return c, cfg, client
}

func addTo(t *testing.T, client *kgo.Client, n int) {
	t.Helper()
	for p := range int32(2) {
		for range n {
			if err := client.ProduceSync(t.Context(), &kgo.Record{Topic: commitTopic, Partition: p, Value: []byte("x")}).FirstErr(); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// wantCommitted asks the broker.
func wantCommitted(t *testing.T, client *kgo.Client, partition int32, want int64) {
	t.Helper()
	offsets, err := kadm.NewClient(client).FetchOffsets(t.Context(), "g")
	if err != nil {
		t.Fatal(err)
	}
	if o, ok := offsets.Lookup(commitTopic, partition); !ok || o.At != want {
		t.Errorf("partition %d is committed up to %d, want %d", partition, o.At, want)
	}
}

// answerCommit answers a commit with the code for the partitions named, and 0
// for the others.
func answerCommit(req kmsg.Request, code int16, partitions ...int32) kmsg.Response {
	resp := req.ResponseKind().(*kmsg.OffsetCommitResponse)
	for _, topic := range req.(*kmsg.OffsetCommitRequest).Topics {
		rt := kmsg.NewOffsetCommitResponseTopic()
		rt.Topic = topic.Topic
		for _, p := range topic.Partitions {
			rp := kmsg.NewOffsetCommitResponseTopicPartition()
			rp.Partition = p.Partition
			for _, refused := range partitions {
				if refused == p.Partition {
					rp.ErrorCode = code
				}
			}
			rt.Partitions = append(rt.Partitions, rp)
		}
		resp.Topics = append(resp.Topics, rt)
	}
	return resp
}

// TestCommitSurvives: whatever the coordinator answers for a while, in the end
// everything is committed, each mark is called back once, and it is counted.
func TestCommitSurvives(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		code   int16
		broken bool // the connection breaks in place of an answer
		result string
		joins  float64
		says   string // in the log
	}{
		{name: "the coordinator moved", code: kerr.NotCoordinator.Code, result: "failed", joins: 1},
		{name: "the coordinator loads", code: kerr.CoordinatorLoadInProgress.Code, result: "failed", joins: 1},
		{name: "the coordinator is not available", code: kerr.CoordinatorNotAvailable.Code, result: "failed", joins: 1},
		{name: "a rebalance", code: kerr.RebalanceInProgress.Code, result: "failed", joins: 1},
		{name: "an unknown error", code: kerr.UnknownServerError.Code, result: "failed", joins: 1, says: "offsets cannot be committed"},
		{name: "the connection breaks", broken: true, result: "failed", joins: 1},
		{name: "no right to the group", code: kerr.GroupAuthorizationFailed.Code, result: "refused", joins: 1, says: "offsets cannot be committed"},
		{name: "another generation", code: kerr.IllegalGeneration.Code, result: "session_over", joins: 2, says: "joins again"},
		{name: "an unknown member", code: kerr.UnknownMemberID.Code, result: "session_over", joins: 2, says: "joins again"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			c, cfg, client := commitCluster(t, 5)
			times := int64(4) // more than what is passed over in silence
			if tc.result != "failed" {
				times = 1
			}
			var asked atomic.Int64
			var first atomic.Int32 // the generation that is over; an answer may get lost, and be asked for again
			c.ControlKey(int16(kmsg.OffsetCommit), func(req kmsg.Request) (kmsg.Response, error, bool) {
				c.KeepControl()
				generation := req.(*kmsg.OffsetCommitRequest).Generation
				first.CompareAndSwap(0, generation)
				over := tc.result == "session_over" && generation == first.Load()
				if asked.Add(1) > times && !over {
					return nil, nil, false
				}
				if tc.broken {
					return nil, errors.New("cut"), true
				}
				return answerCommit(req, tc.code, 0, 1), nil, true
			})
			r := join(t, cfg, nil)
			// Marks of a session that is over are called back as well. It may be
			// over before a claim begins: where partitions start is committed first.
			r.until("all records in the last session", func() bool {
				return r.joined == int(tc.joins) && r.covered == r.marks &&
					r.recent[place(commitTopic, 0)] == 5 && r.recent[place(commitTopic, 1)] == 5
			})
			r.stop()
			for p := range int32(2) {
				wantCommitted(t, client, p, 5)
			}
			if r.covered != r.marks {
				t.Errorf("%d marks, %d called back", r.marks, r.covered)
			}
			if n := r.metric("auditlog_forwarder_commits_total", tc.result); n == 0 || n > float64(2*times) {
				t.Errorf("%v commits counted as %s", n, tc.result)
			}
			if n := r.metric("auditlog_forwarder_group_joins_total"); n != tc.joins {
				t.Errorf("%v joins, want %v", n, tc.joins)
			}
			if told := r.logs.FilterMessageSnippet(tc.says).Len(); tc.says != "" && told != 1 {
				t.Errorf("%d lines with %q, want 1", told, tc.says)
			}
		})
	}
}

// TestCommitRefusedForOnePartition: the others go on, nobody waits for it, it
// is tried again, and told once.
func TestCommitRefusedForOnePartition(t *testing.T) {
	t.Parallel()
	c, cfg, client := commitCluster(t, 5)
	var refuse atomic.Bool
	refuse.Store(true)
	c.ControlKey(int16(kmsg.OffsetCommit), func(req kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		if !refuse.Load() {
			return nil, nil, false
		}
		// The broker keeps nothing of this request, so the other one's partition
		// must be marked again to be there in the end.
		return answerCommit(req, kerr.TopicAuthorizationFailed.Code, 1), nil, true
	})
	r := join(t, cfg, nil)
	r.until("all records, and nobody who waits", func() bool { return r.marks == 10 && r.covered == 10 })
	if n := r.metric("auditlog_forwarder_commits_total", "refused"); n == 0 {
		t.Error("no commit counted as refused")
	}
	refuse.Store(false)
	addTo(t, client, 1)
	r.until("the rest", func() bool { return r.marks == 12 && r.covered == 12 })
	r.until("that it is told to be over", func() bool {
		return r.logs.FilterMessageSnippet("offsets are committed again").Len() == 1
	})
	wantCommitted(t, client, 0, 6)
	wantCommitted(t, client, 1, 6)
	if told := r.logs.FilterMessageSnippet("offsets cannot be committed").Len(); told != 1 {
		t.Errorf("told %d times, want once", told)
	}
}

// TestCommitRefusedHoldsNobody: what is marked of a partition whose commits are
// refused waits for no answer about it, else it would take up the whole room of
// batch.max_uncommitted, which all partitions share.
func TestCommitRefusedHoldsNobody(t *testing.T) {
	t.Parallel()
	c, cfg, client := commitCluster(t, 1)
	answer := make(chan struct{})
	var hold atomic.Bool // the answers about partition 1
	c.ControlKey(int16(kmsg.OffsetCommit), func(req kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		for _, p := range req.(*kmsg.OffsetCommitRequest).Topics[0].Partitions {
			if p.Partition != 1 {
				continue
			}
			if hold.Load() {
				c.SleepControl(func() { <-answer })
			}
			return answerCommit(req, kerr.UnknownTopicOrPartition.Code, 1), nil, true
		}
		return nil, nil, false
	})
	r := join(t, cfg, nil)
	r.until("the refusal", func() bool { return r.covered == 2 })
	hold.Store(true)
	for range 3 {
		if err := client.ProduceSync(t.Context(), &kgo.Record{Topic: commitTopic, Partition: 1, Value: []byte("x")}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	r.until("the marks after it", func() bool { return r.covered == 5 })
	close(answer)
}

// TestCommitDoesNotWaitForFetching: brokers hold a fetch back while nothing is
// new, and answer a connection's requests in turn.
func TestCommitDoesNotWaitForFetching(t *testing.T) {
	t.Parallel()
	c, cfg, client := commitCluster(t, 5, kfake.NumBrokers(1))
	answer := make(chan struct{})
	held := make(chan struct{})
	hold := sync.OnceFunc(func() { close(held) })
	c.ControlKey(int16(kmsg.Fetch), func(req kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		over := 0 // partitions of which all is read
		for _, topic := range req.(*kmsg.FetchRequest).Topics {
			for _, p := range topic.Partitions {
				if p.FetchOffset == 5 {
					over++
				}
			}
		}
		if over == 2 {
			hold()
			c.SleepControl(func() { <-answer })
		}
		return nil, nil, false
	})
	// The last records are marked while a fetch is held back.
	r := join(t, cfg, func(_ string, _ int32, offset int64) {
		if offset == 4 {
			<-held
		}
	})
	r.until("the commits", func() bool { return r.marks == 10 && r.covered == 10 })
	wantCommitted(t, client, 0, 5)
	wantCommitted(t, client, 1, 5)
	close(answer)
	r.stop()
}

// offsets returns the sum of the offsets that a request commits.
func offsets(req kmsg.Request) (sum int64) {
	for _, topic := range req.(*kmsg.OffsetCommitRequest).Topics {
		for _, p := range topic.Partitions {
			sum += p.Offset
		}
	}
	return sum
}

// TestCommitsGather: while a commit is on its way, all marks wait for the next,
// and none is called back before a commit that covers it is answered.
func TestCommitsGather(t *testing.T) {
	t.Parallel()
	c, cfg, client := commitCluster(t, 20)
	answers := []chan struct{}{make(chan struct{}), make(chan struct{})}
	asked := make(chan int64, 10)
	var n atomic.Int64
	c.ControlKey(int16(kmsg.OffsetCommit), func(req kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		asked <- offsets(req)
		if i := n.Add(1) - 1; i < 2 {
			c.SleepControl(func() { <-answers[i] })
		}
		return nil, nil, false
	})
	r := join(t, cfg, nil)
	first := <-asked // the start, and what was read already
	r.until("all records", func() bool { return r.marks == 40 })
	if r.covered != 0 {
		t.Errorf("%d marks called back before the first answer", r.covered)
	}
	close(answers[0])
	if sum := <-asked; sum+first < 40 {
		t.Errorf("the second commit is up to %d, want all", sum)
	}
	r.change(func() {
		if int64(r.covered) > first {
			t.Errorf("%d marks called back, and %d are committed", r.covered, first)
		}
	})
	close(answers[1])
	r.until("the commits", func() bool { return r.covered == 40 })
	wantCommitted(t, client, 0, 20)
	wantCommitted(t, client, 1, 20)
	r.stop()
	if got := n.Load(); got != 2 {
		t.Errorf("%d commits, want 2: nothing was new", got)
	}
}

// TestLastCommitIsWaitedFor: a member that stops has returned its partitions,
// and leaves only when the last marks are committed.
func TestLastCommitIsWaitedFor(t *testing.T) {
	t.Parallel()
	c, cfg, client := commitCluster(t, 5)
	answer := make(chan struct{})
	var n atomic.Int64
	c.ControlKey(int16(kmsg.OffsetCommit), func(kmsg.Request) (kmsg.Response, error, bool) {
		if c.KeepControl(); n.Add(1) == 1 {
			c.SleepControl(func() { <-answer })
		}
		return nil, nil, false
	})
	left := make(chan struct{})
	c.ControlKey(int16(kmsg.LeaveGroup), func(kmsg.Request) (kmsg.Response, error, bool) {
		close(left)
		return nil, nil, false
	})
	r := join(t, cfg, nil)
	r.until("all records", func() bool { return r.marks == 10 })
	go r.stop()
	r.until("the handlers to return", func() bool { return r.owned[place(commitTopic, 0)]+r.owned[place(commitTopic, 1)] == 0 })
	// Nothing tells that somebody waits; this gives a member that does not wait
	// the time to be seen.
	select {
	case <-left:
		t.Error("the member has left before its last commit")
	case <-time.After(300 * time.Millisecond):
	}
	close(answer)
	r.stop()
	wantCommitted(t, client, 0, 5)
	wantCommitted(t, client, 1, 5)
	if r.covered != 10 {
		t.Errorf("%d marks called back, want 10", r.covered)
	}
}

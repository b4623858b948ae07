package kafka_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.uber.org/zap"

	"auditlog-forwarder/pkg/audit"
	"auditlog-forwarder/pkg/kafka"
	"auditlog-forwarder/pkg/kafka/kafkatest"
)

// claimed is what a handler was told of its claim, and what it read.
type claimed struct {
	Start, Committed int64
	Note             string
	Read             []int64
}

// once joins, reads partition 0 up to the offset last, and marks if asked. It
// returns when the last mark is committed and the member has left.
func once(t *testing.T, cfg kafka.Config, rewind func(int64, string) int64, last int64, next int64, note string) claimed {
	t.Helper()
	opts := kafka.Options{Drain: drain, Log: zap.NewNop(), Registerer: prometheus.NewRegistry()}
	if rewind != nil {
		opts.Rewind = func(_ string, _ int32, committed int64, note string) int64 { return rewind(committed, note) }
	}
	g, err := kafka.NewGroup(cfg, opts)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithTimeout(t.Context(), guard)
	defer stop()
	var got claimed
	err = g.Run(ctx, func(ctx context.Context, c *kafka.Claim) error {
		if c.Partition != 0 {
			<-ctx.Done()
			return nil
		}
		got = claimed{Start: c.Start, Committed: c.Committed, Note: c.Note}
		var rec audit.Record
		for at := c.Start - 1; at < last; at = rec.Offset {
			select {
			case m, ok := <-c.Messages():
				if !ok {
					return nil
				}
				c.Read(m, &rec)
				got.Read = append(got.Read, rec.Offset)
			case <-ctx.Done():
				t.Errorf("waited in vain for offset %d; read %v", last, got.Read)
				return nil
			}
		}
		if next >= 0 {
			c.Mark(next, note, nil)
		}
		stop()
		<-ctx.Done()
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	return got
}

// to rewinds to an offset where there is a note.
func to(offset int64) func(int64, string) int64 {
	return func(committed int64, note string) int64 {
		if note == "" {
			return committed
		}
		return offset
	}
}

// TestNoteOutlivesItsMember: on a real broker the note comes back to the next
// owner with the offset, and the same offset may be marked with another.
func TestNoteOutlivesItsMember(t *testing.T) {
	t.Parallel()
	b := kafkatest.Shared(t)
	topic, group := kafkatest.Name(t, "note"), kafkatest.Name(t, "g")
	b.CreateTopic(t, topic, 1)
	produce(t, b, topic, 0, 10, time.Now())
	cfg := settings(b, group, topic)
	kept := func(at int64, note string) {
		t.Helper()
		offsets, err := b.Admin(t).FetchOffsets(t.Context(), group)
		if err != nil {
			t.Fatal(err)
		}
		if o, _ := offsets.Lookup(topic, 0); o.At != at || o.Metadata != note {
			t.Errorf("the group has %d with the note %q, want %d with %q", o.At, o.Metadata, at, note)
		}
	}
	want := func(got, want claimed) {
		t.Helper()
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	want(once(t, cfg, to(2), 5, 6, "from 2"), claimed{Read: []int64{0, 1, 2, 3, 4, 5}})
	kept(6, "from 2")
	// Nobody marks, and what is committed stays.
	want(once(t, cfg, to(2), 3, -1, ""), claimed{Start: 2, Committed: 6, Note: "from 2", Read: []int64{2, 3}})
	kept(6, "from 2")
	want(once(t, cfg, nil, 6, -1, ""), claimed{Start: 6, Committed: 6, Note: "from 2", Read: []int64{6}})
	want(once(t, cfg, to(2), 6, 6, "other"), claimed{Start: 2, Committed: 6, Note: "from 2", Read: []int64{2, 3, 4, 5, 6}})
	kept(6, "other")
	want(once(t, cfg, to(9), 9, 10, ""), claimed{Start: 6, Committed: 6, Note: "other", Read: []int64{6, 7, 8, 9}})
	kept(10, "")
}

// TestRewindWhereRecordsExpired: reading begins at the oldest record, also
// above the committed offset, and the note is told all the same; what lies
// below the committed offset is no lost ground.
func TestRewindWhereRecordsExpired(t *testing.T) {
	t.Parallel()
	b := kafkatest.Shared(t)
	for _, tc := range []struct {
		name   string
		oldest int64
		want   claimed
	}{
		{"within", 4, claimed{Start: 4, Committed: 6, Note: "from 2", Read: []int64{4, 5, 6}}},
		{"beyond", 8, claimed{Start: 8, Committed: 8, Note: "from 2", Read: []int64{8}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			topic, group := kafkatest.Name(t, "note"), kafkatest.Name(t, "g")
			b.CreateTopic(t, topic, 1)
			produce(t, b, topic, 0, 10, time.Now())
			var offsets kadm.Offsets
			offsets.Add(kadm.Offset{Topic: topic, At: 6, LeaderEpoch: -1, Metadata: "from 2"})
			if err := b.Admin(t).CommitAllOffsets(t.Context(), group, offsets); err != nil {
				t.Fatal(err)
			}
			b.DeleteRecords(t, topic, 0, tc.oldest)
			if diff := cmp.Diff(tc.want, once(t, settings(b, group, topic), to(2), tc.want.Read[len(tc.want.Read)-1], -1, "")); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if got, want := committed(t, b, group, topic, 0), tc.want.Committed; got != want {
				t.Errorf("committed %d, want %d", got, want)
			}
		})
	}
}

// TestRewindCommitsNothingBelow: of all commits that reach the broker while a
// rewound claim reads, none is below the group's offset.
func TestRewindCommitsNothingBelow(t *testing.T) {
	t.Parallel()
	c, cfg, client := commitCluster(t, 20)
	var offsets kadm.Offsets
	offsets.Add(kadm.Offset{Topic: commitTopic, At: 15, LeaderEpoch: -1, Metadata: "from 3"})
	if err := kadm.NewClient(client).CommitAllOffsets(t.Context(), "g", offsets); err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var seen []string
	c.ControlKey(kmsg.OffsetCommit.Int16(), func(req kmsg.Request) (kmsg.Response, error, bool) {
		mu.Lock()
		defer mu.Unlock()
		c.KeepControl()
		for _, topic := range req.(*kmsg.OffsetCommitRequest).Topics {
			for _, p := range topic.Partitions {
				if p.Partition != 0 {
					continue
				}
				note := ""
				if p.Metadata != nil {
					note = *p.Metadata
				}
				seen = append(seen, fmt.Sprintf("%d %s", p.Offset, note))
			}
		}
		return nil, nil, false
	})
	got := once(t, cfg, to(3), 19, 20, "from 18")
	if got.Start != 3 || len(got.Read) != 17 {
		t.Errorf("began at %d and read %v", got.Start, got.Read)
	}
	mu.Lock()
	defer mu.Unlock()
	if diff := cmp.Diff([]string{"20 from 18"}, seen); diff != "" {
		t.Errorf("commits (-want +got):\n%s", diff)
	}
}

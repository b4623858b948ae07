package mirror_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest"

	"auditlog-forwarder/pkg/kafka"
	"auditlog-forwarder/pkg/mirror"
)

const (
	oldGroup = "group"
	newGroup = "group-there"
)

func move(t *testing.T, source, dest *cluster, change func(*mirror.MoveOptions)) ([]mirror.Moved, error) {
	t.Helper()
	opts := mirror.MoveOptions{Old: source.leg(oldGroup), New: dest.leg(newGroup), Log: zaptest.NewLogger(t)}
	if change != nil {
		change(&opts)
	}
	return mirror.Move(t.Context(), opts)
}

// TestMoveFindsThePlace holds where a group goes on in copies of all kinds.
func TestMoveFindsThePlace(t *testing.T) {
	t.Parallel()
	const n = 30
	same := func(r []kgo.Record) []kgo.Record { return r }
	late := func(r []kgo.Record) { // many records of one moment
		for i := range r {
			r[i].Timestamp = epoch()
		}
	}
	for name, tt := range map[string]struct {
		make   func([]kgo.Record)              // of the source
		copy   func([]kgo.Record) []kgo.Record // of the copy
		next   int64                           // committed in the source
		gone   int64                           // expired at the source
		want   int64
		reason string // of an error
	}{
		"in the middle": {copy: same, next: 12, want: 12},
		"at the start":  {copy: same, next: 0, want: 0},
		"at the end":    {copy: same, next: n, want: n},
		"other offsets": {copy: func(r []kgo.Record) []kgo.Record {
			return slices.Insert(r, 0, kgo.Record{Value: []byte("mine"), Timestamp: epoch().Add(-time.Hour)})
		}, next: 12, want: 13},
		"doubled before it": {copy: func(r []kgo.Record) []kgo.Record { return slices.Insert(r, 12, slices.Clone(r[8:12])...) }, next: 12, want: 16},
		"doubled":           {copy: func(r []kgo.Record) []kgo.Record { return slices.Insert(r, 16, slices.Clone(r[10:16])...) }, next: 12, want: 12},
		"the last one is doubled, and read": {
			copy: func(r []kgo.Record) []kgo.Record { return append(r, slices.Clone(r[n-3:])...) }, next: n, want: n,
		},
		"one moment":                    {make: late, copy: same, next: 12, want: 12},
		"one moment, and doubled":       {make: late, copy: func(r []kgo.Record) []kgo.Record { return slices.Insert(r, 12, slices.Clone(r[8:12])...) }, next: 12, want: 16},
		"the same content before it":    {make: func(r []kgo.Record) { r[11] = r[12]; r[10] = r[12] }, copy: same, next: 12, want: 12},
		"the same content is doubled":   {make: func(r []kgo.Record) { r[11] = r[12] }, copy: func(r []kgo.Record) []kgo.Record { return slices.Insert(r, 11, r[11]) }, next: 12, want: 12},
		"all has expired at the source": {copy: same, next: n, gone: n, want: n},
		"expired at the source":         {copy: same, next: 12, gone: 13, reason: "the old place has nothing below 13"},
		"just not expired":              {copy: same, next: 12, gone: 12, want: 12},
		"missing in the copy":           {copy: func(r []kgo.Record) []kgo.Record { return slices.Delete(r, 12, 13) }, next: 12, reason: "is missing in the copy"},
		"changed in the copy":           {copy: func(r []kgo.Record) []kgo.Record { r[12].Value = nil; return r }, next: 12, reason: "is missing in the copy"},
		"beyond the end":                {copy: same, next: n + 5, reason: "as after the topic was made again"},
		"nothing committed":             {copy: same, next: -1, reason: "has committed nothing"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			source, dest := fake(t, "source", 1), fake(t, "copy", 1)
			all := events(0, n)
			if tt.make != nil {
				tt.make(all)
			}
			source.write(all...)
			dest.write(tt.copy(slices.Clone(all))...)
			if tt.next >= 0 {
				source.commit(oldGroup, tt.next)
			}
			if tt.gone > 0 {
				source.expire(tt.gone)
			}
			moved, err := move(t, source, dest, nil)
			if tt.reason != "" {
				if err == nil || !strings.Contains(err.Error(), tt.reason) || dest.committed(newGroup) != -1 {
					t.Fatalf("moved %v, committed %d, error %v; want one with %q", moved, dest.committed(newGroup), err, tt.reason)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]mirror.Moved{{Partition: 0, Old: tt.next, New: tt.want}}, moved); diff != "" {
				t.Errorf("moved (-want +got):\n%s", diff)
			}
			if got := dest.committed(newGroup); got != tt.want {
				t.Errorf("committed %d, want %d", got, tt.want)
			}
			if got := source.committed(oldGroup); got != tt.next {
				t.Errorf("the old place's offset is %d now, it was %d", got, tt.next)
			}
		})
	}
}

// TestMoveExpiredInTheCopy holds that a copy whose retention is too short is
// not taken for one that is behind.
func TestMoveExpiredInTheCopy(t *testing.T) {
	t.Parallel()
	source, dest := fake(t, "source", 1), fake(t, "copy", 1)
	source.write(events(0, 30)...)
	dest.write(events(0, 30)...)
	dest.expire(20)
	source.commit(oldGroup, 12)
	if _, err := move(t, source, dest, nil); err == nil || !strings.Contains(err.Error(), "has expired in the copy") {
		t.Errorf("error %v", err)
	}
}

// TestMoveWaitsForTheMirror holds that an event which is not copied yet is
// waited for, and neither skipped nor refused.
func TestMoveWaitsForTheMirror(t *testing.T) {
	t.Parallel()
	for name, next := range map[string]int64{"an event to come": 20, "behind the last one": 30} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			source, dest := fake(t, "source", 1), fake(t, "copy", 1)
			all := events(0, 30)
			source.write(all...)
			dest.write(all[:15]...)
			source.commit(oldGroup, next)
			copied := false
			log := zaptest.NewLogger(t, zaptest.WrapOptions(zap.Hooks(func(e zapcore.Entry) error {
				if strings.HasPrefix(e.Message, "waiting for the mirror") && !copied {
					copied = true
					dest.write(all[15:]...)
				}
				return nil
			})))
			moved, err := move(t, source, dest, func(o *mirror.MoveOptions) { o.Log = log })
			if err != nil || len(moved) != 1 || moved[0].New != next || !copied {
				t.Errorf("moved %v, copied meanwhile %t, error %v", moved, copied, err)
			}
		})
	}
}

// TestMoveOnce holds that a group with offsets in the copy is left as it is,
// without a look at the old place, unless it is forced.
func TestMoveOnce(t *testing.T) {
	t.Parallel()
	source, dest := fake(t, "source", 1), fake(t, "copy", 1)
	source.write(events(0, 30)...)
	dest.write(events(0, 30)...)
	source.commit(oldGroup, 12)
	dest.commit(newGroup, 20)
	gone := func(o *mirror.MoveOptions) { o.Old.Kafka.BootstrapServers = []string{"127.0.0.1:1"} }
	if moved, err := move(t, source, dest, gone); err != nil || len(moved) != 0 || dest.committed(newGroup) != 20 {
		t.Errorf("moved %v to %d, error %v", moved, dest.committed(newGroup), err)
	}
	force := func(o *mirror.MoveOptions) { o.Force = true }
	if _, err := move(t, source, dest, force); err != nil || dest.committed(newGroup) != 12 {
		t.Errorf("forced: committed %d, error %v", dest.committed(newGroup), err)
	}
}

// TestMoveRefuses holds what must be as it is before a group may move.
func TestMoveRefuses(t *testing.T) {
	t.Parallel()
	source, dest := fake(t, "source", 2), fake(t, "copy", 2)
	source.write(events(0, 30)...)
	dest.write(events(0, 30)...)
	source.commit(oldGroup, 12)

	for address, text := range map[string]string{"127.0.0.1": "both the old place and the copy", "localhost": "lead to one cluster"} {
		same := func(o *mirror.MoveOptions) { o.New = source.by(address, newGroup) }
		if _, err := move(t, source, source, same); err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("the same topic twice, at %s: %v", address, err)
		}
	}
	if got := source.committed(newGroup); got != -1 {
		t.Errorf("committed %d in the old place", got)
	}
	fewer := fake(t, "copy", 1)
	second := kgo.Record{Partition: 1, Value: []byte("x"), Timestamp: epoch()}
	source.write(second)
	client := member(t, source, oldGroup)
	if _, err := move(t, source, dest, nil); !errors.Is(err, kafka.ErrGroupActive) || !strings.Contains(err.Error(), "the old place") {
		t.Errorf("the old group is active: %v", err)
	}
	client.Close()
	source.commitAt(oldGroup, 1, 1)
	if _, err := move(t, source, fewer, nil); err == nil || !strings.Contains(err.Error(), "does not have") {
		t.Errorf("the copy has fewer partitions: %v", err)
	}
	dest.write(second)
	client = member(t, dest, newGroup)
	if _, err := move(t, source, dest, nil); !errors.Is(err, kafka.ErrGroupActive) || !strings.Contains(err.Error(), "the copy") {
		t.Errorf("the new group is active: %v", err)
	}
	client.Close()
	if moved, err := move(t, source, dest, nil); err != nil || len(moved) != 2 {
		t.Errorf("at last: moved %v, error %v", moved, err)
	}
}

// member joins a group and returns when it has partitions.
func member(t *testing.T, c *cluster, group string) *kgo.Client {
	t.Helper()
	joined := make(chan struct{}, 10)
	client, err := kgo.NewClient(kgo.SeedBrokers(c.servers...), kgo.ConsumerGroup(group), kgo.ConsumeTopics(c.topic), kgo.DisableAutoCommit(),
		kgo.OnPartitionsAssigned(func(context.Context, *kgo.Client, map[string][]int32) { joined <- struct{}{} }))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	client.PollFetches(t.Context())
	select {
	case <-joined:
	case <-t.Context().Done():
		t.Fatal("nobody joined")
	}
	return client
}

// TestMoveTakesTheNote holds that a note beside an offset is not dropped.
func TestMoveTakesTheNote(t *testing.T) {
	t.Parallel()
	source, dest := fake(t, "source", 1), fake(t, "copy", 1)
	source.write(events(0, 30)...)
	dest.write(kgo.Record{Value: []byte("mine"), Timestamp: epoch().Add(-time.Hour)})
	dest.write(events(0, 30)...)
	opened, err := kafka.OpenReader(t.Context(), source.leg(oldGroup).Kafka)
	if err != nil {
		t.Fatal(err)
	}
	defer opened.Close() //nolint:errcheck // it has only committed
	if err := opened.CommitPlaces(t.Context(), oldGroup, "source", map[int32]kafka.GroupPlace{0: {Next: 12, Note: "from 7"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := move(t, source, dest, nil); err == nil || !strings.Contains(err.Error(), `"from 7"`) {
		t.Errorf("without a way to take the note along: %v", err)
	}
	_, err = move(t, source, dest, func(o *mirror.MoveOptions) {
		o.Note = func(note string, find func(int64) (int64, error)) (string, error) {
			at, err := find(7)
			if note != "from 7" || at != 8 {
				t.Errorf("note %q, found at %d", note, at)
			}
			return "from 8", err
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	offsets, err := dest.adm.FetchOffsets(t.Context(), newGroup)
	if o, ok := offsets.Lookup("copy", 0); err != nil || !ok || o.At != 13 || o.Metadata != "from 8" {
		t.Errorf("committed %+v, error %v", o, err)
	}
}

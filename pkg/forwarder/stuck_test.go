package forwarder

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"auditlog-forwarder/pkg/audit"
	"auditlog-forwarder/pkg/deadletter"
)

// hold is a sink and a store of which each step waits until it is let go.
type hold struct{ append, deliver, put chan struct{} }

func wait(ch chan struct{}) {
	if ch != nil {
		<-ch
	}
}

func (h hold) Append(dst []byte, rec *audit.Record, _ audit.Event) ([]byte, int, error) {
	wait(h.append)
	return append(dst, rec.Value...), len(dst), nil
}

func (h hold) Deliver(context.Context, audit.Batch) ([]audit.Refusal, error) {
	wait(h.deliver)
	return nil, nil
}

func (h hold) Put([]deadletter.Entry) error {
	wait(h.put)
	return nil
}

// TestStuck: a lane that waits for Kafka or for Splunk is well, one that
// hangs within itself or in a disk's write is not.
func TestStuck(t *testing.T) {
	t.Parallel()
	event := audit.Record{Topic: "audit", Partition: 3, Value: []byte(`{"id":1}`)}
	broken := audit.Record{Topic: "audit", Partition: 3, Value: []byte(`no`)}
	for _, tc := range []struct {
		name   string
		hold   hold
		record *audit.Record
		want   []string
	}{
		{"idle", hold{}, nil, nil},
		{"Splunk does not answer", hold{deliver: make(chan struct{})}, &event, nil},
		{"hangs while encoding", hold{append: make(chan struct{})}, &event, []string{"audit/3"}},
		{"the disk hangs", hold{put: make(chan struct{})}, &broken, []string{"audit/3"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				h := tc.hold
				for _, ch := range []*chan struct{}{&h.append, &h.deliver, &h.put} {
					if *ch != nil {
						*ch = make(chan struct{}) // of this bubble
					}
				}
				cfg := DefaultConfig()
				cfg.Window, cfg.MaxEvents = 1, 1
				f := New(cfg, Options{Sink: h, DeadLetters: h, MaxEventBytes: 1000, Log: zap.NewNop(), Registerer: prometheus.NewRegistry()})
				ctx, cancel := context.WithCancel(t.Context())
				in := make(chan *audit.Record, 3)
				if tc.record != nil {
					in <- tc.record
				}
				done := make(chan error, 1)
				go func() {
					done <- Run(ctx, f, Claim{Topic: "audit", Partition: 3, Mark: func(int64, string, func()) {}, HighWater: func() int64 { return 0 }},
						in, func(m, r *audit.Record) { *r = *m })
				}()
				synctest.Wait()
				if got := f.Stuck(t.Context(), time.Second); !slices.Equal(got, tc.want) {
					t.Errorf("stuck %v, want %v", got, tc.want)
				}
				for _, ch := range []chan struct{}{h.append, h.deliver, h.put} {
					if ch != nil {
						close(ch)
					}
				}
				cancel()
				if err := <-done; err != nil {
					t.Error(err)
				}
				if got := f.Stuck(t.Context(), time.Second); len(got) > 0 {
					t.Errorf("%v is stuck without a lane", got)
				}
			})
		})
	}
}

// TestDeadLettersAreLogged: the first at once, with what it is; a flood in sums.
func TestDeadLettersAreLogged(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		core, logs := observer.New(zap.WarnLevel)
		cfg := DefaultConfig()
		cfg.MaxEvents, cfg.Linger = 1, time.Millisecond
		f := New(cfg, Options{Sink: hold{}, DeadLetters: hold{}, MaxEventBytes: 1000, Log: zap.New(core), Registerer: prometheus.NewRegistry()})
		in := make(chan *audit.Record)
		done := make(chan error, 1)
		go func() {
			done <- Run(t.Context(), f, Claim{Topic: "audit", Partition: 3, Mark: func(int64, string, func()) {}, HighWater: func() int64 { return 0 }},
				in, func(m, r *audit.Record) { *r = *m })
		}()
		for offset := range int64(100) {
			in <- &audit.Record{Topic: "audit", Partition: 3, Offset: offset, Value: []byte("no")}
			<-time.After(time.Second) // virtual
		}
		close(in)
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		all := logs.FilterMessageSnippet("dead letters").All()
		sum := int64(0)
		for _, line := range all {
			n, _ := line.ContextMap()["records"].(int64)
			sum += n
		}
		if sum != 100 || len(all) > 12 || all[0].ContextMap()["last"] != "audit/3/0" || all[0].ContextMap()["reason"] != "not_json" {
			t.Errorf("%d lines about %d records, the first %v", len(all), sum, all[0].ContextMap())
		}
	})
}

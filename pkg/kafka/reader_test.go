package kafka_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"auditlog-forwarder/pkg/audit"
	"auditlog-forwarder/pkg/kafka"
)

const (
	// guard ends a wait for what should come soon, whatever the machine does.
	guard = 5 * time.Minute
	// session is how long a member may be silent. The tests of members that die
	// have their own; to all others a pause of the whole machine does nothing.
	session = 30 * time.Second
	// drain bounds the end of a member, which otherwise takes milliseconds.
	drain = time.Minute
)

// reader is a group member that notes what it reads and marks it.
type reader struct {
	t     *testing.T
	group *kafka.Group
	reg   *prometheus.Registry
	logs  *observer.ObservedLogs
	stop  func()

	mu      sync.Mutex
	changed chan struct{} // closed and renewed at every change
	read    map[string][]int64
	joined  int            // sessions, also one that ended before its claims began
	recent  map[string]int // how many were read in the last session
	starts  map[string][]int64
	states  []string // "" for nil
	owned   map[string]int
	marks   int
	covered int                                               // marks that a commit covers, or none ever will
	hold    func(topic string, partition int32, offset int64) // called before a record is noted; may block
}

func place(topic string, partition int32) string { return fmt.Sprintf("%s/%d", topic, partition) }

// join starts a member; it leaves when the test ends, or by stop.
func join(t *testing.T, cfg kafka.Config, hold func(string, int32, int64)) *reader {
	t.Helper()
	core, logs := observer.New(zapcore.InfoLevel)
	r := &reader{
		t: t, reg: prometheus.NewRegistry(), logs: logs, changed: make(chan struct{}), hold: hold,
		read: map[string][]int64{}, recent: map[string]int{}, starts: map[string][]int64{}, owned: map[string]int{},
	}
	g, err := kafka.NewGroup(cfg, kafka.Options{
		Drain: drain, Registerer: r.reg,
		Log: zap.New(core, zap.Hooks(func(zapcore.Entry) error { r.change(func() {}); return nil })),
		OnState: func(err error) {
			text := ""
			if err != nil {
				text = err.Error()
			}
			r.change(func() { r.states = append(r.states, text) })
		},
		OnAssigned: func(int) { r.change(func() { r.joined++; clear(r.recent) }) }, // no handler of the session before runs any more
	})
	if err != nil {
		t.Fatal(err)
	}
	r.group = g
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := g.Run(ctx, r.handle); err != nil {
			t.Errorf("the group ended: %v", err)
		}
	}()
	r.stop = sync.OnceFunc(func() { cancel(); <-done })
	t.Cleanup(r.stop)
	return r
}

func (r *reader) handle(ctx context.Context, c *kafka.Claim) error {
	at := place(c.Topic, c.Partition)
	r.change(func() { r.starts[at] = append(r.starts[at], c.Start); r.owned[at]++ })
	defer r.change(func() { r.owned[at]-- })
	var rec audit.Record
	for {
		select {
		case m, ok := <-c.Messages():
			if !ok {
				return nil
			}
			c.Read(m, &rec)
			if r.hold != nil {
				r.hold(c.Topic, c.Partition, rec.Offset)
			}
			r.change(func() { r.read[at] = append(r.read[at], rec.Offset); r.recent[at]++ })
			r.change(func() { r.marks++ })
			c.Mark(rec.Offset+1, "", func() { r.change(func() { r.covered++ }) })
		case <-ctx.Done():
			return nil
		}
	}
}

func (r *reader) change(f func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f()
	close(r.changed)
	r.changed = make(chan struct{})
}

// until waits for a state of the reader.
func (r *reader) until(what string, cond func() bool) {
	r.t.Helper()
	limit := time.After(guard)
	for {
		r.mu.Lock()
		ok, changed := cond(), r.changed
		r.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-changed:
		case <-limit:
			r.mu.Lock()
			defer r.mu.Unlock()
			r.t.Fatalf("waited in vain for %s; read %v, states %q, starts %v", what, r.read, r.states, r.starts)
		}
	}
}

// metric returns the sum of a counter's series, or of those with the values.
func (r *reader) metric(name string, values ...string) float64 {
	r.t.Helper()
	families, err := r.reg.Gather()
	if err != nil {
		r.t.Fatal(err)
	}
	var sum float64
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.GetMetric() {
			for i, v := range values {
				if m.GetLabel()[i].GetValue() != v {
					m = nil
					break
				}
			}
			sum += m.GetCounter().GetValue()
		}
	}
	return sum
}

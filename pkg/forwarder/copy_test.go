package forwarder

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"auditlog-forwarder/pkg/audit"
	"auditlog-forwarder/pkg/deadletter"
)

// places count what the two places for dead letters get.
type places struct {
	hold
	puts, copies, fail int
}

func (p *places) Put([]deadletter.Entry) error {
	p.puts++
	return nil
}

func (p *places) Copy(context.Context, []deadletter.Entry) error {
	if p.copies++; p.copies <= p.fail {
		return errors.New("the topic is away")
	}
	return nil
}

// TestCopyAloneIsRepeated: a dead letter that is on disk is not stored there
// again because the topic fails, and nothing is marked before both have it.
func TestCopyAloneIsRepeated(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := &places{fail: 3}
		var told []error
		cfg := DefaultConfig()
		cfg.MaxEvents = 1
		f := New(cfg, Options{
			Sink: p, DeadLetters: p, Copy: p, MaxEventBytes: 1000, Log: zap.NewNop(), Registerer: prometheus.NewRegistry(),
			OnProblem: func(err error) { told = append(told, err) },
		})
		in := make(chan *audit.Record, 1)
		in <- &audit.Record{Topic: "audit", Partition: 3, Value: []byte("no")}
		close(in)
		marked := 0
		claim := Claim{Topic: "audit", Partition: 3, HighWater: func() int64 { return 0 }, Mark: func(_ int64, _ string, committed func()) {
			marked++
			if p.copies != 4 {
				t.Errorf("marked after %d tries to copy", p.copies)
			}
			committed()
		}}
		if err := Run(t.Context(), f, claim, in, func(m, r *audit.Record) { *r = *m }); err != nil {
			t.Error(err)
		}
		if p.puts != 1 || p.copies != 4 || marked != 1 {
			t.Errorf("stored %d times, tried to copy %d times, marked %d times; want 1, 4, 1", p.puts, p.copies, marked)
		}
		if len(told) != 2 || told[0] == nil || told[1] != nil {
			t.Errorf("told %v, want the problem and its end", told)
		}
	})
}

// TestCopyGivenUpIsNotStoredTwice: a lane that loses its partition while the
// topic is away has stored its dead letters, and does not do so again at its
// end.
func TestCopyGivenUpIsNotStoredTwice(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := &places{fail: 1 << 30}
		cfg := DefaultConfig()
		cfg.MaxEvents = 1
		f := New(cfg, Options{Sink: p, DeadLetters: p, Copy: p, MaxEventBytes: 1000, Log: zap.NewNop(), Registerer: prometheus.NewRegistry()})
		in := make(chan *audit.Record, 1)
		in <- &audit.Record{Topic: "audit", Partition: 3, Value: []byte("no")}
		ctx, lose := context.WithCancel(t.Context())
		time.AfterFunc(time.Minute, lose)
		claim := Claim{Topic: "audit", Partition: 3, HighWater: func() int64 { return 0 }, Mark: func(int64, string, func()) {
			t.Error("marked without a copy")
		}}
		if err := Run(ctx, f, claim, in, func(m, r *audit.Record) { *r = *m }); err != nil {
			t.Error(err)
		}
		if p.puts != 1 {
			t.Errorf("stored %d times, want once", p.puts)
		}
	})
}

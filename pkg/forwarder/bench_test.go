package forwarder

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"auditlog-forwarder/pkg/audit"
	"auditlog-forwarder/pkg/deadletter"
)

// sinkhole takes everything and keeps nothing.
type sinkhole struct{}

func (sinkhole) Append(dst []byte, rec *audit.Record, _ audit.Event) ([]byte, int, error) {
	return append(dst, rec.Value...), len(dst), nil
}

func (sinkhole) Deliver(context.Context, audit.Batch) ([]audit.Refusal, error) { return nil, nil }

func (sinkhole) Put([]deadletter.Entry) error { return nil }

// sendAll is a Filter that sends everything as it is.
type sendAll struct{}

func (sendAll) Judge() Judge { return sender{} }

type sender struct{}

func (sender) Judge(*audit.Record, *audit.Event) Verdict { return Verdict{} }

// benchLane makes a lane and a function that has it take one event of 1.5 KB.
func benchLane(t testing.TB, filter Filter) (take func(), size int) {
	f := New(DefaultConfig(), Options{
		Sink: sinkhole{}, DeadLetters: sinkhole{}, MaxEventBytes: 10_000, Log: zap.NewNop(), Registerer: prometheus.NewRegistry(), Filter: filter,
	})
	lane := f.newLane(t.Context(), Claim{Topic: "audit", Mark: func(int64, string, func()) {}, HighWater: func() int64 { return 0 }})
	t.Cleanup(lane.close)
	rec := audit.Record{Topic: "audit", Value: fmt.Appendf(nil, `{"data":{"methodName":"m","pad":%q}}`, strings.Repeat("x", 1450))}
	return func() {
		rec.Offset++
		lane.take(&rec)
		if lane.full {
			lane.unsettled.Add(-int64(lane.open.records))
			lane.open.reset(lane.f.cfg.MaxBytes)
			lane.full = false
		}
	}, len(rec.Value)
}

// TestLaneAllocatesNothing: an event that goes out as it came costs no garbage
// on its way into a batch, with a filter or without.
func TestLaneAllocatesNothing(t *testing.T) { // not parallel: AllocsPerRun counts for the whole process
	for name, filter := range map[string]Filter{"no filter": nil, "a filter": sendAll{}} {
		take, _ := benchLane(t, filter)
		for range 5000 { // the batch's buffers grow
			take()
		}
		if n := testing.AllocsPerRun(1000, take); n != 0 {
			t.Errorf("%s: %v allocations for an event, want none", name, n)
		}
	}
}

// BenchmarkLane takes events of 1.5 KB without rules: what a record costs from
// Kafka's client to its batch, but for the encoding. BenchmarkLane of pkg/filter
// has it with rules.
func BenchmarkLane(b *testing.B) {
	take, size := benchLane(b, nil)
	b.ReportAllocs()
	b.SetBytes(int64(size))
	for b.Loop() {
		take()
	}
}

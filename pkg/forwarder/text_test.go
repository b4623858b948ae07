package forwarder

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"auditlog-forwarder/pkg/audit"
	"auditlog-forwarder/pkg/deadletter"
)

// ledger is a destination that takes every batch, and a store; Append refuses
// values that begin with "bad".
type ledger struct {
	mu    sync.Mutex
	sent  []string
	dead  []string
	marks []int64
}

func (l *ledger) Append(dst []byte, rec *audit.Record, _ audit.Event) ([]byte, int, error) {
	if strings.HasPrefix(string(rec.Value), "bad") || strings.Contains(string(rec.Value), `"bad"`) {
		return dst, 0, errors.New("no envelope")
	}
	return append(dst, rec.Value...), len(dst), nil
}

func (l *ledger) Deliver(_ context.Context, b audit.Batch) ([]audit.Refusal, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	start, values := 0, 0
	for _, end := range b.Ends {
		l.sent = append(l.sent, string(b.Body[start:end]))
		values += end - start
		start = end
	}
	if b.Values != values || b.Topic != "audit" {
		return nil, errors.New("the batch is not what was appended")
	}
	return nil, nil
}

func (l *ledger) Put(entries []deadletter.Entry) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range entries {
		l.dead = append(l.dead, string(e.Reason)+": "+string(e.Record.Value)+": "+e.Detail)
	}
	return nil
}

// TestLaneSortsText: with AnyText every text goes that is not blank; without
// it only JSON objects go; and what the destination cannot encode is kept.
func TestLaneSortsText(t *testing.T) {
	t.Parallel()
	values := []string{`{"a":1}`, "text", " \t\r\n", `{"data":{"methodName":"noise"}}`, "noise", "bad text", `{"bad":1}`, "[1]"}
	const empty = "the record is empty"
	for _, tc := range []struct {
		name       string
		anyText    bool
		sent, dead []string
	}{
		{
			"any text", true,
			[]string{`{"a":1}`, "text", "noise", "[1]"},
			[]string{"empty:  \t\r\n: " + empty, "bad_envelope: bad text: no envelope", `bad_envelope: {"bad":1}: no envelope`},
		},
		{
			"objects", false,
			[]string{`{"a":1}`},
			[]string{
				"not_json: text: not JSON at byte 0: a value is missing", "empty:  \t\r\n: " + empty,
				"not_json: noise: not JSON at byte 0: a value is missing", "not_json: bad text: not JSON at byte 0: a value is missing",
				`bad_envelope: {"bad":1}: no envelope`, "not_json: [1]: " + audit.ErrNotObject.Error(),
			},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				l := &ledger{}
				f := New(DefaultConfig(), Options{
					Sink: l, DeadLetters: l, AnyText: tc.anyText, MaxEventBytes: 1000, Log: zap.NewNop(), Registerer: prometheus.NewRegistry(),
					Filter: dropMethod("noise"),
				})
				in := make(chan int, len(values))
				for i := range values {
					in <- i
				}
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				time.AfterFunc(time.Minute, cancel)
				err := Run(ctx, f, Claim{Topic: "audit", Mark: func(next int64, _ string, committed func()) { l.marks = append(l.marks, next); committed() }, HighWater: func() int64 { return 0 }},
					in, func(i int, r *audit.Record) {
						*r = audit.Record{Topic: "audit", Offset: int64(i), Timestamp: time.Now(), Value: []byte(values[i])}
					})
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(tc.sent, l.sent); diff != "" {
					t.Errorf("sent (-want +got):\n%s", diff)
				}
				if diff := cmp.Diff(tc.dead, l.dead); diff != "" {
					t.Errorf("dead letters (-want +got):\n%s", diff)
				}
				if diff := cmp.Diff([]int64{int64(len(values))}, l.marks); diff != "" {
					t.Errorf("marks (-want +got):\n%s", diff)
				}
			})
		})
	}
}

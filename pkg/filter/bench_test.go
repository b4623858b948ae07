package filter

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"auditlog-forwarder/pkg/audit"
	"auditlog-forwarder/pkg/deadletter"
	"auditlog-forwarder/pkg/forwarder"
)

// tenRules are rules as operators write them; none matches a granted
// mds.Authorize of a user.
func tenRules() []string {
	texts := []string{
		rule("r0", "kafka.Authentication", "{action: drop}"),
		rule("r1", "*Delete*", "{action: route, route: {index: security}}"),
		rule("r2", "SignIn", "{action: redact, redact: {fields: data.authenticationInfo.principal.email}}"),
	}
	for i := 3; i < 10; i++ {
		texts = append(texts, strings.Replace(rule(fmt.Sprintf("r%d", i), fmt.Sprintf("flink.Method%d", i), "{action: drop}"),
			"condition: sel", "denied: {data.authorizationInfo.granted: false}\n  who: {data.authenticationInfo.principal|startswith: ['User:sa-', 'User:pool-']}\n  condition: sel or (denied and who)", 1))
	}
	return texts
}

// quiet is an event that none of tenRules matches, of about 1.5 KB.
func quiet(t testing.TB, j *Judge) []byte {
	t.Helper()
	names, values := samples(t)
	for i, name := range names {
		ev, err := audit.ReadEvent(values[i])
		if err == nil && name == "mds.Authorize.json" && j.Judge(&audit.Record{Value: values[i]}, &ev).Rule == "" && len(j.Applied()) == 0 {
			return values[i]
		}
	}
	t.Fatal("no such event")
	return nil
}

// TestUntouchedIsFree: an event that no rule matches makes no garbage, and goes
// on as it is.
func TestUntouchedIsFree(t *testing.T) {
	j := withRules(t, Config{}, tenRules()...).NewJudge()
	value := quiet(t, j)
	rec := audit.Record{Value: value}
	ev, err := audit.ReadEvent(value)
	if err != nil {
		t.Fatal(err)
	}
	if n := testing.AllocsPerRun(100, func() {
		if v := j.Judge(&rec, &ev); v.Value != nil || v.Rule != "" || ev.Route != nil {
			t.Errorf("it is touched: %+v", v)
		}
	}); n != 0 {
		t.Errorf("%v allocations, want none", n)
	}
}

// compactEvent is an event as it comes from Kafka, of about 1.5 KB.
func compactEvent(b *testing.B) []byte {
	b.Helper()
	names, values := samples(b)
	for i, name := range names {
		if name == "mds.Authorize.json" {
			var out bytes.Buffer
			if err := json.Compact(&out, values[i]); err != nil {
				b.Fatal(err)
			}
			return out.Bytes()
		}
	}
	b.Fatal("no such event")
	return nil
}

func BenchmarkJudge(b *testing.B) {
	sign := rule("hide", "mds.Authorize", "{action: redact, redact: {fields: [data.authenticationInfo.principal, data.resourceName]}}")
	sum := rule("sum", "mds.Authorize", "{action: summarise, summarise: {by: [data.authenticationInfo.principal, data.methodName, data.authorizationInfo.granted]}}")
	for _, bc := range []struct {
		name  string
		rules []string
	}{
		{"no rule matches of 10", tenRules()},
		{"dropped", []string{rule("drop", "mds.Authorize", "{action: drop}")}},
		{"routed", []string{rule("route", "mds.Authorize", "{action: route, route: {index: i}}")}},
		{"two values redacted", []string{sign}},
		{"summed up", []string{sum}},
	} {
		b.Run(bc.name, func(b *testing.B) {
			j := withRules(b, Config{}, bc.rules...).NewJudge()
			value := compactEvent(b)
			rec := audit.Record{Value: value}
			ev, err := audit.ReadEvent(value)
			if err != nil {
				b.Fatal(err)
			}
			b.SetBytes(int64(len(value)))
			b.ReportAllocs()
			for b.Loop() {
				_ = j.Judge(&rec, &ev)
			}
		})
	}
	b.Run("baseline=ReadEvent", func(b *testing.B) {
		value := compactEvent(b)
		b.ReportAllocs()
		for b.Loop() {
			if _, err := audit.ReadEvent(value); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// sinkhole takes everything and keeps nothing.
type sinkhole struct{}

func (sinkhole) Append(dst []byte, rec *audit.Record, _ audit.Event) ([]byte, int, error) {
	return append(dst, rec.Value...), len(dst), nil
}

func (sinkhole) Deliver(context.Context, audit.Batch) ([]audit.Refusal, error) { return nil, nil }

func (sinkhole) Put([]deadletter.Entry) error { return nil }

// BenchmarkLane has a lane take events of 1.5 KB through its channel, with ten
// rules of which none matches and without.
func BenchmarkLane(b *testing.B) {
	for _, bc := range []struct {
		name  string
		rules forwarder.Filter
	}{{"no rules", nil}, {"ten rules", withRules(b, Config{}, tenRules()...)}} {
		b.Run(bc.name, func(b *testing.B) {
			f := forwarder.New(forwarder.DefaultConfig(), forwarder.Options{
				Sink: sinkhole{}, DeadLetters: sinkhole{}, MaxEventBytes: 10_000, Log: zap.NewNop(), Registerer: prometheus.NewRegistry(), Filter: bc.rules,
			})
			value := compactEvent(b)
			in, end := make(chan int64, 1024), make(chan error)
			claim := forwarder.Claim{Topic: "audit", Mark: func(_ int64, _ string, done func()) { done() }, HighWater: func() int64 { return 0 }}
			go func() {
				end <- forwarder.Run(b.Context(), f, claim, in, func(offset int64, rec *audit.Record) {
					*rec = audit.Record{Topic: "audit", Offset: offset, Value: value}
				})
			}()
			b.SetBytes(int64(len(value)))
			b.ReportAllocs()
			var offset int64
			for b.Loop() {
				in <- offset
				offset++
			}
			close(in)
			if err := <-end; err != nil {
				b.Fatal(err)
			}
		})
	}
}

package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"auditlog-forwarder/pkg/audit"
	"auditlog-forwarder/pkg/deadletter"
	"auditlog-forwarder/pkg/forwarder"
)

func TestMain(m *testing.M) {
	// Sarama's metrics library has one goroutine for the whole process.
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("github.com/rcrowley/go-metrics.(*meterArbiter).tick"))
}

// watched is a buffer that calls on once text has been written.
type watched struct {
	mu   sync.Mutex
	buf  bytes.Buffer
	text string
	on   func()
}

func (w *watched) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	n, err := w.buf.Write(p)
	if w.on != nil && strings.Contains(w.buf.String(), w.text) {
		w.on()
		w.on = nil
	}
	return n, err
}

// play runs the demo as --fast does, in a folder of the test.
func play(t *testing.T, w *watched, forget func(place) bool) (*account, string, []string) {
	t.Helper()
	o := defaults().quick(func(string) bool { return false })
	o.seed, o.temp, o.forget = 7, t.TempDir(), forget
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	if w.text != "" {
		w.on = cancel
	}
	acc, err := demo(ctx, o, newScreen(w, false))
	text := w.buf.String()
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	left, err := os.ReadDir(o.temp)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range left {
		names = append(names, e.Name())
	}
	return acc, text, names
}

// adds checks the sum of the account with what stands in it.
func adds(t *testing.T, a *account) {
	t.Helper()
	if sum := a.accepted + a.filtered + a.deadTotal() + len(a.missing); sum != a.produced || a.produced == 0 {
		t.Errorf("accepted, filtered, dead-lettered and missing are %d together, produced were %d", sum, a.produced)
	}
}

func TestDemo(t *testing.T) {
	t.Parallel()
	acc, text, left := play(t, &watched{}, nil)
	adds(t, acc)
	if err := acc.err(); err != nil {
		t.Errorf("%v: %v", err, acc.findings())
	}
	for _, n := range []struct {
		name string
		n    int
	}{
		{"accepted", acc.accepted},
		{"filtered", acc.filtered},
		{"not JSON", acc.dead[deadletter.NotJSON]},
		{"refused", acc.dead[deadletter.Refused]},
		{"duplicates", acc.duplicates}, // of the request whose answer was lost
	} {
		if n.n == 0 {
			t.Errorf("%s: none", n.name)
		}
	}
	for _, want := range []string{"\n" + acc.verdict() + "\n", "COMPLETE: ", "Not ready: splunk: ", "The backlog was settled", "kafka_offset="} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q on the screen", want)
		}
	}
	if strings.Contains(text, "NOT COMPLETE") || strings.Contains(text, "\x1b") {
		t.Error("the screen names a failure, or has control codes although it is no terminal")
	}
	if len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	if t.Failed() {
		t.Log(text)
	}
}

// TestDemoNoticesALostEvent has the receiver lose one event that it said it
// had taken, which nobody else can know of.
func TestDemoNoticesALostEvent(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var lost *place
	acc, text, left := play(t, &watched{}, func(at place) bool {
		mu.Lock()
		defer mu.Unlock()
		if lost == nil && at.offset > 10 {
			lost = &at
		}
		return lost != nil && *lost == at
	})
	adds(t, acc)
	if lost == nil {
		t.Fatalf("the receiver had nothing to lose:\n%s", text)
	}
	if diff := cmp.Diff([]place{*lost}, acc.missing, cmp.AllowUnexported(place{})); diff != "" {
		t.Errorf("missing (-want +got):\n%s", diff)
	}
	if !errors.Is(acc.err(), errIncomplete) {
		t.Errorf("error %v, want errIncomplete", acc.err())
	}
	for _, want := range []string{"\nNOT COMPLETE: ", " + 1 missing; ", "missing (partition/offset): " + lost.String() + "\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q on the screen:\n%s", want, text)
		}
	}
	if len(left) != 1 {
		t.Errorf("the folder must stay after a failure; there are %v", left)
	}
}

func TestInterruptStillReconciles(t *testing.T) {
	t.Parallel()
	acc, text, left := play(t, &watched{text: "Not ready: splunk"}, nil) // while Splunk is away
	adds(t, acc)
	if err := acc.err(); err != nil {
		t.Errorf("%v: %v\n%s", err, acc.findings(), text)
	}
	if !strings.Contains(text, "Interrupted.") || strings.Contains(text, "4  Splunk is back") {
		t.Errorf("the demo was not cut short:\n%s", text)
	}
	if len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func letter(at place, reason deadletter.Reason, value string) deadletter.Entry {
	return deadletter.Entry{
		Reason: reason,
		Record: audit.Record{Topic: topic, Partition: at.partition, Offset: at.offset, Value: []byte(value)},
	}
}

// TestReconcile gives the ledger one fault after the other.
func TestReconcile(t *testing.T) {
	t.Parallel()
	sum := func(s string) body { return sha256.Sum256([]byte(s)) }
	good, noisy, bad := place{0, 0}, place{0, 1}, place{1, 0}
	complete := func(l *ledger) []deadletter.Entry {
		l.produce(good, record{sum("good"), accepted})
		l.produce(noisy, record{sum("noisy"), filtered})
		l.produce(bad, record{sum("bad"), deadLettered})
		return []deadletter.Entry{letter(bad, deadletter.NotJSON, "bad")}
	}
	for _, tc := range []struct {
		name   string
		arrive map[place]string
		more   []deadletter.Entry
		after  func(a *account)
		want   []string
		again  int
	}{
		{name: "complete", arrive: map[place]string{good: "good"}},
		{name: "missing", want: []string{"missing (partition/offset): 0/0"}},
		{name: "altered", arrive: map[place]string{good: "goad"}, want: []string{"altered (partition/offset): 0/0"}},
		{name: "not filtered", arrive: map[place]string{good: "good", noisy: "noisy"}, want: []string{"0/1 was accepted, but should have been filtered"}},
		{name: "from nowhere", arrive: map[place]string{good: "good", {2, 5}: "what"}, want: []string{"2/5 was accepted, but was not produced"}},
		{
			name: "good event dead", more: []deadletter.Entry{letter(good, deadletter.Refused, "good")},
			want: []string{"0/0 was dead-lettered, but should have been accepted"},
		},
		{
			name: "accepted and dead", arrive: map[place]string{good: "good", bad: "bad"},
			want: []string{"1/0 was accepted and is a dead letter as well", "1/0 was accepted, but should have been dead-lettered"},
		},
		{
			name: "dead letter of nothing", arrive: map[place]string{good: "good"}, more: []deadletter.Entry{letter(place{3, 3}, deadletter.Empty, "")},
			want: []string{"3/3 is a dead letter, but was not produced"},
		},
		{name: "stored twice", arrive: map[place]string{good: "good"}, more: []deadletter.Entry{letter(bad, deadletter.NotJSON, "bad")}, again: 1},
		{
			name: "not committed", arrive: map[place]string{good: "good"},
			after: func(a *account) { a.positions([]position{{0, 2, 2}, {1, 0, 1}}) },
			want:  []string{"partition 1 is committed up to 0, its log ends at 1"},
		},
		{
			name: "counters too low", arrive: map[place]string{good: "good"},
			after: func(a *account) { a.counters(forwarder.Totals{Accepted: 2, Filtered: 0, DeadLettered: 1}) },
			want:  []string{"the forwarder has counted 0 records as filtered, 1 were found"},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			l := newLedger()
			letters := append(complete(l), tc.more...)
			for at, value := range tc.arrive {
				l.arrive(at, sum(value))
			}
			acc := l.reconcile(letters)
			if tc.after != nil {
				tc.after(&acc)
			}
			adds(t, &acc)
			if diff := cmp.Diff(tc.want, acc.findings()); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
			if failed := acc.err() != nil; failed != (len(tc.want) > 0) {
				t.Errorf("failed is %t with findings %v", failed, tc.want)
			}
			if acc.duplicates != tc.again {
				t.Errorf("%d duplicates, want %d", acc.duplicates, tc.again)
			}
		})
	}
}

func TestArrivingAgain(t *testing.T) {
	t.Parallel()
	l, at := newLedger(), place{4, 2}
	l.produce(at, record{sha256.Sum256([]byte("x")), accepted})
	for _, value := range []string{"x", "x", "y"} {
		l.arrive(at, sha256.Sum256([]byte(value)))
	}
	acc := l.reconcile(nil)
	got := fmt.Sprint(acc.accepted, acc.duplicates, acc.altered)
	if want := "1 2 [4/2]"; got != want {
		t.Errorf("accepted, duplicates, altered: %s, want %s", got, want)
	}
}

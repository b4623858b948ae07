package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"auditlog-forwarder/pkg/audit/auditgen"
)

// feeder fills the topic. It is its only producer, so it knows the offsets
// beforehand.
type feeder struct {
	run   *run
	gen   *auditgen.Generator
	rng   *rand.Rand
	bias  []int         // how often each partition is chosen
	hurry chan struct{} // closed when the rest need not come slowly any more
	once  sync.Once

	mu     sync.Mutex
	next   int        // of plan.Records
	keys   *rand.Rand // of noise
	noises int
	step   time.Duration // between the timestamps
	clock  time.Time     // of the records' timestamps, where there is noise
	failed error
}

func newFeeder(r *run) (*feeder, error) {
	gen, err := auditgen.New(r.plan.Seed)
	if err != nil {
		return nil, err
	}
	f := &feeder{run: r, gen: gen, rng: rand.New(rand.NewPCG(r.plan.Seed, 0x66656564)), hurry: make(chan struct{}), keys: rand.New(rand.NewPCG(r.plan.Seed, 0x6b657973)), clock: noiseClock(), step: r.plan.Noise.Step}
	for p := range r.plan.Partitions { // some partitions are busier than others
		for range 1 + f.rng.IntN(4) {
			f.bias = append(f.bias, p)
		}
	}
	return f, nil
}

// produce writes the next n records.
func (f *feeder) produce(ctx context.Context, n int) error {
	for range n {
		f.mu.Lock()
		if f.next == len(f.run.plan.Records) {
			f.mu.Unlock()
			break
		}
		k := f.run.plan.Records[f.next]
		f.next++
		f.mu.Unlock()
		var value []byte
		var key string
		if k == noise {
			value, key = f.noise()
		} else {
			value = f.value(k)
		}
		when := f.when()
		partition := f.bias[f.rng.IntN(len(f.bias))]
		want := f.run.ledger.produce(partition, k, value)
		if k == noise {
			f.run.ledger.describe(want, noisy{key: key, id: "noise-" + strconv.Itoa(f.noises), bytes: int64(len(value)), when: when})
		}
		rec := &kgo.Record{Topic: f.run.topic, Partition: int32(partition), Value: value, Timestamp: when} //nolint:gosec // at most 6
		f.run.client.Produce(ctx, rec, func(r *kgo.Record, err error) {
			if err == nil && r.Offset != want.offset {
				err = fmt.Errorf("a record got offset %d, expected %s", r.Offset, want)
			}
			f.mu.Lock()
			defer f.mu.Unlock()
			if err != nil && f.failed == nil {
				f.failed = fmt.Errorf("produce to %s: %w", f.run.topic, err)
			}
		})
	}
	if err := f.run.client.Flush(ctx); err != nil {
		return fmt.Errorf("produce to %s: %w", f.run.topic, err)
	}
	return f.err()
}

func (f *feeder) err() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.failed
}

// value makes a record's value; nil is none.
func (f *feeder) value(k kind) []byte {
	switch k {
	case poison:
		event := f.gen.Next(nil, time.Now())
		return append([]byte(poisonMark), event[1:]...)
	case malformed:
		if text := f.gen.Malformed(nil); text != nil {
			return text
		}
		return []byte{}
	case tombstone:
		return nil
	case huge:
		return []byte(`{"id":"` + strings.Repeat("x", maxEventBytes) + `"}`)
	}
	return f.gen.Next(make([]byte, 0, 2048), time.Now())
}

// rest produces what the plan has kept back: slowly, so that a rebalance
// meets a flow, or at once when half of what is there is out.
func (f *feeder) rest(ctx context.Context) {
	left := len(f.run.plan.Records) - f.run.plan.Preload
	const every = 50 * time.Millisecond
	ticks := 20 // a second
	if f.run.plan.Second == guest {
		ticks = 120 // until the guest has left
	}
	if f.run.plan.Trickle {
		tick := time.NewTicker(every)
		defer tick.Stop()
		for n := range ticks {
			select {
			case <-ctx.Done():
				return
			case <-f.hurry:
			case <-tick.C:
				if f.produce(ctx, left*(n+1)/ticks-left*n/ticks) != nil {
					return
				}
				continue
			}
			break
		}
	} else if !f.run.halfWay(ctx) {
		return
	}
	_ = f.produce(ctx, len(f.run.plan.Records)) // err tells
}

// rush lets what is left come at once.
func (f *feeder) rush() { f.once.Do(func() { close(f.hurry) }) }

// fed reports whether everything is produced.
func (f *feeder) fed() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.next == len(f.run.plan.Records)
}

// halfWay waits until half of the first records are out, or returns false.
func (r *run) halfWay(ctx context.Context) bool {
	half := r.plan.goodBefore(r.plan.Preload) / 2
	for tick := time.NewTicker(10 * time.Millisecond); ; {
		if unique, _, _ := r.ledger.counts(); unique >= half {
			tick.Stop()
			return true
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			tick.Stop()
			return false
		}
	}
}

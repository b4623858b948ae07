package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tidwall/gjson"
	"github.com/twmb/franz-go/pkg/kgo"

	"auditlog-forwarder/pkg/audit/auditgen"
)

// producer stands for Confluent Cloud: it writes audit events to the topic.
type producer struct {
	client *kgo.Client
	gen    *auditgen.Generator
	ledger *ledger
	poison *poison
	rate   int

	settled func() int // of what was produced
	backlog int        // how much of it may be unsettled

	spoilt atomic.Bool // from now on some records are bad
	stop   context.CancelFunc
	done   chan struct{}

	mu  sync.Mutex
	err error
}

// poison is the events that the receiver refuses.
type poison struct {
	mu     sync.Mutex
	bodies map[body]bool
}

func (p *poison) add(b body) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.bodies[b] = true
}

func (p *poison) is(event []byte) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.bodies[sha256.Sum256(event)]
}

// ahead is how long the backlog may grow beside an outage. A machine that cannot
// keep up with the rate would never come to the end of the demonstration.
const ahead = 2 * time.Second

// startProducer produces until finish is called; settled says how many records
// the forwarder has settled.
func startProducer(ctx context.Context, address string, o options, l *ledger, bad *poison, settled func() int) (*producer, error) {
	gen, err := auditgen.New(o.seed)
	if err != nil {
		return nil, err
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(address), kgo.DefaultProduceTopic(topic),
		kgo.RecordPartitioner(kgo.RoundRobinPartitioner()), kgo.ProducerLinger(10*time.Millisecond))
	if err != nil {
		return nil, fmt.Errorf("make the producer: %w", err)
	}
	p := &producer{client: client, gen: gen, ledger: l, poison: bad, rate: o.rate, settled: settled, done: make(chan struct{})}
	p.backlog = int((o.outage + ahead).Seconds() * float64(o.rate))
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	p.stop = cancel
	go p.run(ctx)
	return p, nil
}

// run keeps to the rate by the clock, so that a late tick is made up for, but not
// beyond the backlog.
func (p *producer) run(ctx context.Context) {
	defer close(p.done)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	started, sent, bad := time.Now(), 0, 0
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		due := int(time.Since(started).Seconds() * float64(p.rate))
		if most := p.settled() + p.backlog; due > most {
			due = max(sent, most)
			started = time.Now().Add(-time.Duration(float64(due) / float64(p.rate) * float64(time.Second)))
		}
		for ; sent < due && ctx.Err() == nil; sent++ {
			if p.spoilt.Load() {
				bad++
			}
			p.send(context.WithoutCancel(ctx), bad)
		}
	}
}

// send produces one record. Of the bad-th since they began, about four a
// second are no events, and about three a second poison. ctx must not end: a
// record that is under way when the production stops is still wanted, and
// finish bounds the wait.
func (p *producer) send(ctx context.Context, bad int) {
	now := time.Now()
	value := make([]byte, 0, 2048)
	var r record
	switch {
	case bad > 0 && bad%(p.rate/4+1) == 0:
		value = p.gen.Malformed(value)
		r.fate = deadLettered
	default:
		value = p.gen.Next(value, now)
		if gjson.GetBytes(value, "data.methodName").Str == noisyMethod {
			r.fate = filtered
		}
	}
	r.body = sha256.Sum256(value)
	if bad > 0 && bad%(p.rate/3+1) == 0 && r.fate == accepted {
		p.poison.add(r.body)
		r.fate = deadLettered
	}
	p.client.Produce(ctx, &kgo.Record{Value: value, Timestamp: now}, func(kr *kgo.Record, err error) {
		if err != nil {
			p.fail(fmt.Errorf("produce to %s: %w", topic, err))
			return
		}
		p.ledger.produce(place{kr.Partition, kr.Offset}, r)
	})
}

func (p *producer) fail(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err == nil {
		p.err = err
	}
}

// finish ends the production and waits until the broker has all of it.
func (p *producer) finish(ctx context.Context) error {
	p.stop()
	<-p.done
	err := p.client.Flush(ctx)
	p.client.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	return errors.Join(p.err, err)
}

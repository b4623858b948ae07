package main

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"auditlog-forwarder/pkg/faultnet"
)

// confirmation is what became of a request's acknowledgement.
type confirmation struct {
	channel string // that the request came on

	mu sync.Mutex
	confirmed
}

// confirmed is what is known of a confirmation.
type confirmed struct {
	id    int                // below 0: the answer held none
	ready time.Time          // from when on a poll is told true; zero: never
	yes   *faultnet.Exchange // the poll that was told true; nil: none was
	when  time.Time          // and when
}

func (c *confirmation) now() confirmed {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.confirmed
}

func (c *confirmation) note(fn func(*confirmed)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	fn(&c.confirmed)
}

// pipeline is the way from an indexer's 200 to its index. Until it confirms
// them, an indexer may lose what it has taken; that is what acknowledgements
// are there for.
type pipeline struct {
	at *endpoint

	mu      sync.Mutex
	epochs  []time.Time // restarts of the indexer
	flying  map[ackKey]*confirmation
	dropped int // so many of the next requests are lost
	silent  int // are indexed and not confirmed
	late    int // take long
	work    sync.WaitGroup
}

// ackKey names a request as its client does.
type ackKey struct {
	channel string
	id      int
}

func newPipeline(e *endpoint) *pipeline {
	return &pipeline{at: e, flying: map[ackKey]*confirmation{}}
}

// fate is what the pipeline does to a request.
type fate struct {
	drop, silent bool
	delay        time.Duration
}

func (p *pipeline) draw() (f fate) {
	plan := p.at.run.plan
	f.delay = plan.AckDelay
	switch {
	case p.dropped > 0:
		p.dropped--
		f.drop = true
	case p.silent > 0:
		p.silent--
		f.silent = true
	case p.late > 0:
		p.late--
		f.delay = plan.AckTimeout / 3
	}
	return f
}

// take lets a request through after a while.
func (p *pipeline) take(q *request, answer []byte) {
	if q.indexed == 0 {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	var said struct {
		AckID *int `json:"ackId"`
	}
	key := ackKey{q.ack.channel, -1}
	if json.Unmarshal(answer, &said) == nil && said.AckID != nil {
		key.id = *said.AckID
		p.flying[key] = q.ack
	}
	q.ack.note(func(c *confirmed) { c.id = key.id })
	f, epoch := p.draw(), len(p.epochs)
	if f.drop {
		return
	}
	p.work.Go(func() {
		if !p.at.run.pause(f.delay) {
			return
		}
		p.mu.Lock()
		gone := len(p.epochs) != epoch
		p.mu.Unlock()
		if gone {
			return // it was in memory when the indexer ended
		}
		p.at.run.ledger.index(q)
		p.mu.Lock()
		defer p.mu.Unlock()
		if len(p.epochs) == epoch && key.id >= 0 && !f.silent {
			p.at.hec.Ack(key.channel, key.id)
			q.ack.note(func(c *confirmed) { c.ready = time.Now() })
		}
	})
}

// polled notes which requests a poll was told to be indexed.
func (p *pipeline) polled(r *http.Request, answer []byte, link *faultnet.Exchange) {
	var said struct {
		Acks map[string]bool `json:"acks"`
	}
	if json.Unmarshal(answer, &said) != nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for text, yes := range said.Acks {
		id, err := strconv.Atoi(text)
		if c := p.flying[ackKey{r.Header.Get(headerChannel), id}]; yes && err == nil && c != nil {
			c.note(func(c *confirmed) { c.yes, c.when = link, time.Now() })
		}
	}
}

// restart loses what is in memory and forgets the channels.
func (p *pipeline) restart() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.epochs = append(p.epochs, time.Now())
	clear(p.flying)
	p.at.hec.ForgetAcks()
}

// restarts returns when the indexer has started again.
func (p *pipeline) restarts() []time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.epochs)
}

// next decides what becomes of the next requests.
func (p *pipeline) next(dropped, silent, late int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dropped += dropped
	p.silent += silent
	p.late += late
}

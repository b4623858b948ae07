package hec

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
)

// ackWorld is a few indexers behind a load balancer, of which each loses, when
// it crashes, what it took and has not written. Other than hectest, which
// indexes at once, it can lose an event that it has acknowledged receiving: so
// it shows what a wrong "indexed" costs.
type ackWorld struct {
	mu       sync.Mutex
	rng      *rand.Rand
	indexers []*worldIndexer
	at       int // where the balancer sends clients
	cookies  bool
	written  map[int]bool // items that survive
	faults   float64
}

type worldIndexer struct {
	channels map[string]*worldChannel
}

type worldChannel struct {
	next  int64
	taken map[int64]worldItem
}

type worldItem struct {
	item int
	due  time.Time
}

func newWorld(seed uint64) *ackWorld {
	w := &ackWorld{rng: rand.New(rand.NewPCG(seed, 1)), written: map[int]bool{}, faults: 0.15}
	w.cookies = seed%2 == 0
	for range 2 {
		w.indexers = append(w.indexers, &worldIndexer{channels: map[string]*worldChannel{}})
	}
	return w
}

func (w *ackWorld) chance(p float64) bool { return w.rng.Float64() < p }

// travel is the time of one way.
func (w *ackWorld) travel() {
	w.mu.Lock()
	d := time.Duration(w.rng.ExpFloat64() * float64(200*time.Millisecond))
	w.mu.Unlock()
	sleep(d)
}

// write makes what is due survive. It needs w.mu.
func (x *worldIndexer) write(w *ackWorld) {
	for _, ch := range x.channels {
		for _, it := range ch.taken {
			if !time.Now().Before(it.due) {
				w.written[it.item] = true
			}
		}
	}
}

// upset crashes an indexer, moves the clients, or does nothing.
func (w *ackWorld) upset() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i, x := range w.indexers {
		if w.chance(0.4) {
			x.write(w)
			x.channels = map[string]*worldChannel{}
			if i == w.at && w.chance(0.5) {
				w.at = 1 - w.at
			}
		}
	}
}

func (w *ackWorld) channel(name string) *worldChannel {
	x := w.indexers[w.at]
	ch := x.channels[name]
	if ch == nil {
		ch = &worldChannel{taken: map[int64]worldItem{}}
		x.channels[name] = ch
	}
	return ch
}

// cookie is what a reply sets.
func (w *ackWorld) cookie() http.Header {
	h := http.Header{}
	if w.cookies {
		h.Set("Set-Cookie", fmt.Sprintf("at=%d; Path=/", w.at))
	}
	return h
}

// take is a post's way; nil: no answer comes back.
func (w *ackWorld) take(s *ackSession, item int) (http.Header, int64) {
	w.travel()
	w.mu.Lock()
	if w.chance(w.faults / 2) {
		w.mu.Unlock()
		return nil, 0 // it did not arrive
	}
	ch := w.channel(s.id)
	id := ch.next
	ch.next++
	ch.taken[id] = worldItem{item, time.Now().Add(time.Duration(w.rng.ExpFloat64() * float64(3*time.Second)))}
	header, lost := w.cookie(), w.chance(w.faults)
	w.mu.Unlock()
	w.travel()
	if lost {
		return nil, 0
	}
	return header, id
}

func (w *ackWorld) poll(_ context.Context, s *ackSession, ids []int64, note func(*http.Response)) (map[int64]bool, error) {
	w.travel()
	w.mu.Lock()
	w.indexers[w.at].write(w)
	ch := w.channel(s.id)
	answer := map[int64]bool{}
	for _, id := range ids {
		it, ok := ch.taken[id]
		answer[id] = ok && w.written[it.item]
		if answer[id] {
			delete(ch.taken, id)
		}
	}
	header, lost := w.cookie(), w.chance(w.faults)
	w.mu.Unlock()
	w.travel()
	if lost {
		return nil, errors.New("the answer was lost")
	}
	note(&http.Response{Header: header, Request: worldRequest()})
	return answer, nil
}

func worldRequest() *http.Request {
	return &http.Request{URL: &url.URL{Scheme: "http", Host: "splunk.test", Path: pathEvent}}
}

// TestAcksNeverLose sends items through crashes, moves and lost answers. What
// was reported as indexed must have been written, whatever happens.
func TestAcksNeverLose(t *testing.T) {
	t.Parallel()
	for seed := range uint64(40) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(seed)
			a := newAcks(ackOptions{
				enabled: true, interval: time.Second, timeout: time.Minute, maxAge: 40 * time.Second, endpoint: "x", poll: w.poll,
				metrics: newAckMetrics(prometheus.NewRegistry()), log: zap.NewNop(),
			})
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan struct{})
			go func() {
				defer close(done)
				for pause(ctx, 4*time.Second) == nil {
					w.upset()
				}
			}()
			var lanes sync.WaitGroup
			for lane := range 4 {
				lanes.Go(func() {
					for n := range 15 {
						item := lane*1000 + n
						for attempt := 0; ; attempt++ {
							if attempt > 200 {
								t.Errorf("seed %d: item %d was tried %d times", seed, item, attempt)
								return
							}
							s := a.session()
							header, id := w.take(s, item)
							if header == nil {
								a.lost(s)
								continue
							}
							a.noteReply(s, &http.Response{Header: header, Request: worldRequest()})
							a.finish(ctx, s, 0, &id)
							if a.wait(ctx, s, id) == nil {
								break
							}
						}
						w.mu.Lock()
						if !w.written[item] {
							t.Errorf("seed %d: item %d was reported as indexed, and is lost", seed, item)
						}
						w.mu.Unlock()
					}
				})
			}
			lanes.Wait()
			cancel()
			<-done
		})
	}
}

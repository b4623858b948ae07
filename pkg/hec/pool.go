package hec

import (
	"context"
	"math"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"
)

// pool spreads posts over the endpoints, and is the breaker before each of
// them. A post takes a lease of an endpoint for each try, and brings it back
// with what came of it (breaker.go).
//
// One lock guards all, also while problems are told, so that what is told
// comes in the order in which it happened. It is held for a few comparisons
// for each post, never while anything is sent.
type pool struct {
	cfg     Config
	log     *zap.Logger
	metrics *metrics
	tell    func(error)
	wait    string // what waits where while Splunk takes nothing
	// ask is how an endpoint is asked out-of-band whether it takes posts.
	ask func(context.Context, *endpoint) *Problem

	ctx   context.Context // of the goroutines that ask; ended by stop
	stop  context.CancelFunc
	asks  sync.WaitGroup
	timer *time.Timer // runs dispatch when a wait is over

	mu        sync.Mutex
	closed    bool
	endpoints []*endpoint
	waiting   []*ticket
	next      int // the endpoint that is looked at first
	gen       int // counts changes of secrets and TLS

	stuck    []*ticket // posts that are told as a problem of their own
	flood    *Problem  // nearly everything is refused
	refusals int       // events refused on their own since the last acceptance
	told     string    // the key of what OnProblem was told last; empty: nil
	hasTold  bool
}

// ticket is one post's place in the pool, for all its tries.
type ticket struct {
	topic  string
	events int

	fails     int // tries that brought no verdict
	own       int // of them, those that are the post's own fault
	lastFail  time.Time
	notBefore time.Time   // its own back-off
	tried     []*endpoint // where it has failed in this round
	ready     chan *lease // has room for the one lease
	problem   *Problem    // what is told of it; nil: nothing
	stuckAt   time.Time   // since when that is
}

// lease is an endpoint's permission for one try.
type lease struct {
	ep      *endpoint
	conn    *http.Transport
	started time.Time
	period  int  // the endpoint's, at that time
	gen     int  // the pool's, at that time
	trial   bool // by it an endpoint that is down is tried
	back    bool
}

func newPool(cfg Config, opts Options, m *metrics, endpoints []*endpoint) *pool {
	p := &pool{cfg: cfg, log: opts.Log, metrics: m, tell: opts.OnProblem, wait: opts.Waiting, endpoints: endpoints}
	p.ctx, p.stop = context.WithCancel(context.Background())
	for _, e := range endpoints {
		if len(endpoints) > 1 {
			e.limit = 1 // one that never answers must not get a share of the first batches
		}
		m.up.WithLabelValues(e.name).Set(0) // until it has answered
		m.inFlight.WithLabelValues(e.name).Set(0)
	}
	return p
}

// close ends the asking. Nobody may hold a lease or wait for one.
func (p *pool) close() {
	p.mu.Lock()
	p.closed = true
	if p.timer != nil {
		p.timer.Stop()
	}
	for _, e := range p.endpoints {
		e.transport.CloseIdleConnections()
	}
	p.mu.Unlock()
	p.stop()
	p.asks.Wait()
}

// take waits for an endpoint that t's post may be sent to.
func (p *pool) take(ctx context.Context, t *ticket) (*lease, error) {
	if t.ready == nil {
		t.ready = make(chan *lease, 1)
	}
	p.mu.Lock()
	p.waiting = append(p.waiting, t)
	p.dispatch()
	p.mu.Unlock()
	select {
	case l := <-t.ready:
		return l, nil
	case <-ctx.Done():
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if i := slices.Index(p.waiting, t); i >= 0 {
		p.waiting = slices.Delete(p.waiting, i, i+1)
		return nil, ctx.Err()
	}
	p.settle(<-t.ready) // it came in the same moment
	p.dispatch()
	return nil, ctx.Err()
}

// dispatch gives the waiting posts what there is for them, and starts asking
// where that is due. It needs mu, and is called after every change.
func (p *pool) dispatch() {
	if p.closed {
		return
	}
	p.unneeded()
	now := time.Now()
	// Posts that never failed go first: on an endpoint of which little is
	// known, one that has failed tells least.
	for _, failed := range []bool{false, true} {
		kept := p.waiting[:0]
		for i, t := range p.waiting {
			if (t.fails > 0) != failed || t.notBefore.After(now) {
				kept = append(kept, t)
				continue
			}
			e := p.choose(t, now)
			if e == nil {
				kept = append(kept, t)
				if t.fails == 0 && !p.anyRoom(now) { // nor for those behind it
					kept = append(kept, p.waiting[i+1:]...)
					break
				}
				continue
			}
			t.ready <- p.lend(e, now)
		}
		clear(p.waiting[len(kept):])
		p.waiting = kept
	}
	p.askDown(now)
	p.arm(now)
}

// anyRoom reports whether any endpoint would take a post that never failed.
func (p *pool) anyRoom(now time.Time) bool {
	fresh := &ticket{}
	up := p.up()
	return slices.ContainsFunc(p.endpoints, func(e *endpoint) bool { return e.admits(fresh, now, up) })
}

// up reports whether any endpoint takes posts.
func (p *pool) up() bool {
	return slices.ContainsFunc(p.endpoints, func(e *endpoint) bool { return !e.down })
}

// choose returns the endpoint that t's post goes to, or nil: of those that
// admit it the one with the fewest posts out or not acknowledged, where each
// counts for more the slower the endpoint answers and acknowledges. Ties go round.
func (p *pool) choose(t *ticket, now time.Time) *endpoint {
	up := p.up()
	untried := slices.ContainsFunc(p.endpoints, func(e *endpoint) bool { return !e.down && !slices.Contains(t.tried, e) })
	fastest, promptest := time.Duration(math.MaxInt64), time.Duration(math.MaxInt64)
	for _, e := range p.endpoints {
		answers, acks, _ := e.slowness(now)
		if !e.down {
			fastest, promptest = min(fastest, answers), min(promptest, acks)
		}
	}
	var best *endpoint
	least := 0.0
	for i := range p.endpoints {
		e := p.endpoints[(p.next+i)%len(p.endpoints)]
		if !e.admits(t, now, up) || untried && slices.Contains(t.tried, e) {
			continue
		}
		answers, acks, open := e.slowness(now)
		holds := heavier(acks, promptest, e.acks.samePace()) // squared: it also holds up those behind it
		cost := float64(e.posts+open+1) * heavier(answers, fastest, sameLatency) * holds * holds
		if best == nil || cost < least {
			best, least = e, cost
		}
	}
	p.next = (p.next + 1) % len(p.endpoints)
	return best
}

// heavier is how much more a post counts on an endpoint that takes so long, if
// that is more than twice as long as on the fastest. Below same nothing is told
// apart.
func heavier(takes, fastest, same time.Duration) float64 {
	return max(1, float64(takes)/(2*float64(max(fastest, same))))
}

// lend makes a lease of e. It needs mu.
func (p *pool) lend(e *endpoint, now time.Time) *lease {
	if !e.renew.IsZero() && now.After(e.renew) {
		p.swap(e)
	}
	l := &lease{ep: e, conn: e.transport, started: now, period: e.period, gen: p.gen, trial: e.down}
	e.trial = e.down
	e.lent++
	e.posts++
	e.out = append(e.out, l)
	p.metrics.inFlight.WithLabelValues(e.name).Set(float64(e.posts))
	return l
}

// settle notes that a lease is back, and nothing else. It needs mu.
func (p *pool) settle(l *lease) {
	e := l.ep
	l.back = true
	e.posts--
	if l.period == e.period {
		e.lent--
		if l.trial {
			e.trial = false
		}
	}
	p.metrics.inFlight.WithLabelValues(e.name).Set(float64(e.posts))
	if l.conn != e.transport {
		l.conn.CloseIdleConnections() // its transport was swapped meanwhile
	}
}

// arm sets the timer to the moment at which dispatch has to look again. It
// needs mu.
func (p *pool) arm(now time.Time) {
	var at time.Time
	soonest := func(t time.Time) {
		if t.After(now) && (at.IsZero() || t.Before(at)) {
			at = t
		}
	}
	for _, e := range p.endpoints {
		if e.down {
			soonest(e.until)
		}
	}
	for _, t := range p.waiting {
		soonest(t.notBefore)
	}
	switch {
	case at.IsZero():
	case p.timer == nil:
		p.timer = time.AfterFunc(at.Sub(now), func() {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.dispatch()
		})
	default:
		p.timer.Reset(at.Sub(now))
	}
}

// jitter returns a wait that doubles with each attempt up to the longest, of
// which a random half is taken off, so that lanes and members do not come in
// step.
func (p *pool) jitter(attempt int) time.Duration {
	wait, most := p.cfg.BackoffMin, p.cfg.BackoffMax
	for ; attempt > 0 && wait < most; attempt-- {
		wait *= 2
	}
	wait = min(wait, most)
	return wait/2 + rand.N(wait/2+1) //nolint:gosec // spreads load, guards nothing
}

// pause waits, or returns ctx's error.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

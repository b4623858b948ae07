package hec

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"auditlog-forwarder/pkg/creds"
)

// newTestPool makes a pool whose time is the bubble's: nothing is sent, the
// test says what came of each lease.
func newTestPool(t *testing.T, endpoints int, ask func(*endpoint) *Problem) *pool {
	t.Helper()
	cfg := DefaultConfig()
	cfg.URLs, cfg.Token = nil, creds.NewSecret("t")
	for i := range endpoints {
		cfg.URLs = append(cfg.URLs, fmt.Sprintf("http://splunk-%d:8088", i))
	}
	cfg.BackoffMin, cfg.BackoffMax, cfg.ConnectionMaxAge = time.Second, 30*time.Second, 0
	c, err := New(cfg, Options{Log: zap.NewNop(), Registerer: prometheus.NewRegistry()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	c.pool.ask = func(_ context.Context, e *endpoint) *Problem {
		if ask == nil {
			t.Errorf("%s is asked", e.name)
			return nil
		}
		return ask(e)
	}
	return c.pool
}

func take(t *testing.T, p *pool, ticket *ticket) *lease {
	t.Helper()
	l, err := p.take(t.Context(), ticket)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// The kinds of failures.

func busy() *reply { return &reply{class: Transient, status: 503, code: codeBusy, number: noNumber} }

func badToken() *reply { return &reply{class: Blocked, status: 403, code: 4, number: noNumber} }

func badIndex() *reply { return &reply{class: Blocked, status: 400, code: codeIndex, number: noNumber} }

func broken() *reply {
	return &reply{class: Transient, code: noCode, number: noNumber, text: "connection reset"}
}

func unreachable() *reply {
	return &reply{class: Transient, code: noCode, number: noNumber, text: "connection refused", unsent: true}
}

func patience(d time.Duration) *reply {
	r := busy()
	r.retryAfter = d
	return r
}

// TestBreakerBacksOff: one post at a time, at waits that double, without an
// end; answers that only a person can change at the longest wait.
func TestBreakerBacksOff(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		reply *reply
		least []time.Duration // of each wait; the most is twice that, or 30 s
	}{
		"busy":                {busy(), []time.Duration{500 * time.Millisecond, time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second, 15 * time.Second, 15 * time.Second}},
		"refused connections": {unreachable(), []time.Duration{500 * time.Millisecond, time.Second, 2 * time.Second}},
		"bad token":           {badToken(), []time.Duration{15 * time.Second, 15 * time.Second}},
		"asks for patience":   {patience(20 * time.Second), []time.Duration{20 * time.Second}},
		"asks for an hour":    {patience(time.Hour), []time.Duration{30 * time.Second}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				p := newTestPool(t, 1, nil)
				var waiting [5]ticket // the others do not make it faster
				var wg sync.WaitGroup
				ctx, cancel := context.WithCancel(t.Context())
				l := take(t, p, &waiting[0])
				for i := range waiting[1:] {
					wg.Go(func() {
						for ctx.Err() == nil {
							if l, err := p.take(ctx, &waiting[i+1]); err == nil {
								p.failed(l, &waiting[i+1], tc.reply)
							}
						}
					})
				}
				p.failed(l, &waiting[0], tc.reply)
				for n, least := range tc.least {
					started := time.Now()
					for e := p.endpoints[0]; ; { // until somebody has failed once more
						p.mu.Lock()
						failures, until := e.failures, e.until
						p.mu.Unlock()
						if failures > n+1 {
							break
						}
						<-time.After(time.Until(until) + time.Nanosecond)
						synctest.Wait()
					}
					wait, most := time.Since(started), min(2*least, 30*time.Second)
					if wait < least || wait > most+time.Millisecond {
						t.Errorf("wait %d is %s, want %s to %s", n, wait, least, most)
					}
				}
				cancel()
				wg.Wait()
			})
		})
	}
}

// TestSlowStart: after an outage one post, then more with each success; a
// hundred that wait are through within a few round trips.
func TestSlowStart(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newTestPool(t, 1, nil)
		var first ticket
		p.failed(take(t, p, &first), &first, busy())
		const trip = 100 * time.Millisecond
		var mu sync.Mutex
		var wg sync.WaitGroup
		byTrip := map[time.Duration]int{} // since the first success
		var up time.Time
		for range 100 {
			wg.Go(func() {
				var mine ticket
				l := take(t, p, &mine)
				mu.Lock()
				if up.IsZero() {
					up = time.Now()
				}
				byTrip[time.Since(up)/trip]++
				mu.Unlock()
				<-time.After(trip)
				p.took(l)
			})
		}
		wg.Wait()
		if byTrip[0] != 1 || byTrip[1] != 2 || byTrip[2] < 4 || len(byTrip) > 6 {
			t.Errorf("posts in each round trip: %v; want 1, 2, and all in six", byTrip)
		}
	})
}

// TestPoisonedBatchWaitsAlone: a batch that always fails, with the same signs
// as a broken endpoint, neither takes the endpoint from the others nor is given up.
func TestPoisonedBatchWaitsAlone(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		endpoints int
		reply     *reply
	}{
		"reset": {1, broken()}, "reset, three endpoints": {3, broken()},
		"a firewall's page": {1, &reply{class: Blocked, status: 403, code: noCode}}, "index": {1, badIndex()}, "index, two endpoints": {2, badIndex()},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				p := newTestPool(t, tc.endpoints, func(*endpoint) *Problem { return nil })
				ctx, cancel := context.WithCancel(t.Context())
				var wg, poison sync.WaitGroup
				tries := 0
				poison.Go(func() {
					var bad ticket
					defer p.leave(&bad, false)
					for {
						l, err := p.take(ctx, &bad)
						if err != nil {
							return
						}
						<-time.After(5 * time.Millisecond)
						p.failed(l, &bad, tc.reply)
						tries++
					}
				})
				start := time.Now()
				const lanes, posts, trip = 2, 6200, 10 * time.Millisecond
				for range lanes {
					wg.Go(func() {
						for range posts {
							var mine ticket
							l := take(t, p, &mine)
							<-time.After(trip)
							p.took(l)
						}
					})
				}
				wg.Wait()
				took := time.Since(start)
				p.mu.Lock()
				told := p.reason()
				p.mu.Unlock()
				cancel()
				poison.Wait()
				// A little over a minute of good posts, and so two waits of any length; at most
				// a second of it lost.
				if most := posts*trip + time.Second; took > most {
					t.Errorf("the others took %s, want at most %s", took, most)
				}
				if tries < 3 || tries > 20*tc.endpoints {
					t.Errorf("the bad one was tried %d times in a minute, want a few", tries)
				}
				if told == nil || told.Class != tc.reply.class {
					t.Errorf("told %v of a batch that never goes", told)
				}
				p.mu.Lock()
				defer p.mu.Unlock()
				if now := p.reason(); now != nil {
					t.Errorf("still told after it left: %v", now)
				}
			})
		})
	}
}

// TestPoolAsksBeforeItRisks: while another endpoint is up, one that is down
// gets no batch before it has said that it works; then one, then more.
func TestPoolAsksBeforeItRisks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var well atomic.Bool
		var asks atomic.Int32
		p := newTestPool(t, 2, func(*endpoint) *Problem {
			asks.Add(1)
			if well.Load() {
				return nil
			}
			return &Problem{Class: Transient, err: busy()}
		})
		sick := p.endpoints[0]
		post := func(fail bool) (*endpoint, time.Duration) {
			var mine ticket
			started := time.Now()
			l := take(t, p, &mine)
			if fail && l.ep == sick {
				p.failed(l, &mine, busy())
				if again := take(t, p, &mine); again.ep == sick {
					t.Error("it goes to the endpoint again that has just failed")
				} else {
					l = again
				}
			}
			p.took(l)
			return l.ep, time.Since(started)
		}
		for range 2 { // one of them meets the sick one
			if _, waited := post(true); waited != 0 {
				t.Errorf("waited %s with an endpoint up", waited)
			}
		}
		for range 1000 {
			if ep, waited := post(false); ep == sick || waited != 0 {
				t.Fatalf("to %s after %s", ep.name, waited)
			}
			<-time.After(100 * time.Millisecond)
		}
		if n := asks.Load(); n < 5 || n > 12 {
			t.Errorf("asked %d times in 100 s, want waits that double up to 30 s", n)
		}
		well.Store(true)
		<-time.After(31 * time.Second)
		synctest.Wait()
		var a, b, c ticket
		la, lb, lc := take(t, p, &a), take(t, p, &b), take(t, p, &c)
		n := 0
		for _, l := range []*lease{la, lb, lc} {
			if l.ep == sick {
				n++
			}
		}
		if n != 1 {
			t.Errorf("%d posts on an endpoint that has only said that it works, want 1", n)
		}
		for _, l := range []*lease{la, lb, lc} {
			p.took(l)
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		if sick.down {
			t.Error("still down after a success")
		}
	})
}

// TestPostHops: a post that fails for what is in it goes once to each endpoint
// without waiting, and waits only then; the endpoints stay up.
func TestPostHops(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newTestPool(t, 3, nil)
		p.mu.Lock()
		for _, e := range p.endpoints {
			e.limit = 0 // as after a while
		}
		p.mu.Unlock()
		for round := range 4 {
			var bad ticket
			seen := map[*endpoint]bool{}
			for range p.endpoints {
				start := time.Now()
				l := take(t, p, &bad)
				if waited := time.Since(start); waited != 0 || seen[l.ep] {
					t.Errorf("round %d: to %s after %s, seen before: %v", round, l.ep.name, waited, seen[l.ep])
				}
				seen[l.ep] = true
				for range 2 { // others meanwhile, on all of them; so many that ties come round to the same
					<-time.After(time.Millisecond)
					var good [4]ticket
					var held []*lease
					for i := range good {
						held = append(held, take(t, p, &good[i]))
					}
					for _, h := range held {
						p.took(h)
					}
				}
				p.failed(l, &bad, broken())
			}
			start := time.Now()
			p.took(take(t, p, &bad))
			if waited := time.Since(start); waited < 500*time.Millisecond {
				t.Errorf("waited %s after a round", waited)
			}
		}
	})
}

// TestPoolAvoidsTheSlow: an endpoint that holds its answers gets few posts,
// also before the first of them is back.
func TestPoolAvoidsTheSlow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newTestPool(t, 2, nil)
		slow := p.endpoints[1]
		p.mu.Lock()
		for _, e := range p.endpoints {
			e.limit = 0 // as after a while
		}
		p.mu.Unlock()
		var quickly, slowly atomic.Int32
		var wg sync.WaitGroup
		start := time.Now()
		for range 10 {
			wg.Go(func() {
				for time.Since(start) < 20*time.Second {
					var mine ticket
					l := take(t, p, &mine)
					if l.ep == slow {
						slowly.Add(1)
						<-time.After(10 * time.Second)
					} else {
						quickly.Add(1)
						<-time.After(10 * time.Millisecond)
					}
					p.took(l)
				}
			})
		}
		wg.Wait()
		// Five get caught at the start; at equal shares five always would be.
		if quickly.Load() < 12_000 || slowly.Load() > 8 {
			t.Errorf("%d posts to the quick one and %d to the slow one", quickly.Load(), slowly.Load())
		}
	})
}

// TestPoolShares: endpoints that are alike get alike, one in trouble takes from
// no other, and one that was slow once gets its part again after a while.
func TestPoolShares(t *testing.T) {
	t.Parallel()
	const (
		lanes, trip, long = 4, 20 * time.Millisecond, 70 * time.Second
		stallAt, stall    = 5 * time.Second, 3 * time.Second
		again             = stallAt + stall + forgetLatency + time.Second // when it was tried again
	)
	type share struct{ from, to float64 }
	type span struct {
		from, to time.Duration
		want     [3]share
	}
	alike, little, half := share{0.28, 0.39}, share{0, 0.01}, share{0.49, 0.51}
	for _, tc := range []struct {
		name  string
		first func(at time.Duration) (time.Duration, *reply) // what comes of posts on the first endpoint
		spans []span
	}{
		{
			"all are alike", func(time.Duration) (time.Duration, *reply) { return trip, nil },
			[]span{{0, long, [3]share{alike, alike, alike}}},
		},
		{
			"one is busy", func(time.Duration) (time.Duration, *reply) { return trip, busy() },
			[]span{{0, long, [3]share{little, half, half}}},
		},
		{
			"one stalls once", onceSlow(stallAt, stall, trip),
			[]span{
				{0, stallAt, [3]share{alike, alike, alike}},
				{stallAt + stall, stallAt + stall + forgetLatency, [3]share{little, half, half}},
				{again, long, [3]share{alike, alike, alike}},
			},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				p := newTestPool(t, 3, func(*endpoint) *Problem { return &Problem{Class: Transient, err: busy()} })
				start := time.Now()
				var mu sync.Mutex
				taken := make([]map[*endpoint]float64, len(tc.spans)) // nil: all of them
				for i := range taken {
					taken[i] = map[*endpoint]float64{}
				}
				note := func(e *endpoint, at time.Duration) {
					for i, s := range tc.spans {
						if at >= s.from && at < s.to {
							taken[i][e]++
							taken[i][nil]++
						}
					}
				}
				var wg sync.WaitGroup
				for range lanes {
					wg.Go(func() {
						for time.Since(start) < long {
							var mine ticket
							for settled := false; !settled; {
								l, at := take(t, p, &mine), time.Since(start)
								takes, failure := trip, (*reply)(nil)
								mu.Lock()
								if l.ep == p.endpoints[0] {
									takes, failure = tc.first(at)
								}
								mu.Unlock()
								<-time.After(takes)
								if settled = failure == nil; !settled {
									p.failed(l, &mine, failure)
									continue
								}
								p.took(l)
								mu.Lock()
								note(l.ep, at)
								mu.Unlock()
							}
						}
					})
				}
				wg.Wait()
				for i, s := range tc.spans {
					for n, e := range p.endpoints {
						if got, want := taken[i][e]/taken[i][nil], s.want[n]; !(got >= want.from && got <= want.to) {
							t.Errorf("from %s to %s endpoint %d took %.3f of %v posts, want %v", s.from, s.to, n, got, taken[i][nil], want)
						}
					}
				}
			})
		})
	}
}

// onceSlow answers all posts in the same time but the first one after at.
func onceSlow(at, slow, trip time.Duration) func(time.Duration) (time.Duration, *reply) {
	was := false
	return func(now time.Duration) (time.Duration, *reply) {
		if !was && now >= at {
			was = true
			return slow, nil
		}
		return trip, nil
	}
}

// TestWake: a changed token ends every wait at once.
func TestWake(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newTestPool(t, 1, nil)
		var a, b ticket
		l := take(t, p, &a)
		p.failed(l, &a, badToken())
		done := make(chan time.Duration)
		go func() {
			start := time.Now()
			p.took(take(t, p, &a))
			done <- time.Since(start)
		}()
		<-time.After(time.Second)
		p.wake()
		if waited := <-done; waited != time.Second {
			t.Errorf("waited %s, want to be woken after 1s", waited)
		}
		// A post that was out with the old token is refused: it goes again at
		// once, and takes nothing out.
		l = take(t, p, &b)
		p.wake()
		p.failed(l, &b, badToken())
		start := time.Now()
		p.took(take(t, p, &b))
		if waited := time.Since(start); waited != 0 {
			t.Errorf("an old refusal made it wait %s", waited)
		}
		// So does one that waits for its own fault.
		l = take(t, p, &b)
		p.failed(l, &b, badIndex())
		go func() {
			p.took(take(t, p, &b))
			done <- time.Since(start)
		}()
		synctest.Wait()
		p.wake()
		if waited := <-done; waited != 0 {
			t.Errorf("a wait of its own lasted %s", waited)
		}
	})
}

// TestPoolAnything: whatever comes of the posts, in any order, nobody is
// forgotten, no endpoint is tried by two posts at once, and the books are
// right at the end.
func TestPoolAnything(t *testing.T) {
	t.Parallel()
	for seed := range uint64(20) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				rng := rand.New(rand.NewPCG(seed, 1))
				var mu sync.Mutex
				chance := func(n int) int { mu.Lock(); defer mu.Unlock(); return rng.IntN(n) }
				p := newTestPool(t, 1+chance(4), func(*endpoint) *Problem {
					<-time.After(time.Duration(chance(3000)) * time.Millisecond)
					if chance(2) == 0 {
						return &Problem{Class: Transient, err: busy()}
					}
					return nil
				})
				type period struct {
					ep *endpoint
					n  int
				}
				trials := map[period]int{}
				kinds := []*reply{busy(), badToken(), badIndex(), broken(), unreachable(), {class: Blocked, status: 200, code: 0, askFirst: true}}
				var wg sync.WaitGroup
				for range 30 {
					wg.Go(func() {
						for range 20 {
							ctx, cancel := context.WithCancel(t.Context())
							if chance(4) == 0 {
								time.AfterFunc(time.Duration(chance(20000))*time.Millisecond, cancel)
							}
							var mine ticket
							for {
								l, err := p.take(ctx, &mine)
								if err != nil {
									if !errors.Is(err, context.Canceled) {
										t.Error(err)
									}
									break
								}
								mu.Lock()
								if l.trial {
									at := period{l.ep, l.period}
									if trials[at]++; trials[at] > 1 {
										t.Errorf("%d posts try %s at once", trials[at], l.ep.name)
									}
								}
								mu.Unlock()
								<-time.After(time.Duration(chance(200)) * time.Millisecond)
								mu.Lock()
								if l.trial {
									trials[period{l.ep, l.period}]--
								}
								mu.Unlock()
								if chance(50) == 0 {
									p.wake()
								}
								if chance(3) > 0 {
									p.took(l)
									break
								}
								p.failed(l, &mine, kinds[chance(len(kinds))])
							}
							p.leave(&mine, false)
							cancel()
						}
					})
				}
				wg.Wait()
				p.mu.Lock()
				defer p.mu.Unlock()
				if len(p.waiting) != 0 || len(p.stuck) != 0 {
					t.Errorf("%d posts wait, %d are stuck", len(p.waiting), len(p.stuck))
				}
				for _, e := range p.endpoints {
					if e.posts != 0 || e.lent != 0 || e.trial {
						t.Errorf("%s: %d out, %d of the period, trial %v", e.name, e.posts, e.lent, e.trial)
					}
				}
			})
		})
	}
}

// TestUnconfirmed: acknowledgements that do not come are a problem, while
// events are taken.
func TestUnconfirmed(t *testing.T) {
	t.Parallel()
	p := newTestPool(t, 2, nil)
	var told []error
	p.tell = func(err error) { told = append(told, err) }
	var mine ticket
	p.took(take(t, p, &mine))
	why := &Problem{Class: Transient, err: errors.New("no answer to a poll")}
	for _, now := range []*Problem{why, why, nil} {
		p.unconfirmed(p.endpoints[1], now)
	}
	if len(told) != 3 || told[0] != nil || !errors.Is(told[1], why) || told[2] != nil {
		t.Errorf("told %v, want nil, the reason, nil", told)
	}
}

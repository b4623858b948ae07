package hec

import (
	"math"
	"slices"
	"time"

	"go.uber.org/zap"
)

// took brings back a lease whose post is settled: Splunk has taken it, or
// refused it for good. Either way it works.
func (p *pool) took(l *lease) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.settle(l)
	e, now := l.ep, time.Now()
	e.measure(now.Sub(l.started), now)
	switch {
	case e.down && l.trial && l.period == e.period:
		p.open(e, 2)
	case e.down && e.soft:
		// A post from before. The failure that took the endpoint out was
		// perhaps its post's own, and this one proves that it was.
		p.open(e, 1)
	case !e.down && l.period == e.period && e.limit > 0:
		// Full speed comes within a few round trips, but not all at once.
		if e.limit *= 2; e.limit > 1<<16 {
			e.limit = 0
		}
	}
	if !e.down {
		e.failures = 0
		p.works(e)
	}
	p.dispatch()
}

// open lets posts to e again, at first only so many at a time. It needs mu.
func (p *pool) open(e *endpoint, limit int) {
	e.down, e.limit, e.lent = false, limit, 0
	e.trial, e.asked, e.askFirst, e.soft, e.culprit = false, false, false, false, nil
	e.period++
}

// back brings back a lease of which nothing was learnt.
func (p *pool) back(l *lease) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.settle(l)
	p.dispatch()
}

// failed brings back a lease whose post brought r, which settles nothing. It
// decides who is to blame, and so who waits: the endpoint, and all posts with
// it, or this post alone.
func (p *pool) failed(l *lease, t *ticket, r *reply) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.settle(l)
	e, now := l.ep, time.Now()
	r.from(e.base)
	if r.fresh && l.conn == e.transport {
		p.swap(e)
	}
	before := t.lastFail
	t.fails++
	t.lastFail = now
	if !slices.Contains(t.tried, e) {
		t.tried = append(t.tried, e)
	}
	round := !slices.ContainsFunc(p.endpoints, func(e *endpoint) bool { return !e.down && !slices.Contains(t.tried, e) })
	if len(t.tried) == len(p.endpoints) {
		t.tried = []*endpoint{e}
	}
	switch {
	case l.gen != p.gen && r.class == Blocked:
		// A token or a certificate that is not in use any more was refused.
		t.tried = nil
	case r.blame() == blamePost || r.blame() == blameEither && (e.success.After(l.started) || !before.IsZero() && e.success.After(before)):
		// Another endpoint of the same Splunk has no other indexes.
		p.ownFault(t, r, round || r.blame() == blamePost, now)
	default:
		e.tries++
		if l.period == e.period { // else it is old news
			p.shut(e, r)
			if r.blame() == blameEither && (e.failures == 1 || e.culprit == t) {
				e.culprit = t
			} else {
				e.culprit = nil
			}
		}
		if e.down {
			p.fails(e, &Problem{Class: r.class, err: r})
		}
	}
	p.dispatch()
}

// shut takes e out until its back-off is over. It needs mu.
func (p *pool) shut(e *endpoint, r *reply) {
	e.down, e.limit, e.lent = true, 1, 0
	e.trial, e.asked, e.askFirst = false, false, e.askFirst || r.askFirst
	e.soft = r.blame() == blameEither
	e.period++
	e.failures++
	e.until = time.Now().Add(p.backoff(r, e.failures-1))
	p.metrics.up.WithLabelValues(e.name).Set(0)
}

// backoff is the wait before something that brought r is tried again.
func (p *pool) backoff(r *reply, attempt int) time.Duration {
	if r.class == Blocked {
		attempt = math.MaxInt // only a person can help: no hurry
	}
	return max(p.jitter(attempt), min(r.retryAfter, p.cfg.BackoffMax))
}

// ownFault lets a post wait that fails for what is in it: it goes at once to
// the next endpoint, and after a round of all for a back-off of its own. The
// endpoint stays up for all others. It needs mu.
func (p *pool) ownFault(t *ticket, r *reply, round bool, now time.Time) {
	if !round {
		return
	}
	t.tried = nil
	t.own++
	t.notBefore = now.Add(p.backoff(r, t.own-1))
	p.isStuck(t, &Problem{Class: r.class, err: r})
}

// askDown starts asking the endpoints that are down and due, unless a waiting
// post may try them. It needs mu.
func (p *pool) askDown(now time.Time) {
	up := p.up()
	for _, e := range p.endpoints {
		if e.down && !now.Before(e.until) && (up || e.askFirst) && !e.trial && !e.asking && !e.asked {
			e.asking = true
			period, gen := e.period, p.gen
			p.asks.Go(func() { p.answered(e, period, gen, p.ask(p.ctx, e), false) })
		}
	}
}

// answered notes what came of asking e without a post. idle says that it was
// asked because nothing is posted: then there is no post to prove it by, and
// its word counts.
func (p *pool) answered(e *endpoint, period, gen int, problem *Problem, idle bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !idle {
		e.asking = false
	}
	switch {
	case p.ctx.Err() != nil || period != e.period:
		// Posts have told more meanwhile.
	case problem == nil && idle:
		if e.down {
			e.failures = 0
			p.open(e, 1)
		}
		p.works(e)
	case problem == nil:
		e.asked = e.down
	case gen != p.gen && problem.Class == Blocked:
		e.until = time.Now()
	default:
		e.tries++
		p.shut(e, problem.reply())
		e.culprit = nil
		p.fails(e, problem)
	}
	p.dispatch()
}

// wake ends all waits: what made Splunk refuse has perhaps changed.
func (p *pool) wake() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.gen++
	now := time.Now()
	for _, e := range p.endpoints {
		e.until, e.failures = now, 0
	}
	for _, t := range p.waiting {
		t.notBefore, t.own = now, 0
	}
	p.dispatch()
}

// state returns what answered needs to know again later.
func (p *pool) state(e *endpoint) (period, gen int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return e.period, p.gen
}

// leave ends a ticket: its post is settled, or nobody waits for it any more.
func (p *pool) leave(t *ticket, settled bool) {
	if t.problem == nil { // written under mu, but only by this ticket's own tries
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stuck = slices.DeleteFunc(p.stuck, func(s *ticket) bool { return s == t })
	// Batches that waited for the same were one line, and are one again.
	if settled && !slices.ContainsFunc(p.stuck, func(s *ticket) bool { return s.problem.key() == t.problem.key() }) {
		p.log.Info("the batch that splunk did not take is settled", zap.String("topic", t.topic), zap.Duration("after", time.Since(t.stuckAt)))
	}
	p.news()
}

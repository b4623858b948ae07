package hec

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// Problem says why Splunk takes no events.
type Problem struct {
	Class Class // Blocked or Transient
	err   error
}

func (p *Problem) Error() string { return p.err.Error() }

// Unwrap returns the cause.
func (p *Problem) Unwrap() error { return p.err }

// reply returns the answer that is the problem.
func (p *Problem) reply() *reply {
	var r *reply
	if !errors.As(p.err, &r) { // each problem of one endpoint is a reply
		r = &reply{class: p.Class, code: noCode, number: noNumber, text: p.Error()}
	}
	return r
}

// key names the problem without what differs from one try to the next, such
// as the request number on a load balancer's page.
func (p *Problem) key() string {
	var r *reply
	if errors.As(p.err, &r) && r.status != 0 {
		return fmt.Sprint(r.class, r.status, r.code, r.hint)
	}
	return p.Error()
}

func (p *Problem) level() zapcore.Level {
	if p.Class == Blocked {
		return zapcore.ErrorLevel
	}
	return zapcore.WarnLevel
}

// grumble is how many posts in a row must fail in passing before it is told:
// a single busy answer heals itself and would only make noise.
const grumble = 3

// works notes that e takes events, or says that it would. It needs mu, as all
// below.
func (p *pool) works(e *endpoint) {
	p.metrics.up.WithLabelValues(e.name).Set(1)
	switch {
	case e.problem != nil:
		p.log.Info("splunk takes events again", zap.String("endpoint", e.name),
			zap.Duration("after", time.Since(e.since)), zap.Int("failed_posts", e.tries))
	case !e.worked:
		p.log.Info("splunk answers, and the token is good", zap.String("endpoint", e.name))
	default:
		e.tries = 0
		return
	}
	e.problem, e.tries, e.worked = nil, 0, true
	p.news()
}

// fails notes why it does not.
func (p *pool) fails(e *endpoint, now *Problem) {
	if e.tries <= 1 && e.problem == nil {
		e.since = time.Now()
	}
	if e.problem != nil && now.key() == e.problem.key() || now.Class == Transient && e.tries < grumble {
		p.log.Debug("a post to splunk goes again", zap.String("endpoint", e.name), zap.Error(now))
		return
	}
	e.problem = now
	text := "splunk takes no events; " + p.wait
	if slices.ContainsFunc(p.endpoints, func(e *endpoint) bool { return e.problem == nil }) {
		text = "this splunk endpoint takes no events; the others go on"
	}
	p.log.Log(now.level(), text, zap.String("endpoint", e.name), zap.String("class", now.Class.String()), zap.String("reason", now.Error()))
	p.news()
}

// isStuck notes a post that fails while the endpoints work for others.
func (p *pool) isStuck(t *ticket, now *Problem) {
	if t.problem == nil && now.Class == Transient && t.own < grumble || t.problem != nil && t.problem.key() == now.key() {
		p.log.Debug("a post to splunk goes again", zap.Error(now))
		return
	}
	// Batches that wait for the same are one line.
	if !slices.ContainsFunc(p.stuck, func(s *ticket) bool { return s.problem.key() == now.key() }) {
		p.log.Log(now.level(), "splunk does not take a batch, while it answers; "+p.wait, zap.String("class", now.Class.String()),
			zap.String("reason", now.Error()), zap.String("topic", t.topic), zap.Int("events", t.events))
	}
	t.problem = now
	if !slices.Contains(p.stuck, t) {
		t.stuckAt = time.Now()
		p.stuck = append(p.stuck, t)
	}
	p.news()
}

// suspicious is how many events in a row must be refused on their own, with
// none taken between, before the cause is thought to lie elsewhere.
const suspicious = 50

// refused counts an event that Splunk refused for what is in it.
func (p *pool) refused(r *reply) {
	if r.code != codeFormat && r.code != 12 && r.code != 13 && r.code != 15 {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.refusals++; p.refusals != suspicious {
		return
	}
	p.flood = &Problem{Class: Blocked, err: fmt.Errorf(
		"splunk refuses every event (%d in a row, the last with %s): they go to the dead letters; look at what stands before Splunk and may change bodies, then run deadletter replay", suspicious, strings.TrimSuffix(r.Error(), "; "+r.hint))}
	p.log.Error("splunk refuses every event", zap.String("reason", p.flood.Error()))
	p.news()
}

// accepted ends a row of refusals.
func (p *pool) accepted() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refusals = 0
	if p.flood == nil {
		return
	}
	p.flood = nil
	p.log.Info("splunk takes events again, and does not refuse every one")
	p.news()
}

// reason returns why events do not flow, or nil: no endpoint takes any, or
// some batch is taken by none, or is not acknowledged, or all is refused.
func (p *pool) reason() *Problem {
	all := &Problem{Class: Transient}
	var each []string
	for _, e := range p.endpoints {
		if e.problem == nil {
			each = nil
			break
		}
		if e.problem.Class == Blocked {
			all.Class = Blocked
		}
		each = append(each, e.name+": "+e.problem.Error())
	}
	switch {
	case len(each) == 1:
		return p.endpoints[0].problem
	case len(each) > 1:
		all.err = errors.New("no endpoint takes events: " + strings.Join(each, "; "))
		return all
	case len(p.stuck) > 0:
		return p.stuck[0].problem
	}
	for _, e := range p.endpoints {
		if e.unheard != nil {
			return e.unheard
		}
	}
	return p.flood
}

// unconfirmed notes why the acknowledgements of e do not come, or nil when they
// do. Who asks for them has logged it.
func (p *pool) unconfirmed(e *endpoint, now *Problem) {
	p.mu.Lock()
	defer p.mu.Unlock()
	e.unheard = now
	p.news()
}

// unneeded forgets that acknowledgements do not come where none is waited for
// any more, and none will be: the endpoint is down, and its own trouble is told.
func (p *pool) unneeded() {
	for _, e := range p.endpoints {
		if e.unheard != nil && e.down && e.acks.forget() {
			e.unheard = nil
			p.news()
		}
	}
}

// reasonKey is the key of reason: of several endpoints all of theirs.
func (p *pool) reasonKey(now *Problem) string {
	if now == nil {
		return ""
	}
	if len(p.endpoints) == 1 || slices.ContainsFunc(p.endpoints, func(e *endpoint) bool { return e.problem == nil }) {
		return now.key()
	}
	var b strings.Builder
	for _, e := range p.endpoints {
		fmt.Fprintf(&b, "%s %s\n", e.name, e.problem.key())
	}
	return b.String()
}

// news tells OnProblem what has changed.
func (p *pool) news() {
	now := p.reason()
	key := p.reasonKey(now)
	worked := slices.ContainsFunc(p.endpoints, func(e *endpoint) bool { return e.worked })
	if key == p.told && p.hasTold || now == nil && !worked {
		return
	}
	p.told, p.hasTold = key, true
	switch {
	case p.tell == nil:
	case now == nil:
		p.tell(nil)
	default:
		p.tell(now)
	}
}

package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"auditlog-forwarder/pkg/faultnet"
	"auditlog-forwarder/pkg/hec/hectest"
)

// errStalled ends a run in which nothing moves any more. It is the product's
// fault and not the suite's.
var errStalled = errors.New("stalled")

// direct plays the steps. The event with which a step is due waits for its
// answer until the step has begun.
func (r *run) direct(ctx context.Context) error {
	defer r.ledger.letGo()
	for _, s := range r.plan.Steps {
		if err := r.await(ctx, s); err != nil {
			if errors.Is(err, errStalled) {
				return nil // it is noted
			}
			return err
		}
		then, err := r.begin(ctx, s)
		r.ledger.release()
		if err != nil {
			return fmt.Errorf("%s: %w", s, err)
		}
		if then == nil {
			continue
		}
		if err := then(); err != nil {
			return fmt.Errorf("%s: %w", s, err)
		}
	}
	return nil
}

// await waits until a step is due.
func (r *run) await(ctx context.Context, s step) error {
	hit := r.ledger.arm(s.At)
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-hit:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
			if r.gone() {
				return errStalled
			}
			if unique, want, idle := r.ledger.counts(); idle > r.suite.patience {
				r.ledger.complain("nothing has moved for %s: %d of %d events are indexed; step %s was to come", r.suite.patience, unique, want, s)
				return errStalled
			}
		}
	}
}

// begin does the part of a step that everything waits for, and returns the
// rest.
func (r *run) begin(ctx context.Context, s step) (then func() error, err error) {
	e := r.endpoints[s.Endpoint]
	switch s.Do {
	case doReply:
		for range max(s.Times, 1) {
			e.hec.Script(findReply(s.Reply).reply)
		}
	case doNet:
		for range max(s.Times, 1) {
			e.faults.Add(s.Fault)
		}
	case doRefuse:
		for range max(s.Times, 1) {
			e.faults.Add(faultnet.Fault{Kind: faultnet.Refuse})
		}
		r.eachProxy(s.Endpoint, (*faultnet.Proxy).Break)
	case doShut:
		return r.shut(ctx, s), nil
	case doDown:
		return func() error {
			e.down()
			if e.pipe != nil {
				e.pipe.restart()
			}
			r.pause(s.For)
			return e.up(ctx)
		}, nil
	case doNoToken, doDisabled, doIndex, doLarge, doCloud, doNear:
		r.state(e, s)
	case doKill, doStop, doGiveUp, doJoin, doLeave:
		return r.life(ctx, s)
	case doBroker, doFreeze:
		return r.brokerFault(ctx, s), nil
	case doNoStore:
		return r.storeFault(ctx)
	case doRotate:
		return r.rotate, nil
	case doPolls:
		for range max(s.Times, 1) {
			e.hec.ScriptPolls(hectest.Drop().Took())
		}
	case doForget:
		e.pipe.restart()
	case doNoAck:
		e.pipe.next(s.Times, 0, 0)
	case doSilent:
		e.pipe.next(0, s.Times, 0)
	case doLate:
		e.pipe.next(0, 0, s.Times)
	case doDead, doFull: // from the start
	}
	return nil, nil
}

// eachProxy does something to all proxies of the living that lead to an
// endpoint.
func (r *run) eachProxy(endpoint int, do func(*faultnet.Proxy)) {
	for _, m := range r.members {
		if m.now != nil {
			do(m.now.proxies[endpoint])
		}
	}
}

// shut lets nothing listen at an endpoint's address for a while.
func (r *run) shut(ctx context.Context, s step) (then func() error) {
	if s.Endpoint == r.dead {
		return nil
	}
	var shut []*faultnet.Proxy
	r.eachProxy(s.Endpoint, func(p *faultnet.Proxy) {
		p.Shut()
		p.Break()
		shut = append(shut, p)
	})
	return func() error {
		r.pause(s.For)
		for _, p := range shut {
			if err := p.Open(ctx); err != nil {
				return err
			}
		}
		return nil
	}
}

// state puts an endpoint into a state for some posts.
func (r *run) state(e *endpoint, s step) {
	other := e.token
	switch s.Do {
	case doNoToken:
		e.during(s.Times, func() { e.hec.RemoveToken(r.token()) }, func() { e.restoreToken() })
		return
	case doLarge, doCloud:
		e.during(s.Times, func() { e.setLarge(max(1, r.plan.MaxEvents/3), s.Do == doCloud) }, func() { e.setLarge(0, false) })
		return
	case doNear:
		e.during(s.Times, func() { e.setNear(24 + s.Times%2) }, func() { e.setNear(0) })
		return
	case doDisabled:
		other.Disabled = true
	case doIndex:
		other.DefaultIndex, other.Indexes = "elsewhere", []string{"elsewhere"}
	}
	other.Value = r.token()
	e.during(s.Times, func() { e.hec.SetToken(other) }, func() { e.restoreToken() })
}

func (e *endpoint) restoreToken() {
	t := e.token
	t.Value = e.run.token()
	e.hec.SetToken(t)
}

// life kills, stops, starts or takes away a member.
func (r *run) life(ctx context.Context, s step) (then func() error, err error) {
	m := r.members[min(s.Member, len(r.members)-1)]
	switch s.Do {
	case doKill:
		m.kill()
		r.checkCommitted(ctx)
		return func() error { return m.start(ctx) }, nil
	case doStop:
		return func() error {
			m.stop()
			r.checkCommitted(ctx)
			return m.start(ctx)
		}, nil
	case doGiveUp:
		for _, e := range r.endpoints {
			e.hec.SetDown(true)
		}
		return func() error {
			m.stop()
			r.checkCommitted(ctx)
			for _, e := range r.endpoints {
				e.hec.SetDown(false)
			}
			return m.start(ctx)
		}, nil
	case doJoin:
		return func() error {
			guest := r.members[1]
			if err := guest.start(ctx); err != nil {
				return err
			}
			r.told(ctx, guest.now, saysAssigned, "join the group")
			return nil
		}, nil
	case doLeave:
		return func() error {
			r.members[1].stop()
			r.feed.rush()
			return nil
		}, nil
	}
	return nil, nil
}

// told waits for a line in a log and complains if it does not come.
func (r *run) told(ctx context.Context, i *incarnation, line, what string) {
	limit := time.NewTimer(r.suite.patience)
	defer limit.Stop()
	select {
	case <-i.proc.watch(line):
	case <-i.proc.ended:
		r.ledger.complain("%s ended and should %s", i.name, what)
	case <-limit.C:
		r.ledger.complain("%s did not %s in %s", i.name, what, r.suite.patience)
	case <-ctx.Done():
	}
}

// brokerFault lets the broker stand still, or end and start again. Marks of a
// session may get lost with the group's coordinator; one that only stands
// still, for less than the session's timeout, excuses nothing.
func (r *run) brokerFault(ctx context.Context, s step) func() error {
	return func() error {
		if s.Do == doFreeze {
			if err := r.broker.Freeze(); err != nil {
				return err
			}
			r.pause(s.For)
			return r.broker.Thaw()
		}
		defer func() {
			for _, m := range r.members {
				if m.now != nil {
					m.now.excuse(becauseBroker)
				}
			}
		}()
		if err := r.broker.Stop(); err != nil {
			return err
		}
		// The next run needs it too, also when this one is given up.
		return r.broker.Restart(context.WithoutCancel(ctx))
	}
}

// rotate gives out a new token and withdraws the old one.
func (r *run) rotate() error {
	old := r.token()
	if err := r.writeToken(secondToken); err != nil {
		return err
	}
	for _, e := range r.endpoints {
		e.restoreToken()
		e.hec.RemoveToken(old)
	}
	return nil
}

package main

import (
	"time"

	"auditlog-forwarder/pkg/faultnet"
)

// channels knows what happened on the acknowledgement channels of a run. A
// forwarder believes a true only where it must be about the request that waits
// for it: an indexer that has started again gives the same ids once more. So
// what was confirmed may be sent again all the same, for two reasons: the
// indexer has forgotten the channel, or answers on it got lost, and with them
// ids that nobody knows; of as many of the channel's first ids a true is
// worth nothing.
type channels struct {
	run   *run
	born  map[string]time.Time // first post of each that its indexer saw
	lines map[*faultnet.Proxy]*line
}

// line is what has passed through a proxy.
type line struct {
	all  []*faultnet.Exchange
	cuts []time.Time
}

// newLine leaves out what ended with the process, which drew no conclusion.
func newLine(i *incarnation, p *faultnet.Proxy) *line {
	l := &line{}
	for _, x := range p.Exchanges() {
		if s := x.State(); s.Ended.IsZero() || i.livedAt(s.Ended) {
			l.all = append(l.all, x)
		}
	}
	for _, at := range p.Cuts() {
		if i.livedAt(at) {
			l.cuts = append(l.cuts, at)
		}
	}
	return l
}

// acks is made when it is first needed.
func (b *blame) acks() *channels {
	if b.channels != nil {
		return b.channels
	}
	c := &channels{run: b.run, born: map[string]time.Time{}, lines: map[*faultnet.Proxy]*line{}}
	for _, q := range b.run.requests {
		if q.ack == nil {
			continue
		}
		if at, ok := c.born[q.ack.channel]; !ok || q.at.Before(at) {
			c.born[q.ack.channel] = q.at
		}
	}
	for _, i := range b.run.all {
		for _, p := range i.proxies {
			c.lines[p] = newLine(i, p)
		}
	}
	b.channels = c
	return c
}

// excuse returns why a request that its client knows to be taken may be sent
// again.
func (c *channels) excuse(q *request) cause {
	plan, ack := c.run.plan, q.ack.now()
	told := ack.yes != nil && c.run.delivered(ack.yes)
	until := q.at.Add(plan.AckTimeout)
	if told {
		until = ack.when
	}
	switch {
	case ack.id < 0: // the answer says nothing by which it could be asked for
		return becauseUnconfirmed
	case c.forgotten(q, ack, until):
		return becauseChannel
	case told && ack.when.Sub(q.at) < plan.AckTimeout/2:
		return ""
	case told:
		return becauseUnconfirmed
	case q.from != nil && q.from.isExcused() == becauseKilled && !q.from.livedAt(until):
		return "" // it still waited when its process was killed, which has a bound of its own
	// It was not told, and had nothing to wait for that did not come in time:
	// it was given up too early.
	case !ack.ready.IsZero() && ack.ready.Sub(q.at) < plan.AckTimeout/2 && !c.deaf(q, until) &&
		c.run.suite.lag.worst(q.at, until) < plan.AckTimeout/10:
		return ""
	}
	return becauseUnconfirmed
}

// forgotten reports whether a true for q need not be about q.
func (c *channels) forgotten(q *request, ack confirmed, until time.Time) bool {
	plan, born := c.run.plan, c.born[q.ack.channel]
	lost := c.lost(q, born, until.Add(plan.Timeout))
	if ack.yes != nil && ack.id < lost {
		return true
	}
	// While other answers are awaited, the word about one of the first ids is
	// only kept.
	if slack := plan.Timeout; ack.id < lost+plan.Window*plan.Partitions {
		until = until.Add(slack)
	} else {
		until = until.Add(slack / 10)
	}
	for _, at := range q.to.pipe.restarts() {
		if !at.Before(born) && !at.After(until) {
			return true
		}
	}
	return false
}

// lost counts the posts on q's channel, begun between two times, to which it
// is not certain that an answer came, or whose answer does not tell whether they
// got an id. Of those that have reached no indexer the channel is not known:
// they all count.
func (c *channels) lost(q *request, from, to time.Time) (n int) {
	l := c.lines[q.link.Proxy()]
	for _, x := range l.all {
		s := x.State()
		if s.Began.Before(from) || s.Began.After(to) {
			continue
		}
		v, arrived := c.run.visits[x]
		if c.run.delivered(x) && !v.vague {
			continue
		}
		if !arrived || !v.poll && v.channel == q.ack.channel {
			n++
		}
	}
	return n + l.cutsBetween(from, to)
}

// deaf reports whether any poll for q may have failed.
func (c *channels) deaf(q *request, until time.Time) bool {
	l := c.lines[q.link.Proxy()]
	for _, x := range l.all {
		s := x.State()
		if s.Began.Before(q.at) || s.Began.After(until) {
			continue
		}
		v, arrived := c.run.visits[x]
		if arrived && (!v.poll || v.channel != q.ack.channel) {
			continue
		}
		if !arrived || !v.good || !c.run.delivered(x) {
			return true
		}
	}
	return l.cutsBetween(q.at, until) > 0
}

func (l *line) cutsBetween(from, to time.Time) (n int) {
	for _, at := range l.cuts {
		if !at.Before(from) && !at.After(to) {
			n++
		}
	}
	return n
}

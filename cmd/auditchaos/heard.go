package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"slices"
	"time"

	"auditlog-forwarder/pkg/faultnet"
)

// excuse returns why the events of a request that were indexed may be sent
// again although its process lives on; empty if they may not.
func (b *blame) excuse(q *request) cause {
	if q.link == nil { // its connection was gone before the indexer looked
		return becauseUnheard
	}
	// A drain that is too short for an answer gives the request up.
	if s := q.link.State(); b.run.plan.shortDrain() && q.from != nil && s.Replied.IsZero() && s.By == faultnet.ByClient && q.from.stoppedBy(s.Ended) {
		return becauseGaveUp
	}
	// What was under way when its process was killed is what a kill may repeat,
	// and no more than that.
	if s := q.link.State(); q.from != nil && q.from.isExcused() == becauseKilled && s.Replied.IsZero() && !s.Ended.IsZero() && !q.from.livedAt(s.Ended) {
		return ""
	}
	if !definite(q) || !b.run.delivered(q.link) {
		return becauseUnheard
	}
	if q.ack == nil {
		return ""
	}
	return b.acks().excuse(q)
}

// definite reports whether an answer says exactly what was indexed.
func definite(q *request) bool {
	switch q.code {
	case 0, 24, 25:
		return q.status == http.StatusOK
	case 6, 12, 13, 15:
		return q.status == http.StatusBadRequest
	case 7: // of a script, which may blame an event that is not there
		return q.status == http.StatusBadRequest && q.indexed < len(q.places)
	}
	return false
}

// vague reports whether an answer leaves open whether its post got an id of
// acknowledgement: it brings none, and is a load balancer's page, or says that
// the events may be taken. A refusal by HEC's own code has given none.
func vague(q *request, answer []byte) bool {
	const internal, busy = 8, 9
	if bytes.Contains(answer, []byte(`"ackId"`)) {
		return false
	}
	return q.code < 0 || q.code == internal || q.code == busy || q.status == http.StatusOK
}

// delivered reports whether the answer to a request has reached its client, or
// would have if the client had waited for it. It needs r.mu.
func (r *run) delivered(x *faultnet.Exchange) bool {
	s := x.State()
	if r.visits[x].poll { // of these no log tells
		return s.Followed || s.Ended.IsZero() && !s.Replied.IsZero()
	}
	var said []silence
	if i := r.behinds[x.Proxy()]; i != nil {
		said = i.silences(x)
	}
	return heard(s, said, r.plan.Timeout)
}

// silence is what a forwarder's log says of a post that brought no answer.
type silence struct{ waited time.Duration }

// heard is delivered of a post, by what its client says of the connection that
// the network saw. When a client gives up is a matter of its own clock, and a
// process that stood still may have an answer that it has not read: so its log is
// asked. It is believed only where it fits what the network knows.
func heard(s faultnet.State, said []silence, timeout time.Duration) bool {
	switch {
	case s.Followed:
		return true
	case s.Ended.IsZero():
		return !s.Replied.IsZero()
	case s.By == faultnet.ByClient: // who may hang up only when its time is up
		return !slices.ContainsFunc(said, func(of silence) bool { return of.waited >= timeout })
	case s.Replied.IsZero():
		return false
	}
	return len(said) == 0
}

const saysUnheard = "no answer to a post"

// hear notes what a log says of posts without an answer.
func (i *incarnation) hear(log []byte) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.unheard = map[string][]silence{}
	for line := range bytes.Lines(log) {
		if !bytes.Contains(line, []byte(saysUnheard)) {
			continue
		}
		var said struct{ Msg, Endpoint, From, Waited string }
		if json.Unmarshal(line, &said) != nil || said.Msg != saysUnheard {
			continue // a line that a kill has cut off
		}
		if waited, err := time.ParseDuration(said.Waited); err == nil {
			key := said.From + " " + said.Endpoint
			i.unheard[key] = append(i.unheard[key], silence{waited})
		}
	}
}

// silences returns what the log says of a request's connection, whose last
// request it was then.
func (i *incarnation) silences(x *faultnet.Exchange) []silence {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.unheard[x.From()+" http://"+x.Proxy().Addr()]
}

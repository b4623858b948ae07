package main

import (
	"bytes"
	"net/http"
	"time"

	"auditlog-forwarder/pkg/faultnet"
)

// excuse returns why the events of a request that were indexed may be sent
// again although its process lives on; empty if they may not. The network's
// word counts, and where it leaves a doubt, such as an answer that comes as the
// client gives up, the doubt.
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
	if !definite(q) || !b.run.delivered(q.link.State(), b.run.plan.Timeout) {
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

// delivered reports whether an answer has reached its client for certain.
func (r *run) delivered(s faultnet.State, timeout time.Duration) bool {
	const instant = 100 * time.Millisecond
	switch {
	case s.Followed:
		return true
	case s.Ended.IsZero():
		return !s.Replied.IsZero()
	case s.Replied.IsZero():
		// A client that hangs up long before its time is not excused, unless the
		// machine was so busy that its clock may have run longer than ours.
		return s.By == faultnet.ByClient && s.Fault.Kind == faultnet.None && s.Ended.Sub(s.Began) < timeout/4 &&
			r.suite.lag.worst(s.Began.Add(-timeout), s.Ended) < timeout/10
	case s.By != faultnet.ByClient:
		return s.Ended.Sub(s.Replied) > instant
	}
	return s.Ended.Sub(s.Began) < timeout/2 || s.Ended.Sub(s.Replied) > timeout/2
}

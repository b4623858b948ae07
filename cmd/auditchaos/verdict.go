package main

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"auditlog-forwarder/pkg/deadletter"
	"auditlog-forwarder/pkg/faultnet"
)

// result is one line of the report.
type result struct {
	Seed         uint64   `json:"seed"`
	Faults       string   `json:"faults"`
	Produced     int      `json:"produced"`
	Accepted     int      `json:"accepted"`
	DeadLettered int      `json:"dead_lettered"`
	Duplicates   int      `json:"duplicates"`
	Bound        int      `json:"bound"`
	Lost         int      `json:"lost"`
	Seconds      float64  `json:"seconds"`
	Posts        int      `json:"posts"`
	LostReplies  int      `json:"lost_replies"`
	Violations   []string `json:"violations,omitempty"`
	Folder       string   `json:"folder,omitempty"` // kept after a violation
	Plan         plan     `json:"plan"`
}

func (r result) ok() bool { return len(r.Violations) == 0 }

// verdict reconciles by topic, partition and offset.
func (r *run) verdict(ctx context.Context, took time.Duration) result {
	res := result{
		Seed: r.plan.Seed, Faults: r.plan.faults(), Produced: len(r.plan.Records), Seconds: took.Seconds(), Plan: r.plan,
	}
	if !r.committed(ctx) {
		r.ledger.complain("after an orderly stop the committed offsets are %v, the log ends at %v", r.checkCommitted(ctx), r.ledger.ends())
	}
	dead := map[place][]deadletter.Entry{}
	r.scanStores(func(at place, e deadletter.Entry) { dead[at] = append(dead[at], e) })

	r.mu.Lock()
	defer r.mu.Unlock()
	r.ledger.mu.Lock()
	defer r.ledger.mu.Unlock()
	b := newBlame(r)
	res.Posts, res.LostReplies = len(r.requests), len(b.unheard)
	for p, entries := range r.ledger.parts {
		for o, e := range entries {
			at := place{p, int64(o)}
			r.judge(&res, at, e, dead[at])
			b.deadTwice(dead[at])
			b.repeats(at, e)
		}
	}
	for at := range dead {
		if r.ledger.find(at) == nil {
			r.ledger.fault("%s is a dead letter and was never produced", at)
		}
	}
	b.check()
	res.Duplicates, res.Bound = b.duplicates, b.bound()
	if res.Duplicates > res.Bound {
		r.ledger.fault("%d events are repeated, the bound is %d", res.Duplicates, res.Bound)
	}
	if res.Lost > 0 {
		r.ledger.fault("%d events are lost", res.Lost)
	}
	res.Violations = slices.Clone(r.ledger.faults)
	return res
}

// judge holds that a record is where it must be and nowhere else.
func (r *run) judge(res *result, at place, e *entry, letters []deadletter.Entry) {
	indexed, buried := len(e.known) > 0, len(letters) > 0
	switch {
	case indexed:
		res.Accepted++
	case buried:
		res.DeadLettered++
	default:
		res.Lost++
	}
	switch {
	case e.kind == good && buried:
		r.ledger.fault("%s is a good event and a dead letter: %s", at, letters[0].Reply)
	case e.kind != good && indexed:
		r.ledger.fault("%s cannot be indexed and was", at)
	}
	for _, l := range letters {
		if sum(l.Record.Value) != e.body {
			r.ledger.fault("%s is a dead letter with another body than was produced", at)
		}
	}
}

// blame finds the cause of each repeat.
type blame struct {
	run        *run
	unheard    map[*request]bool    // indexed, and its client cannot know
	used       map[*incarnation]int // repeats laid to an incarnation's end
	deadAgain  int
	moved      int // dead letters written again because their file was moved; at most a batch
	causeless  int // records with a repeat that nothing excuses
	duplicates int
}

func newBlame(r *run) *blame {
	b := &blame{run: r, unheard: map[*request]bool{}, used: map[*incarnation]int{}}
	for _, q := range r.requests {
		if q.indexed > 0 && !r.heard(q) {
			b.unheard[q] = true
		}
	}
	return b
}

// allowance is what may come again when an incarnation ends unasked: its full
// windows, and what was accepted and not yet committed.
func (b *blame) allowance(i *incarnation) int {
	why, recent := i.isExcused()
	if why == "" {
		return 0
	}
	p := b.run.plan
	open := p.Window * p.MaxEvents * p.Partitions
	switch {
	case why == gaveUp: // it has committed all that it could
		return open
	case p.Uncommit > 0:
		return open + p.Uncommit
	}
	return open + recent
}

// deadTwice counts the repeats of a dead letter. A batch's letters whose file
// is moved away in the middle of their write are written again.
func (b *blame) deadTwice(letters []deadletter.Entry) {
	extra := max(len(letters)-1, 0)
	b.duplicates += extra
	if b.run.plan.has(doFull) || b.run.plan.has(doNoStore) {
		n := min(extra, b.run.plan.MaxEvents-b.moved)
		b.moved += n
		extra -= n
	}
	b.deadAgain += extra
}

// bound is how many repeats the run may have at most.
func (b *blame) bound() int {
	n := b.moved
	for q := range b.unheard {
		n += q.indexed
	}
	for _, i := range b.run.all {
		n += b.allowance(i)
	}
	return n
}

// repeats lays the repeats of a record to their causes. Each index but one
// must be one that its client could not know of, or that a process could not
// commit.
func (b *blame) repeats(at place, e *entry) {
	extra := len(e.known) - 1
	if extra <= 0 {
		return
	}
	b.duplicates += extra
	for _, q := range e.known {
		if extra > 0 && b.unheard[q] {
			extra--
		}
	}
	for _, q := range e.known {
		if extra == 0 || b.unheard[q] || q.from == nil {
			continue
		}
		if why, _ := q.from.isExcused(); why != "" {
			b.used[q.from]++
			extra--
		}
	}
	if extra <= 0 {
		return
	}
	const told = 3
	if b.causeless++; b.causeless <= told {
		b.run.ledger.fault("%s was indexed %d times, and %d of them have no cause: %s", at, len(e.known), extra, b.story(e))
	}
}

// story tells how a record came into the index.
func (b *blame) story(e *entry) (text string) {
	for _, q := range e.known {
		who := "nobody"
		if q.from != nil {
			who = q.from.name
		}
		text += fmt.Sprintf("[post %d of %s: HTTP %d, code %d", q.id, who, q.status, q.code)
		if q.link != nil {
			s := q.link.State()
			text += fmt.Sprintf(", %s, followed %v, replied after %s, ended after %s", s.Fault.Kind, s.Followed,
				since(s.Began, s.Replied), since(s.Began, s.Ended))
		}
		text += "] "
	}
	return text
}

func since(from, to time.Time) string {
	if to.IsZero() {
		return "-"
	}
	return to.Sub(from).Round(time.Millisecond).String()
}

// check holds each end of a process to its allowance.
func (b *blame) check() {
	if b.causeless > 0 {
		b.run.ledger.fault("%d records have repeats without a cause", b.causeless)
	}
	spare := 0
	for _, i := range b.run.all {
		most := b.allowance(i)
		if n := b.used[i]; n > most {
			b.run.ledger.fault("%d events came again after the end of %s, at most %d may", n, i.name, most)
		}
		spare += most
	}
	if b.deadAgain > spare {
		b.run.ledger.fault("%d dead letters are there twice, at most %d may", b.deadAgain, spare)
	}
}

// heard reports whether the client of a request that was indexed must know
// that it was. The network's word counts, and where it leaves a doubt, such
// as an answer that comes as the client gives up, the doubt.
func (r *run) heard(q *request) bool {
	if q.link == nil { // its connection was gone before the indexer looked
		return false
	}
	// A drain that is too short for an answer gives the request up.
	if s := q.link.State(); q.from != nil && s.Replied.IsZero() && s.By == faultnet.ByClient && q.from.stoppedBy(s.Ended) {
		return false
	}
	if !definite(q) || !r.delivered(q.link.State(), r.plan.Timeout) {
		return false
	}
	if q.ack == nil {
		return true
	}
	yes, when := q.ack.told()
	return yes != nil && r.delivered(yes.State(), r.plan.Timeout) && when.Sub(q.at) < r.plan.AckTimeout/2
}

// definite reports whether an answer says exactly what was indexed.
func definite(q *request) bool {
	switch q.code {
	case 0, 24, 25:
		return q.status == http.StatusOK
	case 6, 7, 12, 13, 15:
		return q.status == http.StatusBadRequest
	}
	return false
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

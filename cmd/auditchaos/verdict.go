package main

import (
	"context"
	"slices"
	"time"

	"auditlog-forwarder/pkg/deadletter"
)

// result is one line of the report.
type result struct {
	Seed           uint64   `json:"seed"`
	Faults         string   `json:"faults"`
	Produced       int      `json:"produced"`
	Accepted       int      `json:"accepted"`
	DeadLettered   int      `json:"dead_lettered"`
	Duplicates     int      `json:"duplicates"`
	Causes         causes   `json:"causes,omitempty"` // of the duplicates
	Bound          int      `json:"bound"`
	Lost           int      `json:"lost"`
	Noise          int      `json:"noise,omitempty"` // records that were summed up
	Summaries      int      `json:"summaries,omitempty"`
	SummariesAgain int      `json:"summaries_again,omitempty"`
	Seconds        float64  `json:"seconds"`
	Posts          int      `json:"posts"`
	LostReplies    int      `json:"lost_replies"`
	Violations     []string `json:"violations,omitempty"`
	Folder         string   `json:"folder,omitempty"` // kept after a violation
	Plan           plan     `json:"plan"`
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
	r.scanStores(func(at place, e deadletter.Entry) {
		if _, ok := readSummary(e.Record.Value); ok {
			r.ledger.bury(at, e.Record.Value)
			return
		}
		dead[at] = append(dead[at], e)
	})

	r.mu.Lock()
	defer r.mu.Unlock()
	r.ledger.mu.Lock()
	defer r.ledger.mu.Unlock()
	b := newBlame(r)
	res.Posts, res.LostReplies = len(r.requests), b.lostReplies()
	for p, entries := range r.ledger.parts {
		for o, e := range entries {
			at := place{p, int64(o)}
			r.judge(&res, at, e, dead[at])
			b.deadTwice(len(dead[at]))
			b.repeats(at, e)
		}
	}
	for at := range dead {
		if r.ledger.find(at) == nil {
			r.ledger.fault("%s is a dead letter and was never produced", at)
		}
	}
	r.judgeSummaries(&res, b)
	b.check()
	res.Duplicates, res.Causes, res.Bound = b.duplicates, b.repeated, b.bound()
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
	case e.kind == noise:
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
	case e.kind == noise && (indexed || buried):
		r.ledger.fault("%s is to be summed up, and was sent by itself", at)
	case e.kind != good && indexed:
		r.ledger.fault("%s cannot be indexed and was", at)
	}
	for _, l := range letters {
		if sum(l.Record.Value) != e.body {
			r.ledger.fault("%s is a dead letter with another body than was produced", at)
		}
	}
}

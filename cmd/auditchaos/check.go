package main

import (
	"bytes"
	"context"
	"os"
	"time"
)

// watchCommits holds all along that no offset is committed before everything
// below it is settled.
func (r *run) watchCommits(ctx context.Context) {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			r.checkCommitted(ctx)
		}
	}
}

// checkCommitted looks at the committed offsets once, and returns them; nil
// if the broker does not tell.
func (r *run) checkCommitted(ctx context.Context) []int64 {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	offsets, err := r.admin.FetchOffsets(ctx, r.topic)
	if err != nil {
		return nil
	}
	r.checking.Lock()
	defer r.checking.Unlock()
	now := make([]int64, r.plan.Partitions)
	scanned := false
	for p := range now {
		o, ok := offsets.Lookup(r.topic, int32(p)) //nolint:gosec // at most 6
		if !ok || o.Err != nil || o.At < 0 {
			continue
		}
		now[p] = o.At
		open, found := r.ledger.unsettled(p, r.checked[p], o.At)
		if found && !scanned {
			scanned = true
			r.seeDead()
			open, found = r.ledger.unsettled(p, r.checked[p], o.At)
		}
		if found {
			r.ledger.complain("offset %d of partition %d is committed, and %d is neither indexed nor a dead letter", o.At, p, open)
		}
		r.checked[p] = max(r.checked[p], o.At)
		r.checkNote(p, o.At, o.Metadata, &scanned)
	}
	return now
}

// checkNote holds that what was summed up below a committed offset is in a
// summary, or that the note beside the offset makes the next owner read it again.
func (r *run) checkNote(p int, at int64, note string, scanned *bool) {
	end, err := covered(at, note)
	if err != nil || end > at {
		r.ledger.complain("beside offset %d of partition %d stands %q (%v)", at, p, note, err)
		return
	}
	open, found := r.ledger.uncounted(p, r.counted[p], end)
	if found && !*scanned {
		*scanned = true
		r.seeDead()
		open, found = r.ledger.uncounted(p, r.counted[p], end)
	}
	if found {
		r.ledger.complain("offset %d of partition %d is committed with %q, and %d is in no summary", at, p, note, open)
	}
	r.counted[p] = max(r.counted[p], end)
}

// finish waits until everything is where it must be, and complains if nothing
// moves any more before that.
func (r *run) finish(ctx context.Context) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for more := r.plan.Noise.More > 0; ; {
		unique, want, idle := r.ledger.counts()
		if r.feed.fed() && r.committed(ctx) && !r.counting() {
			// Nothing is left to be read, so this is how it stays.
			if unique, want, _ = r.ledger.counts(); unique < want {
				r.ledger.complain("everything is committed, and %d of %d events are indexed", unique, want)
			}
			if !more {
				return
			}
			if more = false; r.more(ctx) != nil {
				return // feed and members tell
			}
			continue
		}
		if r.gone() {
			return
		}
		patience := r.suite.patience
		if len(r.ledger.complaints()) > 0 {
			patience = min(patience, 5*time.Second) // it is judged already; this is to see what is lost
		}
		if idle > patience {
			r.ledger.complain("nothing has moved for %s: %d of %d events are indexed, committed are %v of %v, and %d records are in no summary",
				patience, unique, want, r.checkCommitted(ctx), r.ledger.ends(), r.ledger.unsummed())
			return
		}
		select {
		case <-ctx.Done():
			r.ledger.complain("the run has taken longer than %s: %d of %d events are indexed", r.suite.limit, unique, want)
			return
		case <-tick.C:
		}
	}
}

// counting reports whether a summary is still to come.
func (r *run) counting() bool {
	if r.ledger.unsummed() == 0 {
		return false
	}
	if r.plan.Noise.Refuse {
		r.seeDead()
	}
	return true
}

// gone complains of a forwarder that has ended by itself.
func (r *run) gone() bool {
	for _, m := range r.members {
		if m.now != nil && m.now.proc.over() {
			r.ledger.complain("%s has ended by itself", m.now.name)
			return true
		}
	}
	return false
}

// committed reports whether the group's offsets are the log's ends.
func (r *run) committed(ctx context.Context) bool {
	ends := r.ledger.ends()
	now := r.checkCommitted(ctx)
	if now == nil {
		return false
	}
	for p, end := range ends {
		if now[p] != end {
			return false
		}
	}
	return true
}

// readLog looks for what no log of a forwarder may hold, and for what it says of
// its posts.
func (r *run) readLog(i *incarnation) {
	text, err := os.ReadFile(i.proc.log)
	if err != nil {
		r.ledger.complain("read the log of %s: %v", i.name, err)
		return
	}
	i.hear(text)
	for _, bad := range []string{firstToken, secondToken, "panic", "DATA RACE", "please report this", "goroutine 1 ["} {
		if bytes.Contains(text, []byte(bad)) {
			r.ledger.complain("the log of %s holds %q", i.name, bad)
		}
	}
}

package main

import (
	"cmp"
	"fmt"
	"strings"
	"time"
)

// cause is why an event may be indexed once more.
type cause string

const (
	becauseUnheard     cause = "answer lost"        // to an earlier copy
	becauseUnconfirmed cause = "not confirmed"      // in time, or the poll that was told so got lost
	becauseChannel     cause = "channel given up"   // an indexer forgot it, or lost answers make its ids doubtful
	becauseKilled      cause = "killed"             // what was not committed
	becauseGaveUp      cause = "drain too short"    // for what was out
	becauseBroker      cause = "broker restarted"   // marks of that time
	becauseMoved       cause = "dead letters moved" // in the middle of their write
)

// inOrder are the causes as a report tells them.
func inOrder() []cause {
	return []cause{becauseUnheard, becauseUnconfirmed, becauseChannel, becauseKilled, becauseGaveUp, becauseBroker, becauseMoved}
}

// causes counts repeats.
type causes map[cause]int

// String names the causes that there were.
func (c causes) String() string {
	var parts []string
	for _, why := range inOrder() {
		if c[why] > 0 {
			parts = append(parts, fmt.Sprintf("%s %d", why, c[why]))
		}
	}
	return "duplicates by cause: " + cmp.Or(strings.Join(parts, ", "), "none")
}

// blame finds the cause of each repeat.
type blame struct {
	run        *run
	excused    map[*request]cause   // indexed, and its process may send it again
	used       map[*incarnation]int // repeats laid to an incarnation's end
	partitions map[*incarnation]map[int]bool
	channels   *channels
	deadAgain  int
	causeless  int // records with a repeat that nothing excuses
	duplicates int
	repeated   causes
}

func newBlame(r *run) *blame {
	b := &blame{
		run: r, excused: map[*request]cause{}, used: map[*incarnation]int{},
		partitions: map[*incarnation]map[int]bool{}, repeated: causes{},
	}
	for _, q := range r.requests {
		if b.partitions[q.from] == nil {
			b.partitions[q.from] = map[int]bool{}
		}
		for _, at := range q.places {
			b.partitions[q.from][at.partition] = true
		}
		if q.indexed == 0 {
			continue
		}
		if why := b.excuse(q); why != "" {
			b.excused[q] = why
		}
	}
	return b
}

// lostReplies counts the requests whose process cannot know what became of
// them.
func (b *blame) lostReplies() (n int) {
	for _, why := range b.excused {
		if why == becauseUnheard {
			n++
		}
	}
	return n
}

// allowance is what may come again when an incarnation ends unasked: the full
// windows of the partitions that it had, and what was accepted and not yet
// committed.
func (b *blame) allowance(i *incarnation) int {
	p := b.run.plan
	open := p.Window * p.MaxEvents * len(b.partitions[i])
	switch i.isExcused() {
	case "":
		return 0
	case becauseGaveUp: // it has committed all that it could
		return open
	}
	return open + p.Uncommit
}

// deadTwice counts the repeats of a dead letter. A batch's letters whose file
// is moved away in the middle of their write are written again.
func (b *blame) deadTwice(letters int) {
	extra := max(letters-1, 0)
	b.duplicates += extra
	if b.run.plan.has(doFull) || b.run.plan.has(doNoStore) {
		n := min(extra, b.run.plan.MaxEvents-b.repeated[becauseMoved])
		b.count(becauseMoved, n)
		extra -= n
	}
	b.deadAgain += extra
}

func (b *blame) count(why cause, n int) {
	if n > 0 {
		b.repeated[why] += n
	}
}

// bound is how many repeats the run may have at most.
func (b *blame) bound() int {
	n := b.repeated[becauseMoved]
	for q := range b.excused {
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
		if why := b.excused[q]; extra > 0 && why != "" {
			b.count(why, 1)
			extra--
		}
	}
	for _, q := range e.known {
		if extra == 0 || b.excused[q] != "" || q.from == nil {
			continue
		}
		if why := q.from.isExcused(); why != "" {
			b.count(why, 1)
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
		if q.ack != nil {
			c := q.ack.now()
			text += fmt.Sprintf(", ack %d of channel %.8s, confirmable after %s, told after %s", c.id, q.ack.channel, since(q.at, c.ready), since(q.at, c.when))
		}
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
		spare += max(0, most-b.used[i])
	}
	if b.deadAgain > spare {
		b.run.ledger.fault("%d dead letters are there twice, at most %d may", b.deadAgain, spare)
		return
	}
	for _, i := range b.run.all {
		if why := i.isExcused(); why != "" {
			b.count(why, b.deadAgain)
			break // it is one of them
		}
	}
}

package main

import (
	"crypto/sha256"
	"fmt"
	"sync"
	"time"
)

// place is where a record lies in the topic.
type place struct {
	partition int
	offset    int64
}

func (p place) String() string { return fmt.Sprintf("%d/%d", p.partition, p.offset) }

// fingerprint stands for a record's value.
type fingerprint = [sha256.Size]byte

func sum(value []byte) fingerprint { return sha256.Sum256(value) }

// entry is a produced record and where it has arrived.
type entry struct {
	body  fingerprint
	kind  kind
	dead  bool // it was seen in the dead-letter store
	noise noisy
	known []*request // that brought it into an index
}

// settled reports whether its offset may be committed. What is summed up is in
// the note's care; see covered.
func (e *entry) settled() bool { return len(e.known) > 0 || e.dead || e.kind == noise }

// ledger is the truth about a run: what was produced and what was indexed. It
// believes nothing that the forwarder says.
//
// It is also the run's clock: the event with which a step is due is held back
// from its answer until the step has begun, and with it all that follow.
type ledger struct {
	mu       sync.Mutex
	moved    *sync.Cond
	parts    [][]*entry
	unique   int // events that are indexed, each counted once
	want     int // events that must be
	faults   []string
	due      int           // the next step's
	held     bool          // due was reached, and the step has not begun
	hit      chan struct{} // closed with held; the director waits for it
	open     bool          // nothing is held back any more
	progress time.Time
	sums     summaryBook
}

// never is a number of events that no run reaches.
const never = 1 << 60

func newLedger(partitions int) *ledger {
	l := &ledger{parts: make([][]*entry, partitions), due: never, progress: time.Now(), sums: newSummaryBook()}
	l.moved = sync.NewCond(&l.mu)
	return l
}

// produce notes the next record of a partition.
func (l *ledger) produce(partition int, k kind, value []byte) place {
	l.mu.Lock()
	defer l.mu.Unlock()
	at := place{partition, int64(len(l.parts[partition]))}
	l.parts[partition] = append(l.parts[partition], &entry{body: sum(value), kind: k})
	if k == good {
		l.want++
	}
	return at
}

// describe notes what a summary has to tell of a record.
func (l *ledger) describe(at place, n noisy) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.find(at).noise = n
}

// index books the events of a request. It returns when the answer may go.
func (l *ledger) index(r *request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.held {
		l.moved.Wait()
	}
	for i, at := range r.places[:r.indexed] {
		if s, ok := r.sums[i]; ok {
			if at != (place{s.Summary.Partition, s.Summary.LastOff}) {
				l.fault("a summary with last offset %d of partition %d is indexed as %s", s.Summary.LastOff, s.Summary.Partition, at)
			}
			l.sumUp(s, r.bodies[i], r)
			continue
		}
		e := l.find(at)
		switch {
		case e == nil:
			l.fault("%s was indexed and never produced", at)
			continue
		case e.body != r.bodies[i]:
			l.fault("%s was indexed with another body than was produced", at)
		}
		if e.known = append(e.known, r); len(e.known) == 1 {
			if e.kind == good {
				l.unique++
			}
			l.progress = time.Now()
		}
	}
	l.hold()
	for l.held {
		l.moved.Wait()
	}
}

func (l *ledger) find(at place) *entry {
	if at.partition < 0 || at.partition >= len(l.parts) || at.offset < 0 || at.offset >= int64(len(l.parts[at.partition])) {
		return nil
	}
	return l.parts[at.partition][at.offset]
}

// fault needs l.mu.
func (l *ledger) fault(format string, args ...any) {
	const most = 20
	if len(l.faults) < most {
		l.faults = append(l.faults, fmt.Sprintf(format, args...))
	}
}

// complain notes what must not be.
func (l *ledger) complain(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.fault(format, args...)
}

// complaints returns what must not be.
func (l *ledger) complaints() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.faults
}

// hold needs l.mu.
func (l *ledger) hold() {
	if l.unique >= l.due && !l.open && !l.held {
		l.held = true
		close(l.hit)
	}
}

// arm makes the event number n hold everything back until release; what it
// returns is closed when that happens.
func (l *ledger) arm(n int) <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.due, l.hit = n, make(chan struct{})
	l.hold()
	return l.hit
}

// release lets everything go on.
func (l *ledger) release() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.held, l.due = false, never
	l.progress = time.Now()
	l.moved.Broadcast()
}

// letGo holds nothing back from here on.
func (l *ledger) letGo() {
	l.mu.Lock()
	l.open = true
	l.mu.Unlock()
	l.release()
}

// counts returns the events that are indexed and those that must be.
func (l *ledger) counts() (unique, want int, idle time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.unique, l.want, time.Since(l.progress)
}

// ends returns the log end of each partition.
func (l *ledger) ends() []int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	ends := make([]int64, len(l.parts))
	for p, entries := range l.parts {
		ends[p] = int64(len(entries))
	}
	return ends
}

// bury notes a record that is in the dead-letter store.
func (l *ledger) bury(at place, value []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if s, ok := readSummary(value); ok {
		l.sumUp(s, sum(value), nil)
		return
	}
	if e := l.find(at); e != nil && !e.dead {
		e.dead = true
		l.progress = time.Now()
	}
}

// unsettled returns the first record of from..to-1 that is neither indexed nor
// a dead letter.
func (l *ledger) unsettled(partition int, from, to int64) (int64, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for o := from; o < to && o < int64(len(l.parts[partition])); o++ {
		if !l.parts[partition][o].settled() {
			return o, true
		}
	}
	return 0, false
}

package kafka

import (
	"time"

	"go.uber.org/zap"
)

// mark is what is committed for a partition.
type mark struct {
	next int64  // the next offset to read
	note string // kept beside it by the broker, for the partition's next owner
}

// position is how far a partition is marked.
type position struct {
	mark            // the newest
	dirty bool      // mark is not committed
	since time.Time // of the oldest mark that is not committed
	// aside is the end of the time for which this partition is left out.
	aside time.Time
	// alone says that commits are refused for this partition's own sake: until
	// one is taken, nobody waits.
	alone   bool
	waiting []waiter // in ascending order
}

// waiter wants to know when next is committed.
type waiter struct {
	next int64
	done func()
}

// mark takes the next offset to read of a partition. done, if it is not nil,
// is called once: when a commit covers the mark, or at once while this
// partition's commits are refused or the session is over. It must not block.
func (c *committer) mark(at place, to mark, done func()) {
	c.mu.Lock()
	if c.over {
		c.mu.Unlock()
		if done != nil {
			done()
		}
		return
	}
	p := c.at[at]
	if p == nil {
		p = &position{}
		c.at[at] = p
	}
	if !p.dirty {
		p.dirty, p.since = true, time.Now()
	}
	p.mark = to
	alone := p.alone
	if done != nil && !alone {
		p.waiting = append(p.waiting, waiter{to.next, done})
	}
	c.mu.Unlock()
	if done != nil && alone {
		done()
	}
	select {
	case c.news <- struct{}{}:
	default:
	}
}

// pending returns the newest marks that are not committed, and whether others
// are set aside.
func (c *committer) pending() (asked map[place]mark, aside bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	for at, p := range c.at {
		switch {
		case !p.dirty:
		case now.Before(p.aside):
			aside = true
		default:
			if asked == nil {
				asked = make(map[place]mark, len(c.at))
			}
			asked[at] = p.mark
		}
	}
	return asked, aside
}

// clean reports whether no partition is set aside.
func (c *committer) clean() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, p := range c.at {
		if !p.aside.IsZero() {
			return false
		}
	}
	return true
}

// owes reports whether a mark is not committed.
func (c *committer) owes() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, p := range c.at {
		if p.dirty {
			return true
		}
	}
	return false
}

// settled notes what a partition is committed up to.
func (c *committer) settled(at place, to mark, began time.Time) {
	c.mu.Lock()
	p := c.at[at]
	p.aside, p.alone = time.Time{}, false
	p.dirty = p.mark != to
	p.since = began // what was marked meanwhile is younger
	n := 0
	for n < len(p.waiting) && p.waiting[n].next <= to.next {
		n++
	}
	covered := p.waiting[:n:n]
	p.waiting = p.waiting[n:]
	c.mu.Unlock()
	for _, w := range covered {
		w.done()
	}
}

// refused sets a partition aside. What was refused for the partition's own
// sake must not hold up the others, so nobody waits for it any more.
func (c *committer) refused(at place, err error) {
	c.mu.Lock()
	p := c.at[at]
	p.aside = time.Now().Add(commitAside)
	var waiting []waiter
	if p.alone = ownFault(err); p.alone {
		waiting, p.waiting = p.waiting, nil
	}
	c.mu.Unlock()
	for _, w := range waiting {
		w.done()
	}
}

// finish takes nothing more and lets go whoever waits.
func (c *committer) finish() {
	c.mu.Lock()
	already := c.over
	c.over = true
	var waiting []waiter
	partitions := 0
	for _, p := range c.at {
		waiting = append(waiting, p.waiting...)
		p.waiting = nil
		if p.dirty {
			partitions++
		}
	}
	c.mu.Unlock()
	for _, w := range waiting {
		w.done()
	}
	if partitions > 0 && !already {
		c.tell.log.Warn("the session ended before the last offsets were committed; what was accepted since the last commit comes again",
			zap.Int("partitions", partitions), zap.Int("batches", len(waiting)))
	}
}

// age is how old the oldest mark is that is not committed.
func (c *committer) age(now time.Time) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	var oldest time.Duration
	for _, p := range c.at {
		if p.dirty && !c.over {
			oldest = max(oldest, now.Sub(p.since))
		}
	}
	return oldest
}

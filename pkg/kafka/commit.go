package kafka

import (
	"context"
	"sync"
	"time"

	"github.com/IBM/sarama"
	"github.com/cenkalti/backoff/v5"
	"go.uber.org/zap"
)

const (
	// commitRetry and commitRetryMax bound the time between two tries.
	commitRetry    = 50 * time.Millisecond
	commitRetryMax = 2 * time.Second
	// commitAside is how long a partition waits whose commit was refused, while
	// the others go on.
	commitAside = 2 * time.Second
	// commitQuiet is how many commits may fail in a row before it is told:
	// brokers close idle connections, and coordinators move.
	commitQuiet = 3
)

// committer commits the marks of one session, one commit after the other: as
// soon as one is answered, the next takes the newest marks of all partitions,
// and nothing is sent when nothing is new. Sarama's own commits share the
// coordinator's connection with fetching and wait there for up to
// Config.FetchMaxWait; this one has connections of its own.
//
// Lanes call mark; one goroutine runs run; close ends it and waits.
type committer struct {
	link *commitLink
	tell *commitReport
	// interval is the shortest time from one commit to the next.
	interval time.Duration
	// lost ends the session: the coordinator says that it is over.
	lost func()

	news    chan struct{} // has room for one; there is a mark to take
	closing chan struct{} // closed by close: no mark comes any more
	ended   chan struct{} // closed by run when it returns
	giveUp  context.CancelFunc
	ctx     context.Context // the life of run, which close may have to end

	mu   sync.Mutex
	at   map[place]*position
	over bool // nothing is taken any more
}

// position is how far a partition is marked.
type position struct {
	next  int64     // the newest mark
	dirty bool      // next is not committed
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

func newCommitter(link *commitLink, tell *commitReport, interval time.Duration, lost func()) *committer {
	c := &committer{
		link: link, tell: tell, interval: interval, lost: lost,
		news: make(chan struct{}, 1), closing: make(chan struct{}), ended: make(chan struct{}),
		at: map[place]*position{},
	}
	c.ctx, c.giveUp = context.WithCancel(context.Background())
	return c
}

// mark takes the next offset to read of a partition. done, if it is not nil,
// is called once: when a commit covers the mark, or at once while this
// partition's commits are refused or the session is over. It must not block.
func (c *committer) mark(at place, next int64, done func()) {
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
	p.next = next
	alone := p.alone
	if done != nil && !alone {
		p.waiting = append(p.waiting, waiter{next, done})
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

// run commits until the session is over, or close was called and all is done.
func (c *committer) run() {
	defer close(c.ended)
	defer c.link.close()
	defer c.finish()
	wait := backoff.NewExponentialBackOff()
	wait.InitialInterval, wait.MaxInterval = commitRetry, commitRetryMax
	for c.ctx.Err() == nil {
		began := time.Now()
		asked, aside := c.pending()
		if len(asked) == 0 {
			if !c.idle(aside) {
				return
			}
			continue
		}
		switch c.commit(asked, began) {
		case commitOver:
			c.finish() // before the lanes end, which then mark nothing more
			c.lost()
			return
		case commitFailed:
			c.rest(wait.NextBackOff(), nil)
		case commitDone:
			wait.Reset()
			c.rest(c.interval-time.Since(began), c.closing)
		}
	}
}

// idle waits for something to commit; false says that nothing will come.
func (c *committer) idle(aside bool) bool {
	var again <-chan time.Time
	if aside {
		again = time.After(commitAside)
	}
	select {
	case <-c.news:
		return true
	default:
	}
	select {
	case <-c.news:
	case <-again:
	case <-c.closing:
		asked, _ := c.pending()
		return len(asked) > 0
	case <-c.ctx.Done():
	}
	return true
}

// rest waits, and no longer than until it is cut short.
func (c *committer) rest(d time.Duration, cut <-chan struct{}) {
	if d <= 0 {
		return
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-cut:
	case <-c.ctx.Done():
	}
}

// pending returns the newest marks that are not committed, and whether others
// are set aside.
func (c *committer) pending() (asked map[place]int64, aside bool) {
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
				asked = make(map[place]int64, len(c.at))
			}
			asked[at] = p.next
		}
	}
	return asked, aside
}

// commitEnd is how a try ends as a whole.
type commitEnd int

const (
	commitDone   commitEnd = iota // answered for every partition: committed or refused
	commitFailed                  // to be tried again
	commitOver                    // the session is over
)

// commit tries once. What was marked since began is not in asked.
func (c *committer) commit(asked map[place]int64, began time.Time) commitEnd {
	answer, err := c.link.commit(c.ctx, asked)
	if err != nil {
		if c.ctx.Err() == nil {
			c.tell.failed(err)
		}
		return commitFailed
	}
	var (
		retry   map[place]int64
		why     error // of one in retry
		refused bool
	)
	for at, next := range asked {
		kerr, answered := answer[at]
		if !answered {
			kerr = sarama.ErrIncompleteResponse
		}
		switch judgeCommit(kerr) {
		case judgedDone:
			c.settled(at, next, began)
		case judgedOver:
			c.tell.over(kerr)
			return commitOver
		case judgedRefused:
			refused = true
			c.tell.refused(kerr)
			c.refused(at, kerr)
		case judgedRetry:
			if retry == nil {
				retry = map[place]int64{}
			}
			retry[at], why = next, kerr
		}
	}
	switch {
	case len(retry) > 0:
		c.link.doubt()
		c.tell.failed(why)
		return commitFailed
	case !refused:
		c.tell.done(c.clean())
	}
	return commitDone
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

// settled notes that a partition is committed up to next.
func (c *committer) settled(at place, next int64, began time.Time) {
	c.mu.Lock()
	p := c.at[at]
	p.aside, p.alone = time.Time{}, false
	p.dirty = p.next != next
	p.since = began // what was marked meanwhile is younger
	n := 0
	for n < len(p.waiting) && p.waiting[n].next <= next {
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

// close waits until everything is committed, or the session is over, or the
// time is. No mark may come after it. What hangs ends when its connection does.
func (c *committer) close(within time.Duration) {
	close(c.closing)
	limit := time.NewTimer(within)
	defer limit.Stop()
	select {
	case <-c.ended:
	case <-limit.C:
		c.finish()
	}
	c.giveUp()
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

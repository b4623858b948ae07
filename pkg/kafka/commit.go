package kafka

import (
	"context"
	"sync"
	"time"

	"github.com/IBM/sarama"
	"github.com/cenkalti/backoff/v5"
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

func newCommitter(link *commitLink, tell *commitReport, interval time.Duration, lost func()) *committer {
	c := &committer{
		link: link, tell: tell, interval: interval, lost: lost,
		news: make(chan struct{}, 1), closing: make(chan struct{}), ended: make(chan struct{}),
		at: map[place]*position{},
	}
	c.ctx, c.giveUp = context.WithCancel(context.Background())
	return c
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

// commitEnd is how a try ends as a whole.
type commitEnd int

const (
	commitDone   commitEnd = iota // answered for every partition: committed or refused
	commitFailed                  // to be tried again
	commitOver                    // the session is over
)

// commit tries once. What was marked since began is not in asked.
func (c *committer) commit(asked map[place]mark, began time.Time) commitEnd {
	answer, err := c.link.commit(c.ctx, asked)
	if err != nil {
		if c.ctx.Err() == nil {
			c.tell.failed(err)
		}
		return commitFailed
	}
	var (
		retry   map[place]mark
		why     error // of one in retry
		refused bool
	)
	for at, to := range asked {
		kerr, answered := answer[at]
		if !answered {
			kerr = sarama.ErrIncompleteResponse
		}
		switch judgeCommit(kerr) {
		case judgedDone:
			c.settled(at, to, began)
		case judgedOver:
			c.tell.over(kerr)
			return commitOver
		case judgedRefused:
			refused = true
			c.tell.refused(kerr)
			c.refused(at, kerr)
		case judgedRetry:
			if retry == nil {
				retry = map[place]mark{}
			}
			retry[at], why = to, kerr
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

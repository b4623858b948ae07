package hec

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"time"
)

// watchEvery is how often Splunk is asked while nothing is posted.
const watchEvery = time.Minute

// Watch asks each endpoint, at once and then while nothing is posted, whether
// it would take events, and tells OnProblem. In a quiet organisation days pass
// without an event; a token that was withdrawn must not stay unseen that long.
// Nothing is indexed: a post without a body, to which a good token gets "No
// data". While posts are under way, their answers say more, and it holds back.
func (c *Client) Watch(ctx context.Context) {
	for failed := 0; ctx.Err() == nil; {
		wait := watchEvery
		if c.posting.Load() == 0 {
			if c.askAll(ctx) {
				failed = 0
			} else {
				wait = min(c.pool.jitter(failed), watchEvery)
				failed++
			}
		}
		if pause(ctx, wait) != nil {
			return
		}
	}
}

// askAll asks all endpoints at once, so that one that hangs keeps no other
// waiting, and reports whether all would take posts.
func (c *Client) askAll(ctx context.Context) bool {
	var all sync.WaitGroup
	good := make([]bool, len(c.pool.endpoints))
	for i, e := range c.pool.endpoints {
		all.Go(func() {
			period, gen := c.pool.state(e)
			problem := c.ask(ctx, e)
			if ctx.Err() == nil && c.posting.Load() == 0 {
				c.pool.answered(e, period, gen, problem, true)
			}
			good[i] = problem == nil
		})
	}
	all.Wait()
	for _, g := range good {
		if !g {
			return false
		}
	}
	return true
}

// ask posts nothing and returns why e would not take more than that.
func (c *Client) ask(ctx context.Context, e *endpoint) *Problem {
	_, r, err := c.probe(ctx, e, http.MethodPost, pathEvent, nil)
	if err != nil {
		return problemOf(err)
	}
	if r.code != codeNoData {
		return &Problem{Class: r.class, err: r}
	}
	if c.cfg.Ack.Enabled {
		// A token without acknowledgement takes posts just as well, and only
		// their answers lack something. This asks for an id that was never given.
		_, r, err = c.probe(ctx, e, http.MethodPost, pathAck, strings.NewReader(`{"acks":[0]}`))
		if err == nil && r.code == noCode && (r.status == http.StatusNotFound || r.status == http.StatusMethodNotAllowed) {
			r.hint = hintNoAcks // it speaks HEC, but for this
		}
		if err == nil && r.hint == hintNoAcks {
			return &Problem{Class: r.class, err: r}
		}
	}
	return nil
}

// askDown asks an endpoint that is down more closely than ask: a Splunk whose
// queues are full says so on its health page, and not to a post without a body.
func (c *Client) askDown(ctx context.Context, e *endpoint) *Problem {
	_, r, err := c.probe(ctx, e, http.MethodGet, pathHealth, nil)
	if err != nil {
		return problemOf(err)
	}
	// What is no HEC's word may come from a proxy that passes only posts on.
	if r.class == Transient || r.code != noCode && r.code != codeHealthy && r.class.retried() {
		return &Problem{Class: r.class, err: r}
	}
	return c.ask(ctx, e)
}

// problemOf makes a problem of a probe that brought no answer.
func problemOf(err error) *Problem {
	var r *reply
	if !errors.As(err, &r) {
		r = unanswered(err)
	}
	return &Problem{Class: r.class, err: r}
}

package hec

import (
	"context"
	"errors"
	"net/http"
	"time"
)

// watchEvery is how often Splunk is asked while nothing is posted.
const watchEvery = time.Minute

// Watch asks Splunk, at once and then while nothing is posted, whether it
// would take events, and tells OnProblem. In a quiet organisation days pass
// without an event; a token that was withdrawn must not stay unseen that long.
// Nothing is indexed: a post without a body, to which a good token gets "No
// data". While posts are under way, their answers say more, and it holds back.
func (c *Client) Watch(ctx context.Context) {
	for failed := 0; ctx.Err() == nil; {
		wait := watchEvery
		if c.posting.Load() == 0 {
			if err := c.ask(ctx); err != nil && ctx.Err() == nil {
				c.problem.fails(err)
				wait = c.jitter(c.cfg.BackoffMin, min(c.cfg.BackoffMax, watchEvery), failed)
				failed++
			} else if c.posting.Load() == 0 && ctx.Err() == nil {
				c.problem.works()
				failed = 0
			}
		}
		if pause(ctx, wait) != nil {
			return
		}
	}
}

// ask posts nothing and returns why Splunk would not take more than that.
func (c *Client) ask(ctx context.Context) *Problem {
	_, r, err := c.probe(ctx, http.MethodPost, c.eventURL)
	if err != nil && !errors.As(err, &r) {
		r = unanswered(err)
	}
	if r.code == codeNoData {
		return nil
	}
	return &Problem{Class: r.class, err: r}
}

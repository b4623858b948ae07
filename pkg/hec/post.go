package hec

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/hashicorp/go-retryablehttp"
)

// post sends one request until Splunk gives an answer that settles it, or ctx
// ends. The bytes of plain are not read after it returned.
func (c *Client) post(ctx context.Context, target string, plain []byte) (*reply, error) {
	c.posting.Add(1)
	defer c.posting.Add(-1)
	wire, encoding := plain, "identity"
	if c.zip != nil {
		zipped, release, err := c.zip.compress(plain)
		defer release()
		if err != nil {
			return nil, fmt.Errorf("compress a batch of %d bytes: %w", len(plain), err)
		}
		wire, encoding = zipped, "gzip"
	}
	// net/http may read a body after it has returned the answer, and the
	// buffers are used again: wait until every attempt has let go of them.
	var bodies sync.WaitGroup
	defer bodies.Wait()

	req, err := retryablehttp.NewRequestWithContext(ctx, http.MethodPost, target, func() (io.Reader, error) {
		bodies.Add(1)
		return &requestBody{Reader: bytes.NewReader(wire), release: sync.OnceFunc(bodies.Done)}, nil
	})
	if err != nil {
		return nil, fmt.Errorf("make a request: %w", err)
	}
	req.Header = c.header.Clone()
	if encoding == "gzip" {
		req.Header.Set("Content-Encoding", encoding)
	}

	a := attempts{client: c, started: time.Now()}
	req.SetResponseHandler(a.handle)
	//nolint:bodyclose // the response handler closes it
	_, err = (&retryablehttp.Client{
		HTTPClient:   c.http,
		RetryWaitMin: c.cfg.BackoffMin,
		RetryWaitMax: c.cfg.BackoffMax,
		RetryMax:     math.MaxInt, // giving up would be dropping
		CheckRetry:   a.check,
		Backoff:      a.backoff,
		PrepareRetry: a.prepare,
	}).Do(req)
	if err != nil {
		return nil, err
	}
	if a.last.class == Accepted || a.last.class == AcceptedSlow {
		c.metrics.sentBytes.WithLabelValues("wire").Add(float64(len(wire)))
		c.metrics.sentBytes.WithLabelValues("plain").Add(float64(len(plain)))
	}
	if a.last.class == AcceptedSlow {
		// Holding the place in the lane's window is what slows the lane down.
		// That the lane ends meanwhile changes nothing: Splunk has the events.
		_ = pause(ctx, c.jitter(c.cfg.BackoffMin, c.cfg.BackoffMax, 1))
	}
	if a.last.acks {
		c.warnAcks.Do(func() {
			c.log.Warn("the token uses indexer acknowledgement, which is not asked for; Splunk keeps a list of what waits to be asked, which can fill up: turn it off for this token in Splunk")
		})
	}
	return a.last, nil
}

// requestBody tells when the transport is done with it.
type requestBody struct {
	*bytes.Reader
	release func()
}

// Close implements io.Closer.
func (b *requestBody) Close() error {
	b.release()
	return nil
}

// attempts is the course of one post through retryablehttp, whose functions
// it implements. They are called in turn, never at once.
type attempts struct {
	client  *Client
	last    *reply // nil: no answer at all
	started time.Time
}

// handle reads an answer; its error is what check decides on.
func (a *attempts) handle(resp *http.Response) error {
	r, err := a.client.readReply(resp)
	if cerr := resp.Body.Close(); err == nil && cerr != nil {
		err = cerr
	}
	if err != nil {
		return err
	}
	a.last = r
	if r.class.retried() {
		return r
	}
	return nil
}

// check implements retryablehttp.CheckRetry. It is called twice for an
// answer: before handle, where it only lets it pass, and after.
func (a *attempts) check(ctx context.Context, resp *http.Response, err error) (bool, error) {
	if resp != nil && err == nil && a.last == nil {
		return false, nil
	}
	// An answer that settles the request counts, also when ctx has ended.
	if ctx.Err() != nil && err != nil {
		return false, ctx.Err()
	}
	m := a.client.metrics
	m.duration.Observe(time.Since(a.started).Seconds())
	if err == nil {
		m.requests.WithLabelValues(a.last.class.String()).Inc()
		// A refusal is an answer as well: Splunk works.
		a.client.problem.works()
		return false, nil
	}
	var r *reply
	if !errors.As(err, &r) {
		r = unanswered(err)
		err = r
	}
	a.last = r
	m.requests.WithLabelValues(r.class.String()).Inc()
	m.retries.WithLabelValues(r.class.String()).Inc()
	a.client.problem.fails(&Problem{Class: r.class, err: err})
	return true, nil
}

// backoff implements retryablehttp.Backoff.
func (a *attempts) backoff(least, most time.Duration, attempt int, resp *http.Response) time.Duration {
	if a.last.class == Blocked {
		attempt = math.MaxInt // only a person can help: no hurry
	}
	wait := a.client.jitter(least, most, attempt)
	if resp != nil {
		// Splunk was never seen to send it, load balancers do.
		if s, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil && s > 0 {
			wait = max(wait, min(time.Duration(s)*time.Second, most))
		}
	}
	return wait
}

// prepare implements retryablehttp.PrepareRetry, right before the next try.
func (a *attempts) prepare(*http.Request) error {
	if a.last.fresh {
		// The wait has brought the connection back to the pool.
		a.client.transport.CloseIdleConnections()
	}
	a.last, a.started = nil, time.Now()
	return nil
}

// jitter returns a wait that doubles with each attempt up to most, of which a
// random half is taken off, so that lanes and members do not come in step.
func (c *Client) jitter(least, most time.Duration, attempt int) time.Duration {
	wait := least
	for ; attempt > 0 && wait < most; attempt-- {
		wait *= 2
	}
	wait = min(wait, most)
	return wait/2 + rand.N(wait/2+1) //nolint:gosec // spreads load, guards nothing
}

// pause waits, or returns ctx's error.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

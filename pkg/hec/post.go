package hec

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-retryablehttp"
)

// answer is what settled a post, and where it came from.
type answer struct {
	*reply
	ep      *endpoint
	session *ackSession
}

// post sends one request until Splunk gives an answer that settles it, or ctx
// ends. The memory of what is not read after it returned.
func (c *Client) post(ctx context.Context, what part) (answer, error) {
	c.posting.Add(1)
	defer c.posting.Add(-1)
	plain := what.bytes()
	wire := plain
	if c.zip != nil {
		zipped, release, err := c.zip.compress(plain)
		defer release()
		if err != nil {
			return answer{}, fmt.Errorf("compress a batch of %d bytes: %w", len(plain), err)
		}
		wire = zipped
	}
	// net/http may read a body after it has returned the answer, and the
	// buffers are used again: wait until every attempt has let go of them.
	var bodies sync.WaitGroup
	defer bodies.Wait()

	a := attempts{ctx: ctx, client: c, part: what, gzip: c.zip != nil, ticket: ticket{topic: what.topic, events: what.len()}}
	defer a.end()
	req, err := retryablehttp.NewRequestWithContext(ctx, http.MethodPost, "", func() (io.Reader, error) {
		bodies.Add(1)
		return &requestBody{data: bytes.NewReader(wire), release: sync.OnceFunc(bodies.Done)}, nil
	})
	if err != nil {
		return answer{}, fmt.Errorf("make a request: %w", err)
	}
	if err := a.prepare(req.Request); err != nil {
		return answer{}, err
	}
	req.SetResponseHandler(a.handle)
	//nolint:bodyclose // the response handler closes it
	_, err = (&retryablehttp.Client{
		HTTPClient:   &http.Client{Transport: &a, CheckRedirect: noRedirect},
		RetryMax:     math.MaxInt, // giving up would be dropping
		CheckRetry:   a.check,
		Backoff:      noWait,
		PrepareRetry: a.prepare,
	}).Do(req)
	if err != nil {
		return answer{}, err
	}
	if a.last.class == Accepted || a.last.class == AcceptedSlow {
		c.metrics.sentBytes.WithLabelValues("wire").Add(float64(len(wire)))
		c.metrics.sentBytes.WithLabelValues(plainEncoding).Add(float64(len(plain)))
	}
	if a.last.class == AcceptedSlow {
		// Holding the place in the lane's window is what slows the lane down.
		// That the lane ends meanwhile changes nothing: Splunk has the events.
		_ = pause(ctx, c.pool.jitter(1))
	}
	if a.last.ackID != nil && !c.cfg.Ack.Enabled {
		c.warnAcks.Do(func() {
			c.log.Warn("the token uses indexer acknowledgement, which is not asked for; Splunk keeps a list of what waits to be asked, which can fill up: set hec.ack.enabled, or turn it off for this token in Splunk")
		})
	}
	return answer{reply: a.last, ep: a.ep, session: a.session}, nil
}

const plainEncoding = "plain"

// noRedirect: a redirect never comes from HEC; following it would post the
// events, and the token, elsewhere.
func noRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// noWait implements retryablehttp.Backoff: the waiting is done in prepare,
// where a change of the token can end it.
func noWait(time.Duration, time.Duration, int, *http.Response) time.Duration { return 0 }

// attempts is the course of one post through retryablehttp, whose functions
// it implements, and the transport beneath it. They are called in turn, never
// at once.
type attempts struct {
	ctx    context.Context // the post's, not of one try
	client *Client
	part   part
	gzip   bool
	ticket ticket

	completed bool // a reply has brought what was missing

	// Of the try that goes on, or was the last.
	lease   *lease // nil: none is held
	ep      *endpoint
	session *ackSession
	asked   bool // session has ended, one way or the other
	cancel  context.CancelFunc
	got     *atomic.Int32
	last    *reply // nil: no answer at all
}

// prepare implements retryablehttp.PrepareRetry, right before the next try: it
// waits for an endpoint, and addresses the request to it.
func (a *attempts) prepare(req *http.Request) error {
	a.finish()
	a.last, a.got = nil, nil
	l, err := a.client.pool.take(req.Context(), &a.ticket)
	if err != nil {
		return err
	}
	a.lease, a.ep, a.session, a.asked = l, l.ep, l.ep.acks.session(), false
	if req.URL, err = url.Parse(a.client.enc.target(a.ep.base, a.part.topic)); err != nil {
		return fmt.Errorf("make the address: %w", err)
	}
	req.Host = req.URL.Host
	// A new map: the one of the last try may still be read.
	req.Header = a.client.secrets.Load().header.Clone()
	a.session.sign(req)
	if a.gzip {
		req.Header.Set("Content-Encoding", "gzip")
	}
	return nil
}

// How far a try got before it failed.
const (
	gotNothing    int32 = iota
	gotConnection       // all of it may have been sent, and Splunk may have taken it
	sentPart            // writing failed: Splunk cannot have the whole
)

// awaited is the failure of a try that brought no answer.
type awaited struct {
	got int32
	err error
}

func (e *awaited) Error() string { return e.err.Error() }

// Unwrap returns the cause.
func (e *awaited) Unwrap() error { return e.err }

// RoundTrip implements http.RoundTripper by the connections of the endpoint.
func (a *attempts) RoundTrip(req *http.Request) (*http.Response, error) {
	// Of one try, the answer's body included.
	ctx, cancel := context.WithTimeout(req.Context(), a.client.cfg.Timeout)
	got := new(atomic.Int32) // not a's own: late news of one try must not count for the next
	a.cancel, a.got = cancel, got
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(httptrace.GotConnInfo) { got.Store(gotConnection) },
		WroteRequest: func(info httptrace.WroteRequestInfo) {
			// Good news can come later than the answer, so only bad ones count.
			if info.Err != nil {
				got.Store(sentPart)
			}
		},
	})
	return a.lease.conn.RoundTrip(req.WithContext(ctx))
}

// finish lets go of the last try.
func (a *attempts) finish() {
	a.ended(nil)
	if a.cancel != nil {
		a.cancel()
		a.cancel = nil
	}
	if a.lease != nil {
		a.client.pool.back(a.lease)
		a.lease = nil
	}
}

// ended tells the acknowledgements what came of the try, once: its whole answer,
// or without one whether anything was sent. An answer that may not be the
// indexer's, which may have taken the post and given it an id, is none.
func (a *attempts) ended(r *reply) {
	if a.session == nil || a.asked {
		return
	}
	a.asked = true
	switch {
	case r != nil && r.ackID != nil && !a.counts(r):
		a.ep.acks.pass(a.session, r.code, *r.ackID)
	case r != nil && (r.ackID != nil || !r.uncertain):
		a.ep.acks.finish(a.ctx, a.session, r.code, r.ackID)
	case a.got == nil || a.got.Load() == gotNothing:
		a.ep.acks.finish(a.ctx, a.session, noCode, nil)
	default:
		a.ep.acks.lost(a.session)
	}
}

// counts reports whether any event is taken by r: then Deliver waits for its id.
func (a *attempts) counts(r *reply) bool {
	return r.class == Accepted || r.class == AcceptedSlow || r.settled ||
		r.class == RefusedEvent && r.number > 0 && r.number < a.part.len() && a.client.cfg.PartialAcceptance == PartialPrefix
}

// end lets go of everything.
func (a *attempts) end() {
	a.finish()
	a.client.pool.leave(&a.ticket, a.last != nil && !a.last.class.retried())
}

// handle reads an answer; its error is what check decides on.
func (a *attempts) handle(resp *http.Response) error {
	a.ep.acks.noteReply(a.session, resp)
	r, err := a.client.readReply(resp)
	if cerr := resp.Body.Close(); err == nil && cerr != nil {
		err = cerr
	}
	if err != nil {
		return err
	}
	a.client.judge(r, a.part)
	if a.client.cfg.Ack.Enabled && !a.completed && r.code == noCode && r.status == http.StatusBadRequest {
		// Splunk can be set to refuse what comes without a load balancer's cookie,
		// and each new channel does. Once a post, or it would have no end.
		r.completed = len(resp.Request.Cookies()) == 0 && len(resp.Cookies()) > 0
		a.completed = r.completed
	}
	a.last = r
	a.ended(r)
	if r.class.retried() && !r.settled {
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
	l := a.lease
	a.lease = nil
	m := a.client.metrics
	m.duration.Observe(time.Since(l.started).Seconds())
	if err == nil {
		m.requests.WithLabelValues(a.last.class.String()).Inc()
		// A refusal is an answer as well: Splunk works.
		a.client.pool.took(l)
		return false, nil
	}
	var r *reply
	if !errors.As(err, &r) {
		r = unanswered(&awaited{got: a.got.Load(), err: err})
		a.last = r
	}
	m.requests.WithLabelValues(r.class.String()).Inc()
	m.retries.WithLabelValues(r.class.String()).Inc()
	if r.uncertain {
		m.uncertain.Inc()
	}
	if r.completed {
		a.client.pool.back(l)
		return true, nil
	}
	a.client.pool.failed(l, &a.ticket, r)
	return true, nil
}

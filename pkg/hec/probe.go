package hec

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"math"
	"net/http"
	"time"

	"auditlog-forwarder/pkg/creds"
)

// Check tries what delivering needs, one step after the other for each
// address, without indexing anything, and reports each step: what was found,
// or why not.
func (c *Client) Check(ctx context.Context, report func(step, found string, err error)) {
	for _, e := range c.pool.endpoints {
		c.checkEndpoint(ctx, e, report)
	}
}

func (c *Client) checkEndpoint(ctx context.Context, e *endpoint, report func(step, found string, err error)) {
	health, event := e.base.JoinPath(pathHealth).String(), e.base.JoinPath(pathEvent).String()
	state, r, err := c.probe(ctx, e, http.MethodGet, pathHealth, nil)
	if err == nil && r.code != codeHealthy {
		err = r
	}
	if state != nil && len(state.PeerCertificates) > 0 {
		leaf := state.PeerCertificates[0]
		report("splunk certificate", fmt.Sprintf("%s: %s, %d days left", e.base.Host, creds.Names(leaf), int(math.Floor(time.Until(leaf.NotAfter).Hours()/24))), nil)
	}
	if err != nil {
		report("splunk health", "", fmt.Errorf("%s: %w", health, err))
		return
	}
	report("splunk health", fmt.Sprintf("%s: %s", health, r.text), nil)

	// Health does not look at the token. A post without a body does: code 5,
	// "No data", is what a good token gets, and nothing is indexed.
	if problem := c.ask(ctx, e); problem != nil {
		report("splunk token", "", fmt.Errorf("%s: %w", event, problem))
		return
	}
	report("splunk token", e.base.Host+": the token is good; whether it may write to the index shows with the first event", nil)
}

// probe sends one request, once, and without a lease. The state is nil
// without TLS.
func (c *Client) probe(ctx context.Context, e *endpoint, method, path string, body io.Reader) (*tls.ConnectionState, *reply, error) {
	ctx, cancel := context.WithTimeout(ctx, c.cfg.Timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, e.base.JoinPath(path).String(), body)
	if err != nil {
		return nil, nil, err
	}
	req.Header = c.secrets.Load().header.Clone()
	req.Header.Set(headerChannel, c.askChannel)
	if path == pathHealth {
		req.Header.Del("Authorization") // not needed, so not sent
	}
	conn := c.pool.transport(e)
	resp, err := conn.RoundTrip(req)
	if err != nil {
		r := unanswered(&awaited{err: err})
		r.from(e.base)
		c.pool.leaveIf(r.fresh, e, conn)
		return nil, nil, r
	}
	r, err := c.readReply(resp)
	c.pool.leaveIf(err != nil || r.fresh, e, conn)
	if cerr := resp.Body.Close(); err == nil {
		err = cerr
	}
	return resp.TLS, r, err
}

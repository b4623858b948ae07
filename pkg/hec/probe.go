package hec

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// Check tries what delivering needs, one step after the other, without
// indexing anything, and reports each step: what was found, or why not.
func (c *Client) Check(ctx context.Context, report func(step, found string, err error)) {
	state, r, err := c.probe(ctx, http.MethodGet, c.healthURL)
	if err == nil && r.code != codeHealthy {
		err = r
	}
	if state != nil && len(state.PeerCertificates) > 0 {
		leaf := state.PeerCertificates[0]
		report("splunk certificate", fmt.Sprintf("%s, %d days left", leaf.Subject.CommonName, int(time.Until(leaf.NotAfter).Hours()/24)), nil)
	}
	if err != nil {
		report("splunk health", "", fmt.Errorf("%s: %w", c.healthURL, err))
		return
	}
	report("splunk health", fmt.Sprintf("%s: %s", c.healthURL, r.text), nil)

	// Health does not look at the token. A post without a body does: code 5,
	// "No data", is what a good token gets, and nothing is indexed.
	_, r, err = c.probe(ctx, http.MethodPost, c.eventURL)
	switch {
	case err != nil:
		report("splunk token", "", fmt.Errorf("%s: %w", c.eventURL, err))
	case r.code == codeNoData:
		report("splunk token", "the token is good; whether it may write to the index shows with the first event", nil)
	default:
		report("splunk token", "", r)
	}
}

// The answers that a probe hopes for.
const (
	codeHealthy = 17 // health
	codeNoData  = 5  // a post without a body, with a good token
)

// probe sends one request, once. The state is nil without TLS.
func (c *Client) probe(ctx context.Context, method, url string) (*tls.ConnectionState, *reply, error) {
	req, err := http.NewRequestWithContext(ctx, method, url, http.NoBody)
	if err != nil {
		return nil, nil, err
	}
	req.Header = c.header.Clone()
	if !strings.HasSuffix(url, pathEvent) {
		req.Header.Del("Authorization") // not needed, so not sent
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, nil, unanswered(err)
	}
	r, err := c.readReply(resp)
	if cerr := resp.Body.Close(); err == nil {
		err = cerr
	}
	return resp.TLS, r, err
}

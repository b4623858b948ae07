package deploy

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"slices"
	"strings"
	"time"

	"auditlog-forwarder/pkg/creds"
)

// maxAnswer bounds an answer; a Splunk with thousands of saved searches sends
// some megabytes.
const maxAnswer = 256 << 20

// tries bounds how often a request is sent in all.
const tries = 4

// Client speaks with one Splunk's management API.
type Client struct {
	cfg     Config
	base    *url.URL
	http    *http.Client
	agent   string
	session creds.Secret // of a login by password
	heard   bool         // anything at all from the other side
	hidden  []string     // secrets that no message may repeat
	wait    func(ctx context.Context, try int) error
}

// New makes a client; it does not connect yet. version is for Splunk's log.
func New(cfg Config, version string) (*Client, error) {
	if err := cfg.Ready(); err != nil {
		return nil, err
	}
	base, err := url.Parse(cfg.URL)
	if err != nil {
		return nil, errors.New("alerts.splunk.url: this is not an address; give https://host:8089")
	}
	var conf *tls.Config
	if cfg.UsesTLS() {
		if conf, err = cfg.TLS.Config(base.Hostname()); err != nil {
			return nil, fmt.Errorf("alerts.splunk.tls.%w", err)
		}
	}
	cookies, err := cookiejar.New(nil) // of a load balancer that keeps to one search head
	if err != nil {
		return nil, fmt.Errorf("make room for cookies: %w", err)
	}
	c := &Client{cfg: cfg, base: base, agent: "auditlog-forwarder/" + version, wait: pause}
	c.hide(cfg.Token.Reveal(), cfg.Password.Reveal())
	c.http = &http.Client{
		Timeout: cfg.Timeout,
		Jar:     cookies,
		Transport: &http.Transport{
			Proxy:                  proxyOf,
			OnProxyConnectResponse: proxyAnswer,
			DialContext:            (&net.Dialer{Timeout: min(cfg.Timeout/2, 10*time.Second)}).DialContext,
			TLSClientConfig:        conf,
			TLSHandshakeTimeout:    10 * time.Second,
			IdleConnTimeout:        10 * time.Second, // splunkd closes idle ones after 12 s
		},
		// A redirect leads to Splunk Web or to strangers; neither gets the token.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return c, nil
}

// Close ends idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

func proxyOf(r *http.Request) (*url.URL, error) {
	u, err := http.ProxyFromEnvironment(r)
	if err != nil {
		return nil, errProxyVariable
	}
	return u, nil
}

func proxyAnswer(_ context.Context, _ *url.URL, _ *http.Request, resp *http.Response) error {
	if resp.StatusCode != http.StatusOK {
		return &proxyError{status: resp.StatusCode}
	}
	return nil
}

// pause waits before the next try: about 0.2, 0.4 and 0.8 seconds.
func pause(ctx context.Context, try int) error {
	base := 200 * time.Millisecond << (try - 1)
	t := time.NewTimer(base/2 + rand.N(base))
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// hide keeps secrets out of every message.
func (c *Client) hide(secrets ...string) {
	for _, s := range secrets {
		if len(s) > 3 && !slices.Contains(c.hidden, s) {
			c.hidden = append(c.hidden, s)
		}
	}
}

func (c *Client) scrub(text string) string {
	for _, s := range c.hidden {
		text = strings.ReplaceAll(text, s, "[redacted]")
		text = strings.ReplaceAll(text, url.QueryEscape(s), "[redacted]")
	}
	return text
}

// safety says when a request may be sent again.
type safety uint8

const (
	always   safety = iota // the same request twice is the same as once
	untaken                // if Splunk said that it did not take it, or never got it
	unspoken               // if it never got it
)

func (s safety) again(e *Error) bool {
	switch s {
	case always:
		return e.again
	case untaken:
		return e.again && (e.never || e.Status == http.StatusTooManyRequests || e.Status == http.StatusServiceUnavailable)
	default:
		return e.again && e.never
	}
}

// get reads; query may be nil.
func (c *Client) get(ctx context.Context, path string, query url.Values) (answer, error) {
	return c.do(ctx, http.MethodGet, path, query, nil, always)
}

// post sends a form.
func (c *Client) post(ctx context.Context, path string, form url.Values, s safety) (answer, error) {
	return c.do(ctx, http.MethodPost, path, nil, form, s)
}

// remove deletes. It is never sent again once Splunk may have got it: a second
// DELETE of the same address can take away what lay below the first object.
func (c *Client) remove(ctx context.Context, path string) error {
	_, err := c.do(ctx, http.MethodDelete, path, nil, nil, unspoken)
	return err
}

func (c *Client) do(ctx context.Context, method, path string, query, form url.Values, s safety) (answer, error) {
	if err := c.signIn(ctx); err != nil {
		return answer{}, err
	}
	for try := 1; ; try++ {
		a, failed := c.once(ctx, method, path, query, form)
		if failed == nil {
			return a, nil
		}
		failed.Text = c.scrub(failed.Text)
		if try == tries || !s.again(failed) || ctx.Err() != nil || c.wait(ctx, try) != nil {
			return a, failed
		}
	}
}

func (c *Client) once(ctx context.Context, method, path string, query, form url.Values) (answer, *Error) {
	if query == nil {
		query = url.Values{}
	}
	query.Set("output_mode", "json")
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	address := c.base.Scheme + "://" + c.base.Host + strings.TrimSuffix(c.base.EscapedPath(), "/") + path + "?" + query.Encode()
	req, err := http.NewRequestWithContext(ctx, method, address, body)
	if err != nil {
		return answer{}, &Error{Text: "the address of the request is not valid", Hint: "check alerts.splunk.url"}
	}
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	req.Header.Set("User-Agent", c.agent)
	switch {
	case !c.session.Empty():
		req.Header.Set("Authorization", "Splunk "+c.session.Reveal())
	case !c.cfg.Token.Empty():
		req.Header.Set("Authorization", "Bearer "+c.cfg.Token.Reveal())
	}
	resp, err := c.http.Do(req)
	var data []byte
	if err == nil {
		defer resp.Body.Close()
		data, err = io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	}
	switch {
	case err != nil && ctx.Err() != nil: // the error is then whatever ended the context
		return answer{}, &Error{Text: "interrupted", cause: ctx.Err()}
	case err != nil:
		e := unanswered(err, c.base.Hostname())
		if c.base.Scheme == "http" && !c.heard && !e.never && !e.late {
			e.Hint = "Splunk's management port speaks TLS, unless somebody turned it off; write https:// in alerts.splunk.url"
		}
		return answer{}, e
	}
	c.heard = true
	a, ok := parseAnswer(data)
	if resp.StatusCode >= 300 || a.page {
		return a, refused(resp.StatusCode, a, c.cfg)
	}
	if done := method != http.MethodGet && len(data) == 0; !ok && !done {
		return a, &Error{Status: resp.StatusCode, Text: "the answer is neither JSON nor XML of Splunk", Hint: "check that Splunk's management port answers at alerts.splunk.url, and no proxy"}
	}
	return a, nil
}

// signIn gets a session for user and password, once.
func (c *Client) signIn(ctx context.Context) error {
	if !c.cfg.Token.Empty() || !c.session.Empty() {
		return nil
	}
	form := url.Values{"username": {c.cfg.Username}, "password": {c.cfg.Password.Reveal()}}
	for try := 1; ; try++ {
		a, failed := c.once(ctx, http.MethodPost, "/services/auth/login", nil, form)
		switch {
		case failed == nil && a.SessionKey == "":
			return &Error{Text: "Splunk gives no session key for user and password", Hint: "sign in with a token: alerts.splunk.token_file"}
		case failed == nil:
			c.session = creds.NewSecret(a.SessionKey)
			c.hide(a.SessionKey)
			return nil
		}
		failed.Text = c.scrub(failed.Text)
		if try == tries || !always.again(failed) || ctx.Err() != nil || c.wait(ctx, try) != nil {
			return failed
		}
	}
}

// place is the path of the namespace that is deployed to.
func (c *Client) place(under string) string {
	return "/servicesNS/" + url.PathEscape(c.cfg.Owner) + "/" + url.PathEscape(c.cfg.App) + under
}

// member is the path of an object. Splunk's own link goes first: it knows best
// how it spells a name with slashes, and in whose namespace the object lies.
func (c *Client) member(collection string, e entry, link string) string {
	if path := e.Links[link]; strings.HasPrefix(path, "/services") && !strings.ContainsAny(path, "?#") {
		return path
	}
	return c.place(collection) + "/" + url.PathEscape(e.Name)
}

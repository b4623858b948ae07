package hec

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"go.uber.org/zap"

	"auditlog-forwarder/pkg/creds"
)

// Splunk closes a connection that is idle for 12 s (busyKeepAliveIdleTimeout);
// one that both sides close at once would look like a lost reply.
const idleTimeout = 10 * time.Second

// proxyDirect is the value of Config.Proxy that passes by the environment's.
const proxyDirect = "direct"

// newTransport makes a transport that has no connection yet. It takes over
// tlsConfig, which must not be used elsewhere.
func newTransport(cfg Config, tlsConfig *tls.Config) (*http.Transport, error) {
	proxy, err := cfg.proxy()
	if err != nil {
		return nil, err
	}
	t := &http.Transport{
		Proxy:                  proxy,
		OnProxyConnectResponse: proxyAnswer,
		DialContext:            newDialer(vanished).DialContext,
		TLSClientConfig:        tlsConfig,
		TLSHandshakeTimeout:    10 * time.Second,
		Protocols:              new(http.Protocols),
		MaxIdleConnsPerHost:    64, // one lane has at most this many batches out
		IdleConnTimeout:        idleTimeout,
		DisableCompression:     true,
		WriteBufferSize:        64 << 10,
	}
	t.Protocols.SetHTTP1(true)
	if cfg.HTTP2 {
		t.Protocols.SetHTTP2(true)
		// All posts share one connection: a dead one must not hold them until
		// each has timed out.
		t.HTTP2 = &http.HTTP2Config{SendPingTimeout: 10 * time.Second, PingTimeout: 5 * time.Second}
	}
	return t, nil
}

// proxy returns how the transport finds its proxy. No error of it holds a
// password.
func (c Config) proxy() (func(*http.Request) (*url.URL, error), error) {
	switch c.Proxy.Reveal() {
	case "":
		return func(r *http.Request) (*url.URL, error) {
			u, err := http.ProxyFromEnvironment(r)
			if err != nil {
				// The error of net/http repeats the variable, password and all.
				return nil, &blockingError{
					text: "the environment's proxy is not an address",
					hint: "check HTTPS_PROXY and HTTP_PROXY, or set hec.proxy",
				}
			}
			return u, nil
		}, nil
	case proxyDirect:
		return nil, nil
	}
	u, err := url.Parse(c.Proxy.Reveal())
	if err != nil || u.Scheme != "http" || u.Hostname() == "" || u.RawQuery != "" || u.Fragment != "" || u.Path != "" && u.Path != "/" {
		return nil, errors.New("not a proxy's address; give http://host:port, http://user:password@host:port, or direct for none")
	}
	return http.ProxyURL(u), nil
}

// blockingError is a failure before anything was sent that only a person mends.
type blockingError struct{ text, hint string }

func (e *blockingError) Error() string { return e.text }

// proxyError is a proxy's refusal to connect to Splunk.
type proxyError struct{ status int }

func (e *proxyError) Error() string {
	return fmt.Sprintf("the proxy answers HTTP %d (%s)", e.status, http.StatusText(e.status))
}

// proxyAnswer implements http.Transport.OnProxyConnectResponse: without it the
// status would be lost.
func proxyAnswer(_ context.Context, _ *url.URL, _ *http.Request, resp *http.Response) error {
	if resp.StatusCode != http.StatusOK {
		return &proxyError{status: resp.StatusCode}
	}
	return nil
}

// swap is endpoint.swap, whose error New has ruled out.
func (p *pool) swap(e *endpoint) {
	if err := e.swap(p.cfg); err != nil {
		p.log.Error("connections are not renewed", zap.String("endpoint", e.name), zap.Error(err))
	}
}

// setTLS reads t's files and swaps the connections, of all endpoints or of none.
func (p *pool) setTLS(t creds.TLS) error {
	fresh := make([]*tls.Config, len(p.endpoints))
	for i, e := range p.endpoints {
		var err error
		if fresh[i], err = t.Config(e.base.Hostname()); err != nil {
			return err
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, e := range p.endpoints {
		e.tls = fresh[i]
		p.swap(e)
	}
	return nil
}

// transport returns the connections of e for a request that needs no lease.
func (p *pool) transport(e *endpoint) *http.Transport {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !e.renew.IsZero() && time.Now().After(e.renew) {
		p.swap(e)
	}
	return e.transport
}

// leaveIf gives e new connections in place of conn's, if these are to be left and
// were not yet. Posts do so in failed.
func (p *pool) leaveIf(bad bool, e *endpoint, conn *http.Transport) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if bad && e.transport == conn {
		p.swap(e)
	}
}

// by returns the way of an endpoint for requests without a lease, always by its
// connections of that moment.
func (p *pool) by(e *endpoint) http.RoundTripper { return unleased{p, e} }

type unleased struct {
	pool *pool
	ep   *endpoint
}

// RoundTrip implements http.RoundTripper.
func (u unleased) RoundTrip(req *http.Request) (*http.Response, error) {
	return u.pool.transport(u.ep).RoundTrip(req)
}

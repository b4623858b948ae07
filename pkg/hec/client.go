// Package hec speaks Splunk's HTTP Event Collector protocol: it encodes
// events, compresses and posts batches, reads the answers by HEC code, and
// tries again until every event of a batch is settled. It knows no Kafka.
//
// Which answer means what is measured rather than guessed; docs/hec.md has
// the table with its sources.
package hec

import (
	"cmp"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"auditlog-forwarder/pkg/audit"
)

const (
	pathEvent  = "/services/collector/event"
	pathHealth = "/services/collector/health"
	pathAck    = "/services/collector/ack"

	headerChannel = "X-Splunk-Request-Channel"
)

// Options are what a Client needs besides its configuration.
type Options struct {
	Version    string // for the User-Agent; Splunk speaks HTTP/1.0 to clients without one
	Log        *zap.Logger
	Registerer prometheus.Registerer
	// Indexes are those that audit.Event.Route may name. They count as configured:
	// while Splunk does not have one, its events wait.
	Indexes []string
	// OnProblem is told nil when Splunk has answered for the first time that it
	// takes events; then the reason whenever it stops taking them or the reason
	// changes, and nil when it takes them again. With several addresses Splunk
	// takes events while one of them does. A batch that none takes while they
	// take others is told as well. It must not call the Client. Optional.
	OnProblem func(error)
	// DayFile keeps over restarts how much of hec.limit.bytes_per_day is used. It is
	// this Client's alone. Empty: the count begins with the Client.
	DayFile string
	// Waiting says in the log what becomes of the events while Splunk takes
	// none; empty: nothing is lost, they wait in kafka.
	Waiting string
}

// Client posts batches to Splunk. It is safe for concurrent use.
type Client struct {
	cfg      Config
	enc      *encoder
	limits   *pacer
	pool     *pool
	secrets  atomic.Pointer[secrets]
	log      *zap.Logger
	metrics  *metrics
	warnAcks sync.Once
	posting  atomic.Int64 // posts under way, waits between their tries included
	zip      *zipper      // nil: no compression
	// askChannel is named when Splunk is only asked. No post uses it, so no
	// acknowledgement can be lost by it.
	askChannel string
}

// New makes a client. It sends nothing.
func New(cfg Config, opts Options) (*Client, error) {
	opts.Waiting = cmp.Or(opts.Waiting, "nothing is lost, they wait in kafka")
	c := &Client{cfg: cfg, log: opts.Log, askChannel: uuid.NewString()}
	c.secrets.Store(newSecrets(cfg, opts.Version))
	var err error
	if c.enc, err = newEncoder(cfg, opts.Indexes, opts.Registerer); err != nil {
		return nil, fmt.Errorf("hec: %w", err)
	}
	if c.limits, err = newPacer(cfg.Limit, opts.DayFile, opts.Registerer, opts.Log); err != nil {
		return nil, fmt.Errorf("hec.limit: %w", err)
	}
	if cfg.Gzip {
		if c.zip, err = newZipper(cfg.GzipLevel); err != nil {
			return nil, fmt.Errorf("hec.gzip_level: %w", err)
		}
	}
	endpoints := make([]*endpoint, len(cfg.URLs))
	for i, raw := range cfg.URLs {
		if endpoints[i], err = newEndpoint(cfg, raw); err != nil {
			return nil, err
		}
	}
	c.metrics = newMetrics(opts.Registerer)
	c.pool = newPool(cfg, opts, c.metrics, endpoints)
	c.pool.ask = c.askDown
	ackMetrics := newAckMetrics(opts.Registerer)
	for _, e := range endpoints {
		e.acks = c.newAcks(e, ackMetrics)
	}
	if cfg.TLS.InsecureSkipVerify {
		c.log.Warn("hec.tls.insecure_skip_verify is on: anyone on the way can read the token and the events; use hec.tls.ca_file instead")
	}
	return c, nil
}

// newAcks makes the acknowledgements of one address.
func (c *Client) newAcks(e *endpoint, m *ackMetrics) *acks {
	polls := &http.Client{Transport: c.pool.by(e), Timeout: c.cfg.Timeout, CheckRedirect: noRedirect}
	wire := &ackWire{
		do: polls.Do, url: e.base.JoinPath(pathAck).String(),
		header: func() http.Header { return c.secrets.Load().header },
		hide:   func(text string) string { return c.secrets.Load().redact(text) },
	}
	return newAcks(ackOptions{
		enabled: c.cfg.Ack.Enabled, interval: c.cfg.Ack.PollInterval, timeout: c.cfg.Ack.Timeout,
		maxAge: c.cfg.ConnectionMaxAge, endpoint: e.name, poll: wire.poll, metrics: m, log: c.log,
		tell: func(p *Problem) { c.pool.unconfirmed(e, p) },
	})
}

// Close drops the idle connections and keeps the day's count. No post may be
// under way.
func (c *Client) Close() {
	c.pool.close()
	c.limits.day.close()
}

// Append encodes one record as a HEC event behind dst and says where in the
// result its value stands. An error says why it can never be sent; dst is then
// returned as it was.
func (c *Client) Append(dst []byte, rec *audit.Record, ev audit.Event) (_ []byte, value int, err error) {
	dst, value, own, err := c.enc.append(dst, rec, ev)
	if !own {
		c.metrics.timeFallback.Inc()
	}
	return dst, value, err
}

// Package hec speaks Splunk's HTTP Event Collector protocol: it encodes
// events, compresses and posts batches, reads the answers by HEC code, and
// tries again until every event of a batch is settled. It knows no Kafka.
//
// Which answer means what is measured rather than guessed; docs/hec.md has
// the table with its sources.
package hec

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"auditlog-forwarder/pkg/audit"
)

const (
	pathEvent  = "/services/collector/event"
	pathHealth = "/services/collector/health"

	// Splunk closes a connection that is idle for 12 s (busyKeepAliveIdleTimeout);
	// one that both sides close at once would look like a lost reply.
	idleTimeout = 10 * time.Second
)

// Options are what a Client needs besides its configuration.
type Options struct {
	Version    string // for the User-Agent; Splunk speaks HTTP/1.0 to clients without one
	Log        *zap.Logger
	Registerer prometheus.Registerer
	// OnProblem is told nil when Splunk has answered for the first time that it
	// takes events; then the reason whenever it stops taking them or the reason
	// changes, and nil when it takes them again. Optional.
	OnProblem func(error)
	// Waiting says in the log what becomes of the events while Splunk takes
	// none; empty: nothing is lost, they wait in kafka.
	Waiting string
}

// Client posts batches to one HEC address. It is safe for concurrent use.
type Client struct {
	cfg       Config
	enc       *encoder
	limits    *pacer
	http      *http.Client
	transport *http.Transport
	base      *url.URL
	eventURL  string
	healthURL string
	header    http.Header // the same for every post; never changed after New
	log       *zap.Logger
	metrics   *metrics
	problem   problem
	warnAcks  sync.Once
	posting   atomic.Int64 // posts under way, waits between their tries included
	zip       *zipper      // nil: no compression
}

// New makes a client. It sends nothing.
func New(cfg Config, opts Options) (*Client, error) {
	base, err := url.Parse(strings.TrimRight(cfg.URLs[0], "/"))
	if err != nil {
		return nil, fmt.Errorf("hec.url: %w", err)
	}
	// An address that already names the collector is what Splunk's own pages
	// show to be copied.
	if at := strings.Index(base.Path, "/services/collector"); at >= 0 {
		base.Path = base.Path[:at]
	}
	tlsConfig, err := cfg.TLS.Config(base.Hostname())
	if err != nil {
		return nil, fmt.Errorf("hec.tls: %w", err)
	}
	transport := &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSClientConfig:     tlsConfig,
		TLSHandshakeTimeout: 10 * time.Second,
		ForceAttemptHTTP2:   true,
		MaxIdleConnsPerHost: 64, // one lane has at most this many batches out
		IdleConnTimeout:     idleTimeout,
		DisableCompression:  true,
		WriteBufferSize:     64 << 10,
	}
	enc, err := newEncoder(cfg, opts.Registerer)
	if err != nil {
		return nil, fmt.Errorf("hec: %w", err)
	}
	limits, err := newPacer(cfg.Limit, opts.Registerer, opts.Log)
	if err != nil {
		return nil, fmt.Errorf("hec.limit: %w", err)
	}
	c := &Client{
		cfg:       cfg,
		enc:       enc,
		limits:    limits,
		transport: transport,
		http: &http.Client{
			Transport: transport,
			Timeout:   cfg.Timeout, // of one attempt, the answer's body included
			// A redirect never comes from HEC; following it would post the
			// events, and the token, elsewhere.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		base:      base,
		eventURL:  base.JoinPath(pathEvent).String(),
		healthURL: base.JoinPath(pathHealth).String(),
		header: http.Header{
			"Authorization": {"Splunk " + cfg.Token.Reveal()},
			"Content-Type":  {"application/json"},
			"User-Agent":    {"auditlog-forwarder/" + opts.Version},
			// Tokens without acknowledgement ignore the channel, so it is always sent.
			"X-Splunk-Request-Channel": {uuid.NewString()},
			"__splunk_app_name":        {"auditlog-forwarder"},
			"__splunk_app_version":     {opts.Version},
		},
		log:     opts.Log,
		metrics: newMetrics(opts.Registerer),
		problem: problem{log: opts.Log, tell: opts.OnProblem, wait: cmp.Or(opts.Waiting, "nothing is lost, they wait in kafka")},
	}
	if cfg.Gzip {
		if c.zip, err = newZipper(cfg.GzipLevel); err != nil {
			return nil, fmt.Errorf("hec.gzip_level: %w", err)
		}
	}
	if cfg.TLS.InsecureSkipVerify {
		c.log.Warn("hec.tls.insecure_skip_verify is on: anyone on the way can read the token and the events; use hec.tls.ca_file instead")
	}
	return c, nil
}

// Close drops the idle connections. No post may be under way.
func (c *Client) Close() { c.transport.CloseIdleConnections() }

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

// Deliver posts the events of b and returns when each of them is settled:
// taken by Splunk, or refused for good and listed by ascending index. It tries
// without an end; only ctx stops it, and then nothing is known of any event.
// b's memory is not read after the return.
func (c *Client) Deliver(ctx context.Context, b audit.Batch) ([]audit.Refusal, error) {
	if err := c.pace(ctx, b); err != nil {
		return nil, err
	}
	var refused []audit.Refusal
	if err := c.deliver(ctx, c.enc.target(c.base, b.Topic), b.Body, b.Ends, 0, len(b.Ends), &refused); err != nil {
		return nil, err
	}
	return refused, nil
}

// deliver settles the events from..to-1.
func (c *Client) deliver(ctx context.Context, target string, body []byte, ends []int, from, to int, refused *[]audit.Refusal) error {
	for from < to {
		start := 0
		if from > 0 {
			start = ends[from-1]
		}
		r, err := c.post(ctx, target, body[start:ends[to-1]])
		if err != nil {
			return err
		}
		switch {
		case r.class == Accepted || r.class == AcceptedSlow:
			return nil
		case r.class == RefusedEvent && r.number < to-from:
			bad := from + r.number
			if c.cfg.PartialAcceptance == PartialNone {
				// Nothing of the request is indexed: the events before the bad
				// one go again, on their own.
				if err := c.deliver(ctx, target, body, ends, from, bad, refused); err != nil {
					return err
				}
			}
			*refused = append(*refused, refusal(bad, r))
			from = bad + 1
		case to-from == 1:
			*refused = append(*refused, refusal(from, r))
			return nil
		default:
			// No usable number: halve until the bad event stands alone.
			half := from + (to-from)/2
			if err := c.deliver(ctx, target, body, ends, from, half, refused); err != nil {
				return err
			}
			from = half
		}
	}
	return nil
}

func refusal(index int, r *reply) audit.Refusal {
	return audit.Refusal{Index: index, Code: r.id(), Reply: r.Error()}
}

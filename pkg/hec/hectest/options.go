package hectest

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"slices"
	"time"
)

// DefaultToken is accepted by a server that was given no token of its own. It
// may write any index and does not use acknowledgement.
const DefaultToken = "00000000-0000-4000-8000-000000000001"

// Token is a HEC token and its settings.
type Token struct {
	Value             string
	Name              string   // names the default source, "http:<name>"
	Indexes           []string // allowed besides DefaultIndex; empty allows any
	DefaultIndex      string   // main if empty
	DefaultSource     string   // "http:<name>" if empty
	DefaultSourcetype string   // httpevent if empty
	DefaultHost       string   // the request's Host if empty
	UseACK            bool
	Disabled          bool
	AllowQueryAuth    bool // accept ?token=; Splunk's default is not to
}

// mayWrite follows Splunk: an empty list allows any index with a legal name.
func (t Token) mayWrite(index string) bool {
	if index == t.DefaultIndex {
		return true
	}
	if len(t.Indexes) > 0 {
		return slices.Contains(t.Indexes, index)
	}
	for i := range len(index) {
		c := index[i]
		legal := c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '_' || c == '-' && i > 0
		if !legal {
			return false
		}
	}
	return index != ""
}

func (t Token) withDefaults() Token {
	if t.Name == "" {
		t.Name = "hectest"
	}
	if t.DefaultIndex == "" {
		t.DefaultIndex = "main"
	}
	if t.DefaultSource == "" {
		t.DefaultSource = "http:" + t.Name
	}
	if t.DefaultSourcetype == "" {
		t.DefaultSourcetype = "httpevent"
	}
	return t
}

// config holds what does not change once a server exists.
type config struct {
	tokens     []Token
	maxContent int64
	maxEvent   int
	idle       time.Duration
	ackIdle    time.Duration
	ackDelay   time.Duration
	ackManual  bool
	cloud      bool
	emptyPosts bool
	http2      bool
	cookie     *Cookie
	discard    bool
	sink       func(Event)
	fault      func(n int, r *http.Request) *Reply
	cert       *tls.Certificate
	selfSigned bool
	clientCAs  *x509.CertPool
}

func defaultConfig() config {
	return config{
		maxContent: 838860800, // limits.conf [http_input] max_content_length
		maxEvent:   5 << 20,   // inputs.conf maxEventSize
		idle:       12 * time.Second,
		ackIdle:    600 * time.Second,
	}
}

// Option changes a server before it starts.
type Option func(*config)

// WithToken adds a token; the first one replaces DefaultToken.
func WithToken(t Token) Option {
	return func(c *config) { c.tokens = append(c.tokens, t) }
}

// WithMaxContentLength bounds a request body, compressed and decompressed.
func WithMaxContentLength(n int64) Option { return func(c *config) { c.maxContent = n } }

// WithMaxEventSize bounds the bytes of one event value.
func WithMaxEventSize(n int) Option { return func(c *config) { c.maxEvent = n } }

// WithIdleTimeout changes after how long an idle connection is closed.
func WithIdleTimeout(d time.Duration) Option { return func(c *config) { c.idle = d } }

// WithAckDelay makes an ackId answer true only d after its request.
func WithAckDelay(d time.Duration) Option { return func(c *config) { c.ackDelay = d } }

// WithManualAck makes every ackId answer false until Ack names it.
func WithManualAck() Option { return func(c *config) { c.ackManual = true } }

// WithCloud answers as Splunk Cloud where it differs: code 28 for code 10.
func WithCloud() Option { return func(c *config) { c.cloud = true } }

// WithSink hands every indexed event to fn in place of storing it. Calls are
// serialised: the events of one request come in order with no other request's
// between them. fn may keep the event; the request waits for it.
func WithSink(fn func(Event)) Option { return func(c *config) { c.sink = fn } }

// WithDiscard only counts: no event is stored and no request logged. Bodies are
// checked as strictly as otherwise.
func WithDiscard() Option { return func(c *config) { c.discard = true } }

// WithFault sets the hook that SetFault sets.
func WithFault(fn func(n int, r *http.Request) *Reply) Option {
	return func(c *config) { c.fault = fn }
}

// WithEmptyPosts makes scripts and the fault hook answer posts without a body
// as well, which otherwise always get the normal reply.
func WithEmptyPosts() Option { return func(c *config) { c.emptyPosts = true } }

// WithHTTP2 offers HTTP/2 beside HTTP/1.1, as load balancers do and splunkd does
// not. It needs one of the TLS options.
func WithHTTP2() Option { return func(c *config) { c.http2 = true } }

// WithCookie sets a sticky session's cookie, as if a load balancer stood before
// the server. For one that really spreads requests see [Balance].
func WithCookie(cookie Cookie) Option { return func(c *config) { c.cookie = &cookie } }

// WithTLS serves HTTPS with the given certificate.
func WithTLS(cert tls.Certificate) Option { return func(c *config) { c.cert = &cert } }

// WithSelfSignedTLS serves HTTPS with a certificate for localhost, 127.0.0.1 and
// ::1 from a new authority, whose certificate CAPEM returns.
func WithSelfSignedTLS() Option { return func(c *config) { c.selfSigned = true } }

// WithClientCAs requires a client certificate from one of the authorities.
func WithClientCAs(pool *x509.CertPool) Option { return func(c *config) { c.clientCAs = pool } }

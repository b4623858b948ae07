package hectest

import (
	"crypto/tls"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// Server is the HEC server. All its methods may be called at any time and from
// any goroutine, also while requests are served.
type Server struct {
	cfg     config
	buffers sync.Pool // *bytes.Buffer
	gunzips sync.Pool // *gzip.Reader

	// indexing serialises what one request hands over; it is taken before mu and
	// held while a sink runs, so that a sink may call the server's methods.
	indexing sync.Mutex

	mu       sync.Mutex
	tokens   map[string]Token
	channels map[string]*ackChannel
	events   []Event
	requests []Request
	stats    Stats
	changed  chan struct{} // closed and replaced whenever stats change
	plans    [2][]Reply    // scripts: posts, polls
	posts    int           // requests the fault hook was or could have been asked about
	fault    func(n int, r *http.Request) *Reply
	poison   func(event []byte) bool
	poisoned int
	down     bool
	cookies  int // how many were made
	ackDelay func(channel string, id int) time.Duration
	alter    func(channel string, answer map[int]bool)
	inFlight int
	gone     chan struct{} // closed when connections are cut
	stopped  bool          // paused or closed

	listener listener
}

// New returns a server that listens nowhere: serve it, or use Start or Listen.
// The TLS options concern only those.
func New(opts ...Option) *Server {
	cfg := defaultConfig()
	for _, o := range opts {
		o(&cfg)
	}
	if len(cfg.tokens) == 0 {
		cfg.tokens = []Token{{Value: DefaultToken}}
	}
	s := &Server{
		cfg:      cfg,
		tokens:   map[string]Token{},
		channels: map[string]*ackChannel{},
		stats:    Stats{Codes: map[int]int64{}},
		changed:  make(chan struct{}),
		fault:    cfg.fault,
		gone:     make(chan struct{}),
	}
	for _, t := range cfg.tokens {
		s.tokens[t.Value] = t.withDefaults()
	}
	return s
}

// SetToken adds a token or replaces the one with the same value.
func (s *Server) SetToken(t Token) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tokens[t.Value] = t.withDefaults()
}

// RemoveToken makes a token unknown.
func (s *Server) RemoveToken(value string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.tokens, value)
}

type route int

const (
	routeEvent route = iota
	routeRaw
	routePoll
	routeHealth
	routeNone
)

func routeOf(path string) route {
	rest, ok := strings.CutPrefix(path, "/services/collector")
	if !ok {
		return routeNone
	}
	switch rest {
	case "", "/event", "/event/1.0":
		return routeEvent
	case "/raw", "/raw/1.0":
		return routeRaw
	case "/ack", "/ack/1.0":
		return routePoll
	case "/health", "/health/1.0":
		return routeHealth
	}
	return routeNone
}

func (rt route) methods() []string {
	if rt == routeHealth {
		return []string{http.MethodGet, http.MethodHead, http.MethodOptions}
	}
	return []string{http.MethodPost, http.MethodOptions}
}

// ServeHTTP answers one request as Splunk would, or as scripted.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	gone, ok := s.enter()
	if !ok {
		(&exchange{w: w, r: r}).cut(false) // returning would say 200
		return
	}
	defer s.leave()
	x := &exchange{s: s, w: w, r: r, query: r.URL.Query(), ackID: -1}
	defer x.release()
	x.send(s.answer(x), gone)
}

func (s *Server) answer(x *exchange) Reply {
	rt := routeOf(x.r.URL.Path)
	if rt == routeNone {
		return notFound(http.StatusNotFound)
	}
	methods := rt.methods()
	switch allow := strings.Join(methods, ","); {
	case x.r.Method == http.MethodOptions:
		return Empty(http.StatusOK).WithHeader("Allow", allow)
	case !slices.Contains(methods, x.r.Method):
		return notFound(http.StatusMethodNotAllowed).WithHeader("Allow", allow)
	}
	if rt == routeHealth {
		if s.isDown() {
			return HEC(codeUnhealthy)
		}
		return HEC(codeHealthy)
	}
	if err := x.readBody(); err != nil {
		return Drop() // the client went away
	}
	if rep, ok := s.enforceCookie(x); !ok {
		return rep
	}
	plan := s.plan(rt, x)
	if plan != nil && plan.act != actNormal {
		if plan.take > 0 {
			if rep := s.handle(rt, x, plan.take); plan.true && x.indexed < plan.take {
				return rep
			}
		}
		return *plan
	}
	rep := HEC(codeBusy)
	if !s.isDown() {
		rep = s.handle(rt, x, takeAll)
	}
	if plan != nil {
		rep.until, rep.header, rep.truncate = plan.until, plan.header, plan.truncate
	}
	return rep
}

// handle does what the request asks for; limit bounds the events it may index.
func (s *Server) handle(rt route, x *exchange, limit int) Reply {
	if rt == routePoll {
		return s.poll(x)
	}
	return s.collect(rt, x, limit)
}

// notFound is Splunk's body for an unknown path and a wrong method alike.
func notFound(status int) Reply {
	return Reply{status: status, code: http.StatusNotFound, text: "The requested URL was not found on this server."}
}

func (s *Server) collect(rt route, x *exchange, limit int) Reply {
	t, code := s.authenticate(x.r, x.query)
	if code != codeSuccess {
		return HEC(code)
	}
	if rep, ok := x.refusedBody(); ok {
		return rep
	}
	channel, code := s.channel(x.r, x.query, t)
	if code != codeSuccess {
		return HEC(code)
	}
	defaults, ok := x.defaults(t, channel)
	if !ok {
		return HEC(codeFormat)
	}
	in := intake{token: t, defaults: defaults, maxEvent: s.cfg.maxEvent, limit: limit, keep: !s.cfg.discard}
	in.poison, in.poisoned = s.poisoner()
	if rt == routeRaw {
		in.runRaw(x.body)
	} else {
		in.run(x.body)
	}
	s.commit(&in)
	x.indexed = in.count
	v := in.verdict
	if t.UseACK && (v.code == codeSuccess || v.numbered && in.count > 0) {
		x.ackID = s.newAck(channel)
	}
	return HEC(v.code).withNumber(v)
}

// defaults are the token's, overridden by the query string.
func (x *exchange) defaults(t Token, channel string) (metadata, bool) {
	m := metadata{
		host: t.DefaultHost, source: t.DefaultSource, sourcetype: t.DefaultSourcetype, index: t.DefaultIndex,
		channel: channel, time: time.Now().UTC().Truncate(time.Microsecond),
	}
	if m.host == "" {
		m.host = x.r.Host
	}
	if len(x.query) == 0 {
		return m, true
	}
	for key, to := range map[string]*string{
		"host": &m.host, "source": &m.source, "sourcetype": &m.sourcetype, "index": &m.index, "time": &m.rawTime,
	} {
		if v := x.query.Get(key); v != "" {
			*to = v
		}
	}
	if m.rawTime != "" {
		when, ok := parseTime([]byte(m.rawTime))
		m.time = when
		return m, ok
	}
	return m, true
}

// enter counts a request in and returns the channel that tells it to give up.
func (s *Server) enter() (gone <-chan struct{}, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return nil, false
	}
	s.inFlight++
	s.stats.Arrived++
	s.notify()
	return s.gone, true
}

func (s *Server) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.inFlight--
	s.notify()
}

// newTLS returns nil for plain HTTP.
func (s *Server) newTLS() (*tls.Config, []byte, error) {
	cert, authority := s.cfg.cert, []byte(nil)
	switch {
	case s.cfg.selfSigned:
		made, ca, err := selfSigned()
		if err != nil {
			return nil, nil, err
		}
		cert, authority = &made, ca
	case cert == nil:
		return nil, nil, nil
	case len(cert.Certificate) > 0:
		authority = pemOf("CERTIFICATE", cert.Certificate[len(cert.Certificate)-1])
	}
	cfg := &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{*cert}}
	if s.cfg.http2 {
		cfg.NextProtos = []string{"h2", "http/1.1"}
	}
	if s.cfg.clientCAs != nil {
		cfg.ClientAuth, cfg.ClientCAs = tls.RequireAndVerifyClientCert, s.cfg.clientCAs
	}
	return cfg, authority, nil
}

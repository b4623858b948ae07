// Package faultnet is a network that breaks on purpose: TCP proxies between a
// HTTP client and its servers, which take their faults from queues. It knows
// just enough of HTTP/1.1 to tell one request from the next, so that a fault
// hits a chosen part of a chosen request, and so that it can say afterwards of
// each request whether its client can have heard the answer.
package faultnet

import (
	"context"
	"fmt"
	"net"
	"slices"
	"sync"
	"time"
)

// Kind is what goes wrong.
type Kind int

// The kinds. Refuse concerns a connection, the others one request.
const (
	None           Kind = iota
	Refuse              // the connection is reset as soon as it is there
	DelayRequest        // the request's first byte waits for Delay
	SlowRequest         // the request passes in pieces of Bytes, with Delay after each
	CutRequest          // reset after Bytes of the request
	SwallowRequest      // half-open: from here on nothing arrives at the server, and nobody is told
	DelayReply          // the answer's first byte waits for Delay
	SlowReply           // the answer passes in pieces of Bytes, with Delay after each
	CutReply            // reset after Bytes of the answer, at the latest before its last one
	TruncateReply       // closed in order after Bytes of the answer, at the latest before its last one
	SwallowReply        // half-open: the server has the request, its answer vanishes
)

// String returns the kind's name.
func (k Kind) String() string {
	return [...]string{
		"none", "refuse", "delay-request", "slow-request", "cut-request", "swallow-request",
		"delay-reply", "slow-reply", "cut-reply", "truncate-reply", "swallow-reply",
	}[k]
}

// Fault is one thing that goes wrong once.
type Fault struct {
	Kind  Kind
	Bytes int
	Delay time.Duration
}

// Queue hands out faults, each once. Proxies may share it.
type Queue struct {
	mu       sync.Mutex
	connects []Fault
	requests []Fault
}

// Add appends faults.
func (q *Queue) Add(faults ...Fault) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, f := range faults {
		if f.Kind == Refuse {
			q.connects = append(q.connects, f)
		} else {
			q.requests = append(q.requests, f)
		}
	}
}

// Left returns how many faults nothing has met yet.
func (q *Queue) Left() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.connects) + len(q.requests)
}

func (q *Queue) connect() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.connects) == 0 {
		return false
	}
	q.connects = q.connects[1:]
	return true
}

func (q *Queue) request() (f Fault) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.requests) > 0 {
		f, q.requests = q.requests[0], q.requests[1:]
	}
	return f
}

// Net holds proxies and knows their connections.
type Net struct {
	mu      sync.Mutex
	proxies []*Proxy
	conns   map[string]*conn // by the address that the server sees
}

// New returns a network without proxies.
func New() *Net { return &Net{conns: map[string]*conn{}} }

// Listen makes a proxy on a free port of 127.0.0.1 for the server at target.
func (n *Net) Listen(ctx context.Context, target string, faults *Queue) (*Proxy, error) {
	addr, release, err := Hold("127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &Proxy{net: n, target: target, faults: faults, addr: addr, release: release, conns: map[*conn]bool{}}
	if err := p.Open(ctx); err != nil {
		release()
		return nil, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.proxies = append(n.proxies, p)
	return p, nil
}

// Exchange returns the request that a server is handling for the client that
// it sees at remote, or nil if that is none of this network's connections.
func (n *Net) Exchange(remote string) *Exchange {
	n.mu.Lock()
	c := n.conns[remote]
	n.mu.Unlock()
	if c == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Close closes all proxies.
func (n *Net) Close() {
	n.mu.Lock()
	proxies := n.proxies
	n.proxies = nil
	n.mu.Unlock()
	for _, p := range proxies {
		p.Close()
	}
}

// Proxy is one address that leads to a server.
type Proxy struct {
	net     *Net
	target  string
	faults  *Queue
	release func() // gives the port up

	mu    sync.Mutex
	addr  string
	ln    net.Listener // nil: connecting is refused
	conns map[*conn]bool
	work  sync.WaitGroup // accept loops and connections

	history history
}

// Addr returns the address.
func (p *Proxy) Addr() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.addr
}

// Open lets clients connect, at the same address as before, which is kept
// meanwhile.
func (p *Proxy) Open(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ln != nil {
		return nil
	}
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", p.addr)
	if err != nil {
		return fmt.Errorf("listen on %s: %w", p.addr, err)
	}
	p.ln, p.addr = ln, ln.Addr().String()
	p.work.Go(func() { p.accept(ln) })
	return nil
}

// Shut refuses new connections, as a port on which nothing listens.
func (p *Proxy) Shut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ln != nil {
		_ = p.ln.Close() // its accept loop ends by it
		p.ln = nil
		p.history.cut()
	}
}

// Exchanges returns all requests so far, as they began, whether their server
// has seen them or not.
func (p *Proxy) Exchanges() []*Exchange {
	p.history.mu.Lock()
	defer p.history.mu.Unlock()
	return slices.Clone(p.history.all)
}

// Cuts returns when a request may have got lost before its first byte came
// here: a connection was refused, or broke while none was under way.
func (p *Proxy) Cuts() []time.Time {
	p.history.mu.Lock()
	defer p.history.mu.Unlock()
	return slices.Clone(p.history.cuts)
}

// history is what has passed through a proxy. Its lock is the last that is
// taken.
type history struct {
	mu   sync.Mutex
	all  []*Exchange
	cuts []time.Time
}

func (h *history) note(x *Exchange) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.all = append(h.all, x)
}

func (h *history) cut() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.cuts = append(h.cuts, time.Now())
}

// Break resets all connections.
func (p *Proxy) Break() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		c.reset()
	}
}

// Close shuts the proxy, resets all connections and waits for them.
func (p *Proxy) Close() {
	p.Shut()
	p.Break()
	p.work.Wait()
	p.release()
}

func (p *Proxy) accept(ln net.Listener) {
	for {
		client, err := ln.Accept()
		if err != nil {
			return
		}
		tcp, ok := client.(*net.TCPConn)
		if !ok || p.faults.connect() {
			p.history.cut()
			resetTCP(client)
			continue
		}
		p.mu.Lock()
		if p.ln != ln { // shut meanwhile: Close waits for no connection that comes later
			p.mu.Unlock()
			resetTCP(client)
			return
		}
		c := &conn{proxy: p, client: tcp, gone: make(chan struct{})}
		p.conns[c] = true
		p.work.Go(c.run)
		p.mu.Unlock()
	}
}

// resetTCP closes with a RST.
func resetTCP(c net.Conn) {
	if tcp, ok := c.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // fails only on a closed connection, like Close
	}
	_ = c.Close()
}

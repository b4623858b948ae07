package hectest

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// Balancer stands for a load balancer before several servers. It hands requests
// on within the process, so that what the servers do to a connection, such as a
// reset, reaches the client.
type Balancer struct {
	opts    BalancerOptions
	servers []*Server
	url     string

	mu    sync.Mutex
	turn  int
	moved map[int]int // by server: where its clients go
}

// BalancerOptions say how requests are spread. The zero value sends each
// request to the next server, whoever asks.
type BalancerOptions struct {
	// Cookie makes sessions sticky: the cookie of this name leads to the server
	// that answered first. It is set where a client comes without it, or is led
	// elsewhere.
	Cookie string
	// Fresh sets it with every reply, with another value each time.
	Fresh bool
}

// NewBalancer returns a balancer that listens nowhere: serve it, or use Balance.
func NewBalancer(opts BalancerOptions, servers ...*Server) *Balancer {
	return &Balancer{opts: opts, servers: slices.Clone(servers), moved: map[int]int{}}
}

// Balance listens on a free port of 127.0.0.1 until the test ends.
func Balance(tb testing.TB, opts BalancerOptions, servers ...*Server) *Balancer {
	tb.Helper()
	b := NewBalancer(opts, servers...)
	ln, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatalf("start a load balancer: %v", err)
	}
	b.url = "http://" + ln.Addr().String()
	srv := &http.Server{Handler: b, ReadHeaderTimeout: time.Minute, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = srv.Serve(ln) // always ErrServerClosed, by the clean-up
	}()
	tb.Cleanup(func() {
		_ = srv.Close()
		<-done
	})
	return b
}

// URL returns the base address, without a path.
func (b *Balancer) URL() string { return b.url }

// Move leads the clients of one server to another from now on, as when a target
// fails or its sessions expire. Servers count from 0. Move(n, n) ends it.
func (b *Balancer) Move(from, to int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.moved[from] = to
}

// ServeHTTP hands a request to the server that its cookie names.
func (b *Balancer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	to, serial, known := b.choose(r)
	if b.opts.Cookie != "" && (b.opts.Fresh || !known) {
		value := strconv.Itoa(to)
		if b.opts.Fresh {
			value = fmt.Sprintf("%d.%d", to, serial)
		}
		//nolint:gosec // a test's, as load balancers send it
		http.SetCookie(w, &http.Cookie{Name: b.opts.Cookie, Value: value, Path: "/"})
	}
	b.servers[to].ServeHTTP(w, r)
}

// choose returns a server, a number of its own for each request, and whether
// the client's cookie leads to that server.
func (b *Balancer) choose(r *http.Request) (to, serial int, known bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	serial = b.turn
	b.turn++
	to = serial % len(b.servers)
	if b.opts.Cookie != "" {
		if c, err := r.Cookie(b.opts.Cookie); err == nil {
			named, _, _ := strings.Cut(c.Value, ".")
			if n, err := strconv.Atoi(named); err == nil && n >= 0 && n < len(b.servers) {
				to, known = n, true
			}
		}
	}
	if other, ok := b.moved[to]; ok && other != to {
		to, known = other, false
	}
	return to, serial, known
}

package hec

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"testing"

	"auditlog-forwarder/pkg/hec/hectest"
)

// newPipeRig is newRigOf for a bubble of synctest: HTTP over pipes in place of
// TCP, so that hours of waiting take no time, and a slow machine changes nothing.
func newPipeRig(t *testing.T, change func(*Config), servers ...*hectest.Server) *rig {
	t.Helper()
	r := newRigOf(t, func(c *Config) {
		c.URLs = nil
		for i := range servers {
			c.URLs = append(c.URLs, fmt.Sprintf("http://splunk-%d:8088", i))
		}
		c.ConnectionMaxAge = 0
		change(c)
	}, servers...)
	for i, e := range r.pool.endpoints {
		l := &pipeListener{conns: make(chan net.Conn), closed: make(chan struct{})}
		server := &http.Server{Handler: servers[i]}
		done := make(chan struct{})
		go func() {
			defer close(done)
			if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
				t.Error(err)
			}
		}()
		t.Cleanup(func() {
			if err := server.Close(); err != nil {
				t.Error(err)
			}
			<-done
		})
		e.transport.Proxy, e.transport.DialContext = nil, l.dial
	}
	return r
}

// pipeListener accepts what dial connects.
type pipeListener struct {
	conns  chan net.Conn
	once   sync.Once
	closed chan struct{}
}

func (l *pipeListener) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	here, there := net.Pipe()
	select {
	case l.conns <- there:
		return here, nil
	case <-l.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Accept implements net.Listener.
func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (l *pipeListener) Close() error { l.once.Do(func() { close(l.closed) }); return nil }

// Addr implements net.Listener.
func (l *pipeListener) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "unix"} }

package ops

import (
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"go.uber.org/zap"
)

// TestStopWaitsForRequests: a page that is being made when the stop comes is
// still delivered; one that never ends does not hold up the stop. Time is virtual.
func TestStopWaitsForRequests(t *testing.T) {
	t.Parallel()
	for _, finishes := range []bool{true, false} {
		t.Run(fmt.Sprintf("finishes=%v", finishes), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { stopWhileAsked(t, finishes) })
		})
	}
}

func stopWhileAsked(t *testing.T, finishes bool) {
	entered, release := make(chan struct{}), make(chan struct{})
	s := New(Config{Listen: "a pipe"}, NewRegistry(), NewHealth(), func() Status {
		close(entered)
		<-release
		return Status{Version: "last words"}
	}, zap.NewNop())
	conn, far := net.Pipe()
	pipe := &onePipe{conn: make(chan net.Conn, 1), closed: make(chan struct{})}
	pipe.conn <- far
	var l net.Listener = pipe
	s.listener.Store(&l)
	ctx, stop := context.WithCancel(t.Context())
	stopped := make(chan error, 1)
	go func() { stopped <- s.Run(ctx) }()
	if _, err := io.WriteString(conn, "GET /status HTTP/1.0\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	replied := make(chan string, 1)
	go func() {
		reply, err := io.ReadAll(conn)
		if err != nil {
			t.Error(err)
		}
		replied <- string(reply)
	}()
	<-entered
	stop()
	synctest.Wait()
	if len(stopped) > 0 {
		t.Error("the stop waits for nothing")
	}
	if finishes {
		close(release)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
	if reply := <-replied; strings.Contains(reply, "last words") != finishes {
		t.Errorf("got %q", reply)
	}
	if !finishes {
		close(release)
	}
	if err := conn.Close(); err != nil {
		t.Error(err)
	}
}

// onePipe is a listener to which one client comes.
type onePipe struct {
	conn   chan net.Conn
	once   sync.Once
	closed chan struct{}
}

// Accept implements net.Listener.
func (p *onePipe) Accept() (net.Conn, error) {
	select {
	case c := <-p.conn:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (p *onePipe) Close() error { p.once.Do(func() { close(p.closed) }); return nil }

// Addr implements net.Listener.
func (p *onePipe) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "unix"} }

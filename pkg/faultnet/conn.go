package faultnet

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

// conn is one connection of a client and its continuation to the server. Two
// goroutines copy its bytes; whichever ends first closes both sides.
type conn struct {
	proxy  *Proxy
	client *net.TCPConn

	mu     sync.Mutex
	server *net.TCPConn // nil until it is there
	now    *Exchange    // the request that is under way or was last
	over   bool
	gone   chan struct{} // closed with over
}

func (c *conn) run() {
	defer c.forget()
	dialed, err := (&net.Dialer{}).DialContext(context.Background(), "tcp", c.proxy.target)
	server, ok := dialed.(*net.TCPConn)
	if err != nil || !ok {
		c.reset()
		return
	}
	seen := server.LocalAddr().String()
	if !c.connected(server, seen) {
		resetTCP(server)
		return
	}
	defer c.proxy.net.drop(seen, c)
	var down sync.WaitGroup
	down.Go(c.down)
	c.up()
	down.Wait()
}

// connected notes the server's side, unless the connection is over.
func (c *conn) connected(server *net.TCPConn, seen string) bool {
	c.proxy.net.mu.Lock()
	defer c.proxy.net.mu.Unlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.over {
		return false
	}
	c.server = server
	c.proxy.net.conns[seen] = c
	return true
}

// drop forgets a connection, unless its address has gone to another.
func (n *Net) drop(seen string, c *conn) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.conns[seen] == c {
		delete(n.conns, seen)
	}
}

func (c *conn) forget() {
	c.reset()
	c.proxy.mu.Lock()
	defer c.proxy.mu.Unlock()
	delete(c.proxy.conns, c)
}

// up copies what the client sends.
func (c *conn) up() {
	buf := make([]byte, 16<<10)
	for {
		n, err := c.client.Read(buf)
		if n > 0 {
			x := c.exchange()
			if perr := c.pass(x, buf[:n]); perr != nil {
				c.end(false, blame(perr, ByServer))
				return
			}
		}
		if err != nil {
			c.end(errors.Is(err, io.EOF), ByClient)
			return
		}
	}
}

// pass sends bytes of a request on, as far as its fault lets it.
func (c *conn) pass(x *Exchange, b []byte) error {
	first := x.sent == 0
	x.sent += len(b)
	switch f := x.fault; f.Kind {
	case SwallowRequest:
		return nil
	case DelayRequest:
		if first && !c.wait(f.Delay) {
			return net.ErrClosed
		}
	case SlowRequest:
		return c.trickle(c.server, b, f)
	case CutRequest:
		if x.sent >= f.Bytes {
			_, _ = c.server.Write(b[:len(b)-min(len(b), x.sent-f.Bytes)]) // reset follows anyway
			return errCut
		}
	}
	_, err := c.server.Write(b)
	return err
}

var (
	errCut      = errors.New("cut on purpose")
	errTruncate = errors.New("closed on purpose")
)

// blame says who has ended a connection: a fault, or the side that could not
// be written to.
func blame(err error, side Side) Side {
	if errors.Is(err, errCut) || errors.Is(err, errTruncate) {
		return ByNet
	}
	return side
}

// down copies what the server answers.
func (c *conn) down() {
	buf := make([]byte, 16<<10)
	var frame framer
	for {
		n, err := c.server.Read(buf)
		if n > 0 {
			if perr := c.answer(&frame, buf[:n]); perr != nil {
				c.end(errors.Is(perr, errTruncate), blame(perr, ByClient))
				return
			}
		}
		if err != nil {
			c.end(errors.Is(err, io.EOF), ByServer)
			return
		}
	}
}

// answer sends bytes of an answer on, as far as the request's fault lets it.
func (c *conn) answer(frame *framer, b []byte) error {
	c.mu.Lock()
	x := c.now
	c.mu.Unlock()
	if x == nil { // the server speaks first, which HTTP does not know
		_, err := c.client.Write(b)
		return err
	}
	first := x.got == 0
	x.got += len(b)
	whole := frame.feed(b)
	switch f := x.fault; f.Kind {
	case SwallowReply, SwallowRequest:
		return nil
	case DelayReply:
		if first && !c.wait(f.Delay) {
			return net.ErrClosed
		}
	case SlowReply:
		last := len(b) - min(len(b), max(f.Bytes, 1))
		if err := c.trickle(c.client, b[:last], f); err != nil {
			return err
		}
		b = b[last:]
	case CutReply, TruncateReply:
		if whole || x.got >= f.Bytes {
			keep := len(b) - min(len(b), max(x.got-f.Bytes, 0))
			if whole {
				keep = min(keep, len(b)-1)
			}
			_, _ = c.client.Write(b[:max(keep, 0)]) // the end follows anyway
			if f.Kind == CutReply {
				return errCut
			}
			return errTruncate
		}
	}
	// Noted before it is written: the client's next request may come at once.
	c.replied(x, whole)
	_, err := c.client.Write(b)
	if err != nil {
		c.replied(x, false)
	}
	return err
}

func (c *conn) replied(x *Exchange, whole bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	x.state.Replied = time.Time{}
	if whole {
		x.state.Replied = time.Now()
	}
}

// trickle writes in pieces.
func (c *conn) trickle(to io.Writer, b []byte, f Fault) error {
	for len(b) > 0 {
		n := min(len(b), max(f.Bytes, 1))
		if _, err := to.Write(b[:n]); err != nil {
			return err
		}
		if b = b[n:]; !c.wait(f.Delay) {
			return net.ErrClosed
		}
	}
	return nil
}

// wait returns false if the connection ends first.
func (c *conn) wait(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-c.gone:
		return false
	}
}

func (c *conn) reset() { c.end(false, ByNet) }

// end closes both sides once, in order or by a reset.
func (c *conn) end(inOrder bool, by Side) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.over {
		return
	}
	c.over = true
	close(c.gone)
	if c.now != nil {
		c.now.state.Ended, c.now.state.By = time.Now(), by
	}
	if by != ByClient && (c.now == nil || !c.now.state.Replied.IsZero()) {
		c.proxy.history.cut()
	}
	shut := resetTCP
	if inOrder {
		shut = func(conn net.Conn) { _ = conn.Close() } // the other side has closed it too
	}
	shut(c.client)
	if c.server != nil {
		shut(c.server)
	}
}

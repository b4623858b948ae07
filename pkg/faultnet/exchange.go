package faultnet

import (
	"bytes"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Exchange is one request and its answer on a connection.
type Exchange struct {
	conn  *conn
	fault Fault
	sent  int // bytes of the request so far; belongs to up
	got   int // bytes of the answer so far; belongs to down
	state State
}

// State is what is known of an exchange; times are zero until they come.
type State struct {
	Fault    Fault
	Began    time.Time // the request's first byte came from the client
	Replied  time.Time // the answer's last byte went to the client
	Ended    time.Time // its connection ended, and no other request had followed on it
	By       Side      // who ended it
	Followed bool      // another request has followed, so the client has read the answer
}

// Side is who ends a connection.
type Side int

// The sides; ByNet is a fault, or the proxy itself.
const (
	ByNet Side = iota
	ByClient
	ByServer
)

// State returns what is known by now.
func (x *Exchange) State() State {
	x.conn.mu.Lock()
	defer x.conn.mu.Unlock()
	return x.state
}

// From returns the client's address, by which the client knows the connection too.
func (x *Exchange) From() string { return x.conn.client.RemoteAddr().String() }

// Proxy returns the proxy that the request came through.
func (x *Exchange) Proxy() *Proxy { return x.conn.proxy }

// exchange returns the request to which the next bytes of the client belong:
// a new one, if the one before is answered.
func (c *conn) exchange() *Exchange {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.now != nil && c.now.state.Replied.IsZero() {
		return c.now
	}
	if c.now != nil {
		c.now.state.Followed = true
	}
	f := c.proxy.faults.request()
	c.now = &Exchange{conn: c, fault: f, state: State{Fault: f, Began: time.Now()}}
	c.proxy.history.note(c.now)
	return c.now
}

// maxHead bounds what is kept of an answer while its head is incomplete.
const maxHead = 64 << 10

// framer finds the end of each answer in a stream of answers.
type framer struct {
	head   []byte // of the answer that is being read
	left   int    // bytes of its body to come
	inBody bool
}

// feed reads on and reports whether an answer ended with the last of these
// bytes. An answer without a length ends with its connection, and is never
// reported.
func (f *framer) feed(b []byte) (ended bool) {
	for len(b) > 0 {
		ended = false
		if f.inBody {
			n := min(len(b), f.left)
			b, f.left = b[n:], f.left-n
		} else {
			before := len(f.head)
			f.head = append(f.head, b...)
			end := bytes.Index(f.head, []byte("\r\n\r\n"))
			if end < 0 {
				if len(f.head) > maxHead {
					f.head = f.head[:0]
				}
				return false
			}
			end += 4
			b = b[end-before:]
			f.left, f.inBody = bodyLength(f.head[:end]), true
			f.head = f.head[:0]
			if f.left < 0 {
				f.left = int(^uint(0) >> 1)
			}
		}
		if f.left == 0 {
			f.inBody, ended = false, true
		}
	}
	return ended
}

// bodyLength reads the head of an answer; -1 stands for unknown.
func bodyLength(head []byte) int {
	lines := strings.Split(string(head), "\r\n")
	_, rest, _ := strings.Cut(lines[0], " ")
	word, _, _ := strings.Cut(rest, " ")
	status, err := strconv.Atoi(word)
	if err != nil {
		return -1
	}
	if status == http.StatusNoContent || status == http.StatusNotModified {
		return 0
	}
	for _, line := range lines[1:] {
		name, value, _ := strings.Cut(line, ":")
		if strings.EqualFold(name, "Content-Length") {
			if n, err := strconv.Atoi(strings.TrimSpace(value)); err == nil && n >= 0 {
				return n
			}
		}
	}
	return -1
}

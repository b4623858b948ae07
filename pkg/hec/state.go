package hec

import (
	"errors"
	"time"
)

// EndpointState is what is known of one of Splunk's addresses.
type EndpointState struct {
	Name   string
	Posts  int   // without an answer yet
	Open   int   // requests that are taken and not acknowledged yet
	Reason error // why it takes no events, or does not acknowledge them; nil: it does
}

var errNotAsked = errors.New("not asked yet")

// Endpoints returns the state of each address, in the order of Config.URLs.
func (c *Client) Endpoints() []EndpointState {
	p := c.pool
	all := make([]EndpointState, len(p.endpoints))
	for i, e := range p.endpoints {
		all[i].Open = e.acks.waiting() // takes a lock of its own
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, e := range p.endpoints {
		all[i].Name, all[i].Posts = e.name, e.posts
		switch {
		case e.problem != nil:
			all[i].Reason = e.problem
		case e.unheard != nil:
			all[i].Reason = e.unheard
		case !e.worked:
			all[i].Reason = errNotAsked
		}
	}
	return all
}

// Held returns how many batches hec.limit holds back, and which of its keys did
// so last.
func (c *Client) Held() (batches int, key string) {
	p := c.limits
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.held, p.by
}

// Today returns how many bytes of events were sent since midnight UTC; without
// a limit of the day those since the client was made, if that is later.
func (c *Client) Today() int64 { return c.limits.day.today(time.Now()) }

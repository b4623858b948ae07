package hec

import (
	"errors"
	"time"
)

// EndpointState is what is known of one of Splunk's addresses.
type EndpointState struct {
	Name   string
	Posts  int   // without an answer yet
	Reason error // why it takes no events, or does not acknowledge them; nil: it does
}

var errNotAsked = errors.New("not asked yet")

// Endpoints returns the state of each address, in the order of Config.URLs.
func (c *Client) Endpoints() []EndpointState {
	p := c.pool
	p.mu.Lock()
	defer p.mu.Unlock()
	all := make([]EndpointState, len(p.endpoints))
	for i, e := range p.endpoints {
		all[i] = EndpointState{Name: e.name, Posts: e.posts}
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

// Today returns how many bytes of events were sent since midnight UTC, or
// since the client was made.
func (c *Client) Today() int64 { return c.limits.day.today(time.Now()) }

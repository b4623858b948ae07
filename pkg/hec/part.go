package hec

import (
	"fmt"

	"github.com/tidwall/gjson"
)

// part is a run of a batch's events that goes into one post.
type part struct {
	topic    string
	body     []byte
	ends     []int
	from, to int
}

func (p part) len() int { return p.to - p.from }

func (p part) start(event int) int {
	if event == 0 {
		return 0
	}
	return p.ends[event-1]
}

func (p part) bytes() []byte { return p.body[p.start(p.from):p.ends[p.to-1]] }

// event returns the envelope of the part's n-th event.
func (p part) event(n int) []byte { return p.body[p.start(p.from+n):p.ends[p.from+n]] }

// judge completes the classification where it depends on what was posted.
func (c *Client) judge(r *reply, p part) {
	if r.code == codeIndex && r.class == Blocked {
		c.judgeIndex(r, p)
	}
	if r.hint == hintChannel && c.cfg.Ack.Enabled {
		r.hint = hintSticky // it is set
	}
	accepted := r.class == Accepted || r.class == AcceptedSlow
	if accepted && c.cfg.Ack.Enabled && r.ackID == nil {
		// Taken as delivered, it would never be asked whether it was indexed.
		r.class, r.hint, r.askFirst, r.uncertain = Blocked, hintNoAcks, true, true
	}
}

// judgeIndex tells an index of the configuration, which a person has to
// create, from one that the data names, which is only its event's fault.
// Splunk names the event after the bad one.
func (c *Client) judgeIndex(r *reply, p part) {
	bad := r.number - 1
	if p.len() == 1 {
		bad = 0
	}
	if bad < 0 || bad >= p.len() {
		// Not the event it should be. Where no event has an index of its own,
		// it is the configuration's all the same.
		for n := range p.len() {
			if index, own := c.indexOf(p.event(n)); own {
				r.class, r.number, r.hint = RefusedBatch, noNumber, hintOwnIndex(index)
				return
			}
		}
		return
	}
	r.number = bad
	index, own := c.indexOf(p.event(bad))
	switch {
	case own:
		r.class, r.hint = RefusedEvent, hintOwnIndex(index)
		return
	case index == "":
		r.hint = "the token's default index does not exist; create it in Splunk, or set hec.index"
	default:
		r.hint = fmt.Sprintf("create the index %q in Splunk, allow it for the token, or change hec.index and hec.routes", index)
	}
	// What stands before is indexed, and would be again with each try.
	r.settled = bad > 0 && c.cfg.PartialAcceptance == PartialPrefix
}

func hintOwnIndex(index string) string {
	return fmt.Sprintf("the event itself names the index %q, and not the configuration", index)
}

// indexOf returns the index that an envelope names, and whether that comes
// from the event's record and not from the configuration.
func (c *Client) indexOf(envelope []byte) (index string, own bool) {
	if c.cfg.Endpoint == EndpointRaw {
		return c.cfg.Index, false // what is posted are the values, without envelopes
	}
	v := gjson.GetBytes(envelope, "index")
	if !v.Exists() {
		return "", false
	}
	return v.String(), !c.enc.configured(v.String())
}

package hec

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Class says what a reply means for the batch. It alone decides what is sent
// again, whether the forwarder is ready, how loud the log is, and the label of
// the metrics.
type Class int

// The classes; docs/hec.md lists which reply belongs to which.
const (
	Accepted     Class = iota // Splunk has taken the whole request
	AcceptedSlow              // taken, and Splunk asks to slow down
	RefusedEvent              // one event is refused by number
	RefusedBatch              // the request is refused without naming an event
	Blocked                   // configuration, credentials or certificate: needs a person, is tried for ever
	Transient                 // busy, down or unreachable: is tried for ever
)

// String returns the metric label.
func (c Class) String() string {
	switch c {
	case Accepted:
		return "accepted"
	case AcceptedSlow:
		return "accepted_slow_down"
	case RefusedEvent:
		return "refused_event"
	case RefusedBatch:
		return "refused_batch"
	case Blocked:
		return "blocked"
	case Transient:
		return "transient"
	}
	return "unknown"
}

// retried reports whether the same bytes are sent again.
func (c Class) retried() bool { return c == Blocked || c == Transient }

// noNumber says that a reply names no event.
const noNumber = -1

// reply is one answer of Splunk, or of something that stands before it.
type reply struct {
	class  Class
	status int    // HTTP status; 0: no answer
	code   int    // HEC code, or noCode
	number int    // invalid-event-number, or noNumber
	text   string // for people: what was said, shortened
	hint   string // for people: what to do
	fresh  bool   // the next try needs a new connection
	ackID  *int64 // Splunk waits to be asked whether it has indexed the events

	retryAfter time.Duration // what the answer asks for
	uncertain  bool          // Splunk may have taken the events nevertheless
	unsent     bool          // nothing was sent: there was no connection
	askFirst   bool          // trying again would index the events again
	settled    bool          // the events before number are taken; only the rest is sent again
	completed  bool          // it has brought what was missing: nothing is wrong
}

const noCode = -1

// blame is whose fault an answer is that settles nothing.
type blame int

const (
	blameEndpoint blame = iota // Splunk's, or what is on the way to it
	blamePost                  // the batch's, for what is in it
	blameEither                // not to be seen from the answer alone
)

// blame reads it from the answer. Something on the way that dislikes a body
// (a firewall that resets, a proxy that answers 403 or 502 to it) looks like
// something that is broken; a HEC code speaks of Splunk itself.
func (r *reply) blame() blame {
	switch {
	case r.code == codeIndex:
		return blamePost
	case r.unsent || r.askFirst || r.status == http.StatusTooManyRequests || r.retryAfter > 0:
		return blameEndpoint
	case r.code == noCode || r.code == codeInternal || r.code == codeNoData:
		return blameEither
	}
	return blameEndpoint
}

// Error makes a reply that is tried again the error of its attempt.
func (r *reply) Error() string {
	var msg string
	switch {
	case r.code != noCode:
		msg = fmt.Sprintf("HEC code %d (HTTP %d): %s", r.code, r.status, r.text)
	case r.status != 0:
		msg = strings.TrimSuffix(fmt.Sprintf("HTTP %d: %s", r.status, r.text), ": ")
	default:
		msg = "no answer: " + r.text
	}
	if r.hint != "" {
		msg += "; " + r.hint
	}
	return msg
}

// id is the number that dead letters and metrics keep.
func (r *reply) id() int {
	if r.code != noCode {
		return r.code
	}
	return r.status
}

// maxReply bounds what is read of a reply. HEC's own replies are under 200
// bytes; load balancers send pages.
const maxReply = 16 << 10

// readReply reads and classifies an answer. The body is read to its end or to
// the bound, so that the connection can be used again.
//
// What stands before Splunk may send the request back, so the token is taken
// out of what people will read.
func (c *Client) readReply(resp *http.Response) (*reply, error) {
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxReply))
	if err != nil {
		// A cut-off reply tells nothing, whatever its status: Splunk may or may
		// not have the events. Sending again can repeat them, dropping can lose.
		return nil, fmt.Errorf("read the reply (HTTP %d): %w", resp.StatusCode, err)
	}
	secrets := c.secrets.Load()
	location := secrets.redact(resp.Header.Get("Location"))
	r := classify(resp.StatusCode, location, body)
	if hidden := secrets.redact(string(body)); hidden != string(body) {
		// Only for people: a password of digits may stand where an id does.
		r.text = classify(resp.StatusCode, location, []byte(hidden)).text
	}
	// Splunk was never seen to send it, load balancers do.
	if s, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil && s > 0 {
		r.retryAfter = time.Duration(min(s, maxRetryAfter)) * time.Second
	}
	return r, nil
}

// maxRetryAfter, in seconds, keeps the sum from overflowing; hec.backoff_max
// bounds it further.
const maxRetryAfter = 1 << 20

// classify reads the HEC code first and the HTTP status only without one: the
// same 400 stands for a bad event, a wrong index and a missing channel.
func classify(status int, location string, body []byte) *reply {
	r := &reply{status: status, code: noCode, number: noNumber}
	var said struct {
		Text   string `json:"text"`
		Code   *int   `json:"code"`
		Number *int   `json:"invalid-event-number"`
		AckID  *int64 `json:"ackId"`
	}
	if json.Unmarshal(body, &said) == nil && said.Code != nil {
		r.text = shorten([]byte(said.Text))
		r.ackID = said.AckID
		if said.Number != nil && *said.Number >= 0 {
			r.number = *said.Number
		}
		// Splunk answers an unknown path with its HTTP status as the code.
		if *said.Code < 100 {
			r.code = *said.Code
			r.byCode()
			return r
		}
	} else {
		r.text = shorten(body)
	}
	r.byStatus(location)
	return r
}

// The HEC codes that are told apart beyond their class.
const (
	codeNoData      = 5  // a post without a body, with a good token
	codeFormat      = 6  // also Splunk Cloud's "too large"
	codeIndex       = 7  // incorrect index
	codeInternal    = 8  // internal server error
	codeBusy        = 9  // server is busy
	codeAckDisabled = 14 // no acknowledgement for this token
	codeHealthy     = 17 // health
)

const (
	hintToken     = "check hec.token and that the token is enabled in Splunk (Settings, Data inputs, HTTP Event Collector)"
	hintChannel   = "the token asks for indexer acknowledgement; set hec.ack.enabled, or turn it off for this token in Splunk"
	hintSticky    = "something before Splunk takes the header X-Splunk-Request-Channel off, or sends each request to another indexer; look at its sticky sessions"
	hintNoAcks    = "the token does not acknowledge; turn on indexer acknowledgement for it in Splunk, or set hec.ack.enabled to false"
	hintAcks      = "Splunk keeps too many acknowledgements that nobody asked for; set hec.ack.enabled, and look who else uses the token"
	hintIndex     = "create the index in Splunk, allow it for the token, or change hec.index"
	hintNotHEC    = "this is no answer of HEC's event endpoint; check hec.url and what stands before Splunk"
	hintProxyAuth = "the proxy asks for credentials; give them in hec.proxy as http://user:password@host:port, or in HTTPS_PROXY"
	hintBusy      = "nothing to do but wait; if it lasts, look at Splunk's queues and indexers"
	hintRestart   = "nothing to do but wait; it is tried on a new connection, and if it lasts, look why Splunk does not come back"
	hintSlow      = "nothing to do but wait; if it lasts, look at Splunk, and at what stands before it"
)

func (r *reply) byCode() {
	if r.success() && r.status >= 300 {
		r.byStatus("") // a success that HTTP denies is none
		return
	}
	switch r.code {
	case 0:
		r.class = Accepted
	case 24, 25: // taken; the queue or the ack channel fills up
		r.class = AcceptedSlow
	case codeHealthy: // the health endpoint's; whoever says so to a post has indexed nothing
		r.class, r.hint = Blocked, hintNotHEC
	case 1, 2, 3, 4, 16, 21, 22:
		r.class, r.hint = Blocked, hintToken
	case codeNoData: // no post of ours is empty: something on the way takes the body off
		r.class, r.hint = Blocked, "Splunk got a post without its body; check what stands before Splunk"
	case codeFormat, 12, 13, 15:
		r.class = RefusedEvent
		if r.number == noNumber {
			r.class = RefusedBatch
		}
	case codeIndex:
		// Whether the configuration names the index, or the event itself,
		// shows in the batch: see part.judge.
		r.class, r.hint = Blocked, hintIndex
	case 10, 11, 28:
		r.class, r.hint = Blocked, hintChannel
	case codeAckDisabled:
		r.class, r.hint = Blocked, hintNoAcks
	case 23: // the indexer shuts down, and keeps old connections to the end
		r.class, r.fresh, r.hint = Transient, true, hintRestart
	case codeInternal: // where it broke off is not known
		r.class, r.hint, r.uncertain = Transient, hintBusy, true
	case codeBusy: // with a number it may have taken the events before
		r.class, r.hint, r.uncertain = Transient, hintBusy, r.number > 0
	case 18, 19, 20, 26:
		r.class, r.hint = Transient, hintBusy
	case 27:
		r.class, r.hint = Transient, hintAcks
	default:
		r.byStatus("")
	}
}

// success reports whether the code is one that goes with HTTP 200.
func (r *reply) success() bool {
	return r.code == 0 || r.code == codeHealthy || r.code == 24 || r.code == 25
}

func (r *reply) byStatus(location string) {
	switch s := r.status; {
	case s >= 200 && s < 300 && r.code != noCode:
		r.class = Accepted // a code of the future
	case s >= 200 && s < 300:
		// A login page, a maintenance page, a wrong virtual host: they all say
		// 200, and taking that for Splunk's word would lose every event.
		r.class, r.hint, r.uncertain = Blocked, hintNotHEC, true
	case s >= 300 && s < 400:
		r.class = Blocked
		r.hint = fmt.Sprintf("it redirects to %q; this looks like Splunk Web and not HEC, whose port is 8088, or 443 on Splunk Cloud: check hec.url", location)
	case s == http.StatusUnauthorized || s == http.StatusForbidden:
		r.class, r.hint = Blocked, hintToken+", or what a proxy in between asks for"
	case s == http.StatusNotFound:
		// Also a rolling restart answers 404, so the next try is on a new connection.
		r.class, r.fresh, r.hint = Blocked, true, "there is no HEC at this address; check hec.url and that HEC is enabled"
	case s == http.StatusMethodNotAllowed:
		r.class, r.hint = Blocked, "this address takes no posts; check hec.url"
	case s == http.StatusProxyAuthRequired:
		r.class, r.hint = Blocked, hintProxyAuth
	case s == http.StatusUnsupportedMediaType:
		r.class, r.hint = Blocked, "something in between refuses gzip; set hec.gzip to false"
	case s == http.StatusRequestTimeout || s == http.StatusTooEarly || s == http.StatusTooManyRequests:
		r.class, r.hint, r.uncertain = Transient, hintSlow, s == http.StatusRequestTimeout
	case s == http.StatusBadRequest:
		// Not HEC's own word: a proxy, a web firewall, or plain HTTP sent to a
		// TLS port, which answer so to everything. Taking it for a verdict on
		// events would empty the topic into the dead letters.
		r.class, r.hint = Blocked, hintNotHEC+", and its http or https"
	case s == http.StatusRequestEntityTooLarge:
		r.class = RefusedBatch
	case s >= 500:
		// A gateway that gave up waiting may have passed the post on.
		r.class, r.fresh, r.uncertain, r.hint = Transient, true, true, "a load balancer finds no Splunk that works"
	default:
		r.class, r.hint = Blocked, hintNotHEC
	}
}

// shorten makes a page that is not HEC's readable in one line.
func shorten(body []byte) string {
	const most = 200
	text := strings.Join(strings.Fields(string(bytes.ToValidUTF8(body, []byte("?")))), " ")
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "…"
	}
	return text
}

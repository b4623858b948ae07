package hectest

import (
	"encoding/json"
	"math"
	"net/http"
	"strconv"
)

// The HEC codes the server decides on by itself.
const (
	codeSuccess         = 0
	codeTokenDisabled   = 1
	codeTokenRequired   = 2
	codeInvalidAuth     = 3
	codeInvalidToken    = 4
	codeNoData          = 5
	codeFormat          = 6
	codeIndex           = 7
	codeBusy            = 9
	codeChannelMissing  = 10
	codeChannelInvalid  = 11
	codeEventMissing    = 12
	codeEventBlank      = 13
	codeAckDisabled     = 14
	codeFields          = 15
	codeQueryAuth       = 16
	codeHealthy         = 17
	codeUnhealthy       = 18
	codeChannelMissingC = 28
)

// codeMeaning returns the HTTP status and the text of a HEC code.
func codeMeaning(code int) (status int, text string) {
	switch code {
	case codeSuccess:
		return 200, "Success"
	case codeTokenDisabled:
		return 403, "Token disabled"
	case codeTokenRequired:
		return 401, "Token is required"
	case codeInvalidAuth:
		return 401, "Invalid authorization"
	case codeInvalidToken:
		return 403, "Invalid token"
	case codeNoData:
		return 400, "No data"
	case codeFormat:
		return 400, "Invalid data format"
	case codeIndex:
		return 400, "Incorrect index"
	case 8:
		return 500, "Internal server error"
	case codeBusy:
		return 503, "Server is busy"
	case codeChannelMissing:
		return 400, "Data channel is missing"
	case codeChannelInvalid:
		return 400, "Invalid data channel"
	case codeEventMissing:
		return 400, "Event field is required"
	case codeEventBlank:
		return 400, "Event field cannot be blank"
	case codeAckDisabled:
		return 400, "ACK is disabled"
	case codeFields:
		return 400, "Error in handling indexed fields"
	case codeQueryAuth:
		return 400, "Query string authorization is not enabled"
	case codeHealthy:
		return 200, "HEC is healthy"
	case codeUnhealthy:
		return 503, "HEC is unhealthy, queues are full"
	case 19:
		return 503, "HEC is unhealthy, ack service unavailable"
	case 20:
		return 503, "HEC is unhealthy, queues are full, ack service unavailable"
	case 21:
		return 400, "Invalid token"
	case 22:
		return 400, "Token disabled"
	case 23:
		return 503, "Server is shutting down"
	case 24:
		return 200, "HEC queue is approaching its capacity limit"
	case 25:
		return 200, "HEC ACK is approaching its capacity limit"
	case 26:
		return 429, "HEC queue is at capacity and cannot process any more requests"
	case 27:
		return 429, "HEC ACK channel is at capacity and cannot process any more requests"
	case codeChannelMissingC:
		return 400, "Data channel is missing. If you have multiple indexers, sticky session load balancers must be " +
			"provisioned and client requests must be routed accordingly."
	}
	return 400, "Unknown"
}

type action int

const (
	actAnswer action = iota // write status, headers, body
	actNormal               // what the server would do unscripted
	actDrop                 // close without a byte
	actReset                // TCP reset without a byte
)

const takeAll = math.MaxInt

// Reply is one scripted answer. Its methods return changed copies.
type Reply struct {
	act      action
	status   int
	code     int // -1 if the body is not HEC JSON
	text     string
	number   int
	numbered bool
	html     bool
	empty    bool
	header   http.Header
	raw      []byte // the body, in place of one made from code and text
	truncate bool
	take     int
	true     bool // sent only if take events can be indexed
	hang     bool
	until    <-chan struct{}
}

// HEC answers with a HEC code, its HTTP status and its text. With a 2xx code
// the body is indexed as usual, with others nothing is; Took and Lost change that.
func HEC(code int) Reply {
	r := Reply{code: code}
	r.status, r.text = codeMeaning(code)
	if r.status == http.StatusOK {
		r.take = takeAll
	}
	return r
}

// HECEvent is HEC with invalid-event-number n. For the codes that refuse an
// event, the events before it are indexed, as measured; for others nothing is.
func HECEvent(code, n int) Reply {
	r := HEC(code)
	r.number, r.numbered = n, true
	switch code {
	case codeFormat, codeEventMissing, codeEventBlank, codeFields:
		r.take = max(n, 0)
	case codeIndex:
		r.take = max(n-1, 0)
	}
	return r
}

// HTML answers with a page, as load balancers and splunkd itself do for 413,
// 415, 502, 503 and 504.
func HTML(status int) Reply {
	return Reply{status: status, code: -1, text: http.StatusText(status), html: true}
}

// Empty answers with a status and no body.
func Empty(status int) Reply { return Reply{status: status, code: -1, empty: true} }

// Raw answers with a body as it is, called JSON.
func Raw(status int, body string) Reply { return Reply{status: status, code: -1, raw: []byte(body)} }

// TimedOut is Splunk Cloud's 408.
func TimedOut() Reply {
	return Reply{status: http.StatusRequestTimeout, code: -1, text: "Your request timed out. Try again.", html: true}
}

// Redirect is the 303 that Splunk Web's port answers.
func Redirect(location string) Reply {
	return Empty(http.StatusSeeOther).WithHeader("Location", location)
}

// Drop closes the connection without answering.
func Drop() Reply { return Reply{act: actDrop, code: -1} }

// Reset resets the TCP connection without answering.
func Reset() Reply { return Reply{act: actReset, code: -1} }

// Hang never answers: it ends when the client gives up or the server stops.
func Hang() Reply { return Reply{act: actDrop, code: -1, hang: true} }

// Normal is what the server would answer unscripted.
func Normal() Reply { return Reply{act: actNormal} }

// Took indexes the whole body nevertheless: Splunk took it, the client sees an
// error. On an acknowledgement poll it spends the ids that were true.
func (r Reply) Took() Reply { r.take = takeAll; return r }

// TookFirst indexes the first n events of the body nevertheless. A reply with a
// number is sent only if that is so: where the server can index fewer, for the
// token's or an event's sake, it says so instead.
func (r Reply) TookFirst(n int) Reply { r.take, r.true = max(n, 0), r.numbered; return r }

// Lost indexes nothing, whatever the reply says.
func (r Reply) Lost() Reply { r.take = 0; return r }

// Until holds the reply until ch is closed; what is indexed is indexed before.
func (r Reply) Until(ch <-chan struct{}) Reply { r.until = ch; return r }

// WithText changes the text of the body.
func (r Reply) WithText(text string) Reply { r.text = text; return r }

// WithHeader adds a header.
func (r Reply) WithHeader(key, value string) Reply {
	r.header = r.header.Clone()
	if r.header == nil {
		r.header = http.Header{}
	}
	r.header.Add(key, value)
	return r
}

// RetryAfter adds a Retry-After header: seconds or an HTTP date.
func (r Reply) RetryAfter(value string) Reply { return r.WithHeader("Retry-After", value) }

// Closing asks the client not to reuse the connection and closes it.
func (r Reply) Closing() Reply { return r.WithHeader("Connection", "close") }

// Truncated announces the whole body, sends half of it and closes.
func (r Reply) Truncated() Reply { r.truncate = true; return r }

func (r Reply) withNumber(v verdict) Reply {
	r.number, r.numbered = v.number, v.numbered
	return r
}

// body renders the reply; ackID is -1 if there is none.
func (r Reply) body(ackID int) (contentType string, body []byte) {
	switch {
	case r.empty:
		return "", nil
	case r.raw != nil:
		return "application/json; charset=UTF-8", r.raw
	case r.html:
		return "text/html; charset=UTF-8", []byte("<!doctype html><html><head><title>" + strconv.Itoa(r.status) + " " +
			http.StatusText(r.status) + "</title></head><body><h1>" + r.text + "</h1></body></html>\r\n")
	}
	text, _ := json.Marshal(r.text) // a string always encodes
	b := append([]byte(`{"text":`), text...)
	b = strconv.AppendInt(append(b, `,"code":`...), int64(r.code), 10)
	if r.numbered {
		b = strconv.AppendInt(append(b, `,"invalid-event-number":`...), int64(r.number), 10)
	}
	if ackID >= 0 {
		b = strconv.AppendInt(append(b, `,"ackId":`...), int64(ackID), 10)
	}
	return "application/json; charset=UTF-8", append(b, '}')
}

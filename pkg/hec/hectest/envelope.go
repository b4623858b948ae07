package hectest

import (
	"bytes"
	"encoding/json"
	"strings"
	"time"
)

// Event is one indexed event. Its bytes are the server's own copy.
type Event struct {
	Time       time.Time       // as _time: to the microsecond; receipt time if none was sent
	RawTime    string          // time as sent, quotes included; empty if none was sent
	Host       string          // as sent, or the default of request or token; so are the next three
	Source     string          //
	Sourcetype string          //
	Index      string          //
	Fields     json.RawMessage // as sent; nil if none
	Event      json.RawMessage // exact bytes as sent; a line on /raw; nil for a metric
	Channel    string          // as sent, also where the token does not use it
	Raw        bool            // came through /raw: Event is a line, not JSON
}

// metadata is what a request gives to events that do not say better.
type metadata struct {
	host, source, sourcetype, index, channel string
	time                                     time.Time
	rawTime                                  string
}

// intake reads one request's events. After run, count, bytes and events tell
// what is to be indexed, and verdict how to answer.
type intake struct {
	token    Token
	defaults metadata
	poison   func([]byte) bool
	poisoned int // code for poison
	maxEvent int
	limit    int  // events to take at most
	keep     bool // build events; otherwise only count

	count   int
	bytes   int64
	events  []Event
	last    Event // the event before, for its strings
	verdict verdict
}

// verdict is a HEC code and the event number that goes with it, if any.
type verdict struct {
	code     int
	number   int
	numbered bool
}

func at(code, n int) verdict {
	if code == codeIndex {
		n++ // Splunk names the event after the bad one
	}
	return verdict{code: code, number: n, numbered: true}
}

// object is one envelope as it was sent; absent parts are nil.
type object struct {
	time, host, source, sourcetype, index, fields, event []byte
	unknown                                              bool
}

func readObject(b []byte, i int) (object, int) {
	var o object
	next := eachMember(b, i, 0, func(key, val []byte) {
		if !o.set(key[1:len(key)-1], val) && (bytes.IndexByte(key, '\\') < 0 || !o.set([]byte(unquote(key)), val)) {
			o.unknown = true
		}
	})
	return o, next
}

// set files one member; of two with the same key the last counts.
func (o *object) set(key, val []byte) bool {
	switch string(key) {
	case "time":
		o.time = val
	case "host":
		o.host = val
	case "source":
		o.source = val
	case "sourcetype":
		o.sourcetype = val
	case "index":
		o.index = val
	case "fields":
		o.fields = val
	case "event":
		o.event = val
	default:
		return false
	}
	return true
}

// run reads concatenated envelopes, arrays of them, or a mixture, and stops at
// the first that Splunk would not index.
func (in *intake) run(body []byte) {
	const (
		outside = iota
		opened  // after [
		element // after an object in an array
		comma   // after a comma in an array
	)
	state, n, i := outside, 0, 0
	for {
		i = skipSpace(body, i)
		if i == len(body) {
			break
		}
		switch c := body[i]; {
		case c == '{' && state != element:
			if in.count >= in.limit {
				return
			}
			o, next := readObject(body, i)
			if next < 0 {
				in.verdict = at(codeFormat, n)
				return
			}
			if o.unknown {
				// The object and all after it vanish; only an empty result shows.
				if n == 0 {
					in.verdict = verdict{code: codeNoData}
				}
				return
			}
			if code := in.take(o); code != codeSuccess {
				in.verdict = at(code, n)
				return
			}
			n, i = n+1, next
			if state != outside {
				state = element
			}
			continue
		case c == ',' && state == outside:
		case c == ',' && state == element:
			state = comma
		case c == '[' && state == outside:
			state = opened
		case c == ']' && (state == opened || state == element):
			state = outside
		default:
			in.verdict = at(codeFormat, n)
			return
		}
		i++
	}
	switch {
	case state != outside:
		in.verdict = at(codeFormat, n)
	case n == 0:
		in.verdict = verdict{code: codeNoData}
	}
}

// take judges one envelope and counts it in if it is good.
func (in *intake) take(o object) int {
	when, ok := readTime(o.time)
	if !ok || !isText(o.host) || !isText(o.source) || !isText(o.sourcetype) || !isText(o.index) {
		return codeFormat
	}
	if o.event == nil && o.fields == nil {
		return codeEventMissing
	}
	if o.event != nil {
		switch o.event[0] {
		case 'n', 't', 'f':
			return codeFormat
		case '"':
			if isBlank(o.event) {
				return codeEventBlank
			}
		}
	}
	metric := false
	if o.fields != nil {
		var code int
		if code, metric = checkFields(o.fields); code != codeSuccess {
			return code
		}
	}
	if len(o.event) > in.maxEvent {
		return codeFormat
	}
	index := pick(o.index, in.last.Index, in.defaults.index)
	in.last.Index = index
	if !in.token.mayWrite(index) {
		return codeIndex
	}
	if in.poison != nil && o.event != nil && in.poison(o.event) {
		return in.poisoned
	}
	if o.event == nil && !metric {
		return codeSuccess // skipped in silence
	}
	in.count++
	in.bytes += int64(len(o.event))
	if in.keep {
		in.add(o, when)
	}
	return codeSuccess
}

func (in *intake) add(o object, when time.Time) {
	e := &in.last
	e.Time, e.RawTime = in.defaults.time, in.defaults.rawTime
	if o.time != nil {
		e.Time, e.RawTime = when, string(o.time)
	}
	e.Host = pick(o.host, e.Host, in.defaults.host)
	e.Source = pick(o.source, e.Source, in.defaults.source)
	e.Sourcetype = pick(o.sourcetype, e.Sourcetype, in.defaults.sourcetype)
	e.Fields, e.Event, e.Channel = o.fields, o.event, in.defaults.channel
	in.events = append(in.events, *e)
}

// pick returns what was sent, or the default; it shares the string of the event
// before where that is the same.
func pick(sent []byte, before, byDefault string) string {
	if len(sent) <= 2 { // absent, or ""
		return byDefault
	}
	if string(sent[1:len(sent)-1]) == before && !strings.Contains(before, `\`) {
		return before
	}
	return unquote(sent)
}

func isText(v []byte) bool { return v == nil || v[0] == '"' }

// isBlank decodes only strings that begin as a blank one may.
func isBlank(quoted []byte) bool {
	switch c := quoted[1]; {
	case c == '"':
		return true
	case c > ' ' && c != '\\' && c < 0x80:
		return false
	}
	return strings.TrimSpace(unquote(quoted)) == ""
}

// checkFields wants a flat object of scalars and arrays of scalars, and says
// whether it carries a measurement.
func checkFields(fields []byte) (code int, metric bool) {
	if fields[0] != '{' {
		return codeFormat, false
	}
	eachMember(fields, 0, 0, func(key, val []byte) {
		metric = metric || strings.HasPrefix(string(key), `"metric_name`)
		switch val[0] {
		case '{':
			code = codeFields
		case '[':
			eachElement(val, 0, 0, func(v []byte) {
				if v[0] == '{' || v[0] == '[' {
					code = codeFields
				}
			})
		}
	})
	return code, metric
}

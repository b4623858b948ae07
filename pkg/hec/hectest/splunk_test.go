package hectest_test

import (
	"bytes"
	"compress/flate"
	"encoding/base64"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/gzip"

	"auditlog-forwarder/pkg/hec/hectest"
)

const (
	event   = "/services/collector/event"
	ackTok  = "00000000-0000-4000-8000-00000000000a"
	offTok  = "00000000-0000-4000-8000-00000000000d"
	tightT  = "00000000-0000-4000-8000-00000000000e"
	queryT  = "00000000-0000-4000-8000-00000000000f"
	chanA   = "11111111-1111-4111-8111-111111111111"
	chanB   = "22222222-2222-4222-8222-222222222222"
	notHere = `{"text":"The requested URL was not found on this server.","code":404}`
	ok      = `{"text":"Success","code":0}`
)

func tokens() []hectest.Option {
	return []hectest.Option{
		hectest.WithToken(hectest.Token{Value: hectest.DefaultToken}),
		hectest.WithToken(hectest.Token{Value: ackTok, UseACK: true}),
		hectest.WithToken(hectest.Token{Value: offTok, Disabled: true}),
		hectest.WithToken(hectest.Token{Value: tightT, DefaultIndex: "audit", Indexes: []string{"spare"}}),
		hectest.WithToken(hectest.Token{Value: queryT, AllowQueryAuth: true}),
	}
}

// request is one request and what Splunk answers. HTML bodies are compared by
// status and content type alone: their text is nobody's contract.
type request struct {
	method, path, auth, channel, encoding string
	body                                  string
	status                                int
	reply                                 string // "html" for any page
	allow                                 string
}

func (q request) check(t *testing.T, s http.Handler) {
	t.Helper()
	if q.method == "" {
		q.method = http.MethodPost
	}
	if q.path == "" {
		q.path = event
	}
	r := httptest.NewRequestWithContext(t.Context(), q.method, q.path, strings.NewReader(q.body))
	r.Header.Set("User-Agent", "test")
	switch q.auth {
	case "":
		r.Header.Set("Authorization", "Splunk "+hectest.DefaultToken)
	case "none":
	default:
		r.Header.Set("Authorization", q.auth)
	}
	if q.channel != "" {
		r.Header.Set("X-Splunk-Request-Channel", q.channel)
	}
	if q.encoding != "" {
		r.Header.Set("Content-Encoding", q.encoding)
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	got := w.Body.String()
	if q.reply == "html" {
		if ct := w.Header().Get("Content-Type"); !strings.HasPrefix(ct, "text/html") || !strings.Contains(got, "<html>") {
			t.Errorf("%s: want a page, got %q %s", q.path, ct, got)
		}
		got = "html"
	}
	if w.Code != q.status || got != q.reply {
		t.Errorf("%s %s %s\n got %d %s\nwant %d %s", q.method, q.path, q.body, w.Code, got, q.status, q.reply)
	}
	if allow := w.Header().Get("Allow"); allow != q.allow {
		t.Errorf("Allow = %q, want %q", allow, q.allow)
	}
}

func basic(userinfo string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(userinfo))
}

func gzipped(t *testing.T, s string) string {
	t.Helper()
	var b bytes.Buffer
	zw := gzip.NewWriter(&b)
	if _, err := io.WriteString(zw, s); err != nil {
		t.Fatal(err)
	}
	if err := zw.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func deflated(t *testing.T, s string) string {
	t.Helper()
	var b bytes.Buffer
	zw, err := flate.NewWriter(&b, flate.BestSpeed)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(zw, s); err != nil {
		t.Fatal(err)
	}
	if err := zw.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// Sections 1.1, 1.2, 1.7 and the transport half of 1.5 of the protocol facts.
func TestRequests(t *testing.T) {
	t.Parallel()
	one := `{"event":"x"}`
	post, get := "POST,OPTIONS", "GET,HEAD,OPTIONS"
	healthy := `{"text":"HEC is healthy","code":17}`
	for _, tc := range []struct {
		name    string
		request request
		indexed int
	}{
		{"1.1 D collector", request{path: "/services/collector", body: one, status: 200, reply: ok}, 1},
		{"1.1 D event", request{body: one, status: 200, reply: ok}, 1},
		{"1.1 D event 1.0", request{path: event + "/1.0", body: one, status: 200, reply: ok}, 1},
		{"1.1 M1 raw needs no channel", request{path: "/services/collector/raw", body: "a\r\n\n b\nc", status: 200, reply: ok}, 3},
		{"1.1 D raw 1.0", request{path: "/services/collector/raw/1.0", body: "a", status: 200, reply: ok}, 1},
		{"1.5 M2 raw blank", request{path: "/services/collector/raw", body: " \n\r\n", status: 400, reply: `{"text":"No data","code":5}`}, 0},
		{"1.1 M1 health", request{method: "GET", path: "/services/collector/health", status: 200, reply: healthy}, 0},
		{"1.1 M1 health without token", request{method: "GET", path: "/services/collector/health/1.0", auth: "none", status: 200, reply: healthy}, 0},
		{"1.1 M1 health with bogus token", request{method: "GET", path: "/services/collector/health", auth: "Splunk bogus", status: 200, reply: healthy}, 0},
		{"1.1 M1 options on event", request{method: "OPTIONS", auth: "none", status: 200, allow: post}, 0},
		{"1.1 M1 options on raw", request{method: "OPTIONS", path: "/services/collector/raw", auth: "none", status: 200, allow: post}, 0},
		{"1.1 M1 options on ack", request{method: "OPTIONS", path: "/services/collector/ack/1.0", auth: "none", status: 200, allow: post}, 0},
		{"1.1 M1 options on health", request{method: "OPTIONS", path: "/services/collector/health", auth: "none", status: 200, allow: get}, 0},
		{"1.1 M1 unknown path", request{path: "/services/collector/events", body: one, status: 404, reply: notHere}, 0},
		{"1.1 M1 root", request{method: "GET", path: "/", status: 404, reply: notHere}, 0},
		{"1.1 M1 wrong method on event", request{method: "GET", status: 405, reply: notHere, allow: post}, 0},
		{"1.1 M1 wrong method on health", request{path: "/services/collector/health", status: 405, reply: notHere, allow: get}, 0},

		{"1.2 M2 basic, token as password", request{auth: basic("any:" + hectest.DefaultToken), body: one, status: 200, reply: ok}, 1},
		{"1.2 inferred basic, token as user", request{auth: basic(hectest.DefaultToken + ":"), body: one, status: 403, reply: `{"text":"Invalid token","code":4}`}, 0},
		{"1.2 inferred basic, no base64", request{auth: "Basic %%", body: one, status: 401, reply: `{"text":"Invalid authorization","code":3}`}, 0},
		{"1.2 M2 bearer", request{auth: "Bearer " + hectest.DefaultToken, body: one, status: 401, reply: `{"text":"Invalid authorization","code":3}`}, 0},
		{"1.2 M2 no header", request{auth: "none", body: one, status: 401, reply: `{"text":"Token is required","code":2}`}, 0},
		{"1.2 M2 blank header", request{auth: " ", body: one, status: 401, reply: `{"text":"Token is required","code":2}`}, 0},
		{"1.2 M2 unknown token", request{auth: "Splunk nope", body: one, status: 403, reply: `{"text":"Invalid token","code":4}`}, 0},
		{"1.2 M2 disabled token", request{auth: "Splunk " + offTok, body: one, status: 403, reply: `{"text":"Token disabled","code":1}`}, 0},
		{"1.2 M3 query token, not enabled", request{path: event + "?token=" + hectest.DefaultToken, auth: "none", body: one, status: 400, reply: `{"text":"Query string authorization is not enabled","code":16}`}, 0},
		{"1.2 D query token wins over a good header", request{path: event + "?token=" + hectest.DefaultToken, body: one, status: 400, reply: `{"text":"Query string authorization is not enabled","code":16}`}, 0},
		{"1.2 M3 query token, unknown", request{path: event + "?token=nope", body: one, status: 403, reply: `{"text":"Invalid token","code":4}`}, 0},
		{"1.2 D query token, enabled", request{path: event + "?token=" + queryT, auth: "none", body: one, status: 200, reply: ok}, 1},
		{"1.2 M1 channel ignored without useACK", request{channel: "no guid", body: one, status: 200, reply: ok}, 1},
		{"1.2 M1 gzip", request{encoding: "gzip", body: gzipped(t, one+one), status: 200, reply: ok}, 2},
		{"1.2 M1 gzip on raw", request{path: "/services/collector/raw", encoding: "gzip", body: gzipped(t, "a\nb"), status: 200, reply: ok}, 2},
		{"1.2 M1 deflate", request{encoding: "deflate", body: deflated(t, one), status: 415, reply: "html"}, 0},
		{"1.2 M2 malformed gzip", request{encoding: "gzip", body: one, status: 400, reply: "html"}, 0},
		{"1.2 M2 cut gzip", request{encoding: "gzip", body: gzipped(t, one)[:20], status: 400, reply: "html"}, 0},

		{"1.5 D empty body", request{status: 400, reply: `{"text":"No data","code":5}`}, 0},
		{"1.5 D empty body of a bad token", request{auth: "Splunk nope", status: 403, reply: `{"text":"Invalid token","code":4}`}, 0},
		{"1.7 M2 body over max_content_length", request{body: one + strings.Repeat(" ", 300), status: 413, reply: "html"}, 0},
		{"1.7 inferred gzip over max_content_length", request{encoding: "gzip", body: gzipped(t, one+strings.Repeat(" ", 300)), status: 413, reply: "html"}, 0},

		{"1.9 M1 no channel", request{auth: "Splunk " + ackTok, body: one, status: 400, reply: `{"text":"Data channel is missing","code":10}`}, 0},
		{"1.9 D channel is no guid", request{auth: "Splunk " + ackTok, channel: "abc", body: one, status: 400, reply: `{"text":"Invalid data channel","code":11}`}, 0},
		{"1.9 inferred channel in a longer spelling", request{auth: "Splunk " + ackTok, channel: "urn:uuid:" + chanA, body: one, status: 400, reply: `{"text":"Invalid data channel","code":11}`}, 0},
		{"1.9 D channel in the query", request{path: event + "?channel=" + chanA, auth: "Splunk " + ackTok, body: one, status: 200, reply: `{"text":"Success","code":0,"ackId":0}`}, 1},
		{"1.9 M2 poll with a token without useACK", request{path: "/services/collector/ack", body: `{"acks":[0]}`, status: 400, reply: `{"text":"ACK is disabled","code":14}`}, 0},
		{"1.9 D poll without channel", request{path: "/services/collector/ack", auth: "Splunk " + ackTok, body: `{"acks":[0]}`, status: 400, reply: `{"text":"Data channel is missing","code":10}`}, 0},
		{"1.9 inferred poll body malformed", request{path: "/services/collector/ack", auth: "Splunk " + ackTok, channel: chanA, body: `{"acks":"0"}`, status: 400, reply: `{"text":"Invalid data format","code":6}`}, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s := hectest.New(append(tokens(), hectest.WithMaxContentLength(300))...)
			tc.request.check(t, s)
			if got := s.Len(); got != tc.indexed {
				t.Errorf("indexed %d events, want %d", got, tc.indexed)
			}
		})
	}
}

func TestCloudNamesTheMissingChannelDifferently(t *testing.T) {
	t.Parallel() // 1.5 M1, code 28
	request{
		auth: "Splunk " + ackTok, body: `{"event":1}`, status: 400,
		reply: `{"text":"Data channel is missing. If you have multiple indexers, sticky session load balancers must be provisioned and client requests must be routed accordingly.","code":28}`,
	}.check(t, hectest.New(append(tokens(), hectest.WithCloud())...))
}

// Sections 1.3, 1.4 and 1.6: which objects of a body are indexed, and the reply.
func TestEnvelopes(t *testing.T) {
	t.Parallel()
	num := func(text string, code, n string) string {
		return `{"text":"` + text + `","code":` + code + `,"invalid-event-number":` + n + `}`
	}
	format := func(n string) string { return num("Invalid data format", "6", n) }
	for _, tc := range []struct {
		name, token, body, reply string
		want                     []string // events indexed
	}{
		{"1.3 M1 string, number, object", "", `{"event":"s"}{"event":1}{"event":{"a":1}}`, ok, []string{`"s"`, `1`, `{"a":1}`}},
		{"1.3 M1 empty object, empty array, zero", "", `{"event":{}}{"event":[]}{"event":0}`, ok, []string{`{}`, `[]`, `0`}},
		{"1.3 D bytes stay as sent", "", `{"event": {"b" : 1.50, "a":"\u00e9"} }`, ok, []string{`{"b" : 1.50, "a":"\u00e9"}`}},
		{"1.3 M1 blank", "", `{"event":" "}`, num("Event field cannot be blank", "13", "0"), nil},
		{"1.3 M2 empty string", "", `{"event":""}`, num("Event field cannot be blank", "13", "0"), nil},
		{"1.3 inferred escaped blank", "", `{"event":"\n\u0020"}`, num("Event field cannot be blank", "13", "0"), nil},
		{"1.3 M1 null", "", `{"event":null}`, format("0"), nil},
		{"1.3 M1 false", "", `{"event":false}`, format("0"), nil},
		{"1.3 inferred true", "", `{"event":true}`, format("0"), nil},
		{"1.3 M1 no event, no fields", "", `{"host":"h"}`, num("Event field is required", "12", "0"), nil},
		{"1.3 M1 empty envelope", "", `{}`, num("Event field is required", "12", "0"), nil},
		{"1.3 M1 fields without event skipped", "", `{"event":1}{"fields":{"a":"b"}}{"event":2}`, ok, []string{`1`, `2`}},
		{"1.3 M1 fields without event, alone", "", `{"fields":{"a":"b"}}`, ok, nil},
		{"1.3 M1 metric", "", `{"fields":{"metric_name:cpu":"1"}}`, ok, []string{``}},
		{"1.3 M1 unknown key in the second of three", "", `{"event":1}{"event":2,"extra":1}{"event":3}`, ok, []string{`1`}},
		{"1.3 M1 unknown key alone", "", `{"event":1,"extra":1}`, `{"text":"No data","code":5}`, nil},
		{"1.3 inferred unknown key in the first of two", "", `{"extra":1,"event":1}{"event":2}`, `{"text":"No data","code":5}`, nil},
		{"1.3 D escaped key is known", "", `{"ev\u0065nt":1}`, ok, []string{`1`}},
		{"1.3 D+M2 arrays in fields", "", `{"event":1,"fields":{"a":["x",1],"b":2,"c":true,"d":null}}`, ok, []string{`1`}},
		{"1.3 M1 nested object in fields", "", `{"event":1,"fields":{"a":{}}}`, num("Error in handling indexed fields", "15", "0"), nil},
		{"1.3 inferred nested array in fields", "", `{"event":1,"fields":{"a":[[]]}}`, num("Error in handling indexed fields", "15", "0"), nil},
		{"1.3 M2 fields is an array", "", `{"event":1,"fields":[]}`, format("0"), nil},
		{"1.3 inferred host is a number", "", `{"event":1,"host":1}`, format("0"), nil},
		{"1.3 inferred time is a word", "", `{"event":1,"time":"now"}`, format("0"), nil},
		{"1.3 D empty index list allows any", "", `{"event":1,"index":"anything"}`, ok, []string{`1`}},
		{"1.3 M2 index name not legal", "", `{"event":1,"index":"No Index"}`, num("Incorrect index", "7", "1"), nil},
		{"1.3 D listed and default index", tightT, `{"event":1,"index":"spare"}{"event":2,"index":"audit"}{"event":3}`, ok, []string{`1`, `2`, `3`}},

		{"1.4 D no separator, spaces, newlines, commas", "", "{\"event\":1}{\"event\":2} \n{\"event\":3}\r\n,{\"event\":4}\t", ok, []string{`1`, `2`, `3`, `4`}},
		{"1.4 M2 array of envelopes", "", `[{"event":1}, {"event":2}]`, ok, []string{`1`, `2`}},
		{"1.4 inferred empty array", "", `[]`, `{"text":"No data","code":5}`, nil},
		{"1.4 M2 array not closed", "", `[{"event":1}`, format("1"), []string{`1`}},
		{"1.4 M2 array without comma", "", `[{"event":1}{"event":2}]`, format("1"), []string{`1`}},
		{"1.4 M2 array with comma at its end", "", `[{"event":1},]`, format("1"), []string{`1`}},
		{"1.4 D blank body", "", " \r\n", `{"text":"No data","code":5}`, nil},
		{"1.4 M2 body is a string", "", `"x"`, format("0"), nil},
		{"1.4 M2 garbage after one event", "", `{"event":1}x`, format("1"), []string{`1`}},
		{"1.4 I event over maxEventSize", "", `{"event":1}{"event":"` + strings.Repeat("x", 99) + `"}{"event":3}`, format("1"), []string{`1`}},
		{"1.4 M1 event of maxEventSize", "", `{"event":"` + strings.Repeat("x", 98) + `"}`, ok, []string{`"` + strings.Repeat("x", 98) + `"`}},

		{"1.6 M1 code 6 in the second of three", "", `{"event":1}{"event":}{"event":3}`, format("1"), []string{`1`}},
		{"1.6 M1 code 6 in the first of two", "", `{"event":`, format("0"), nil},
		{"1.6 M1 code 6 inside the event", "", `{"event":1}{"event":{"a":01}}{"event":3}`, format("1"), []string{`1`}},
		{"1.6 M1 code 12 in the second of three", "", `{"event":1}{"host":"h"}{"event":3}`, num("Event field is required", "12", "1"), []string{`1`}},
		{"1.6 M1 code 13 in the second of three", "", `{"event":1}{"event":""}{"event":3}`, num("Event field cannot be blank", "13", "1"), []string{`1`}},
		{"1.6 M1 code 15 in the third of three", "", `{"event":1}{"event":2}{"event":3,"fields":{"a":{}}}`, num("Error in handling indexed fields", "15", "2"), []string{`1`, `2`}},
		{"1.6 M1 code 7 names the event after", tightT, `{"event":1}{"event":2,"index":"other"}{"event":3}`, num("Incorrect index", "7", "2"), []string{`1`}},
		{"1.6 M2 code 7 in a body of one", tightT, `{"event":1,"index":"other"}`, num("Incorrect index", "7", "1"), nil},
		{"1.6 M2 the number in an array", "", `[{"event":1},{"event":null}]`, format("1"), []string{`1`}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			auth, status := "", http.StatusOK
			if tc.token != "" {
				auth = "Splunk " + tc.token
			}
			if !strings.Contains(tc.reply, `"code":0}`) {
				status = http.StatusBadRequest
			}
			s := hectest.New(append(tokens(), hectest.WithMaxEventSize(100))...)
			request{auth: auth, body: tc.body, status: status, reply: tc.reply}.check(t, s)
			var got []string
			for _, e := range s.Events() {
				got = append(got, string(e.Event))
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("indexed (-want +got):\n%s", diff)
			}
			// Counting alone must come to the same answer.
			d := hectest.New(append(tokens(), hectest.WithMaxEventSize(100), hectest.WithDiscard())...)
			request{auth: auth, body: tc.body, status: status, reply: tc.reply}.check(t, d)
			if d.Len() != len(tc.want) || len(d.Events()) != 0 {
				t.Errorf("discarding server counted %d and stored %d, want %d and 0", d.Len(), len(d.Events()), len(tc.want))
			}
		})
	}
}

package hec

import (
	"strings"
	"testing"
)

// TestClassify holds the table of docs/hec.md.
func TestClassify(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		status int
		body   string
		class  Class
		number int
		id     int
		says   string
	}{
		{"success", 200, `{"text":"Success","code":0}`, Accepted, noNumber, 0, ""},
		{"success with ack", 200, `{"text":"Success","code":0,"ackId":7}`, Accepted, noNumber, 0, ""},
		{"queue fills up", 200, `{"text":"HEC queue is approaching its capacity limit","code":24}`, AcceptedSlow, noNumber, 24, ""},
		{"ack channel fills up", 200, `{"text":"HEC ACK is approaching its capacity limit","code":25}`, AcceptedSlow, noNumber, 25, ""},
		{"a login page's 200", 200, `<html>Sign in</html>`, Blocked, noNumber, 200, "hec.url"},
		{"JSON that is not HEC's", 200, `{"status":"maintenance"}`, Blocked, noNumber, 200, "hec.url"},
		{"a success of the future", 200, `{"text":"Success, almost","code":31}`, Accepted, noNumber, 31, ""},
		{"no content", 204, ``, Blocked, noNumber, 204, "hec.url"},
		{"token disabled", 403, `{"text":"Token disabled","code":1}`, Blocked, noNumber, 1, "hec.token"},
		{"token required", 401, `{"text":"Token is required","code":2}`, Blocked, noNumber, 2, "hec.token"},
		{"invalid authorization", 401, `{"text":"Invalid authorization","code":3}`, Blocked, noNumber, 3, "hec.token"},
		{"invalid token", 403, `{"text":"Invalid token","code":4}`, Blocked, noNumber, 4, "hec.token"},
		{"no data", 400, `{"text":"No data","code":5}`, Blocked, noNumber, 5, "body"},
		{"invalid data", 400, `{"text":"Invalid data format","code":6,"invalid-event-number":3}`, RefusedEvent, 3, 6, ""},
		{"invalid data without a number", 400, `{"text":"Invalid data format","code":6}`, RefusedBatch, noNumber, 6, ""},
		{"incorrect index", 400, `{"text":"Incorrect index","code":7,"invalid-event-number":1}`, Blocked, 1, 7, "hec.index"},
		{"internal error", 500, `{"text":"Internal server error","code":8}`, Transient, noNumber, 8, ""},
		{"busy", 503, `{"text":"Server is busy","code":9}`, Transient, noNumber, 9, ""},
		{"busy with a number", 503, `{"text":"Server is busy","code":9,"invalid-event-number":10}`, Transient, 10, 9, ""},
		{"channel missing", 400, `{"text":"Data channel is missing","code":10}`, Blocked, noNumber, 10, "hec.ack.enabled"},
		{"channel invalid", 400, `{"text":"Invalid data channel","code":11}`, Blocked, noNumber, 11, "hec.ack.enabled"},
		{"event field required", 400, `{"text":"Event field is required","code":12,"invalid-event-number":0}`, RefusedEvent, 0, 12, ""},
		{"event field blank", 400, `{"text":"Event field cannot be blank","code":13,"invalid-event-number":2}`, RefusedEvent, 2, 13, ""},
		{"ack disabled", 400, `{"text":"ACK is disabled","code":14}`, Blocked, noNumber, 14, "hec.ack.enabled"},
		{"indexed fields", 400, `{"text":"Error in handling indexed fields","code":15,"invalid-event-number":0}`, RefusedEvent, 0, 15, ""},
		{"query string", 400, `{"text":"Query string authorization is not enabled","code":16}`, Blocked, noNumber, 16, ""},
		{"health's answer to a post", 200, `{"text":"HEC is healthy","code":17}`, Blocked, noNumber, 17, "hec.url"},
		{"queues full", 503, `{"text":"HEC is unhealthy, queues are full","code":18}`, Transient, noNumber, 18, ""},
		{"no ack service", 503, `{"text":"HEC is unhealthy, ack service unavailable","code":19}`, Transient, noNumber, 19, ""},
		{"both", 503, `{"text":"…","code":20}`, Transient, noNumber, 20, ""},
		{"health: invalid token", 400, `{"text":"Invalid token","code":21}`, Blocked, noNumber, 21, ""},
		{"health: disabled token", 400, `{"text":"Token disabled","code":22}`, Blocked, noNumber, 22, ""},
		{"shutting down", 503, `{"text":"Server is shutting down","code":23}`, Transient, noNumber, 23, ""},
		{"queue at capacity", 429, `{"text":"…","code":26}`, Transient, noNumber, 26, ""},
		{"ack channel at capacity", 429, `{"text":"…","code":27}`, Transient, noNumber, 27, "hec.ack.enabled"},
		{"channel missing on Cloud", 400, `{"text":"Data channel is missing. …","code":28}`, Blocked, noNumber, 28, "hec.ack.enabled"},
		{"a code of the future", 503, `{"text":"New","code":77}`, Transient, noNumber, 77, ""},
		{"unknown path", 404, `{"text":"The requested URL was not found on this server.","code":404}`, Blocked, noNumber, 404, "hec.url"},
		{"wrong method", 405, `{"text":"The requested URL was not found on this server.","code":405}`, Blocked, noNumber, 405, "hec.url"},
		{"too large", 413, `<html><body>Content-Length of 900000000 too large</body></html>`, RefusedBatch, noNumber, 413, ""},
		{"no gzip", 415, `<html>Unsupported Media Type</html>`, Blocked, noNumber, 415, "hec.gzip"},
		{"a proxy's 400", 400, `<html>The plain HTTP request was sent to HTTPS port</html>`, Blocked, noNumber, 400, "https"},
		{"time-out", 408, `Your request timed out. Try again.`, Transient, noNumber, 408, ""},
		{"throttled", 429, ``, Transient, noNumber, 429, ""},
		{"bad gateway", 502, `<html>`, Transient, noNumber, 502, ""},
		{"gateway time-out", 504, ``, Transient, noNumber, 504, ""},
		{"Splunk Web", 303, `See other`, Blocked, noNumber, 303, "Splunk Web"},
		{"proxy", 407, ``, Blocked, noNumber, 407, "hec.proxy"},
		{"teapot", 418, ``, Blocked, noNumber, 418, "hec.url"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			r := classify(tc.status, "/en-US/", []byte(tc.body))
			if r.class != tc.class || r.number != tc.number || r.id() != tc.id {
				t.Errorf("class %s, number %d, id %d; want %s, %d, %d", r.class, r.number, r.id(), tc.class, tc.number, tc.id)
			}
			if !strings.Contains(r.Error(), tc.says) {
				t.Errorf("%q does not say %q", r.Error(), tc.says)
			}
			if r.class.retried() && r.hint == "" {
				t.Errorf("%q has no next step", r.Error())
			}
		})
	}
}

// FuzzClassify: whatever stands between us and Splunk may answer anything.
func FuzzClassify(f *testing.F) {
	f.Add(200, `{"text":"Success","code":0}`)
	f.Add(400, `{"code":6,"invalid-event-number":-3}`)
	f.Add(502, "<html>\xff")
	f.Fuzz(func(t *testing.T, status int, body string) {
		r := classify(status, "", []byte(body))
		if r.class < Accepted || r.class > Transient {
			t.Fatalf("class %d", r.class)
		}
		if r.class == RefusedEvent && r.number < 0 {
			t.Fatalf("event %d is refused", r.number)
		}
		if status >= 300 && (r.class == Accepted || r.class == AcceptedSlow) {
			t.Fatalf("HTTP %d with %q counts as accepted", status, body)
		}
		if len(r.text) > len(body)+400 {
			t.Fatalf("the text grew to %d bytes", len(r.text))
		}
	})
}

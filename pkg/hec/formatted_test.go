package hec

import (
	"bytes"
	"strings"
	"testing"

	"auditlog-forwarder/pkg/audit"
	"auditlog-forwarder/pkg/hec/hectest"
)

// formattedValues are values for hec.formatted, and what is said of those that must
// not be sent; "" is good.
func formattedValues() map[string]string {
	return map[string]string{
		`{"event":{"a":1}}`: "",
		` {"time":1793491200.250,"host":"h","source":"s","sourcetype":"st","index":"main","fields":{"a":"b","n":1,"list":["x",2]},"event":"text"} `: "",
		`{"event":[]}`:                          "",
		`{"event":0}`:                           "",
		`{"event":" \u00e4"}`:                   "",
		`{"event":{},"time":"1793491200"}`:      "",
		`{"event":{},"time":-1.5}`:              "",
		`{"event":{},"fields":{}}`:              "",
		`{"event":{},"fields":{"a":["[{\"]"]}}`: "",
		`{"event":{},"index":""}`:               "",

		`{"fields":{"a":"b"}}`:                     `"event" is missing`,
		`{}`:                                       `"event" is missing`,
		`{"event":null}`:                           "neither null",
		`{"event":false}`:                          "neither null",
		`{"event":true}`:                           "neither null",
		`{"event":""}`:                             "blank",
		`{"event":" \u00a0\t "}`:                   "blank",
		`{"event":{},"Event":{}}`:                  `"Event" is no member`,
		`{"event":{},"id":1}`:                      `"id" is no member`,
		`{"event":{},"":1}`:                        `"" is no member`,
		`{"event":{},"ti\u006de":1}`:               `"ti\\u006de" is no member`,
		`{"event":{},"` + long(100) + `":1}`:       "is no member",
		`{"event":{},"event":{}}`:                  "twice",
		`{"event":{},"time":1,"time":2}`:           "twice",
		`{"event":{},"host":1}`:                    "not a string",
		`{"event":{},"index":null}`:                "not a string",
		`{"event":{},"source":["a"]}`:              "not a string",
		`{"event":{},"sourcetype":{}}`:             "not a string",
		`{"event":{},"time":null}`:                 "number of seconds",
		`{"event":{},"time":""}`:                   "number of seconds",
		`{"event":{},"time":"-"}`:                  "number of seconds",
		`{"event":{},"time":"yesterday"}`:          "number of seconds",
		`{"event":{},"time":"1."}`:                 "number of seconds",
		`{"event":{},"time":"01"}`:                 "number of seconds",
		`{"event":{},"time":"1 "}`:                 "number of seconds",
		`{"event":{},"time":1e9}`:                  "number of seconds",
		`{"event":{},"time":12345678901234567890}`: "number of seconds",
		`{"event":{},"fields":[]}`:                 "not an object",
		`{"event":{},"fields":"a"}`:                "not an object",
		`{"event":{},"fields":{"a":{}}}`:           "nested",
		`{"event":{},"fields":{"a":[[]]}}`:         "nested",
		`{"event":{},"fields":{"a":["x\"",{}]}}`:   "nested",
		`{"event":{}},{"event":{}}`:                "more text",
		`{"event":{}`:                              "ends too early",
		`[{"event":{}}]`:                           audit.ErrNotObject.Error(),
		``:                                         audit.ErrEmpty.Error(),
	}
}

func long(n int) string { return strings.Repeat("x", n) }

func TestFormatted(t *testing.T) {
	t.Parallel()
	e := testEncoder(t, func(c *Config) { c.Formatted = true })
	for value, want := range formattedValues() {
		t.Run(value[:min(len(value), 60)], func(t *testing.T) {
			t.Parallel()
			rec := audit.Record{Topic: "t", Value: []byte(value)}
			body, at, asked, err := e.append([]byte("before"), &rec, audit.Event{})
			if want != "" {
				if err == nil || !strings.Contains(err.Error(), want) || string(body) != "before" {
					t.Fatalf("error %v, want %q; body %q", err, want, body)
				}
				return
			}
			if err != nil || !asked || at != len("before") || string(body) != "before"+value {
				t.Fatalf("body %q, value at %d, %v", body, at, err)
			}
		})
	}
}

// TestFormattedBetweenNeighbours: an envelope that is accepted costs none of
// its neighbours, and goes as it came.
func TestFormattedBetweenNeighbours(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *Config) { c.Formatted = true })
	var b audit.Batch
	var want []string
	for value := range formattedValues() {
		rec := &audit.Record{Topic: "t", Value: []byte(value)}
		body, _, err := r.Append(b.Body, rec, audit.Event{})
		if err != nil {
			continue
		}
		b.Body, b.Ends = body, append(b.Ends, len(body))
		want = append(want, value)
	}
	if len(want) < 10 {
		t.Fatalf("only %d envelopes were accepted", len(want))
	}
	if refused, err := r.Deliver(t.Context(), b); err != nil || len(refused) > 0 {
		t.Fatal(refused, err)
	}
	got := r.server.Events()
	if len(got) != len(want) {
		t.Fatalf("%d events are indexed, want %d", len(got), len(want))
	}
	for i, e := range got {
		if !strings.Contains(want[i], string(e.Event)) {
			t.Errorf("event %s, want that of %s", e.Event, want[i])
		}
	}
}

// FuzzEnvelope: what is accepted for hec.formatted is an event to Splunk, and
// what stands behind it in the same request as well.
func FuzzEnvelope(f *testing.F) {
	for value := range formattedValues() {
		f.Add([]byte(value))
	}
	cfg := DefaultConfig()
	cfg.Formatted = true
	e := testEncoder(f, func(c *Config) { *c = cfg })
	f.Fuzz(func(t *testing.T, value []byte) {
		body, _, _, err := e.append(nil, &audit.Record{Topic: "t", Value: value}, audit.Event{})
		if err != nil {
			if len(body) > 0 {
				t.Fatalf("%q is left behind after %v", body, err)
			}
			return
		}
		body = append(body, `{"event":"next"}`...)
		s := hectest.New()
		code := post(t, s, body)
		// Which indexes there are only Splunk knows. It names the event and goes
		// on behind it: nothing is lost in silence.
		if code == 7 && bytes.Contains(value, []byte(`"index"`)) {
			return
		}
		if code != 0 || s.Len() != 2 {
			t.Fatalf("code %d, %d events indexed of %q", code, s.Len(), body)
		}
		if got := s.Events()[1].Event; string(got) != `"next"` {
			t.Fatalf("the next event came as %s", got)
		}
	})
}

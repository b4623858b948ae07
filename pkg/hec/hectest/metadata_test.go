package hectest_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"auditlog-forwarder/pkg/hec/hectest"
)

// serve posts in process and returns status and body.
func serve(t *testing.T, s http.Handler, target, token, channel, body string) (int, string) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, target, strings.NewReader(body))
	r.Header.Set("Authorization", "Splunk "+token)
	if channel != "" {
		r.Header.Set("X-Splunk-Request-Channel", channel)
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

func TestMetadata(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		now := time.Now().UTC()
		base := hectest.Event{Time: now, Host: "example.com", Source: "http:hectest", Sourcetype: "httpevent", Index: "main", Event: json.RawMessage("1")}
		with := func(change func(*hectest.Event)) hectest.Event {
			e := base
			change(&e)
			return e
		}
		full := with(func(e *hectest.Event) {
			e.Time, e.RawTime = time.Unix(1700000000, 500e6).UTC(), "1700000000.5"
			e.Host, e.Source, e.Sourcetype, e.Index = "h\"1", "s", "st", "i"
			e.Fields = json.RawMessage(`{"k":"v"}`)
		})
		for _, tc := range []struct {
			name, path, body string
			opts             []hectest.Option
			want             []hectest.Event
		}{
			{"1.10 M1 no time is receipt time, token defaults", event, `{"event":1}`, nil, []hectest.Event{base}},
			{
				"1.3 M1 no carry-over", event, `{"time":1700000000.5,"host":"h\"1","source":"s","sourcetype":"st","index":"i","fields":{"k":"v"},"event":1}{"event":1}`, nil,
				[]hectest.Event{full, base},
			},
			{
				"1.3 D query gives defaults, envelope overrides", event + "?host=qh&index=qi&time=5", `{"event":1}{"event":1,"host":"eh","time":"6"}`, nil,
				[]hectest.Event{
					with(func(e *hectest.Event) {
						e.Host, e.Index, e.Time, e.RawTime = "qh", "qi", time.Unix(5, 0).UTC(), "5"
					}),
					with(func(e *hectest.Event) {
						e.Host, e.Index, e.Time, e.RawTime = "eh", "qi", time.Unix(6, 0).UTC(), `"6"`
					}),
				},
			},
			{
				"1.3 D token defaults", event, `{"event":1,"host":""}`,
				[]hectest.Option{hectest.WithToken(hectest.Token{
					Value: hectest.DefaultToken, DefaultHost: "th", DefaultSource: "ts", DefaultSourcetype: "tst", DefaultIndex: "ti",
				})},
				[]hectest.Event{with(func(e *hectest.Event) { e.Host, e.Source, e.Sourcetype, e.Index = "th", "ts", "tst", "ti" })},
			},
			{
				"1.1 raw", "/services/collector/raw?source=log", "a b\r\nc", nil,
				[]hectest.Event{
					with(func(e *hectest.Event) { e.Event, e.Raw, e.Source = json.RawMessage("a b"), true, "log" }),
					with(func(e *hectest.Event) { e.Event, e.Raw, e.Source = json.RawMessage("c"), true, "log" }),
				},
			},
		} {
			s := hectest.New(tc.opts...)
			if status, body := serve(t, s, tc.path, hectest.DefaultToken, "", tc.body); status != http.StatusOK {
				t.Errorf("%s: %d %s", tc.name, status, body)
			}
			if diff := cmp.Diff(tc.want, s.Events()); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.name, diff)
			}
		}
	})
}

// Section 1.9, and the ackId half of 1.6.
func TestAcknowledgement(t *testing.T) {
	t.Parallel()
	const one, bad = `{"event":1}`, `{"event":1}{"event":}`
	type step struct {
		channel, send, poll string
		wait                time.Duration
		do                  func(*hectest.Server)
		want                string
	}
	acked := func(id string) string { return `{"text":"Success","code":0,"ackId":` + id + `}` }
	for _, tc := range []struct {
		name  string
		opts  []hectest.Option
		steps []step
	}{
		{"1.9 M1 ids from 0 per channel", nil, []step{
			{channel: chanA, send: one, want: acked("0")}, {channel: chanA, send: one, want: acked("1")}, {channel: chanB, send: one, want: acked("0")},
		}},
		{"1.9 M1 true once, then forgotten", nil, []step{
			{channel: chanA, send: one, want: acked("0")},
			{channel: chanA, poll: `[0]`, want: `{"acks":{"0":true}}`},
			{channel: chanA, poll: `[0]`, want: `{"acks":{"0":false}}`},
		}},
		{"1.9 M1 another channel answers false and spends nothing", nil, []step{
			{channel: chanA, send: one, want: acked("0")},
			{channel: chanB, poll: `[0]`, want: `{"acks":{"0":false}}`},
			{channel: chanA, poll: `[0,7]`, want: `{"acks":{"0":true,"7":false}}`},
		}},
		{"1.9 M1 late", []hectest.Option{hectest.WithAckDelay(time.Second)}, []step{
			{channel: chanA, send: one, want: acked("0")},
			{channel: chanA, poll: `[0]`, want: `{"acks":{"0":false}}`},
			{wait: time.Second, channel: chanA, poll: `[0]`, want: `{"acks":{"0":true}}`},
		}},
		{"1.9 by hand", []hectest.Option{hectest.WithManualAck()}, []step{
			{channel: chanA, send: one, want: acked("0")},
			{channel: chanA, send: one, want: acked("1")},
			{channel: chanA, poll: `[0,1]`, want: `{"acks":{"0":false,"1":false}}`},
			{do: func(s *hectest.Server) { s.Ack(chanA, 1) }, channel: chanA, poll: `[0,1]`, want: `{"acks":{"0":false,"1":true}}`},
			{do: func(s *hectest.Server) { s.Ack(chanA) }, channel: chanA, poll: `[0,1]`, want: `{"acks":{"0":true,"1":false}}`},
		}},
		{"1.7 D idle channel forgotten after 600 s", nil, []step{
			{channel: chanA, send: one, want: acked("0")},
			{wait: 600 * time.Second, channel: chanA, send: one, want: acked("1")},
			{wait: 601 * time.Second, channel: chanA, poll: `[0,1]`, want: `{"acks":{"0":false,"1":false}}`},
			{channel: chanA, send: one, want: acked("0")},
		}},
		{"1.9 indexer restart", nil, []step{
			{channel: chanA, send: one, want: acked("0")}, {do: (*hectest.Server).ForgetAcks, channel: chanA, poll: `[0]`, want: `{"acks":{"0":false}}`},
		}},
		{"1.6 M1 error after indexed events carries an id", nil, []step{
			{channel: chanA, send: bad, want: `{"text":"Invalid data format","code":6,"invalid-event-number":1,"ackId":0}`},
			{channel: chanA, poll: `[0]`, want: `{"acks":{"0":true}}`},
		}},
		{"1.6 M1 error at the first event carries none", nil, []step{
			{channel: chanA, send: `{"event":}`, want: `{"text":"Invalid data format","code":6,"invalid-event-number":0}`}, {channel: chanA, send: one, want: acked("0")},
		}},
		{"1.9 poll scripted, ids spent", nil, []step{
			{channel: chanA, send: one, want: acked("0")},
			{
				do:      func(s *hectest.Server) { s.ScriptPolls(hectest.HEC(9).Took()) },
				channel: chanA, poll: `[0]`, want: `{"text":"Server is busy","code":9}`,
			},
			{channel: chanA, poll: `[0]`, want: `{"acks":{"0":false}}`},
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := hectest.New(append(tokens(), tc.opts...)...)
				for i, st := range tc.steps {
					<-time.After(st.wait)
					if st.do != nil {
						st.do(s)
					}
					path, body := event, st.send
					if st.poll != "" {
						path, body = "/services/collector/ack", `{"acks":`+st.poll+`}`
					}
					if _, got := serve(t, s, path, ackTok, st.channel, body); got != st.want {
						t.Fatalf("step %d: got %s, want %s", i, got, st.want)
					}
				}
			})
		})
	}
}

func TestTokensChangeWhileServing(t *testing.T) {
	t.Parallel()
	s := hectest.New()
	for _, step := range []struct {
		change func()
		status int
	}{
		{func() {}, 200},
		{func() { s.SetToken(hectest.Token{Value: hectest.DefaultToken, Disabled: true}) }, 403},
		{func() { s.SetToken(hectest.Token{Value: hectest.DefaultToken, UseACK: true}) }, 400},
		{func() { s.RemoveToken(hectest.DefaultToken) }, 403},
	} {
		step.change()
		if status, body := serve(t, s, event, hectest.DefaultToken, "", `{"event":1}`); status != step.status {
			t.Errorf("got %d %s, want %d", status, body, step.status)
		}
	}
}

package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"auditlog-forwarder/pkg/faultnet"
)

// heardExchange returns a request whose client has its answer.
func heardExchange(t *testing.T) *faultnet.Exchange {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "{}") }))
	t.Cleanup(server.Close)
	network := faultnet.New()
	t.Cleanup(network.Close)
	proxy, err := network.Listen(t.Context(), strings.TrimPrefix(server.URL, "http://"), &faultnet.Queue{})
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+proxy.Addr(), nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := server.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	return proxy.Exchanges()[0]
}

// TestChannels holds what may be sent again although it was taken, and
// confirmed.
func TestChannels(t *testing.T) {
	t.Parallel()
	at := func(ms int) time.Time { return time.Unix(1000, 0).Add(time.Duration(ms) * time.Millisecond) }
	link := heardExchange(t)
	// The channel was born at 0, the request came at 100; the timeout is 2000.
	for _, tc := range []struct {
		name     string
		id       int
		ready    int // 0: never
		told     int // 0: never
		restarts []time.Time
		cuts     []time.Time
		killed   int // 0: not
		want     cause
	}{
		{name: "told", id: 9, ready: 150, told: 170},
		{name: "told late", id: 9, ready: 150, told: 1900, want: becauseUnconfirmed},
		{name: "without an id", id: -1, want: becauseUnconfirmed},
		{name: "never confirmed", id: 9, want: becauseUnconfirmed},
		{name: "confirmed late", id: 9, ready: 1900, want: becauseUnconfirmed},
		{name: "never asked for", id: 9, ready: 150},
		{name: "polls may have got lost", id: 9, ready: 150, cuts: []time.Time{at(300)}, want: becauseUnconfirmed},
		{name: "a restart meanwhile", id: 9, ready: 150, told: 170, restarts: []time.Time{at(160)}, want: becauseChannel},
		{name: "a restart before the request", id: 9, ready: 150, told: 170, restarts: []time.Time{at(50)}, want: becauseChannel},
		{name: "a restart before the channel", id: 9, ready: 150, told: 170, restarts: []time.Time{at(-50)}},
		{name: "a restart long after", id: 9, ready: 150, told: 170, restarts: []time.Time{at(5000)}},
		{name: "a restart soon after, which an early id waits for", id: 0, ready: 150, told: 170, restarts: []time.Time{at(700)}, want: becauseChannel},
		{name: "a restart soon after", id: 9, ready: 150, told: 170, restarts: []time.Time{at(700)}},
		{name: "the first id, and an answer got lost", id: 0, ready: 150, told: 170, cuts: []time.Time{at(120)}, want: becauseChannel},
		{name: "the second id, and an answer got lost", id: 1, ready: 150, told: 170, cuts: []time.Time{at(120)}},
		{name: "the first id, and an answer got lost before the channel", id: 0, ready: 150, told: 170, cuts: []time.Time{at(-10)}},
		{name: "killed while it waited", id: 9, killed: 500},
		{name: "killed after it was given up", id: 9, killed: 3000, want: becauseUnconfirmed},
	} {
		e := &endpoint{pipe: &pipeline{epochs: tc.restarts}}
		r := &run{suite: &suite{lag: &lag{}}, plan: plan{Timeout: time.Second, AckTimeout: 2 * time.Second, Window: 1, Partitions: 1}}
		c := &channels{run: r, born: map[string]time.Time{"channel": at(0)}, lines: map[*faultnet.Proxy]*line{link.Proxy(): {cuts: tc.cuts}}}
		q := &request{link: link, to: e, at: at(100), ack: &confirmation{channel: "channel", confirmed: confirmed{id: tc.id}}}
		if tc.ready > 0 {
			q.ack.ready = at(tc.ready)
		}
		if tc.told > 0 {
			q.ack.yes, q.ack.when = link, at(tc.told)
		}
		q.from = &incarnation{}
		if tc.killed > 0 {
			q.from.excuse(becauseKilled)
			q.from.over = at(tc.killed)
		}
		if got := c.excuse(q); got != tc.want {
			t.Errorf("%s: %q, want %q", tc.name, got, tc.want)
		}
	}
}

// TestVague holds which answers leave open whether a post got an id.
func TestVague(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		status, code int
		answer       string
		want         bool
	}{
		{200, 0, `{"text":"Success","code":0,"ackId":3}`, false},
		{200, 0, `{"text":"Success","code":0}`, true},
		{400, 13, `{"text":"Event field cannot be blank","code":13,"ackId":3}`, false},
		{400, 6, `{"text":"Invalid data format","code":6,"invalid-event-number":0}`, false},
		{403, 4, `{"text":"Invalid token","code":4}`, false},
		{503, 9, `{"text":"Server is busy","code":9}`, true},
		{503, 20, `{"text":"HEC is unhealthy","code":20}`, false},
		{502, -1, "<html>", true},
	} {
		if got := vague(&request{status: tc.status, code: tc.code}, []byte(tc.answer)); got != tc.want {
			t.Errorf("%d %s: %v", tc.status, tc.answer, got)
		}
	}
}

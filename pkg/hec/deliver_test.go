package hec

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"auditlog-forwarder/pkg/audit"
	"auditlog-forwarder/pkg/hec/hectest"
)

// envelopes makes a batch of envelopes whose indexes are given; "" names none.
func envelopes(indexes ...string) audit.Batch {
	b := audit.Batch{Topic: "audit"}
	for i, index := range indexes {
		if index != "" {
			index = fmt.Sprintf(`"index":%q,`, index)
		}
		b.Body = fmt.Appendf(b.Body, `{%s"event":{"id":"%d","index":"decoy"}}`, index, i)
		b.Ends = append(b.Ends, len(b.Body))
	}
	return b
}

// TestIncorrectIndex: an index that the configuration names blocks, and what
// stands before it is there once however often the rest is tried; an index
// that the event brings along is that event's own fault.
func TestIncorrectIndex(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name    string
		events  []string
		partial string
		refused []int
		blocks  string // the hint; then the index is created
	}{
		{name: "the configured one", events: []string{"ours", "ours"}, blocks: `"ours"`},
		{name: "one of a rule", events: []string{"good", "good", "routed", "good"}, blocks: `"routed"`},
		{name: "one of a rule, nothing is taken", events: []string{"good", "good", "routed", "good"}, partial: PartialNone, blocks: `"routed"`},
		{name: "the token's default", events: []string{"good", "", "good"}, blocks: "default index"},
		{name: "the event's own", events: []string{"good", "theirs", "good"}, refused: []int{1}},
		{name: "the event's own, nothing is taken", events: []string{"good", "theirs", "good"}, partial: PartialNone, refused: []int{1}},
		{name: "the last one's own", events: []string{"good", "good", "theirs"}, refused: []int{2}},
		{name: "alone", events: []string{"theirs"}, refused: []int{0}},
		{name: "many", events: []string{"theirs", "good", "theirs", "theirs", "good"}, refused: []int{0, 2, 3}},
		{name: "both", events: []string{"good", "theirs", "ours", "good"}, refused: []int{1}, blocks: `"ours"`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			token := hectest.Token{Value: hectest.DefaultToken, Indexes: []string{"good"}, DefaultIndex: "missing!"}
			if tc.name == "the token's default" {
				token.DefaultIndex = "x"
			}
			r := newRig(t, func(c *Config) {
				c.Index, c.Routes = "ours", []string{"topic=a* -> sourcetype=x index=routed", "method=b -> index=good"}
				if tc.partial != "" {
					c.PartialAcceptance = tc.partial
				}
			}, hectest.WithToken(token))
			if tc.name == "the token's default" {
				// A default that does not exist is refused only by a real Splunk.
				r.server.Script(hectest.HECEvent(7, 2), hectest.HECEvent(7, 1))
			}
			if tc.partial == PartialNone {
				// As Splunk would be that indexes nothing of a refused request.
				bad := slices.IndexFunc(tc.events, func(s string) bool { return s != "good" })
				r.server.Script(hectest.HECEvent(7, bad+1).Lost())
			}
			if tc.blocks != "" && tc.name != "the token's default" {
				go func() {
					for told := []string{}; len(told) == 0; {
						told = r.await(t, func(told []string) bool { return len(told) > 0 })
					}
					token.Indexes = append(token.Indexes, "ours", "routed")
					r.server.SetToken(token)
				}()
			}
			batch := envelopes(tc.events...)
			refused, err := r.Deliver(t.Context(), batch)
			if err != nil {
				t.Fatal(err)
			}
			var at []int
			for _, f := range refused {
				at = append(at, f.Index)
				if f.Code != codeIndex || !strings.Contains(f.Reply, `"theirs"`) {
					t.Errorf("refusal %+v does not name the index", f)
				}
			}
			if diff := cmp.Diff(tc.refused, at); diff != "" {
				t.Errorf("refused (-want +got):\n%s", diff)
			}
			var want []string
			for i := range tc.events {
				if !slices.Contains(tc.refused, i) {
					want = append(want, fmt.Sprintf(`{"id":"%d","index":"decoy"}`, i))
				}
			}
			if diff := cmp.Diff(want, r.bodies()); diff != "" {
				t.Errorf("indexed (-want +got):\n%s", diff)
			}
			told := strings.Join(r.told(), "\n")
			if !strings.Contains(told, tc.blocks) || (tc.blocks == "") != (told == "") {
				t.Errorf("told %q, want %q", told, tc.blocks)
			}
		})
	}
}

// TestIncorrectIndexWithoutNumber: an event that cannot be found is isolated
// by halving if it may be one's own fault, and blocks if it cannot be.
func TestIncorrectIndexWithoutNumber(t *testing.T) {
	t.Parallel()
	for name, reply := range map[string]hectest.Reply{"none": hectest.HEC(7), "too large": hectest.HECEvent(7, 9).Lost(), "zero": hectest.HECEvent(7, 0)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, func(c *Config) { c.Index = "good" },
				hectest.WithToken(hectest.Token{Value: hectest.DefaultToken, Indexes: []string{"good"}}))
			r.server.Script(reply)
			refused, err := r.Deliver(t.Context(), envelopes("good", "theirs", "good", "good"))
			if err != nil || len(refused) != 1 || refused[0].Index != 1 || r.server.Len() != 3 {
				t.Errorf("refused %v, %d indexed: %v", refused, r.server.Len(), err)
			}
			r.server.Script(reply)
			refused, err = r.Deliver(t.Context(), envelopes("good", "good"))
			if err != nil || len(refused) != 0 || r.server.Len() != 5 {
				t.Errorf("refused %v, %d indexed: %v", refused, r.server.Len(), err)
			}
			if told := r.told(); len(told) != 2 || !strings.Contains(told[0], "hec.index") || told[1] != "" {
				t.Errorf("told %q", told)
			}
		})
	}
}

// TestCloudTooLarge: Splunk Cloud refuses the first event of a body that is
// too large, whichever it is. No good event is set aside, none comes twice, and
// one that is really bad is found all the same.
func TestCloudTooLarge(t *testing.T) {
	t.Parallel()
	const most = 4096
	for _, bad := range []int{-1, 0, 1, 9, 19} {
		t.Run(fmt.Sprint("bad ", bad), func(t *testing.T) {
			t.Parallel()
			r := newRig(t, nil)
			r.server.Poison(func(event []byte) bool { return bytes.Contains(event, []byte("poison")) })
			r.server.SetFault(func(_ int, req *http.Request) *hectest.Reply {
				if body, err := io.ReadAll(req.Body); err == nil && len(body) <= most {
					return nil
				}
				tooLarge := hectest.HECEvent(6, 0)
				return &tooLarge
			})
			var events, want []string
			for i := range 20 {
				kind := "fine"
				if i == bad {
					kind = "poison"
				}
				events = append(events, fmt.Sprintf(`{"id":"%d","kind":%q,"pad":%q}`, i, kind, strings.Repeat("x", 500)))
				if i != bad {
					want = append(want, events[i])
				}
			}
			refused, err := r.Deliver(t.Context(), r.batch(events...))
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range refused {
				if f.Index != bad {
					t.Errorf("event %d is refused: %s", f.Index, f.Reply)
				}
			}
			if bad >= 0 && len(refused) != 1 {
				t.Errorf("%d are refused, want the bad one", len(refused))
			}
			if diff := cmp.Diff(want, r.bodies()); diff != "" {
				t.Errorf("indexed (-want +got):\n%s", diff)
			}
		})
	}
}

// TestFloodOfRefusals: when everything is refused, something else is wrong: it
// is told once, the events go to the dead letters all the same, and it passes.
func TestFloodOfRefusals(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.server.Poison(func(event []byte) bool { return !bytes.Contains(event, []byte("fine")) })
	var bad []string
	for i := range 40 {
		bad = append(bad, fmt.Sprintf(`{"id":"bad %d"}`, i))
	}
	deliver := func(events ...string) []audit.Refusal {
		refused, err := r.Deliver(t.Context(), r.batch(events...))
		if err != nil {
			t.Fatal(err)
		}
		return refused
	}
	if n := len(deliver(bad...)) + len(deliver(`{"id":"fine"}`)) + len(deliver(bad...)); n != 80 || len(r.told()) != 0 {
		t.Errorf("%d refused, told %q; 40 in a row are no flood", n, r.told())
	}
	if n := len(deliver(bad...)); n != 40 {
		t.Errorf("%d refused", n)
	}
	deliver(bad...)
	told := r.told()
	if len(told) != 1 || !strings.Contains(told[0], "refuses every event") || !strings.Contains(told[0], "replay") {
		t.Fatalf("told %q, want it once", told)
	}
	deliver(`{"id":"fine"}`)
	if told := r.told(); len(told) != 2 || told[1] != "" {
		t.Errorf("told %q, want that it is over", told)
	}
}

// TestUncertain: what is sent again though Splunk may have it is counted, and
// nothing else is.
func TestUncertain(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name  string
		reply hectest.Reply
		want  float64
	}{
		{"answer lost", hectest.Drop().Took(), 1},
		{"answer cut off", hectest.HEC(0).Truncated(), 1},
		{"a gateway gives up waiting", hectest.HTML(504).Took(), 1},
		{"internal error", hectest.HEC(8).Took(), 1},
		{"busy from the third event on", hectest.HECEvent(9, 2).TookFirst(2), 1},
		{"a page that says 200", hectest.HTML(200).Took(), 1},
		{"busy", hectest.HEC(9), 0},
		{"busy from the first event on", hectest.HECEvent(9, 0), 0},
		{"bad token", hectest.HEC(4), 0},
		{"queue full", hectest.HEC(26), 0},
		{"redirect", hectest.Redirect("/"), 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, nil)
			r.server.Script(tc.reply)
			if _, err := r.Deliver(t.Context(), r.batch(numbered(4)...)); err != nil {
				t.Fatal(err)
			}
			if n := testutil.ToFloat64(r.metrics.uncertain); n != tc.want {
				t.Errorf("%v counted, want %v", n, tc.want)
			}
			if twice := r.server.Len() > 4; twice && tc.want == 0 {
				t.Errorf("%d events are there", r.server.Len())
			}
		})
	}
	t.Run("refused connection", func(t *testing.T) {
		t.Parallel()
		r := newRig(t, nil)
		r.server.Pause()
		done := make(chan error)
		go func() {
			_, err := r.Deliver(t.Context(), r.batch(numbered(4)...))
			done <- err
		}()
		r.await(t, func(told []string) bool { return len(told) > 0 })
		if err := r.server.Resume(); err != nil {
			t.Fatal(err)
		}
		if err := <-done; err != nil || testutil.ToFloat64(r.metrics.uncertain) != 0 {
			t.Errorf("%v, %v counted", err, testutil.ToFloat64(r.metrics.uncertain))
		}
	})
}

// TestTokenWithoutAcks: with acknowledgement asked for, a token that gives
// none blocks. Trying again would index the same events at each try, so Splunk
// is asked instead until the token is right.
func TestTokenWithoutAcks(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *Config) { c.Ack.Enabled, c.Ack.PollInterval = true, 10*time.Millisecond })
	done := make(chan error)
	go func() {
		_, err := r.Deliver(t.Context(), r.batch(numbered(3)...))
		done <- err
	}()
	told := r.await(t, func(told []string) bool { return len(told) > 0 })
	if !strings.Contains(told[0], "does not acknowledge") || !strings.Contains(told[0], "hec.ack.enabled") {
		t.Errorf("told %q", told)
	}
	before := r.server.Stats().Answered
	if err := r.server.WaitUntil(t.Context(), func(s hectest.Stats) bool { return s.Answered > before+20 }); err != nil {
		t.Fatal(err)
	}
	if n := r.server.Len(); n != 3 {
		t.Errorf("%d events are there after many tries, want 3", n)
	}
	r.server.SetToken(hectest.Token{Value: hectest.DefaultToken, UseACK: true})
	if err := <-done; err != nil {
		t.Error(err)
	}
	if n := r.server.Len(); n != 6 {
		t.Errorf("%d events are there, want 6: once more with an acknowledgement", n)
	}
}

// TestAcksBehindGateway: a gateway that gives up waiting may have passed the
// post on, and the indexer given it an id that nobody heard of. An indexer that
// has started again unnoticed then says true of that id, which must not be taken
// for the post that got the same id before.
func TestAcksBehindGateway(t *testing.T) {
	t.Parallel()
	for name, reply := range map[string]hectest.Reply{
		"504": hectest.HTML(http.StatusGatewayTimeout), "408": hectest.TimedOut(),
		"internal error": hectest.HEC(codeInternal), "a page": hectest.HTML(http.StatusOK),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, func(c *Config) { c.Ack.Enabled, c.Ack.PollInterval = true, 10*time.Millisecond },
				hectest.WithToken(hectest.Token{Value: hectest.DefaultToken, UseACK: true}))
			r.server.SetAckDelay(func(string, int) time.Duration { return -1 })
			lost := r.batch(`{"id":"lost"}`)
			done := make(chan error, 2)
			deliver := func(b audit.Batch) {
				_, err := r.Deliver(t.Context(), b)
				done <- err
			}
			go deliver(lost)
			if err := r.server.WaitUntil(t.Context(), func(s hectest.Stats) bool { return s.Polls > 0 }); err != nil {
				t.Fatal(err)
			}
			r.server.ForgetAcks() // and with them, say, what was not written
			r.server.SetAckDelay(nil)
			r.server.Script(reply.Took())
			go deliver(r.batch(`{"id":"other"}`))
			for range 2 {
				if err := <-done; err != nil {
					t.Fatal(err)
				}
			}
			if n := indexed(r.server)[`{"id":"lost"}`]; n != 2 {
				t.Errorf("sent %d times, and reported as indexed", n)
			}
		})
	}
}

// TestAcksOfWhatGoesAgain: an id that comes with an answer after which all is
// sent again is waited for by nobody, asked for by nobody, and no trouble.
func TestAcksOfWhatGoesAgain(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		partial string
		reply   hectest.Reply
		refused int
	}{
		"nothing of it counts":      {PartialNone, hectest.HECEvent(codeFormat, 1), 1},
		"busy in the middle":        {PartialPrefix, hectest.HECEvent(codeBusy, 2).TookFirst(2), 0},
		"no event of that number":   {PartialPrefix, hectest.HECEvent(codeFormat, 9), 0},
		"a number, and all is gone": {PartialNone, hectest.HECEvent(13, 2), 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, func(c *Config) {
				c.Ack = Ack{Enabled: true, PollInterval: 10 * time.Millisecond, Timeout: time.Hour}
				c.PartialAcceptance = tc.partial
			}, hectest.WithToken(hectest.Token{Value: hectest.DefaultToken, UseACK: true}))
			first := true // what Splunk has not taken as it should be is never indexed
			r.server.SetAckDelay(func(string, int) time.Duration {
				if first {
					first = false
					return -1
				}
				return 0
			})
			r.server.Script(tc.reply)
			refused, err := r.Deliver(t.Context(), r.batch(numbered(3)...))
			if err != nil || len(refused) != tc.refused {
				t.Fatalf("%+v, %v", refused, err)
			}
			if first {
				t.Fatal("no id was given")
			}
			if n := testutil.ToFloat64(r.pool.endpoints[0].acks.metrics.open.WithLabelValues(r.server.URL())); n != 0 {
				t.Errorf("%v requests wait for an acknowledgement that nobody needs", n)
			}
		})
	}
}

// TestNoAckEndpoint: what takes events without an id and has no place to ask for
// one would be sent the same batch again and again.
func TestNoAckEndpoint(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *Config) { c.Ack.Enabled, c.Ack.PollInterval = true, 10*time.Millisecond })
	r.server.SetFault(func(_ int, req *http.Request) *hectest.Reply {
		if reply := hectest.Empty(http.StatusNotFound); req.URL.Path == pathAck {
			return &reply
		}
		return nil
	})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() {
		_, err := r.Deliver(ctx, r.batch(numbered(3)...))
		done <- err
	}()
	if err := r.server.WaitUntil(t.Context(), func(s hectest.Stats) bool { return s.Answered > 20 }); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if n := r.server.Len(); n != 3 {
		t.Errorf("%d events are there after many tries, want 3", n)
	}
	if told := r.told(); len(told) == 0 || !strings.Contains(told[len(told)-1], "does not acknowledge") {
		t.Errorf("told %q", told)
	}
}

// TestCookieRequired: what refuses a post for the cookie that it has not, and
// gives it with the refusal, costs one more request for each channel, no wait,
// and is no trouble.
func TestCookieRequired(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *Config) {
		c.Ack.Enabled, c.Ack.PollInterval = true, 10*time.Millisecond
		c.BackoffMin, c.BackoffMax = time.Hour, time.Hour
	}, hectest.WithToken(hectest.Token{Value: hectest.DefaultToken, UseACK: true}),
		hectest.WithCookie(hectest.Cookie{Name: "AWSELB", Value: "a", Require: true}))
	for range 3 {
		if _, err := r.Deliver(t.Context(), r.batch(numbered(2)...)); err != nil {
			t.Fatal(err)
		}
		acks := r.pool.endpoints[0].acks
		acks.lost(acks.session()) // the next post begins a channel
	}
	if told := r.told(); len(told) > 0 || r.server.Len() != 6 {
		t.Errorf("told %q, %d events", told, r.server.Len())
	}
}

// TestCookieNeverRight: what gives a cookie with each refusal is asked no more
// often for it.
func TestCookieNeverRight(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *Config) { c.Ack.Enabled, c.BackoffMin, c.BackoffMax = true, time.Hour, time.Hour })
	r.server.SetFault(func(int, *http.Request) *hectest.Reply {
		reply := hectest.HTML(http.StatusBadRequest).WithHeader("Set-Cookie", "at=here; Secure")
		return &reply
	})
	r.blocked(t)
	if n := len(r.server.Requests()); n != 2 {
		t.Errorf("%d posts, want 2", n)
	}
}

// TestChannelMissing: what to do depends on whether it is done.
func TestChannelMissing(t *testing.T) {
	t.Parallel()
	for enabled, says := range map[bool]string{false: "set hec.ack.enabled", true: "sticky sessions"} {
		for _, code := range []int{10, 11, 28} {
			r := newRig(t, func(c *Config) { c.Ack.Enabled = enabled })
			reply := hectest.HEC(code)
			r.server.SetFault(func(int, *http.Request) *hectest.Reply { return &reply })
			told := r.blocked(t)
			if _, hint, _ := strings.Cut(told, "; "); !strings.Contains(hint, says) {
				t.Errorf("told %q, want %q", told, says)
			}
		}
	}
}

package hec

import (
	"strings"
	"testing"
	"time"

	"auditlog-forwarder/pkg/hec/hectest"
)

// TestAcksCookies: which cookies send again what is open, and how often.
func TestAcksCookies(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		cookie hectest.Cookie
		most   int // resends of 20 posts with each an id open
	}{
		{"one that stays", hectest.Cookie{Name: "AWSELB", Value: "a"}, 0},
		{"AWS's, anew each time", hectest.Cookie{Name: "AWSALB", Value: "a", Always: true}, 0},
		{"AWS's for other sites, anew each time", hectest.Cookie{Name: "AWSALBCORS", Value: "a", Always: true}, 0},
		{"AWS's for target groups, anew each time", hectest.Cookie{Name: "AWSALBTGCORS", Value: "a", Always: true}, 0},
		{"AWS's for an application's, anew each time", hectest.Cookie{Name: "AWSALBAPP-0", Value: "a", Always: true}, 0},
		{"unknown, anew each time", hectest.Cookie{Name: "session", Value: "a", Always: true}, cookieRestless - 1},
		{"required", hectest.Cookie{Name: "AWSELB", Value: "a", Require: true}, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				server := ackServer(hectest.WithCookie(tc.cookie), hectest.WithAckDelay(20*time.Second))
				r := newAckRig(t, server, nil)
				var posts []*sent
				for range 20 {
					p := r.post(t.Context())
					if p.id < 0 { // refused for want of the cookie, which it brought
						p = r.post(t.Context())
					}
					posts = append(posts, p)
				}
				again := 0
				for _, p := range posts {
					if p.id < 0 {
						t.Fatal("refused twice")
					}
					if got := r.outcome(p); strings.HasPrefix(got, "unconfirmed") {
						again++
					}
				}
				if again > tc.most || again != r.unconfirmed(reasonCookie) {
					t.Errorf("%d sent again, %d counted; want at most %d", again, r.unconfirmed(reasonCookie), tc.most)
				}
				last := server.Requests()[len(server.Requests())-1]
				if last.Path != pathAck || !strings.Contains(last.Header.Get("Cookie"), tc.cookie.Name+"=") {
					t.Errorf("a poll has the cookies %q", last.Header.Get("Cookie"))
				}
			})
		})
	}
}

// TestAcksBehindBalancer: what is open is asked where it was sent, and what a
// client that was moved had open is sent again at once.
func TestAcksBehindBalancer(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		opts   hectest.BalancerOptions
		reason string
	}{
		{"cookie that names the target", hectest.BalancerOptions{Cookie: "AWSELB"}, reasonCookie},
		{"cookie that is new each time", hectest.BalancerOptions{Cookie: "AWSALB", Fresh: true}, reasonLost},
	} {
		t.Run(tc.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				servers := []*hectest.Server{ackServer(hectest.WithAckDelay(5 * time.Second)), ackServer(hectest.WithAckDelay(5 * time.Second))}
				lb := hectest.NewBalancer(tc.opts, servers...)
				r := newAckRig(t, lb, nil)
				// At once, and so each without a cookie: on channels of their own.
				var out []*ackSession
				for range 6 {
					out = append(out, r.session())
				}
				var replies []*answered
				for _, s := range out {
					replies = append(replies, r.send(s))
				}
				var posts []*sent
				for i, s := range out {
					posts = append(posts, r.answer(t.Context(), s, replies[i]))
				}
				if servers[0].Len() != 3 || servers[1].Len() != 3 {
					t.Fatalf("%d and %d events", servers[0].Len(), servers[1].Len())
				}
				for range 4 { // with the first one's cookie
					posts = append(posts, r.post(t.Context()))
				}
				home := 0
				if servers[1].Len() > 3 {
					home = 1
				}
				if servers[home].Len() != 7 {
					t.Fatalf("%d and %d events; want the last ones together", servers[0].Len(), servers[1].Len())
				}
				for _, p := range posts {
					if got := r.outcome(p); !strings.HasPrefix(got, "indexed") {
						t.Error(got)
					}
				}
				var open []*sent
				for range 3 {
					open = append(open, r.post(t.Context()))
				}
				lb.Move(home, 1-home)
				moved := r.post(t.Context())
				for _, p := range open {
					if got := r.outcome(p); got != "unconfirmed after 0s" {
						t.Error(got)
					}
				}
				if n := r.unconfirmed(tc.reason); n != 3 {
					t.Errorf("%d counted as %s, want 3", n, tc.reason)
				}
				if r.session().id == moved.ackSession.id {
					t.Error("the channel has moved and is still used")
				}
				if got := r.outcome(moved); !strings.HasPrefix(got, "indexed") {
					t.Errorf("what brought the news: %s", got)
				}
				again := r.post(t.Context())
				if got := r.outcome(again); !strings.HasPrefix(got, "indexed") {
					t.Error(got)
				}
			})
		})
	}
}

// TestAcksPollMoved: the balancer tells by a poll that it has moved the client.
func TestAcksPollMoved(t *testing.T) {
	bubble(t, func(t *testing.T) {
		servers := []*hectest.Server{ackServer(hectest.WithManualAck()), ackServer(hectest.WithManualAck())}
		lb := hectest.NewBalancer(hectest.BalancerOptions{Cookie: "AWSELB"}, servers...)
		r := newAckRig(t, lb, nil)
		p := r.post(t.Context())
		lb.Move(0, 1)
		if got := r.outcome(p); got != "unconfirmed after 1s" || r.unconfirmed(reasonCookie) != 1 {
			t.Errorf("%s, %d counted", got, r.unconfirmed(reasonCookie))
		}
	})
}

// TestAcksMovedOften: real moves, with something that stays between them, are
// never taken for a cookie that changes by design.
func TestAcksMovedOften(t *testing.T) {
	bubble(t, func(t *testing.T) {
		servers := []*hectest.Server{ackServer(hectest.WithManualAck()), ackServer(hectest.WithManualAck())}
		lb := hectest.NewBalancer(hectest.BalancerOptions{Cookie: "AWSELB"}, servers...)
		r := newAckRig(t, lb, nil)
		for n := range 2 * cookieRestless {
			lb.Move(0, 0)
			lb.Move(1, 1)
			r.post(t.Context())
			p := r.post(t.Context())
			at := 0
			if servers[1].PendingAcks(p.ackSession.id) > 0 {
				at = 1
			}
			lb.Move(at, 1-at)
			r.post(t.Context())
			if got := r.outcome(p); got != "unconfirmed after 0s" {
				t.Fatalf("move %d: %s", n, got)
			}
			if n := r.unconfirmed(reasonLost); n != 0 {
				t.Fatalf("%d were noticed only by their ids", n)
			}
		}
	})
}

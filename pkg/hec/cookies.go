package hec

import (
	"net/http"
	"net/url"
	"strings"
)

const (
	// cookieMost bounds the cookies that are watched on a channel.
	cookieMost = 64
	// cookieRestless is how many changes in a row show that a cookie changes by
	// design and tells nothing of where requests go.
	cookieRestless = 3
)

// cookieMemory knows which cookies tell that another indexer answers. It is
// guarded by the mutex of its acks.
type cookieMemory struct {
	changes map[string]int // in a row, by name
	noise   map[string]bool
}

func newCookieMemory() cookieMemory {
	return cookieMemory{changes: map[string]int{}, noise: map[string]bool{}}
}

// newEachTime reports whether a cookie changes with every reply. AWS's
// Application Load Balancer encrypts its own under a key that rotates and sends
// them anew each time, to the same target too; it reserves the names that begin
// so.
func newEachTime(name string) bool { return strings.HasPrefix(name, "AWSALB") }

// moved returns the name of a cookie by which a load balancer says that it has
// sent a request elsewhere than those before it on ch; "" if there is none.
func (m *cookieMemory) moved(ch *ackChannel, set []*http.Cookie) string {
	for _, c := range set {
		if old, had := ch.cookies[c.Name]; had && old != c.Value && !newEachTime(c.Name) && !m.noise[c.Name] {
			return c.Name
		}
	}
	return ""
}

// learn counts the changes in a row, to know a cookie that changes by design.
// The first cookies of a channel count neither way.
func (m *cookieMemory) learn(ch *ackChannel, set []*http.Cookie) {
	name := m.moved(ch, set)
	switch {
	case name == "":
		for _, c := range set {
			if _, had := ch.cookies[c.Name]; had {
				clear(m.changes) // something stays the same
			}
		}
		if len(set) == 0 {
			clear(m.changes)
		}
	case ch.next == nil: // not one of several replies that tell of one move
		if len(m.changes) >= cookieMost {
			clear(m.changes)
		}
		if m.changes[name]++; m.changes[name] >= cookieRestless {
			m.noise[name] = true
		}
	}
}

// noteCookies keeps what a reply sets.
func (ch *ackChannel) noteCookies(at *url.URL, set []*http.Cookie) {
	if len(set) == 0 {
		return
	}
	for _, c := range set {
		if _, had := ch.cookies[c.Name]; had || len(ch.cookies) < cookieMost {
			ch.cookies[c.Name] = c.Value
		}
	}
	ch.jar.SetCookies(at, set)
}

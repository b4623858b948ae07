package hec

import (
	"crypto/tls"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// endpoint is one of Splunk's addresses, with what is known of it.
type endpoint struct {
	name string // the address as people know it: in logs, errors and labels
	base *url.URL
	acks *acks

	// The rest is guarded by the pool's mu.

	tls       *tls.Config
	transport *http.Transport // its connections
	renew     time.Time       // when it is swapped for a fresh one; zero: never

	down     bool          // takes no posts for now
	period   int           // counts the changes of down, so that late answers are known as such
	until    time.Time     // while down: when it may be tried again
	failures int           // in a row, which the endpoint itself is to blame for; one for each period
	limit    int           // how many posts of this period may be out; 0: any number
	lent     int           // posts of this period that are out
	trial    bool          // while down: the one post that tries it is out
	asking   bool          // while down: it is asked out-of-band now
	asked    bool          // while down: it was asked, and said that it would take posts
	askFirst bool          // while down: a post would be indexed again and again, so only asking will do
	soft     bool          // while down: the last failure may have been its post's own
	culprit  *ticket       // while down: the only post that failed, in a way that may be its own; nil: several
	success  time.Time     // when it last settled a post
	latency  time.Duration // how long its answers took of late
	out      []*lease      // posts that are out, oldest first, with some that are back already
	posts    int           // posts that are out

	// What was told; see problem.go.
	problem *Problem // nil: it takes events
	unheard *Problem // why its acknowledgements do not come; nil: they do
	tries   int      // failed posts in a row
	since   time.Time
	worked  bool // it has taken something, or said that it would
}

// baseOf reads an address. One that already names the collector is what
// Splunk's own pages show to be copied.
func baseOf(raw string) (*url.URL, error) {
	base, err := url.Parse(strings.TrimRight(raw, "/"))
	if err != nil {
		return nil, err
	}
	if at := strings.Index(base.Path, "/services/collector"); at >= 0 {
		base.Path = base.Path[:at]
	}
	return base, nil
}

// sameAddress reports whether two addresses lead to the same HEC, however they
// are written.
func sameAddress(a, b string) bool {
	key := func(raw string) string {
		u, err := baseOf(raw)
		if err != nil {
			return raw
		}
		port := u.Port()
		if port == "" && u.Scheme == "http" {
			port = "80"
		} else if port == "" {
			port = "443"
		}
		return u.Scheme + "://" + net.JoinHostPort(strings.ToLower(u.Hostname()), port) + u.Path
	}
	return key(a) == key(b)
}

// newEndpoint reads an address. Nothing is sent.
func newEndpoint(cfg Config, raw string) (*endpoint, error) {
	base, err := baseOf(raw)
	if err != nil {
		return nil, fmt.Errorf("hec.url: %w", err)
	}
	e := &endpoint{name: base.String(), base: base}
	if e.tls, err = cfg.TLS.Config(base.Hostname()); err != nil {
		return nil, fmt.Errorf("hec.tls.%w", err)
	}
	if err = e.swap(cfg); err != nil {
		return nil, fmt.Errorf("hec.proxy: %w", err)
	}
	return e, nil
}

// swap gives the endpoint new connections, and with them a new look at DNS and
// another server behind a load balancer. Posts that are out end on the old
// ones, of which the idle ones are closed. It needs the pool's mu.
func (e *endpoint) swap(cfg Config) error {
	fresh, err := newTransport(cfg, e.tls.Clone())
	if err != nil {
		return err
	}
	if e.transport != nil {
		e.transport.CloseIdleConnections()
	}
	e.transport, e.renew = fresh, time.Time{}
	if age := cfg.ConnectionMaxAge; age > 0 {
		// Not at the same moment in all members.
		e.renew = time.Now().Add(age/2 + rand.N(age/2+1)) //nolint:gosec // spreads load, guards nothing
	}
	return nil
}

// Latencies below this are not told apart: what differs is chance.
const sameLatency = 50 * time.Millisecond

// forgetLatency is after how long without a post an endpoint is taken to be as
// fast as any, so that one that was slow once gets another chance.
const forgetLatency = 30 * time.Second

// slowness is how long a post takes until its answer, and from there until it is
// acknowledged, as far as is known: those of late, or the age of the oldest post
// that has none, if that is more. open are those that are not acknowledged.
func (e *endpoint) slowness(now time.Time) (answers, acks time.Duration, open int) {
	for len(e.out) > 0 && e.out[0].back {
		e.out[0] = nil
		e.out = e.out[1:]
	}
	acks, open = e.acks.slowness(now)
	switch {
	case len(e.out) > 0:
		return max(e.latency, now.Sub(e.out[0].started)), acks, open
	case now.Sub(e.success) > forgetLatency:
		return 0, acks, open
	}
	return e.latency, acks, open
}

// measure takes the time of an answer that came now into the average of about
// the last four. After a time without any, only the new one counts: otherwise one
// long answer would keep posts away for many such times.
func (e *endpoint) measure(took time.Duration, now time.Time) {
	if started := now.Add(-took); !e.success.IsZero() && started.Sub(e.success) > forgetLatency {
		e.latency = took
	} else {
		e.latency += (took - e.latency) / 4
	}
	e.success = now
}

// admits reports whether the endpoint may be given t's post now. other says
// that another endpoint takes posts: then no batch is risked on one that is
// down before it has said, asked out-of-band, that it works.
func (e *endpoint) admits(t *ticket, now time.Time, other bool) bool {
	switch {
	case !e.down:
		return e.limit == 0 || e.lent < e.limit
	case e.trial:
		return false
	case e.asked:
		return true
	case other || e.askFirst:
		return false
	case !now.Before(e.until):
		return true
	default:
		// Only one post has failed, perhaps for what is in it: any other one
		// tells more than waiting does.
		return e.culprit != nil && e.culprit != t
	}
}

package hec

import (
	"cmp"
	"maps"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"slices"
	"time"

	"github.com/google/uuid"
	"go.uber.org/zap"
)

// Why ids are given up: the labels of a metric.
const (
	reasonTimeout = "timeout"
	reasonLost    = "channel_lost"
	reasonCookie  = "cookie_changed"
	reasonPoll    = "poll_lost"
)

// codeChannelFull says that a channel holds as many ids as Splunk allows.
const codeChannelFull = 27

// earlyIDs is how many ids of a channel are remembered. An indexer that has
// started again counts from 0, so it gives itself away by one of the first.
const earlyIDs = 512

// ackChannel is one channel on one indexer. It is guarded by the mutex of its
// acks. It lives as long as somebody has a session of it or waits for an id.
type ackChannel struct {
	id      string
	jar     http.CookieJar
	cookies map[string]string // what the load balancer set last, by name
	made    time.Time
	used    time.Time // last time that Splunk was asked or told something on it
	retired bool      // no new posts, whatever becomes of it
	anew    bool      // a successor
	dead    bool      // the indexer has forgotten its ids
	next    *ackChannel

	// out are the posts of which it is not known which id they got, if any; true
	// if that will never be known: the reply is lost, or may be of either
	// indexer. A successor shares the map.
	out map[*ackSession]bool

	early map[int64]uint64 // ids under earlyIDs that were given out, and when
	open  map[int64]*openAck
	held  int    // of them, those that are true and not believed yet
	deaf  bool   // the last poll was refused; counted in acks.deaf
	stop  func() // ends the poller; nil: there is none
}

// openAck is an id that Splunk has not said it has indexed.
type openAck struct {
	id      int64
	channel *ackChannel
	since   time.Time
	turn    uint64 // when it was given
	stop    func() bool
	done    chan struct{}
	gone    bool  // nobody waits for it any more
	err     error // valid once done is closed

	held    bool      // Splunk said true; see acks.confirm
	asOf    uint64    // when it did
	doubted time.Time // when the reply to a poll for it was lost; zero: never
	passed  int       // polls since then in which younger ids were true
}

func (e *openAck) settle(err error) {
	e.err = err
	close(e.done)
}

func newChannel(now time.Time) *ackChannel {
	return &ackChannel{
		id: uuid.NewString(), jar: newJar(), cookies: map[string]string{}, made: now, used: now,
		out: map[*ackSession]bool{}, early: map[int64]uint64{}, open: map[int64]*openAck{},
	}
}

func newJar() http.CookieJar {
	jar, _ := cookiejar.New(nil) // fails never
	return jar
}

// successor returns the channel under the same name on the indexer that
// answers now. It takes no new posts: their ids could not be told apart.
func (ch *ackChannel) successor(at *url.URL) *ackChannel {
	if ch.next == nil {
		next := newChannel(time.Now())
		next.id, next.out, next.jar = ch.id, ch.out, ch.jar
		next.retired, next.anew = true, true
		if at != nil {
			next.jar = newJar() // a late reply of the old indexer must not change the way to the new one
			var keep []*http.Cookie
			for _, c := range ch.jar.Cookies(at) {
				keep = append(keep, &http.Cookie{Name: c.Name, Value: c.Value, Path: "/"}) //nolint:gosec // a client's jar
			}
			next.jar.SetCookies(at, keep)
		}
		maps.Copy(next.cookies, ch.cookies)
		ch.next = next
	}
	return ch.next
}

// given tells whether and when an id was given out.
func (ch *ackChannel) given(id int64) (when uint64, ok bool) {
	if e := ch.open[id]; e != nil {
		return e.turn, true
	}
	when, ok = ch.early[id]
	return when, ok
}

// note takes an id in.
func (ch *ackChannel) note(e *openAck) {
	ch.open[e.id] = e
	ch.remember(e.id, e.turn)
}

// remember keeps that an id was given out.
func (ch *ackChannel) remember(id int64, turn uint64) {
	if id < earlyIDs {
		ch.early[id] = turn
	}
}

// asked lists the ids to poll for, oldest first.
func (ch *ackChannel) asked() []*openAck {
	all := make([]*openAck, 0, len(ch.open))
	for _, e := range ch.open {
		if !e.held {
			all = append(all, e)
		}
	}
	slices.SortFunc(all, func(x, y *openAck) int {
		if c := x.since.Compare(y.since); c != 0 {
			return c
		}
		return cmp.Compare(x.id, y.id)
	})
	return all
}

// lose gives up everything that is open on a channel. It needs a.mu.
func (a *acks) lose(ch *ackChannel, reason, cookie string) {
	ch.dead = true
	a.retire(ch)
	fields := []zap.Field{zap.String("endpoint", a.endpoint), zap.Int("requests", len(ch.open))}
	if cookie != "" {
		fields = append(fields, zap.String("cookie", cookie))
	}
	a.log.Warn("splunk's indexer has started again, or another one answers; what it had not indexed for certain is sent again", fields...)
	for _, e := range ch.open {
		a.drop(e, errUnconfirmed, reason)
	}
}

// sure reports whether a true for id must be about the post that waits for it,
// with so many posts of which it is not known which id they got.
//
// If the indexer has started again unnoticed, it has given the ids from 0 on
// once more. For each of the ids up to the one in question, one of the two posts
// that got it is not known, since two known ones would have been noticed. So as
// many posts are not known as ids can be wrong. Of a successor, where posts of
// two indexers were already told apart, that cannot be said: there all must be
// known.
func (ch *ackChannel) sure(id int64, unknown int) bool {
	return unknown == 0 || !ch.anew && id >= int64(unknown) && unknown < earlyIDs
}

// confirm takes Splunk's word that it has indexed e, or keeps it until release
// is sure that the word is about e. It needs a.mu.
func (a *acks) confirm(e *openAck) {
	if e.channel.sure(e.id, len(e.channel.out)) {
		a.drop(e, nil, "")
		return
	}
	e.held, e.asOf = true, a.turn
	e.channel.held++
}

// release decides on the words that are kept, of a channel and its successors.
// It needs a.mu.
func (a *acks) release(ch *ackChannel) {
	for ; ch != nil; ch = ch.next {
		if ch.held == 0 {
			continue
		}
		for _, e := range ch.open {
			if !e.held {
				continue
			}
			unknown, forever := 0, 0
			for s, never := range ch.out {
				if s.turn > e.asOf {
					continue // sent later
				}
				unknown++
				if never {
					forever++
				}
			}
			switch {
			case ch.sure(e.id, unknown):
				a.drop(e, nil, "")
			case !ch.sure(e.id, forever):
				a.drop(e, errUnconfirmed, reasonLost)
			}
		}
	}
}

// drop ends the wait for an id, and the polling of a channel without one. It
// needs a.mu.
func (a *acks) drop(e *openAck, err error, reason string) {
	if err != nil {
		a.metrics.unconfirmed.WithLabelValues(reason).Inc()
	} else {
		a.metrics.seconds.Observe(time.Since(e.since).Seconds())
	}
	if err == nil || reason == reasonTimeout {
		a.pace.measure(e.since, time.Now())
	}
	a.remove(e)
	e.settle(err)
}

// abandon forgets an id that nobody waits for any more, since err.
func (a *acks) abandon(e *openAck, err error) {
	a.mu.Lock()
	settled := e.channel == nil || e.channel.open[e.id] != e
	if !settled {
		a.remove(e)
		e.settle(err)
	}
	quiet := a.open == 0
	a.mu.Unlock()
	if !settled && quiet {
		a.voice.rest()
	}
}

// retire takes no more posts on a channel. It needs a.mu.
func (a *acks) retire(ch *ackChannel) {
	ch.retired = true
	if a.current == ch {
		a.current = nil
	}
}

// refused notes whether polls on ch are. It needs a.mu.
func (a *acks) refused(ch *ackChannel, now bool) {
	switch {
	case now && !ch.deaf:
		a.deaf++
	case !now && ch.deaf:
		a.deaf--
	}
	ch.deaf = now
}

// remove needs a.mu.
func (a *acks) remove(e *openAck) {
	ch := e.channel
	e.stop()
	e.gone = true
	delete(ch.open, e.id)
	if e.held {
		ch.held--
	}
	a.open--
	a.metrics.open.WithLabelValues(a.endpoint).Dec()
	if a.open == 0 {
		a.metrics.oldest.WithLabelValues(a.endpoint).Set(0)
	}
	if len(ch.open) == 0 && ch.stop != nil {
		ch.stop()
		ch.stop = nil
		a.refused(ch, false)
	}
}

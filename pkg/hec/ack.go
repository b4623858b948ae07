package hec

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/google/uuid"
	"go.uber.org/zap"
)

// errUnconfirmed says that Splunk has taken events and will not, or not in
// time, confirm that it has indexed them: they must be sent again.
var errUnconfirmed = errors.New("splunk has not confirmed that it indexed the events")

// Splunk removes an acknowledgement channel that was idle for 600 s
// (ackIdleCleanup), and gives its ids out again. So one that was idle for half
// of that is not used again.
const channelIdle = 5 * time.Minute

// ackOptions are what the acknowledgements of one address need.
type ackOptions struct {
	enabled  bool          // off: one channel for ever, and nothing is waited for
	interval time.Duration // from one poll to the next
	timeout  time.Duration // how long Splunk may take to index
	// maxAge is after how long the next post takes a new channel, so that a load
	// balancer that goes by cookie may choose again; 0: never.
	maxAge   time.Duration
	endpoint string // the address, for the log and the metrics
	poll     pollFunc
	metrics  *ackMetrics
	log      *zap.Logger
	// tell is told why the acknowledgements do not come, once for each reason,
	// and nil when they come again. Optional. It is called from a poller.
	tell func(*Problem)
}

// pollFunc asks which of the ids Splunk has indexed, on the session's channel.
// Every reply is handed to note before it is read. Its error is a *reply if
// there was an answer.
type pollFunc func(ctx context.Context, s *ackSession, ids []int64, note func(*http.Response)) (map[int64]bool, error)

// acks are the acknowledgements of one address: the channel that posts are
// sent on, the ids that Splunk has not said it has indexed, and who asks it.
//
// Every try of a post takes a session, sends what sign puts on it, shows the reply
// to noteReply, and ends with finish, or with lost if there was no whole answer
// of the indexer, for whatever reason: a session that never ends keeps a
// channel's first ids from being believed. If Splunk gave an id, wait tells what
// became of it; one that nobody waits for ends with pass. An id that is given up is never reported as indexed, so that a
// mistake here repeats events and cannot lose one.
type acks struct {
	ackOptions
	plain *ackSession // the only one, where acknowledgement is off
	voice ackVoice

	mu      sync.Mutex
	current *ackChannel // for the next post; nil: a new one
	turn    uint64      // counts the sessions; tells what came before what
	open    int         // ids that wait, on all channels
	deaf    int         // channels on which polls are refused
	pace    ackPace
	heard   time.Time // last answer to a poll, or when the first id of several opened
	yes     time.Time // last true, or the same
	cookies cookieMemory
}

func newAcks(o ackOptions) *acks {
	a := &acks{ackOptions: o, cookies: newCookieMemory()}
	a.plain = &ackSession{id: uuid.NewString()}
	a.voice = ackVoice{log: o.log, tell: o.tell, endpoint: o.endpoint, waiting: a.waiting}
	a.metrics.add(o.endpoint)
	return a
}

// ackSession is the use of a channel by one post, or by one poll.
type ackSession struct {
	id  string         // for X-Splunk-Request-Channel
	jar http.CookieJar // what a load balancer set; nil where acknowledgement is off

	channel *ackChannel // nil where acknowledgement is off
	turn    uint64      // when it was taken
	entry   *openAck    // nil: no id was given
}

// sign puts the channel and its cookies on a request.
func (s *ackSession) sign(req *http.Request) {
	req.Header.Set(headerChannel, s.id)
	if s.jar == nil {
		return
	}
	req.Header.Del("Cookie") // of the try before
	for _, c := range s.jar.Cookies(req.URL) {
		req.AddCookie(c)
	}
}

// session returns what a post is sent with. Until a channel has its first id, or
// a cookie, each post gets a channel of its own: without a cookie a load
// balancer may send each to another indexer, and each of these counts the
// channel's ids from 0.
func (a *acks) session() *ackSession {
	if !a.enabled {
		return a.plain
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	now := time.Now()
	if ch := a.current; ch != nil {
		idle := len(ch.open) == 0 && now.Sub(ch.used) > channelIdle
		if idle || a.maxAge > 0 && now.Sub(ch.made) > a.maxAge {
			a.retire(ch)
		}
	}
	ch := a.current
	if ch == nil {
		ch = newChannel(now)
	}
	a.turn++
	s := &ackSession{id: ch.id, jar: ch.jar, channel: ch, turn: a.turn}
	ch.out[s] = false
	ch.used = now
	return s
}

// noteReply sees the cookies of a reply, of a post or of a poll.
func (a *acks) noteReply(s *ackSession, resp *http.Response) {
	if s.channel == nil || resp == nil || resp.Request == nil {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	set := resp.Cookies()
	a.cookies.learn(s.channel, set)
	for name := a.cookies.moved(s.channel, set); name != ""; name = a.cookies.moved(s.channel, set) {
		// Another indexer has answered, so this reply's id counts there.
		if s.channel.next == nil {
			a.lose(s.channel, reasonCookie, name)
			s.channel.successor(resp.Request.URL).noteCookies(resp.Request.URL, set)
		}
		s.channel = s.channel.next
	}
	s.channel.noteCookies(resp.Request.URL, set)
	if len(set) > 0 {
		// A load balancer may refuse what comes without its cookie, so the next
		// post brings it, also if this one got no id.
		a.offer(s.channel)
	}
}

// offer makes ch the channel of the next posts if there is none. It needs a.mu.
func (a *acks) offer(ch *ackChannel) {
	if a.current == nil && !ch.retired {
		a.current = ch
	}
}

// finish ends a post that was answered: with this HEC code, and with this id if
// Splunk will say when it has indexed what it took of it. The id waits from now
// on, until ctx ends.
func (a *acks) finish(ctx context.Context, s *ackSession, code int, id *int64) {
	if s.channel == nil {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.end(ctx, s, id)
	if code == codeChannelFull {
		a.retire(s.channel) // another channel has room
	}
}

// pass ends a post whose answer brought an id that nobody waits for: all of it is
// sent again or refused, whatever Splunk indexes. The id is only remembered.
func (a *acks) pass(s *ackSession, code int, id int64) {
	if s.channel == nil {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	ch := s.channel
	delete(ch.out, s)
	ch.used = time.Now()
	if at := a.place(s, id); at != nil {
		at.remember(id, a.turn)
	} else {
		ch.out[s] = true
	}
	a.release(ch)
	if code == codeChannelFull {
		a.retire(ch)
	}
}

// lost ends a post that got no answer. Whether Splunk has given it an id is
// not known, so its channel takes no more posts.
func (a *acks) lost(s *ackSession) {
	if s.channel == nil {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.retire(s.channel)
	s.channel.out[s] = true
	a.release(s.channel)
}

// wait returns nil when Splunk has indexed the events of id, errUnconfirmed if
// they must be sent again, or ctx's error.
func (a *acks) wait(ctx context.Context, s *ackSession, id int64) error {
	if s.channel == nil {
		return nil
	}
	a.mu.Lock()
	if s.entry == nil {
		a.end(ctx, s, &id)
	}
	e := s.entry
	a.mu.Unlock()
	select {
	case <-e.done:
		return e.err
	case <-ctx.Done():
	}
	a.abandon(e, ctx.Err())
	<-e.done
	return e.err // what is known counts, also when ctx has ended
}

// forget makes it news again that acknowledgements do not come, unless some are
// waited for.
func (a *acks) forget() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.open > 0 {
		return false
	}
	a.voice.forgotten.Store(true)
	return true
}

// end needs a.mu.
func (a *acks) end(ctx context.Context, s *ackSession, id *int64) {
	ch := s.channel
	delete(ch.out, s)
	ch.used = time.Now()
	if id != nil && s.entry == nil {
		e := &openAck{id: *id, since: ch.used, done: make(chan struct{})}
		s.entry = e
		if at := a.place(s, *id); at != nil {
			a.add(ctx, at, e)
		} else {
			ch.out[s] = true
			e.settle(errUnconfirmed)
			a.metrics.unconfirmed.WithLabelValues(reasonLost).Inc()
		}
	}
	a.release(ch)
}

// place returns the channel, as the indexer counts it, to which an id belongs
// that was given to a post; nil if that cannot be known. It needs a.mu.
//
// An id that was given out before means that the indexer has started again, or
// that another one answers: ids count from 0 there. The id is the new one's only
// if the post began when the old one's was known; of two posts under way at the
// same time either may be the new one's, and the wrong guess would take the
// indexing of one for that of the other.
func (a *acks) place(s *ackSession, id int64) *ackChannel {
	ch := s.channel
	for {
		given, seen := ch.given(id)
		switch {
		case !seen && !ch.dead:
			a.offer(ch)
			return ch
		case !ch.dead:
			a.lose(ch, reasonLost, "")
			fallthrough
		default:
			if !seen || s.turn <= given {
				return nil
			}
			ch = ch.successor(nil)
		}
	}
}

// waiting returns how many ids wait to be confirmed.
func (a *acks) waiting() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.open
}

// add needs a.mu.
func (a *acks) add(ctx context.Context, ch *ackChannel, e *openAck) {
	e.channel, e.turn = ch, a.turn
	ch.note(e)
	a.pace.waiting = append(a.pace.waiting, e)
	now := e.since
	if a.open++; a.open == 1 {
		a.heard, a.yes = now, now
	}
	a.metrics.open.WithLabelValues(a.endpoint).Inc()
	e.stop = context.AfterFunc(ctx, func() { a.abandon(e, ctx.Err()) })
	if ch.stop == nil {
		a.startPolling(ch) //nolint:contextcheck // a poller serves several posts, and ends with the last
	}
}

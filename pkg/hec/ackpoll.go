package hec

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"go.uber.org/zap"
)

const (
	// pollMost is how many ids one poll asks for.
	pollMost = 1000
	// pollRest is the longest wait between two polls that fail.
	pollRest = 30 * time.Second
	// pollPassed is in how many polls younger ids must turn true before one is
	// given up that was asked in a poll whose reply was lost. Splunk says true
	// once; if it said so in that reply, the id stays false until the timeout, and
	// the whole lane waits behind it. Indexers confirm about in order while events
	// keep coming, so ten polls without it are a strong sign, and being wrong
	// costs one repeated batch after a lost reply.
	pollPassed = 10
)

// startPolling asks for the ids of a channel until none is open. It needs a.mu.
func (a *acks) startPolling(ch *ackChannel) {
	ctx, cancel := context.WithCancel(context.Background())
	ch.stop = cancel
	go a.pollUntilEmpty(ctx, ch)
}

func (a *acks) pollUntilEmpty(ctx context.Context, ch *ackChannel) {
	for failed := 0; pause(ctx, a.rest(ch, failed)) == nil; {
		a.mu.Lock()
		asked := ch.asked()
		a.mu.Unlock()
		var all polled
		for chunk := range slices.Chunk(asked, pollMost) {
			got := a.ask(ctx, ch, chunk)
			all = polled{answered: got.answered, indexed: all.indexed || got.indexed, err: got.err}
			if got.err != nil {
				break
			}
		}
		if failed++; all.err == nil {
			failed = 0
		}
		a.expire(ch)
		a.judge(all)
	}
}

// polled is what came of polling.
type polled struct {
	answered bool // false with an error, and if nobody waited any more
	indexed  bool // something was true
	err      error
}

// rest is how long to wait before the next poll: the interval, longer the more
// polls have failed, but not beyond the time at which an id is given up.
func (a *acks) rest(ch *ackChannel, failed int) time.Duration {
	wait := a.interval
	for ; failed > 1 && wait < pollRest; failed-- {
		wait = min(2*wait, pollRest)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, e := range ch.open {
		wait = min(wait, max(time.Until(e.since.Add(a.timeout)), a.interval))
	}
	return wait
}

// ask polls once and believes the answer as far as it goes.
func (a *acks) ask(ctx context.Context, ch *ackChannel, asked []*openAck) polled {
	ids := make([]int64, len(asked))
	for i, e := range asked {
		ids[i] = e.id
	}
	a.mu.Lock()
	ch.used = time.Now()
	s := &ackSession{id: ch.id, jar: ch.jar, channel: ch}
	a.mu.Unlock()
	answer, err := a.poll(ctx, s, ids, func(resp *http.Response) { a.noteReply(s, resp) })

	a.mu.Lock()
	defer a.mu.Unlock()
	if ctx.Err() != nil {
		return polled{} // nobody waits any more
	}
	result := "answered"
	now := time.Now()
	if err != nil {
		result = classOf(err).String()
		for _, e := range asked {
			e.doubted, e.passed = now, 0
		}
	}
	a.metrics.polls.WithLabelValues(result).Inc()
	a.refused(ch, len(ch.open) > 0 && err != nil && classOf(err) == Blocked)
	if err != nil {
		return polled{err: err}
	}
	a.heard = now
	indexed := false
	var youngest time.Time
	for _, e := range asked {
		if answer[e.id] && !e.held && ch.open[e.id] == e {
			indexed, a.yes = true, now
			youngest = e.since // asked is in order
			a.confirm(e)
		}
	}
	a.release(ch)
	for _, e := range asked {
		if ch.open[e.id] != e || e.held || e.doubted.IsZero() || !youngest.After(e.doubted) {
			continue
		}
		if e.passed++; e.passed >= pollPassed {
			a.log.Warn("splunk's answer about a request was lost on the way; the request is sent again", zap.String("endpoint", a.endpoint), zap.Int64("ack_id", e.id))
			a.drop(e, errUnconfirmed, reasonPoll)
		}
	}
	return polled{answered: true, indexed: indexed}
}

// expire gives up the ids of a channel that wait for too long.
func (a *acks) expire(ch *ackChannel) {
	a.mu.Lock()
	defer a.mu.Unlock()
	given, oldest := 0, time.Duration(0)
	for _, e := range ch.open {
		age := time.Since(e.since)
		if age < a.timeout {
			oldest = max(oldest, age)
			continue
		}
		a.drop(e, errUnconfirmed, reasonTimeout)
		given++
	}
	a.metrics.oldest.WithLabelValues(a.endpoint).Set(oldest.Seconds())
	if given > 0 {
		a.log.Warn("splunk has not said in hec.ack.timeout that it has indexed requests; they are sent again",
			zap.String("endpoint", a.endpoint), zap.Int("requests", given), zap.Duration("timeout", a.timeout))
	}
}

// judge tells people when polling does not work, or works and brings nothing.
func (a *acks) judge(p polled) {
	a.mu.Lock()
	open, refused, unheard, unsure := a.open, a.deaf > 0, time.Since(a.heard), time.Since(a.yes)
	a.mu.Unlock()
	switch {
	case p.answered && refused:
		return // on another channel, of which is told
	case p.answered:
		a.voice.over(aboutPolls)
	case p.err != nil && classOf(p.err) == Blocked:
		a.voice.say(aboutPolls, &Problem{Class: Blocked, err: fmt.Errorf("splunk does not say whether it has indexed what it took: %w", p.err)})
	case p.err != nil && open > 0 && unheard >= max(10*a.interval, 30*time.Second):
		a.voice.say(aboutPolls, &Problem{Class: Transient, err: fmt.Errorf("splunk has not been reached for %s to say whether it has indexed what it took: %w", unheard.Round(time.Second), p.err)})
	}
	switch {
	case p.indexed:
		a.voice.over(aboutSilence)
	case p.answered && open > 0 && unsure >= a.timeout/2:
		a.voice.say(aboutSilence, &Problem{Class: Transient, err: fmt.Errorf(
			"splunk has taken %d requests and has not said for %s that it has indexed one; look at its indexers and their queues, and at the sticky sessions of a load balancer before them",
			open, unsure.Round(time.Second))})
	}
}

func classOf(err error) Class {
	var r *reply
	if errors.As(err, &r) {
		return r.class
	}
	return Transient
}

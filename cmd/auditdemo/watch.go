package main

import (
	"context"
	"fmt"
	"time"
)

// sample is how it stands at one moment.
type sample struct {
	at                 time.Time
	produced, accepted int    // as broker and receiver have it
	filtered, dead     int    // as the forwarder counts
	settled            int    // of the forwarder's account: any of the three
	reason             string // why the forwarder is not ready; empty: it is
}

// lag is what the broker has and the forwarder has not settled.
func (s sample) lag() int { return max(0, s.produced-s.settled) }

func (s *stage) sample() sample {
	t := s.pipeline.Totals()
	now := sample{
		at: time.Now(), filtered: int(t.Filtered), dead: int(t.DeadLettered),
		settled: int(t.Accepted + t.Filtered + t.DeadLettered), reason: s.pipeline.reason(),
	}
	now.produced, now.accepted = s.ledger.counts()
	return now
}

// perSecond is how many events were accepted within the last second.
func (s *stage) perSecond(now sample) int {
	s.history = append(s.history, now)
	for len(s.history) > 2 && now.at.Sub(s.history[1].at) >= time.Second {
		s.history = s.history[1:]
	}
	first := s.history[0]
	took := now.at.Sub(first.at).Seconds()
	if took <= 0 {
		return 0
	}
	return int(float64(now.accepted-first.accepted) / took)
}

const columns = "%6s %9s %9s %9s %5s %7s %11s"

// header names the columns of the status line.
func (s *stage) header() {
	s.out.styledLine(faint, fmt.Sprintf(columns+"  %s", "time", "produced", "accepted", "filtered", "dead", "lag", "accepted/s", "forwarder"))
	s.out.begin()
}

func (s *stage) draw(now sample) {
	st, state := green, "ready"
	if now.reason != "" {
		st, state = yellow, "not ready"
	}
	s.out.show(fmt.Sprintf(columns, fmt.Sprintf("%.1fs", now.at.Sub(s.started).Seconds()), comma(now.produced), comma(now.accepted),
		comma(now.filtered), comma(now.dead), comma(now.lag()), comma(s.perSecond(now))), st, state)
}

// watch shows how it stands until done says so. It ends with ctx's error if ctx
// has ended, or with its own if the forwarder ends or what is awaited does not
// come.
func (s *stage) watch(ctx context.Context, awaited string, done func(now sample) bool) error {
	defer s.out.settle()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	limit := time.NewTimer(s.o.duration + patience)
	defer limit.Stop()
	for {
		now := s.sample()
		s.draw(now)
		if done(now) {
			return ctx.Err() // an interrupt that came meanwhile is one all the same
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		case <-s.pipeline.done:
			return fmt.Errorf("the forwarder ended by itself: %w", s.pipeline.err)
		case <-limit.C:
			return fmt.Errorf("waited in vain for %s; %s", awaited, now.reason)
		}
	}
}

// lasting is a condition that holds once d is over.
func lasting(d time.Duration) func(sample) bool {
	end := time.Now().Add(d)
	return func(now sample) bool { return !now.at.Before(end) }
}

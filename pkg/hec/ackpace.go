package hec

import "time"

// ackPace is how quickly an address says that it has indexed what it took. It
// is guarded by the mutex of its acks.
type ackPace struct {
	latency time.Duration // of late; a timeout counts as one
	last    time.Time     // when it was last seen
	waiting []*openAck    // oldest first, with some that are gone already
}

// measure takes what one post waited into the average of about the last four.
func (p *ackPace) measure(since, now time.Time) {
	took := now.Sub(since)
	if p.last.IsZero() {
		p.latency = took
	}
	p.latency += (took - p.latency) / 4
	p.last = now
}

// slowness is how long an address takes to confirm, as far as is known, and how
// many posts it has to confirm. One that was slow gets another chance after ten
// times as long: a batch that waits there holds up its whole partition.
func (a *acks) slowness(now time.Time) (slow time.Duration, open int) {
	if !a.enabled {
		return 0, 0
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	p := &a.pace
	for len(p.waiting) > 0 && p.waiting[0].gone {
		p.waiting[0] = nil
		p.waiting = p.waiting[1:]
	}
	switch {
	case len(p.waiting) > 0:
		return max(p.latency, now.Sub(p.waiting[0].since)), a.open
	case now.Sub(p.last) > max(10*p.latency, forgetLatency):
		return 0, 0
	}
	return p.latency, 0
}

// samePace is below what the confirmations of addresses are not told apart:
// when they come is up to the polls.
func (a *acks) samePace() time.Duration { return 5 * a.interval }

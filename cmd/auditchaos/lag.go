package main

import (
	"sync"
	"time"
)

// lag notes when this process did not run although it wanted to. On a busy
// machine a forwarder's clock may run out while nobody sees its request; a
// verdict by times must know that.
type lag struct {
	done    chan struct{}
	stopped sync.WaitGroup

	mu    sync.Mutex
	holes []hole // the late ones only
}

// hole is a time in which nothing ran.
type hole struct{ from, to time.Time }

const (
	lagTick  = 10 * time.Millisecond
	lagNoted = 30 * time.Millisecond
)

func newLag() *lag {
	l := &lag{done: make(chan struct{})}
	l.stopped.Go(l.watch)
	return l
}

func (l *lag) watch() {
	tick := time.NewTicker(lagTick)
	defer tick.Stop()
	for last := time.Now(); ; {
		select {
		case <-l.done:
			return
		case <-tick.C:
		}
		now := time.Now()
		if now.Sub(last) > lagNoted {
			l.mu.Lock()
			l.holes = append(l.holes, hole{last, now})
			l.mu.Unlock()
		}
		last = now
	}
}

// worst returns the longest hole between two times.
func (l *lag) worst(from, to time.Time) (most time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, h := range l.holes {
		if h.to.After(from) && h.from.Before(to) {
			most = max(most, h.to.Sub(h.from))
		}
	}
	return most
}

func (l *lag) stop() {
	close(l.done)
	l.stopped.Wait()
}

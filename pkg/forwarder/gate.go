package forwarder

import (
	"sync"
	"sync/atomic"
)

// gate bounds how many settled events of all lanes have no committed offset:
// those that a kill repeats, besides the batches that are out. While there are
// more than max, no lane sends another batch.
//
// So at any moment at most max, and in addition Window batches of each lane,
// are accepted and not committed: a batch goes only while the gate counts at
// most max, and what is out by then is the lanes' windows. A batch counts as a
// whole, however many of its events were refused; what rules have dropped does
// not count.
type gate struct {
	max  int64 // 0: never shut
	held atomic.Int64

	mu   sync.Mutex
	shut chan none // closed when the gate opens; nil while nobody waits
}

// barrier returns nil while the gate is open, else what is closed when it is
// worth asking again.
func (g *gate) barrier() <-chan none {
	if g.open() {
		return nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	// hold's function takes off first and then looks for who waits, so whoever
	// sees the gate shut in here will be woken.
	if g.open() {
		return nil
	}
	if g.shut == nil {
		g.shut = make(chan none)
	}
	return g.shut
}

func (g *gate) open() bool { return g.max == 0 || g.held.Load() <= g.max }

// hold counts n events that are settled and not committed. The function it
// returns takes them off; it must be called once.
func (g *gate) hold(n int) (pass func()) {
	if n == 0 {
		return nil
	}
	g.held.Add(int64(n))
	return func() {
		g.held.Add(-int64(n))
		if !g.open() {
			return
		}
		g.mu.Lock()
		defer g.mu.Unlock()
		if g.shut != nil {
			close(g.shut)
			g.shut = nil
		}
	}
}

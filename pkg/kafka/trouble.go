package kafka

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/IBM/sarama"
)

const (
	// lastingAfter is how long fetching must fail before it counts: a leader
	// that moves fails for a moment.
	lastingAfter = 10 * time.Second
	// overAfter is how long no failure must come before it is over. Sarama
	// tries again every two seconds.
	overAfter = 15 * time.Second
)

// trouble keeps the partitions whose fetches fail. Sarama tries them
// for ever and stays in the group meanwhile, so that a member may be in good
// standing and read nothing, for want of the right to.
type trouble struct {
	mu sync.Mutex
	at map[place]failure
}

type failure struct {
	first, last time.Time
	why         error
}

// note takes an error of Sarama's; why is what it means.
func (t *trouble) note(err, why error, now time.Time) {
	var fetch *sarama.ConsumerError
	if !errors.As(err, &fetch) || fetch.Partition < 0 || fetch.Topic == "" {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.at == nil {
		t.at = map[place]failure{}
	}
	key := place{fetch.Topic, fetch.Partition}
	f, known := t.at[key]
	if !known || now.Sub(f.last) > overAfter {
		f.first = now
	}
	f.last, f.why = now, why
	t.at[key] = f
}

// lasting returns one failure that has lasted and goes on, or nil.
func (t *trouble) lasting(now time.Time) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	for key, f := range t.at {
		switch {
		case now.Sub(f.last) > overAfter:
			delete(t.at, key)
		case f.last.Sub(f.first) >= lastingAfter:
			return f.why
		}
	}
	return nil
}

// judgeFetching tells about fetching and commits that fail for long, and of
// their end.
func (g *Group) judgeFetching(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			g.tellState()
		}
	}
}

package hec

import (
	"context"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
)

// TestPoolAvoidsTheUnconfirmed: an endpoint that takes posts quickly and says
// late, or never, that it has indexed them, gets few. A lane settles in order,
// so each of its batches that waits there soon stops all of it.
func TestPoolAvoidsTheUnconfirmed(t *testing.T) {
	t.Parallel()
	for name, late := range map[string]time.Duration{"late": time.Minute, "never": time.Hour} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				p := newTestPool(t, 2, nil)
				ctx, cancel := context.WithCancel(t.Context())
				quick, slow := newConfirming(p.endpoints[0], 1500*time.Millisecond), newConfirming(p.endpoints[1], late)
				const lanes, window, long = 4, 3, 30 * time.Minute
				start := time.Now()
				var wg sync.WaitGroup
				for range lanes {
					wg.Go(func() {
						fifo := make(chan chan struct{}, window-1) // one more is waited for
						go func() {
							for done := range fifo {
								<-done
							}
						}()
						for time.Since(start) < long {
							done := make(chan struct{})
							fifo <- done
							wg.Go(func() {
								defer close(done)
								var mine ticket
								for {
									l, err := p.take(ctx, &mine)
									if err != nil {
										return
									}
									at := quick
									if l.ep == slow.ep {
										at = slow
									}
									<-time.After(10 * time.Millisecond)
									id, s := at.take()
									l.ep.acks.finish(ctx, s, 0, &id)
									p.took(l)
									if l.ep.acks.wait(ctx, s, id) == nil || ctx.Err() != nil {
										return
									}
								}
							})
						}
						close(fifo)
					})
				}
				<-time.After(long)
				cancel()
				wg.Wait()
				// At two seconds for each, the window allows this many.
				most := lanes * window * int(long/(2*time.Second))
				if n := quick.n; n < most*3/4 {
					t.Errorf("%d batches to the quick one of %d, and %d to the other", n, most, slow.n)
				}
				if slow.n < 2 {
					t.Errorf("the other got %d: it is never tried again", slow.n)
				}
			})
		})
	}
}

// confirming is an endpoint that says after a while that it has indexed a post.
type confirming struct {
	ep    *endpoint
	after time.Duration

	mu  sync.Mutex
	n   int
	due map[string][]time.Time // by channel
}

func newConfirming(e *endpoint, after time.Duration) *confirming {
	c := &confirming{ep: e, after: after, due: map[string][]time.Time{}}
	e.acks = newAcks(ackOptions{
		enabled: true, interval: time.Second, timeout: 5 * time.Minute, endpoint: e.name, poll: c.poll,
		metrics: newAckMetrics(prometheus.NewRegistry()), log: zap.NewNop(),
	})
	return c
}

func (c *confirming) take() (int64, *ackSession) {
	s := c.ep.acks.session()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n++
	c.due[s.id] = append(c.due[s.id], time.Now().Add(c.after))
	return int64(len(c.due[s.id]) - 1), s
}

func (c *confirming) poll(_ context.Context, s *ackSession, ids []int64, _ func(*http.Response)) (map[int64]bool, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	answer := map[int64]bool{}
	for _, id := range ids {
		answer[id] = !time.Now().Before(c.due[s.id][id])
	}
	return answer, nil
}

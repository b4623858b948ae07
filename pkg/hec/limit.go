package hec

import (
	"context"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
	"golang.org/x/time/rate"

	"auditlog-forwarder/pkg/audit"
)

// tellAgain is how long the log is silent about waits after it told of one.
const tellAgain = time.Hour

// pacer holds batches back so that Config.Limit is kept. A batch that waits
// keeps its place in the lane's window, which is what slows reading down.
type pacer struct {
	day     *day
	log     *zap.Logger
	waited  prometheus.Counter
	waiting prometheus.Gauge

	mu     sync.Mutex
	events *rate.Limiter // nil: no limit; so is bytes
	bytes  *rate.Limiter
	told   time.Time // when the log was last told of a wait
	held   int       // batches that wait now
	by     string    // the key that one of them waits for
}

func newPacer(cfg Limit, dayFile string, reg prometheus.Registerer, log *zap.Logger) (*pacer, error) {
	p := &pacer{
		log: log, day: newDay(cfg, dayFile, log),
		waited: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "auditlog_forwarder_hec_limit_wait_seconds_total",
			Help: "Time that batches have waited because of hec.limit, summed over batches.",
		}),
		waiting: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "auditlog_forwarder_hec_limit_waiting_batches",
			Help: "Batches that wait now because of hec.limit.",
		}),
	}
	if n := cfg.EventsPerSecond; n > 0 {
		p.events = rate.NewLimiter(rate.Limit(n), n)
	}
	if n := cfg.BytesPerSecond; n > 0 {
		p.bytes = rate.NewLimiter(rate.Limit(n), n)
	}
	for _, c := range append(p.day.collectors(), p.waited, p.waiting) {
		if err := reg.Register(c); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// pace returns when the limits let b go, or ctx's error.
func (c *Client) pace(ctx context.Context, b audit.Batch) error {
	return c.limits.wait(ctx, len(b.Ends), b.Values)
}

func (p *pacer) wait(ctx context.Context, events, bytes int) error {
	// The day comes first: it may take hours, and what the rates grant is for now.
	n, asked, granted := int64(bytes), time.Time{}, false
	for !granted {
		var at time.Time
		asked = time.Now()
		at, granted = p.day.admit(asked, n)
		if err := p.until(ctx, asked, at, "hec.limit.bytes_per_day"); err != nil {
			if granted {
				p.day.giveBack(asked, n)
			}
			return err
		}
	}
	now := time.Now()
	at, key, cancel := p.reserve(now, events, bytes)
	if err := p.until(ctx, now, at, key); err != nil {
		cancel()
		p.day.giveBack(asked, n)
		return err
	}
	p.day.goes(asked, n)
	return nil
}

// reserve takes its share of both rates and returns when it is due, and the key
// of the rate that decides it. A batch larger than what flows in a second is
// let go when all of it has flowed.
func (p *pacer) reserve(now time.Time, events, bytes int) (due time.Time, key string, cancel func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	due = now
	var taken []*rate.Reservation
	for _, l := range []struct {
		*rate.Limiter
		n   int
		key string
	}{{p.events, events, "hec.limit.events_per_second"}, {p.bytes, bytes, "hec.limit.bytes_per_second"}} {
		if l.Limiter == nil {
			continue
		}
		if l.n > l.Burst() {
			l.SetBurstAt(now, l.n)
		}
		r := l.ReserveN(now, l.n)
		taken = append(taken, r)
		if at := now.Add(r.DelayFrom(now)); at.After(due) {
			due, key = at, l.key
		}
	}
	return due, key, func() {
		for _, r := range taken {
			r.Cancel()
		}
	}
}

// until waits and lets it be seen.
func (p *pacer) until(ctx context.Context, now, at time.Time, key string) error {
	d := at.Sub(now)
	if d <= 0 {
		return nil
	}
	p.tell(now, d, key)
	p.holds(1, key)
	defer func() {
		p.holds(-1, key)
		p.waited.Add(time.Since(now).Seconds())
	}()
	return pause(ctx, d)
}

// holds counts a batch that begins to wait, or ends it.
func (p *pacer) holds(n int, key string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.held += n; n > 0 {
		p.by = key
	}
	p.waiting.Set(float64(p.held))
}

func (p *pacer) tell(now time.Time, d time.Duration, key string) {
	p.mu.Lock()
	silent := !p.told.IsZero() && now.Sub(p.told) < tellAgain
	if !silent {
		p.told = now
	}
	p.mu.Unlock()
	if !silent {
		p.log.Info("hec.limit holds events back", zap.String("key", key), zap.Duration("first_wait", d), zap.Duration("told_again_after", tellAgain))
	}
}

package hec

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
)

// day counts the bytes of events let go on a day of UTC and keeps them within
// a limit. The count is this process's, and that of those before it on the same
// day where there is a file for it.
//
// Slow lets bytes go freely until four fifths are used. The rest is spread
// evenly: at any time until midnight no more of it has gone than that part of
// the time has passed. What does not fit waits for the next day.
type day struct {
	limit int64 // 0: none, only count
	slow  bool
	log   *zap.Logger

	mu        sync.Mutex
	file      dayFile
	start     time.Time // midnight
	used      int64     // granted
	gone      int64     // of it, what does not wait any more; only this is kept in file
	from      time.Time // when slowing began; zero: not yet
	fromUsed  int64
	toldMost  bool // in the log: four fifths
	toldLimit bool // in the log: all
	toldFile  bool // in the log: the count cannot be kept
}

// newDay goes on with the count that path holds, if it is today's. Without a
// limit there is none to keep.
func newDay(cfg Limit, path string, log *zap.Logger) *day {
	d := &day{limit: int64(cfg.BytesPerDay), slow: cfg.OnDailyLimit == DailySlow, log: log}
	if d.limit == 0 || path == "" {
		return d
	}
	d.file = dayFile{path: path, share: d.limit / dayShares}
	d.turn(time.Now())
	var err error
	if d.used, err = d.file.read(d.start); err != nil {
		d.log.Warn("how much was sent today is not known and begins at 0 for hec.limit.bytes_per_day", zap.Error(err))
	} else if d.used > 0 {
		d.log.Info("the day's count for hec.limit.bytes_per_day goes on", zap.Int64("bytes", d.used), zap.Int64("limit", d.limit))
	}
	d.gone, d.file.kept = d.used, d.used
	return d
}

func (d *day) collectors() []prometheus.Collector {
	return []prometheus.Collector{
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "auditlog_forwarder_hec_day_bytes",
			Help: "Bytes of events sent since midnight UTC; without hec.limit.bytes_per_day since this process began, if that is later.",
		}, func() float64 { return float64(d.today(time.Now())) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "auditlog_forwarder_hec_day_limit_bytes",
			Help: "hec.limit.bytes_per_day; 0 is no limit.",
		}, func() float64 { return float64(d.limit) }),
	}
}

// today is what has gone; what is granted for later is not in it.
func (d *day) today(now time.Time) int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.turn(now)
	return d.gone
}

// turn begins a new day. A clock that is put back does not begin an old one.
func (d *day) turn(now time.Time) {
	if start := now.UTC().Truncate(24 * time.Hour); start.After(d.start) {
		d.start, d.used, d.from, d.fromUsed, d.toldMost, d.toldLimit = start, 0, time.Time{}, 0, false, false
		d.gone, d.file.kept, d.toldFile = 0, 0, false
	}
}

// admit returns when n bytes may go. If they fit into the day they are
// granted, which counts them; otherwise it is to be asked again at that time.
func (d *day) admit(now time.Time, n int64) (at time.Time, granted bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.turn(now)
	next := d.used + n
	if d.limit > 0 {
		d.tell(next)
	}
	// Nothing may wait for ever: a batch above the whole limit, which
	// config.Validate does not allow, goes alone on its day.
	if d.limit == 0 || !d.slow || next <= d.limit/5*4 || d.used == 0 {
		d.used = next
		return now, true
	}
	end := d.start.Add(24 * time.Hour)
	if next > d.limit {
		return end, false
	}
	if d.from.IsZero() {
		d.from, d.fromUsed = now, d.used
	}
	part := float64(next-d.fromUsed) / float64(d.limit-d.fromUsed)
	d.used = next
	return d.from.Add(time.Duration(part * float64(end.Sub(d.from)))), true
}

// goes notes that a grant of the time given is used now. A count that cannot be
// kept holds nothing up.
func (d *day) goes(granted time.Time, n int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if granted.Before(d.start) {
		return // of the day before
	}
	d.gone += n
	d.keeps(d.file.cover(d.start, d.gone))
}

// keeps tells once a day that the count cannot be kept, and why.
func (d *day) keeps(err error) {
	if err == nil || d.toldFile {
		return
	}
	d.toldFile = true
	d.log.Warn("how much is sent today cannot be kept for the next start, which may then send more than hec.limit.bytes_per_day", zap.Error(err))
}

// close keeps the count for the next start.
func (d *day) close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.turn(time.Now())
	d.keeps(d.file.exact(d.start, d.gone))
}

// giveBack takes back a grant of the time given that was not used.
func (d *day) giveBack(granted time.Time, n int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !granted.Before(d.start) {
		d.used -= n
	}
}

// tell says in the log, once a day each, that most or all is used.
func (d *day) tell(next int64) {
	count := []zap.Field{zap.Int64("bytes", d.used), zap.Int64("limit", d.limit)}
	if next > d.limit/5*4 && !d.toldMost {
		d.toldMost = true
		if d.slow {
			d.log.Warn("four fifths of hec.limit.bytes_per_day are sent; the rest is spread over the rest of the day (UTC)", count...)
		} else {
			d.log.Warn("four fifths of hec.limit.bytes_per_day are sent", count...)
		}
	}
	if next > d.limit && !d.toldLimit {
		d.toldLimit = true
		if d.slow {
			d.log.Warn("hec.limit.bytes_per_day is reached; events wait in kafka until midnight UTC", count...)
		} else {
			d.log.Warn("hec.limit.bytes_per_day is passed; events go on, as hec.limit.on_daily_limit says", count...)
		}
	}
}

package forwarder

import (
	"strconv"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"auditlog-forwarder/pkg/deadletter"
)

// Totals are the accounts since the start. Read is counted on its own when a
// record comes in, and Summaries when we make an event; each ends in exactly one
// of the five below. While lanes run,
// the sum can be off by what is being booked; when they have ended it is exact.
type Totals struct {
	Read         int64
	Summaries    int64 // summary events made, but for those given up with their partition, which its next owner makes again
	Accepted     int64 // taken by Splunk
	Filtered     int64 // left out by a rule
	DeadLettered int64 // in the dead-letter store
	Returned     int64 // given back unsettled with their partition; its next owner reads them again
	Unsettled    int64 // held at this moment, not settled
	Uncommitted  int64 // settled at this moment, not committed
	// Lag is how many records of the owned partitions are not settled.
	Lag int64
	// LagTime is the age of the oldest of them that has been read.
	LagTime time.Duration
	// Partitions is how many partitions are owned.
	Partitions int
	// LastAccepted is when Splunk last took events, and NewestAccepted Kafka's
	// timestamp of the newest of all that it took; zero: none yet.
	LastAccepted, NewestAccepted time.Time
}

type metrics struct {
	read     *prometheus.CounterVec
	accepted *prometheus.CounterVec
	filtered *prometheus.CounterVec
	dead     *prometheus.CounterVec
	returned *prometheus.CounterVec
	made     *prometheus.CounterVec
	events   prometheus.Histogram
	bytes    prometheus.Histogram
	delivery prometheus.Histogram

	unsummarised prometheus.Counter

	acceptedTotal, filteredTotal, deadTotal, returnedTotal atomic.Int64
	lastAccepted, newestAccepted                           atomic.Int64 // Unix milliseconds; 0: never
}

func newMetrics(reg prometheus.Registerer, f *Forwarder) *metrics {
	partition := []string{"topic", "partition"}
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: "auditlog_forwarder_" + name, Help: help}, labels)
	}
	m := &metrics{
		read:     counter("records_read_total", "Records read and put into a batch that was closed.", partition...),
		accepted: counter("events_accepted_total", "Events that Splunk has taken.", partition...),
		filtered: counter("events_filtered_total", "Events left out, by rule.", "rule"),
		dead:     counter("events_dead_lettered_total", "Records in the dead-letter store, by reason.", "reason"),
		returned: counter("records_returned_total", "Records read, but given back unsettled when the partition was lost; its next owner reads them again.", partition...),
		made:     counter("summaries_total", "Summary events made and settled.", partition...),
		unsummarised: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "auditlog_forwarder_unsummarised_records_total",
			Help: "Records that a rule had summarised and that may be missing from the summaries: they expired before they could be read again, or the rules changed.",
		}),
		events: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "auditlog_forwarder_batch_events", Help: "Events in a batch as it is sent.",
			Buckets: prometheus.ExponentialBuckets(1, 4, 9), // 1 to 65,536
		}),
		bytes: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "auditlog_forwarder_batch_bytes", Help: "Bytes in a batch as it is sent, before compression.",
			Buckets: prometheus.ExponentialBuckets(1024, 4, 9), // 1 KiB to 64 MiB
		}),
		delivery: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "auditlog_forwarder_batch_settle_seconds", Help: "Time from a batch's first record to its offset being marked.",
			Buckets: prometheus.ExponentialBuckets(0.01, 3, 10), // 10 ms to 3 min
		}),
	}
	for _, r := range deadletter.Reasons() {
		m.dead.WithLabelValues(string(r))
	}
	uncommitted := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "auditlog_forwarder_uncommitted_events",
		Help: "Events that are settled and not committed; a kill repeats them. Above batch.max_uncommitted nothing new is sent.",
	}, func() float64 { return float64(f.gate.held.Load()) })
	reg.MustRegister(uncommitted, m.read, m.accepted, m.filtered, m.dead, m.returned, m.made, m.unsummarised, m.events, m.bytes, m.delivery, newGauges(f))
	return m
}

// sent notes a batch that goes out.
func (m *metrics) sent(b *batch) {
	m.events.Observe(float64(len(b.ends)))
	m.bytes.Observe(float64(len(b.body)))
}

// laneCounters are a lane's own, looked up once.
type laneCounters struct {
	m                         *metrics
	read, accepted, ret, made prometheus.Counter
}

func (m *metrics) lane(c Claim) laneCounters {
	partition := strconv.Itoa(int(c.Partition))
	return laneCounters{
		m:        m,
		read:     m.read.WithLabelValues(c.Topic, partition),
		accepted: m.accepted.WithLabelValues(c.Topic, partition),
		ret:      m.returned.WithLabelValues(c.Topic, partition),
		made:     m.made.WithLabelValues(c.Topic, partition),
	}
}

// settled books a batch. All of it is booked at once, so that the accounts
// add up at every moment.
func (c laneCounters) settled(b *batch, entries []deadletter.Entry) {
	accepted := len(b.ends) - len(b.refused)
	filtered := 0
	for rule, n := range b.filtered {
		filtered += n
		c.m.filtered.WithLabelValues(rule).Add(float64(n))
	}
	for _, e := range entries {
		c.m.dead.WithLabelValues(string(e.Reason)).Inc()
	}
	c.accepted.Add(float64(accepted))
	c.made.Add(float64(b.made))
	c.m.delivery.Observe(time.Since(b.opened).Seconds())
	c.m.acceptedTotal.Add(int64(accepted))
	if accepted > 0 {
		raise(&c.m.lastAccepted, time.Now())
		raise(&c.m.newestAccepted, b.events[len(b.events)-1].timestamp)
	}
	c.m.filteredTotal.Add(int64(filtered))
	c.m.deadTotal.Add(int64(len(entries)))
}

// raise keeps the later of two times.
func raise(last *atomic.Int64, t time.Time) {
	for ms := t.UnixMilli(); ; {
		was := last.Load()
		if ms <= was || last.CompareAndSwap(was, ms) {
			return
		}
	}
}

// returned books what goes back with the partition: records of the open batch
// and of those that were sent but not settled.
func (c laneCounters) returned(open int, all int64) {
	c.read.Add(float64(open))
	c.ret.Add(float64(all))
	c.m.returnedTotal.Add(all)
}

// Missing is how many records were read and are in none of the five places. It
// is 0 when no lane runs; anything else is a mistake in this program.
func (t Totals) Missing() int64 {
	return t.Read + t.Summaries - t.Accepted - t.Filtered - t.DeadLettered - t.Returned - t.Unsettled
}

// Totals returns the accounts of this moment.
func (f *Forwarder) Totals() Totals {
	m := f.metrics
	t := Totals{
		Accepted: m.acceptedTotal.Load(), Filtered: m.filteredTotal.Load(),
		DeadLettered: m.deadTotal.Load(), Returned: m.returnedTotal.Load(), Uncommitted: f.gate.held.Load(),
	}
	if ms := m.lastAccepted.Load(); ms > 0 {
		t.LastAccepted = time.UnixMilli(ms)
	}
	if ms := m.newestAccepted.Load(); ms > 0 {
		t.NewestAccepted = time.UnixMilli(ms)
	}
	now := time.Now()
	f.mu.Lock()
	defer f.mu.Unlock()
	t.Read, t.Summaries = f.taken, f.made
	for l := range f.lanes {
		t.Partitions++
		t.Read += l.taken.Load()
		t.Summaries += l.made.Load()
		t.Lag += l.lag()
		t.LagTime = max(t.LagTime, l.lagTime(now))
		t.Unsettled += l.unsettled.Load()
	}
	return t
}

// lag is how many records are not settled; 0 while the end is not known.
func (l *lane) lag() int64 {
	next := l.next.Load()
	if next < 0 {
		return l.unsettled.Load()
	}
	return max(0, l.claim.HighWater()-next)
}

func (l *lane) lagTime(now time.Time) time.Duration {
	oldest := l.oldest.Load()
	if oldest <= 0 {
		return 0
	}
	return max(0, now.Sub(time.UnixMilli(oldest)))
}

// gauges reads the running lanes when it is asked.
type gauges struct {
	f                                         *Forwarder
	lag, lagSeconds, inFlight, held, on, keys *prometheus.Desc
}

func newGauges(f *Forwarder) *gauges {
	desc := func(name, help string) *prometheus.Desc {
		return prometheus.NewDesc("auditlog_forwarder_"+name, help, []string{"topic", "partition"}, nil)
	}
	return &gauges{
		f:          f,
		lag:        desc("lag_events", "Records between the partition's end and the next offset to commit. A transactional producer's last marker counts as 1."),
		lagSeconds: desc("lag_seconds", "Age of the oldest record that was read and is not settled; 0 without one."),
		inFlight:   desc("in_flight_bytes", "Bytes of the batches that were sent and have no answer yet, before compression."),
		held:       desc("unsettled_events", "Records that were read and are not settled."),
		on:         desc("partition_owned", "1 for each partition that this member owns."),
		keys:       desc("summary_keys", "Keys of the open window of summaries; 0 while none is open."),
	}
}

// Describe implements prometheus.Collector.
func (g *gauges) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{g.lag, g.lagSeconds, g.inFlight, g.held, g.on, g.keys} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (g *gauges) Collect(ch chan<- prometheus.Metric) {
	now := time.Now()
	for _, l := range g.f.running() {
		partition := strconv.Itoa(int(l.claim.Partition))
		gauge := func(d *prometheus.Desc, v float64) {
			ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, l.claim.Topic, partition)
		}
		gauge(g.lag, float64(l.lag()))
		gauge(g.lagSeconds, l.lagTime(now).Seconds())
		gauge(g.inFlight, float64(l.inFlight.Load()))
		gauge(g.held, float64(l.unsettled.Load()))
		gauge(g.on, 1)
		gauge(g.keys, float64(l.keys.Load()))
	}
}

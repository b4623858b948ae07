package deadletter

import (
	"fmt"
	"os"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics are the store's own. How many records it took, and why, is counted
// where batches are settled (pkg/forwarder), so that the accounts stand in one
// place.
type metrics struct {
	errors                   prometheus.Counter
	bytes, maxBytes, pending *prometheus.Desc
}

func newMetrics() *metrics {
	const namespace, subsystem = "auditlog_forwarder", "dead_letter"
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc(prometheus.BuildFQName(namespace, subsystem, name), help, labels, nil)
	}
	return &metrics{
		bytes:    desc("bytes", "Size of the dead-letter file."),
		maxBytes: desc("max_bytes", "Cap of the dead-letter file (dead_letter.max_bytes)."),
		pending:  desc("pending", "Dead letters that wait: stored, and neither replayed nor removed.", "reason"),
		errors: prometheus.NewCounter(prometheus.CounterOpts{
			Namespace: namespace, Subsystem: subsystem, Name: "errors_total",
			Help: "Attempts to put records into the dead-letter store that did not work; they are repeated.",
		}),
	}
}

// gauges reads the store's state when it is asked: a purge and a replay are
// other processes, which change it as well.
type gauges struct{ s *Store }

// Describe implements prometheus.Collector.
func (g gauges) Describe(ch chan<- *prometheus.Desc) {
	m := g.s.metrics
	ch <- m.bytes
	ch <- m.maxBytes
	ch <- m.pending
}

// Collect implements prometheus.Collector.
func (g gauges) Collect(ch chan<- prometheus.Metric) {
	m, size := g.s.metrics, int64(0)
	if info, err := os.Stat(g.s.journal.path); err == nil {
		size = info.Size()
	}
	ch <- prometheus.MustNewConstMetric(m.bytes, prometheus.GaugeValue, float64(size))
	ch <- prometheus.MustNewConstMetric(m.maxBytes, prometheus.GaugeValue, float64(g.s.cfg.MaxBytes))
	pending, known := g.s.census.count(g.s)
	if !known {
		return // being counted; an absent figure says so, and 0 would be wrong
	}
	for r, n := range pending {
		ch <- prometheus.MustNewConstMetric(m.pending, prometheus.GaugeValue, float64(n), string(r))
	}
}

// Register makes the store's figures part of reg.
func (s *Store) Register(reg prometheus.Registerer) error {
	for _, c := range []prometheus.Collector{gauges{s}, s.metrics.errors} {
		if err := reg.Register(c); err != nil {
			return fmt.Errorf("register dead-letter metrics: %w", err)
		}
	}
	return nil
}

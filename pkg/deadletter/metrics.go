package deadletter

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics are the store's own. How many records it took, and why, is counted
// where batches are settled (pkg/forwarder), so that the accounts stand in one
// place.
type metrics struct {
	bytes    prometheus.Gauge
	maxBytes prometheus.Gauge
	errors   prometheus.Counter
}

func newMetrics(maxBytes int64) *metrics {
	const namespace, subsystem = "auditlog_forwarder", "dead_letter"
	m := &metrics{
		bytes: prometheus.NewGauge(prometheus.GaugeOpts{
			Namespace: namespace, Subsystem: subsystem, Name: "bytes",
			Help: "Size of the dead-letter file.",
		}),
		maxBytes: prometheus.NewGauge(prometheus.GaugeOpts{
			Namespace: namespace, Subsystem: subsystem, Name: "max_bytes",
			Help: "Cap of the dead-letter file (dead_letter.max_bytes).",
		}),
		errors: prometheus.NewCounter(prometheus.CounterOpts{
			Namespace: namespace, Subsystem: subsystem, Name: "errors_total",
			Help: "Attempts to put records into the dead-letter store that did not work; they are repeated.",
		}),
	}
	m.maxBytes.Set(float64(maxBytes))
	return m
}

// Register makes the store's figures part of reg.
func (s *Store) Register(reg prometheus.Registerer) error {
	for _, c := range []prometheus.Collector{s.metrics.bytes, s.metrics.maxBytes, s.metrics.errors} {
		if err := reg.Register(c); err != nil {
			return fmt.Errorf("register dead-letter metrics: %w", err)
		}
	}
	return nil
}

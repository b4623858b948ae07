package deadletter

import (
	"fmt"
	"slices"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics are made with the store, so that nothing is uncounted before they
// are registered.
type metrics struct {
	bytes    prometheus.Gauge
	maxBytes prometheus.Gauge
	records  *prometheus.CounterVec
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
		records: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: namespace, Subsystem: subsystem, Name: "records_total",
			Help: "Records put into the dead-letter store since the start, by reason.",
		}, []string{"reason"}),
		errors: prometheus.NewCounter(prometheus.CounterOpts{
			Namespace: namespace, Subsystem: subsystem, Name: "errors_total",
			Help: "Attempts to put records into the dead-letter store that did not work; they are repeated.",
		}),
	}
	m.maxBytes.Set(float64(maxBytes))
	for _, r := range Reasons() {
		m.records.WithLabelValues(string(r)) // present from the start, at 0
	}
	return m
}

// stored counts one entry; the label stays within the closed list.
func (m *metrics) stored(r Reason) {
	if !slices.Contains(Reasons(), r) {
		r = "other"
	}
	m.records.WithLabelValues(string(r)).Inc()
}

// Register makes the store's figures part of reg.
func (s *Store) Register(reg prometheus.Registerer) error {
	for _, c := range []prometheus.Collector{s.metrics.bytes, s.metrics.maxBytes, s.metrics.records, s.metrics.errors} {
		if err := reg.Register(c); err != nil {
			return fmt.Errorf("register dead-letter metrics: %w", err)
		}
	}
	return nil
}

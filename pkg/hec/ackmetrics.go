package hec

import "github.com/prometheus/client_golang/prometheus"

// ackMetrics are shared by the acknowledgements of all addresses.
type ackMetrics struct {
	open        *prometheus.GaugeVec // by endpoint
	oldest      *prometheus.GaugeVec // by endpoint
	seconds     prometheus.Histogram
	unconfirmed *prometheus.CounterVec // by reason
	polls       *prometheus.CounterVec // by result
}

func newAckMetrics(reg prometheus.Registerer) *ackMetrics {
	m := &ackMetrics{
		open: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "auditlog_forwarder_hec_acks_open",
			Help: "Requests that Splunk has taken and has not said it has indexed.",
		}, []string{"endpoint"}),
		oldest: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "auditlog_forwarder_hec_ack_oldest_seconds",
			Help: "How long the oldest of them has waited, at the last poll.",
		}, []string{"endpoint"}),
		seconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "auditlog_forwarder_hec_ack_seconds",
			Help:    "Time from Splunk's taking a request to its saying that it has indexed it.",
			Buckets: prometheus.ExponentialBuckets(0.25, 2, 12), // 250 ms to 8.5 min
		}),
		unconfirmed: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "auditlog_forwarder_hec_acks_unconfirmed_total",
			Help: "Requests that Splunk has taken and has not confirmed, by the reason why they were given up.",
		}, []string{"reason"}),
		polls: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "auditlog_forwarder_hec_ack_polls_total",
			Help: "Polls for acknowledgements, by what came of them.",
		}, []string{"result"}),
	}
	reg.MustRegister(m.open, m.oldest, m.seconds, m.unconfirmed, m.polls)
	for _, reason := range []string{reasonTimeout, reasonLost, reasonCookie, reasonPoll} {
		m.unconfirmed.WithLabelValues(reason)
	}
	for _, result := range []string{"answered", Blocked.String(), Transient.String()} {
		m.polls.WithLabelValues(result)
	}
	return m
}

// add makes the series of an address, which otherwise begin with its first id.
func (m *ackMetrics) add(endpoint string) {
	m.open.WithLabelValues(endpoint)
	m.oldest.WithLabelValues(endpoint)
}

package hec

import "github.com/prometheus/client_golang/prometheus"

// metrics are the room's own; the names are part of the public interface.
type metrics struct {
	requests     *prometheus.CounterVec // by class: one for every answer or failure
	retries      *prometheus.CounterVec // by class
	duration     prometheus.Histogram
	sentBytes    *prometheus.CounterVec // by encoding: what went over the wire, and what it stands for
	timeFallback prometheus.Counter
	uncertain    prometheus.Counter
	up           *prometheus.GaugeVec // by endpoint
	inFlight     *prometheus.GaugeVec // by endpoint
}

func newMetrics(reg prometheus.Registerer) *metrics {
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "auditlog_forwarder_hec_requests_total",
			Help: "Posts to Splunk HEC, by the class of the answer.",
		}, []string{"class"}),
		retries: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "auditlog_forwarder_hec_retries_total",
			Help: "Posts to Splunk HEC that are sent again, by the class of the answer.",
		}, []string{"class"}),
		duration: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "auditlog_forwarder_hec_request_duration_seconds",
			Help:    "Time from sending a post to the end of Splunk's answer.",
			Buckets: prometheus.ExponentialBuckets(0.001, 2.5, 12), // 1 ms to 24 s
		}),
		sentBytes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "auditlog_forwarder_hec_sent_bytes_total",
			Help: "Bytes of accepted posts: wire as sent, plain before compression.",
		}, []string{"encoding"}),
		timeFallback: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "auditlog_forwarder_time_fallback_total",
			Help: "Events without a readable time, sent with the Kafka record's.",
		}),
	}
	m.uncertain = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "auditlog_forwarder_hec_uncertain_posts_total",
		Help: "Posts sent again though Splunk may have taken them, since no clear answer came.",
	})
	m.up = prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "auditlog_forwarder_hec_endpoint_up",
		Help: "1 while the endpoint takes posts, 0 while it is down or has not answered yet.",
	}, []string{"endpoint"})
	m.inFlight = prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "auditlog_forwarder_hec_in_flight_posts",
		Help: "Posts on their way to the endpoint, without an answer yet.",
	}, []string{"endpoint"})
	reg.MustRegister(m.requests, m.retries, m.duration, m.sentBytes, m.timeFallback, m.uncertain, m.up, m.inFlight)
	for c := Accepted; c <= Transient; c++ {
		m.requests.WithLabelValues(c.String())
	}
	m.retries.WithLabelValues(Blocked.String())
	m.retries.WithLabelValues(Transient.String())
	return m
}

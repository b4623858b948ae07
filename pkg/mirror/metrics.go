package mirror

import (
	"strconv"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
)

// Totals are the accounts since the start.
type Totals struct {
	Written    int64 // records that the destination has taken
	Bytes      int64 // of them, before compression
	Skipped    int64 // found there after a restart, and not written again
	Duplicates int64 // written again although an equal record is there
	Strangers  int64 // found there, and not put there by this mirror
	Lost       int64 // noted as there, and not there any more
}

type metrics struct {
	written, bytes, skipped, duplicates, strangers, lost counter
	end                                                  *prometheus.GaugeVec
}

// counter is one that can be read.
type counter struct {
	prometheus.Counter
	n *atomic.Int64
}

func (c counter) add(n int64) {
	c.Add(float64(n))
	c.n.Add(n)
}

func newMetrics(reg prometheus.Registerer) *metrics {
	count := func(name, help string) counter {
		c := counter{prometheus.NewCounter(prometheus.CounterOpts{Name: "auditlog_forwarder_mirror_" + name, Help: help}), new(atomic.Int64)}
		reg.MustRegister(c)
		return c
	}
	m := &metrics{
		written:    count("written_records_total", "Records that the destination has taken."),
		bytes:      count("written_bytes_total", "Bytes of these records, before compression."),
		skipped:    count("skipped_records_total", "Records that were found in the destination after a restart, written and not committed, and were not written again."),
		duplicates: count("duplicates_total", "Records that stand in the destination twice: a predecessor's last request came late, beside what was written here."),
		strangers:  count("unexpected_records_total", "Records found in the destination that this mirror has not written there: somebody else writes to the topic, or a predecessor's last request came late."),
		lost:       count("destination_lost_records_total", "Records that were in the destination and are not any more, as after deleting the topic or an unclean election; see docs/mirror.md."),
		end: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "auditlog_forwarder_mirror_destination_end_offset", Help: "End of the destination's partition, as of the last write.",
		}, []string{"partition"}),
	}
	reg.MustRegister(m.end)
	return m
}

func (m *metrics) totals() Totals {
	return Totals{
		Written: m.written.n.Load(), Bytes: m.bytes.n.Load(), Skipped: m.skipped.n.Load(), Duplicates: m.duplicates.n.Load(),
		Strangers: m.strangers.n.Load(), Lost: m.lost.n.Load(),
	}
}

func (m *metrics) at(partition int32, end int64) {
	m.end.WithLabelValues(strconv.Itoa(int(partition))).Set(float64(end))
}

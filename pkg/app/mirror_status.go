package app

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"go.uber.org/zap"

	"auditlog-forwarder/pkg/forwarder"
	"auditlog-forwarder/pkg/ops"
)

func (m *Mirror) totals(t forwarder.Totals) []zap.Field {
	c := m.sink.Totals()
	return []zap.Field{
		zap.Int64("read", t.Read), zap.Int64("copied", t.Accepted), zap.Int64("written", c.Written), zap.Int64("skipped", c.Skipped),
		zap.Int64("duplicates", c.Duplicates), zap.Int64("unexpected", c.Strangers), zap.Int64("destination_lost", c.Lost),
		zap.Int64("returned", t.Returned), zap.Int64("unsettled", t.Unsettled), zap.Int64("lost_ground", m.group.Lost()),
	}
}

// report says every minute how it goes, in the log, and more often to systemd.
func (m *Mirror) report(ctx context.Context) {
	const every = 10 * time.Second
	tick := time.NewTicker(every)
	defer tick.Stop()
	var before int64
	for n := 1; ; n++ {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		t := m.forward.Totals()
		m.systemd.Status(m.summary(t))
		if n%6 != 0 {
			continue
		}
		fields := append(m.totals(t), zap.Int64("copied_last_minute", t.Accepted-before), zap.Int("partitions", t.Partitions),
			zap.Int64("lag_events", t.Lag), zap.Duration("lag", t.LagTime.Round(time.Millisecond)))
		before = t.Accepted
		ok, conditions := m.health.Ready()
		if ok {
			m.log.Info("progress", fields...)
			continue
		}
		var why []string
		for _, c := range conditions {
			why = append(why, fmt.Sprintf("%s: %s (for %s)", c.Name, c.Reason, time.Since(c.Since).Round(time.Second)))
		}
		m.log.Warn("progress", append(fields, zap.Strings("not_ready", why))...)
	}
}

func (m *Mirror) summary(t forwarder.Totals) string {
	if ok, conditions := m.health.Ready(); !ok && len(conditions) > 0 {
		return fmt.Sprintf("not ready: %s: %s", conditions[0].Name, conditions[0].Reason)
	}
	return fmt.Sprintf("%d copied, %d behind", t.Accepted, t.Lag)
}

// status fills the admin page.
func (m *Mirror) status() ops.Status {
	t, c := m.forward.Totals(), m.sink.Totals()
	n := func(v int64) string { return humanize.Comma(v) }
	seconds := max(time.Since(m.started).Seconds(), 1)
	rows := []ops.Row{
		{Name: "summary", Value: m.summary(t)},
		{Name: "running since", Value: m.started.UTC().Format(time.RFC3339)},
		{Name: "records copied", Value: fmt.Sprintf("%s, %.0f/s since the start", n(t.Accepted), float64(t.Accepted)/seconds)},
		{Name: "written", Value: fmt.Sprintf("%s records, %s before compression", n(c.Written), humanize.IBytes(uint64(c.Bytes)))}, //nolint:gosec // never below 0
		{Name: "found there after a restart, not written again", Value: n(c.Skipped)},
		{Name: "stand there twice", Value: n(c.Duplicates)},
		{Name: "found there and not from this mirror", Value: n(c.Strangers)},
		{Name: "gone from the destination", Value: n(c.Lost)},
		{Name: "held, not settled", Value: n(t.Unsettled)},
		{Name: "settled, not yet committed", Value: n(t.Uncommitted)},
		{Name: "expired in Kafka before they were read (lost ground)", Value: n(m.group.Lost())},
		{Name: "behind", Value: fmt.Sprintf("%s records, oldest held %s", n(t.Lag), t.LagTime.Round(time.Millisecond))},
		{Name: "partitions owned", Value: n(int64(t.Partitions))},
		{Name: "source", Value: fmt.Sprintf("%s at %v, group %s", strings.Join(m.source.Topics, ","), m.source.BootstrapServers, m.source.GroupID)},
		{Name: "destination", Value: fmt.Sprintf("%s at %v", m.target.Topic(), m.opts.Config.Mirror.BootstrapServers)},
	}
	if state := m.state.Load(); state != nil {
		for _, w := range state.Warnings {
			rows = append(rows, ops.Row{Name: "warning", Value: w})
		}
	}
	if m.rotator != nil {
		rows = append(rows, ops.Row{Name: "credentials", Value: m.rotator.summary()})
	}
	return ops.Status{Version: m.opts.Version, Rows: rows}
}

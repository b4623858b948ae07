package app

import (
	"context"
	"fmt"
	"time"

	"github.com/dustin/go-humanize"
	"go.uber.org/zap"

	"auditlog-forwarder/pkg/forwarder"
	"auditlog-forwarder/pkg/ops"
)

func (a *App) totals(t forwarder.Totals) []zap.Field {
	return []zap.Field{
		zap.Int64("read", t.Read), zap.Int64("accepted", t.Accepted), zap.Int64("filtered", t.Filtered),
		zap.Int64("dead_lettered", t.DeadLettered), zap.Int64("returned", t.Returned), zap.Int64("unsettled", t.Unsettled),
		zap.Int64("lost_ground", a.group.Lost()), zap.Int64("summaries", t.Summaries),
	}
}

// report says every minute how it goes, in the log, and more often to systemd.
func (a *App) report(ctx context.Context) {
	tick := time.NewTicker(10 * time.Second)
	defer tick.Stop()
	var before forwarder.Totals
	for n := 1; ; n++ {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		t := a.forward.Totals()
		a.systemd.Status(a.summary(t))
		if n%6 == 0 {
			a.progress(t, t.Accepted-before.Accepted)
			before = t
		}
	}
}

// progress is the line of each minute. Whoever looks at the end of a long log
// finds there whether events flow, and if not, why: what was told when it began
// may be hours up.
func (a *App) progress(t forwarder.Totals, accepted int64) {
	fields := append(a.totals(t),
		zap.Int64("accepted_last_minute", accepted), zap.Int("partitions", t.Partitions),
		zap.Int64("lag_events", t.Lag), zap.Duration("lag", t.LagTime.Round(time.Millisecond)))
	if held, key := a.hec.Held(); held > 0 {
		fields = append(fields, zap.String("held_back_by", key))
	}
	ok, conditions := a.health.Ready()
	if ok {
		a.log.Info("progress", fields...)
		return
	}
	var why []string
	for _, c := range conditions {
		why = append(why, fmt.Sprintf("%s: %s (for %s)", c.Name, c.Reason, time.Since(c.Since).Round(time.Second)))
	}
	a.log.Warn("progress", append(fields, zap.Strings("not_ready", why))...)
}

func (a *App) summary(t forwarder.Totals) string {
	if ok, conditions := a.health.Ready(); !ok && len(conditions) > 0 {
		return fmt.Sprintf("not ready: %s: %s", conditions[0].Name, conditions[0].Reason)
	}
	text := fmt.Sprintf("%d accepted, %d filtered, %d dead-lettered, %d behind", t.Accepted, t.Filtered, t.DeadLettered, t.Lag)
	if held, key := a.hec.Held(); held > 0 {
		text += ", held back by " + key
	}
	return text
}

// status fills the admin page.
func (a *App) status() ops.Status {
	t := a.forward.Totals()
	cfg := a.opts.Config
	n := func(v int64) string { return humanize.Comma(v) }
	rows := []ops.Row{
		{Name: "summary", Value: a.summary(t)},
		{Name: "running since", Value: a.started.UTC().Format(time.RFC3339)},
		{Name: "records read", Value: n(t.Read)},
		{Name: "accepted by Splunk", Value: n(t.Accepted)},
		{Name: "filtered", Value: n(t.Filtered)},
		{Name: "dead-lettered", Value: n(t.DeadLettered)},
		{Name: "held, not settled", Value: n(t.Unsettled)},
		{Name: "settled, not yet committed", Value: n(t.Uncommitted)},
		{Name: "given back, read again by the next owner", Value: n(t.Returned)},
		{Name: "expired in Kafka before they were read (lost ground)", Value: n(a.group.Lost())},
		{Name: "behind", Value: fmt.Sprintf("%s records, oldest held %s", n(t.Lag), t.LagTime.Round(time.Millisecond))},
		{Name: "partitions owned", Value: n(int64(t.Partitions))},
		{Name: "Kafka", Value: fmt.Sprintf("%v, group %s", cfg.Kafka.BootstrapServers, cfg.Kafka.GroupID)},
	}
	rows = append(rows, a.splunkRows()...)
	rows = append(rows, ops.Row{Name: "dead letters", Value: cfg.DeadLetter.Dir})
	if cfg.DeadLetterTopic.Enabled() {
		rows = append(rows, ops.Row{Name: "dead-letter topic", Value: fmt.Sprintf("%s at %v", cfg.DeadLetterTopic.Name, cfg.DeadLetterTopic.BootstrapServers)})
	}
	if a.rotator != nil {
		rows = append(rows, ops.Row{Name: "credentials", Value: a.rotator.summary()})
	}
	return ops.Status{Version: a.opts.Version, Rows: rows}
}

// splunkRows has a row for each address of Splunk, one for limits, and one for
// the day's volume.
func (a *App) splunkRows() []ops.Row {
	var rows []ops.Row
	for _, e := range a.hec.Endpoints() {
		state := "takes events"
		if e.Reason != nil {
			state = e.Reason.Error()
		}
		state = fmt.Sprintf("%s; %d posts out", state, e.Posts)
		if a.opts.Config.HEC.Ack.Enabled {
			state += fmt.Sprintf(", %d taken and not acknowledged yet", e.Open)
		}
		rows = append(rows, ops.Row{Name: "Splunk " + e.Name, Value: state})
	}
	if l := a.opts.Config.HEC.Limit; l.EventsPerSecond > 0 || l.BytesPerSecond > 0 || l.BytesPerDay > 0 {
		value := "nothing"
		if held, key := a.hec.Held(); held > 0 {
			value = fmt.Sprintf("%s; batches that wait: %d", key, held)
		}
		rows = append(rows, ops.Row{Name: "held back by hec.limit", Value: value})
	}
	today := humanize.IBytes(uint64(a.hec.Today())) //nolint:gosec // never below 0
	if most := a.opts.Config.HEC.Limit.BytesPerDay; most > 0 {
		today += " of " + humanize.IBytes(uint64(most)) //nolint:gosec // Validate allows none below 0
	}
	return append(rows, ops.Row{Name: "bytes of events sent today (UTC)", Value: today})
}

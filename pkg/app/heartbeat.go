package app

import (
	"cmp"
	"context"
	"os"
	"time"

	"auditlog-forwarder/pkg/heartbeat"
	"auditlog-forwarder/pkg/hec"
)

// newHeart makes the heart, whose events go to Splunk beside all batches.
func (a *App) newHeart() *heartbeat.Heart {
	cfg := a.opts.Config
	host, err := os.Hostname()
	if err != nil {
		host = "" // Splunk then takes the connection's address
	}
	return heartbeat.New(cfg.Heartbeat, heartbeat.Options{
		Log: a.log.Named("heartbeat"), Registerer: a.registry,
		State: func() heartbeat.State { return a.heartbeat(cmp.Or(cfg.Kafka.GroupInstanceID, host)) },
		Send: func(ctx context.Context, at time.Time, event []byte) error {
			return a.hec.Notify(ctx, hec.Notice{
				Time: at, Index: cfg.Heartbeat.Index, Source: cfg.Heartbeat.Source, Sourcetype: cfg.Heartbeat.Sourcetype, Host: host,
				Event: event,
			})
		},
	})
}

// heartbeat says how it goes at this moment.
func (a *App) heartbeat(instance string) heartbeat.State {
	t := a.forward.Totals()
	s := heartbeat.State{
		Instance: instance, Version: a.opts.Version, GroupID: a.opts.Config.Kafka.GroupID,
		UptimeSeconds: time.Since(a.started).Seconds(),
		Partitions:    t.Partitions, LagRecords: t.Lag, LagSeconds: t.LagTime.Seconds(),
		Delivered: t.Accepted, Filtered: t.Filtered, DeadLettered: t.DeadLettered, LostGround: a.group.Lost(),
	}
	ready, conditions := a.health.Ready()
	if s.Ready = ready; !ready && len(conditions) > 0 {
		s.Blocked = conditions[0].Name + ": " + conditions[0].Reason
	}
	if !t.LastAccepted.IsZero() {
		last := t.LastAccepted.UTC()
		s.LastDelivered = &last
	}
	if !t.NewestAccepted.IsZero() {
		newest := t.NewestAccepted.UTC()
		s.LastEvent = &newest
	}
	return s
}

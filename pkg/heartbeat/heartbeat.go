// Package heartbeat sends an event about the forwarder itself to Splunk at
// regular times. A quiet organisation has days without an audit event, so that
// only a heartbeat tells "nothing happened" from "nothing arrives"; the alert
// "Pipeline health" rests on it.
package heartbeat

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"math"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
)

// The CloudEvents attributes of every heartbeat.
const (
	Type   = "auditlog-forwarder.heartbeat.v1"
	Source = "urn:auditlog-forwarder"
)

// Config says how often heartbeats are sent, and where to.
type Config struct {
	Interval   time.Duration `mapstructure:"interval"` // 0: none are sent
	Index      string        `mapstructure:"index"`    // empty: that of the events
	Source     string        `mapstructure:"source"`
	Sourcetype string        `mapstructure:"sourcetype"`
}

// DefaultConfig returns the defaults.
func DefaultConfig() Config {
	return Config{Interval: time.Minute, Source: "auditlog-forwarder", Sourcetype: "auditlog-forwarder:heartbeat"}
}

// Validate returns every mistake, each starting with its key.
func (c Config) Validate() []error {
	if c.Interval != 0 && (c.Interval < 10*time.Second || c.Interval > time.Hour) {
		return []error{fmt.Errorf("interval: %s is out of range; allowed are 10s to 1h, and 0s for none", c.Interval)}
	}
	return nil
}

// State is what a heartbeat says.
type State struct {
	Instance      string  `json:"instance"`
	Version       string  `json:"version"`
	GroupID       string  `json:"group_id"`
	UptimeSeconds float64 `json:"uptime_seconds"`
	Ready         bool    `json:"ready"`
	Blocked       string  `json:"blocked,omitempty"` // why it is not ready
	Partitions    int     `json:"partitions"`
	LagRecords    int64   `json:"lag_records"`
	LagSeconds    float64 `json:"lag_seconds"` // the age of the oldest record that is read and not settled

	// Since the start.
	Delivered    int64 `json:"delivered"`
	Filtered     int64 `json:"filtered"`
	DeadLettered int64 `json:"dead_lettered"`
	LostGround   int64 `json:"lost_ground"` // expired in Kafka before they were read

	LastDelivered *time.Time `json:"last_delivered,omitempty"`
	LastEvent     *time.Time `json:"last_event,omitempty"` // Kafka's timestamp of the newest record that was delivered
}

// event is a heartbeat as CloudEvents has events.
type event struct {
	SpecVersion     string    `json:"specversion"`
	ID              string    `json:"id"`
	Type            string    `json:"type"`
	Source          string    `json:"source"`
	Time            time.Time `json:"time"`
	DataContentType string    `json:"datacontenttype"`
	Heartbeat       State     `json:"heartbeat"`
}

// Options is what a heart needs.
type Options struct {
	State      func() State
	Send       func(ctx context.Context, at time.Time, event []byte) error
	Log        *zap.Logger
	Registerer prometheus.Registerer
}

// Heart sends heartbeats.
type Heart struct {
	cfg   Config
	opts  Options
	beats *prometheus.CounterVec
}

// New makes a heart.
func New(cfg Config, opts Options) *Heart {
	h := &Heart{cfg: cfg, opts: opts, beats: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "auditlog_forwarder_heartbeats_total",
		Help: "Heartbeat events, by what became of them: accepted by Splunk, or failed. They are no records and in no other count.",
	}, []string{"result"})}
	opts.Registerer.MustRegister(h.beats)
	if cfg.Interval > 0 { // so that both are there from the start
		h.beats.WithLabelValues("accepted")
		h.beats.WithLabelValues("failed")
	}
	return h
}

// Run beats until ctx ends. The first heartbeat comes after one interval, so
// that a forwarder that is started over and over again looks as dead as it is.
// One that could not be sent is not sent again: its absence is the message.
func (h *Heart) Run(ctx context.Context) {
	if h.cfg.Interval == 0 {
		return
	}
	tick := time.NewTicker(h.cfg.Interval)
	defer tick.Stop()
	failed := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		err := h.beat(ctx)
		if ctx.Err() != nil {
			return
		}
		switch {
		case err != nil && !failed: // once; what is wrong with Splunk is told elsewhere
			h.opts.Log.Warn("a heartbeat could not be sent to Splunk; the alert Pipeline health will tell if it lasts", zap.Error(err))
		case err == nil && failed:
			h.opts.Log.Info("heartbeats are taken again")
		}
		failed = err != nil
	}
}

func (h *Heart) beat(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, h.cfg.Interval)
	defer cancel()
	now := time.Now().UTC()
	body, err := Event(now, h.opts.State())
	if err == nil {
		err = h.opts.Send(ctx, now, body)
	}
	if err != nil {
		h.beats.WithLabelValues("failed").Inc()
		return err
	}
	h.beats.WithLabelValues("accepted").Inc()
	return nil
}

// Event returns a heartbeat's text.
func Event(at time.Time, s State) ([]byte, error) {
	s.UptimeSeconds, s.LagSeconds = math.Round(s.UptimeSeconds), math.Round(s.LagSeconds*1000)/1000
	return json.Marshal(event{
		SpecVersion: "1.0", ID: rand.Text(), Type: Type, Source: Source, Time: at.Truncate(time.Millisecond),
		DataContentType: "application/json", Heartbeat: s,
	})
}

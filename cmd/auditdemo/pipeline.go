package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"go.uber.org/zap"

	"auditlog-forwarder/pkg/app"
	"auditlog-forwarder/pkg/config"
	"auditlog-forwarder/pkg/creds"
	"auditlog-forwarder/pkg/hec/hectest"
)

const (
	topic       = "confluent-audit-log-events"
	partitions  = 6
	group       = "auditdemo"
	index       = "confluent_audit"
	noisyMethod = "schema-registry.Authentication"
)

// errStop is why the forwarder stops.
var errStop = errors.New("stopped as by SIGTERM")

// pipeline is the forwarder, as its own command would run it.
type pipeline struct {
	*app.App
	stop context.CancelCauseFunc
	done chan struct{} // closed when Run has returned
	err  error         // what Run has returned; read it after done
}

// settings are the defaults, the addresses, and what makes the demo lively.
func settings(broker, hecURL, dir string) config.Config {
	cfg := config.Defaults()
	cfg.Kafka.BootstrapServers = []string{broker}
	cfg.Kafka.SecurityProtocol = "PLAINTEXT"
	cfg.Kafka.GroupID = group
	cfg.HEC.URLs = []string{hecURL}
	cfg.HEC.Token = creds.NewSecret(hectest.DefaultToken)
	cfg.HEC.Index = index
	cfg.HEC.Host = "forwarder-1"
	cfg.HEC.BackoffMin, cfg.HEC.BackoffMax = 100*time.Millisecond, time.Second
	cfg.Batch.Linger = 200 * time.Millisecond
	cfg.Filter.DropMethods = []string{noisyMethod}
	cfg.DeadLetter.Dir = filepath.Join(dir, "dead-letter")
	cfg.Admin.Listen = "127.0.0.1:0"
	return cfg
}

// startPipeline starts the forwarder, which runs until it is closed.
func startPipeline(ctx context.Context, cfg config.Config, log *zap.Logger) (*pipeline, error) {
	if err := errors.Join(cfg.Validate()...); err != nil {
		return nil, fmt.Errorf("the demo's configuration: %w", err)
	}
	ctx, stop := context.WithCancelCause(context.WithoutCancel(ctx))
	a, err := app.New(ctx, app.Options{Config: cfg, Version: "demo", Log: log})
	if err != nil {
		stop(err)
		return nil, err
	}
	p := &pipeline{App: a, stop: stop, done: make(chan struct{})}
	go func() {
		defer close(p.done)
		p.err = a.Run(ctx)
	}()
	return p, nil
}

// close stops the forwarder and waits until it has returned.
func (p *pipeline) close() error {
	p.stop(errStop)
	<-p.done
	return p.err
}

// gauge returns the sum of a metric over all partitions.
func (p *pipeline) gauge(name string) (float64, error) {
	families, err := p.Gatherer().Gather()
	if err != nil {
		return 0, fmt.Errorf("read the metrics: %w", err)
	}
	var sum float64
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.GetMetric() {
			sum += m.GetGauge().GetValue()
		}
	}
	return sum, nil
}

// reason says why the forwarder is not ready; empty: it is.
func (p *pipeline) reason() string {
	ok, conditions := p.Ready()
	if ok || len(conditions) == 0 {
		return ""
	}
	return conditions[0].Name + ": " + conditions[0].Reason
}

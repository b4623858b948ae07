package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"auditlog-forwarder/pkg/config"
	"auditlog-forwarder/pkg/deadletter"
)

// patience bounds every wait for a state that must come.
const patience = 2 * time.Minute

// stage holds everybody who plays.
type stage struct {
	o      options
	out    *screen
	ledger *ledger
	poison *poison

	dir      string
	log      *os.File
	broker   *kfake.Cluster
	splunk   *splunk
	cfg      config.Config
	pipeline *pipeline
	producer *producer // nil before and after the production
	away     bool      // Splunk is paused

	started time.Time
	history []sample // of the last second
	end     []func() error
}

// build starts everybody but the producer. They end when they are closed, not
// with ctx: what was produced is still to be delivered then.
func build(ctx context.Context, o options, out *screen) (_ *stage, err error) {
	s := &stage{o: o, out: out, ledger: newLedger(), poison: &poison{bodies: map[body]bool{}}, started: time.Now()}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close(ctx, false))
		}
	}()
	if s.dir, err = os.MkdirTemp(o.temp, "auditdemo-"); err != nil {
		return nil, fmt.Errorf("make a folder for the demo: %w", err)
	}
	if s.broker, err = kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(partitions, topic)); err != nil {
		return nil, fmt.Errorf("start the broker: %w", err)
	}
	s.end = append(s.end, func() error { s.broker.Close(); return nil })
	//nolint:contextcheck // the receiver listens until it is closed
	if s.splunk, err = startSplunk(s.ledger, s.poison, o.forget); err != nil {
		return nil, err
	}
	s.end = append(s.end, s.splunk.close)
	log, file, err := newLog(filepath.Join(s.dir, "forwarder.log"), out)
	if err != nil {
		return nil, err
	}
	s.log = file
	s.end = append(s.end, file.Close)
	s.cfg = settings(s.broker.ListenAddrs()[0], s.splunk.server.URL(), s.dir)
	if s.pipeline, err = startPipeline(ctx, s.cfg, log); err != nil {
		return nil, err
	}
	s.end = append(s.end, s.pipeline.close)
	return s, nil
}

// close ends everybody, last started first, and removes the folder unless it
// is kept.
func (s *stage) close(ctx context.Context, keep bool) error {
	var errs []error
	if s.producer != nil {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
		defer cancel()
		errs = append(errs, s.producer.finish(ctx))
	}
	for i := len(s.end) - 1; i >= 0; i-- {
		errs = append(errs, s.end[i]())
	}
	if s.dir != "" && !keep {
		errs = append(errs, os.RemoveAll(s.dir))
	}
	return errors.Join(errs...)
}

// letters reads the dead letters, oldest first.
func (s *stage) letters() ([]deadletter.Entry, error) {
	var all []deadletter.Entry
	err := deadletter.Scan(s.cfg.DeadLetter.Dir, func(e deadletter.Entry, _ deadletter.Status) error {
		all = append(all, e)
		return nil
	})
	return all, err
}

// positions asks the broker how far each partition is committed and where it
// ends.
func (s *stage) positions(ctx context.Context) ([]position, error) {
	client, err := kgo.NewClient(kgo.SeedBrokers(s.broker.ListenAddrs()...))
	if err != nil {
		return nil, fmt.Errorf("make a client: %w", err)
	}
	defer client.Close()
	admin := kadm.NewClient(client)
	ends, err := admin.ListEndOffsets(ctx, topic)
	if err = errors.Join(err, ends.Error()); err != nil {
		return nil, fmt.Errorf("ask the broker for the log's end: %w", err)
	}
	commits, err := admin.FetchOffsets(ctx, group)
	if err = errors.Join(err, commits.Error()); err != nil {
		return nil, fmt.Errorf("ask the broker for the committed offsets: %w", err)
	}
	var all []position
	for p := range int32(partitions) {
		end, ok := ends.Lookup(topic, p)
		if !ok {
			return nil, fmt.Errorf("the broker does not know partition %d", p)
		}
		at := position{partition: p, end: end.Offset}
		if c, ok := commits.Lookup(topic, p); ok {
			at.committed = c.At
		}
		all = append(all, at)
	}
	return all, nil
}

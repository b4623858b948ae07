package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"

	"auditlog-forwarder/pkg/kafka/kafkatest"
)

// suite runs seeds against one binary.
type suite struct {
	binary   string
	dir      string        // of the runs; what failed stays
	patience time.Duration // without any progress before a run counts as stuck
	limit    time.Duration // of one run
	brokers  *brokers
	lag      *lag
	keep     bool // also what did not fail
}

// outcome is a run that was played, or why it could not be.
type outcome struct {
	result
	err error
}

// runSeeds plays the seeds, some at once, and tells of each as it ends, in any
// order. It stops starting runs when tell returns false or ctx ends.
func (s *suite) runSeeds(ctx context.Context, seeds []uint64, parallel int, tell func(outcome) bool) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	next := make(chan uint64)
	done := make(chan outcome)
	var workers sync.WaitGroup
	for range parallel {
		workers.Go(func() {
			for seed := range next {
				done <- s.one(ctx, seed)
			}
		})
	}
	go func() {
		defer close(next)
		for _, seed := range seeds {
			select {
			case next <- seed:
			case <-ctx.Done():
				return
			}
		}
	}()
	go func() {
		workers.Wait()
		close(done)
	}()
	for o := range done {
		if ctx.Err() == nil && !tell(o) {
			cancel()
		}
	}
}

// one plays a seed.
func (s *suite) one(ctx context.Context, seed uint64) outcome {
	p := makePlan(seed)
	dir := filepath.Join(s.dir, fmt.Sprintf("seed-%d", seed))
	if err := errors.Join(os.RemoveAll(dir), os.MkdirAll(dir, 0o700)); err != nil {
		return outcome{result{Seed: seed}, fmt.Errorf("make the run's folder: %w", err)}
	}
	broker, release, err := s.brokers.take(ctx, p.ownBroker())
	if err != nil {
		return outcome{result{Seed: seed}, err}
	}
	defer release()
	res, err := s.execute(ctx, p, broker, dir)
	if err == nil && res.ok() && !s.keep {
		err = os.RemoveAll(dir)
	} else {
		res.Folder = dir
		err = errors.Join(err, writeReport(filepath.Join(dir, "result.json"), res))
	}
	res.Seed = seed
	return outcome{res, err}
}

// brokers are two: one for all, and one for runs that hurt it, in turn.
type brokers struct {
	mu     sync.Mutex
	shared *kafkatest.Node
	own    *kafkatest.Node
	alone  chan struct{} // has room for the one run that has own
}

func newBrokers() *brokers { return &brokers{alone: make(chan struct{}, 1)} }

// take returns a broker, started if need be, and what gives it back.
func (b *brokers) take(ctx context.Context, own bool) (n *kafkatest.Node, release func(), err error) {
	release = func() {}
	slot := &b.shared
	if own {
		select {
		case b.alone <- struct{}{}:
		case <-ctx.Done():
			return nil, nil, context.Cause(ctx)
		}
		slot, release = &b.own, func() { <-b.alone }
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if *slot == nil {
		if *slot, err = kafkatest.Launch(ctx); err != nil {
			release()
			return nil, nil, err
		}
	}
	return *slot, release, nil
}

func (b *brokers) close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	var errs []error
	for _, n := range []*kafkatest.Node{b.shared, b.own} {
		if n != nil {
			errs = append(errs, n.Close())
		}
	}
	return errors.Join(errs...)
}

// build makes the product's binary, from a checkout with some of its files
// replaced if overlay names a list of them.
func build(ctx context.Context, path, overlay string, race bool) error {
	args := []string{"build", "-o", path}
	if overlay != "" {
		args = append(args, "-overlay", overlay)
	}
	if race {
		args = append(args, "-race")
	}
	cmd := exec.CommandContext(ctx, "go", append(args, "auditlog-forwarder/cmd/auditlog-forwarder")...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build the product: %w\n%s", err, out)
	}
	return nil
}

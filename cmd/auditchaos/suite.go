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
	shared, own slot
	alone       chan struct{} // has room for the one run that has own
	warming     sync.WaitGroup
}

// slot is a broker that starts when it is first needed.
type slot struct {
	mu   sync.Mutex
	node *kafkatest.Node
}

func newBrokers() *brokers { return &brokers{alone: make(chan struct{}, 1)} }

// warm starts the broker that all need, while something else is made ready. If
// it fails, the first to take it tries again, and tells.
func (b *brokers) warm(ctx context.Context) {
	b.warming.Go(func() { _, _ = b.shared.get(ctx) })
}

// take returns a broker, started if need be, and what gives it back.
func (b *brokers) take(ctx context.Context, own bool) (n *kafkatest.Node, release func(), err error) {
	if !own {
		n, err = b.shared.get(ctx)
		return n, func() {}, err
	}
	select {
	case b.alone <- struct{}{}:
	case <-ctx.Done():
		return nil, nil, context.Cause(ctx)
	}
	if n, err = b.own.get(ctx); err != nil {
		<-b.alone
	}
	return n, func() { <-b.alone }, err
}

func (s *slot) get(ctx context.Context) (_ *kafkatest.Node, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.node == nil {
		s.node, err = kafkatest.Launch(ctx)
	}
	return s.node, err
}

func (b *brokers) close() error {
	b.warming.Wait()
	var errs []error
	for _, s := range []*slot{&b.shared, &b.own} {
		s.mu.Lock()
		if s.node != nil {
			errs = append(errs, s.node.Close())
		}
		s.mu.Unlock()
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

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"go.uber.org/zap"

	"auditlog-forwarder/pkg/audit"
	"auditlog-forwarder/pkg/deadletter"
)

const (
	storeFile  = "dead-letter.jsonl"
	storeBytes = 1 << 20 // the least that dead_letter.max_bytes may be
)

// fillStore leaves no room in a member's dead letters, by those of another
// topic.
func (m *member) fillStore() error {
	store, err := deadletter.Open(deadletter.Config{Dir: m.dead, MaxBytes: 2 * storeBytes}, zap.NewNop())
	if err != nil {
		return fmt.Errorf("fill the dead letters: %w", err)
	}
	const room = 200 // less than any dead letter takes
	err = store.Put([]deadletter.Entry{{
		Record: audit.Record{Topic: "ballast", Timestamp: time.Unix(0, 0), Value: bytes.Repeat([]byte("x"), storeBytes-600-room)},
		Reason: deadletter.NotJSON,
	}})
	if err = errors.Join(err, store.Close()); err != nil {
		return fmt.Errorf("fill the dead letters: %w", err)
	}
	return nil
}

// makeRoom archives the dead letters of a process, once it has said that they
// are full.
func (m *member) makeRoom(p *process) {
	select {
	case <-p.watch(saysRefused):
	case <-p.ended:
		return
	case <-m.run.ctx.Done():
		return
	}
	dir := filepath.Join(m.run.dir, filepath.Base(p.log)+"-archive")
	m.run.addFolder(dir)
	err := os.MkdirAll(dir, 0o700)
	if err == nil {
		err = os.Rename(filepath.Join(m.dead, storeFile), filepath.Join(dir, storeFile))
	}
	if err != nil {
		m.run.ledger.complain("archive the dead letters: %v", err)
	}
}

// storeFault lets the dead-letter store of the first member be unable to keep
// anything, until the forwarder has said so.
func (r *run) storeFault(ctx context.Context) (then func() error, err error) {
	m := r.members[0]
	// A forwarder that cannot open its store at its start does not start.
	if !m.now.proc.isUp(r.suite.patience) {
		return nil, nil
	}
	told := m.now.proc.watch(saysRefused)
	away := m.dead + "-away"
	if err := os.Rename(m.dead, away); err != nil {
		return nil, fmt.Errorf("take the dead letters away: %w", err)
	}
	r.addFolder(away)
	if err := os.WriteFile(m.dead, nil, 0o600); err != nil {
		return nil, fmt.Errorf("put a file in the place of the dead letters: %w", err)
	}
	return func() error {
		limit := time.NewTimer(time.Second)
		defer limit.Stop()
		select {
		case <-told:
		case <-limit.C: // no dead letter came
		case <-ctx.Done():
		}
		return os.Remove(m.dead)
	}, nil
}

// scanStores tells of every dead letter of the run's topic.
func (r *run) scanStores(fn func(place, deadletter.Entry)) {
	for _, dir := range r.folders() {
		err := deadletter.Scan(dir, func(e deadletter.Entry, _ deadletter.Status) error {
			if e.Record.Topic == r.topic {
				fn(place{int(e.Record.Partition), e.Record.Offset}, e)
			}
			return nil
		})
		// While a step has put something else in the place, nothing is there.
		var path *fs.PathError
		if err != nil && !errors.Is(err, os.ErrNotExist) && !errors.As(err, &path) {
			r.ledger.complain("read the dead letters in %s: %v", filepath.Base(dir), err)
		}
	}
}

// seeDead books what is in the dead-letter stores.
func (r *run) seeDead() {
	r.scanStores(func(at place, e deadletter.Entry) { r.ledger.bury(at, e.Record.Value) })
}

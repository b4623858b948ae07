package deadletter

import (
	"context"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// census knows how many entries wait, by reason, for the metrics. What Put
// adds it counts as it comes. What a replay, a purge or an archive changes it
// learns by reading the files again, in the background and seldom.
type census struct {
	mu      sync.Mutex
	known   bool
	pending map[Reason]int
	since   map[Reason]int // what was put while the files are read
	seen    fileState      // what was counted
	last    time.Time      // when
	cancel  context.CancelFunc
	ended   chan struct{} // closed when the reading ends; nil: none is active
	stopped bool
}

// fileState tells whether files have changed beside what Put adds.
type fileState struct{ data, marks fs.FileInfo }

func (s fileState) same(t fileState) bool {
	same := func(a, b fs.FileInfo) bool {
		return a == nil && b == nil || a != nil && b != nil && os.SameFile(a, b)
	}
	if !same(s.data, t.data) || !same(s.marks, t.marks) {
		return false
	}
	return s.marks == nil || s.marks.Size() == t.marks.Size()
}

func stateOf(dir string) (st fileState) {
	// What cannot be looked at counts as absent; Put has the error.
	if info, err := os.Stat(filepath.Join(dir, dataFile)); err == nil {
		st.data = info
	}
	if info, err := os.Stat(filepath.Join(dir, marksFile)); err == nil {
		st.marks = info
	}
	return st
}

// start begins with what is known of an empty file.
func (c *census) start(j *journal) {
	c.pending = map[Reason]int{}
	if j.size == 0 {
		c.known, c.seen = true, stateOf(filepath.Dir(j.path))
	}
}

// add counts what was put. The store's mutex is held, so that a reading that
// begins sees it either in the file or here.
func (c *census) add(entries []Entry) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, e := range entries {
		c.pending[e.Reason]++
		if c.ended != nil {
			c.since[e.Reason]++
		}
	}
}

// recountEvery bounds how often the files are read for the metrics.
const recountEvery = time.Minute

// count returns the figures as far as they are known, and has the files read
// again if something else has changed them.
func (c *census) count(s *Store) (pending map[Reason]int, known bool) {
	now := stateOf(s.cfg.Dir)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended == nil && !c.stopped && (!c.known || !c.seen.same(now)) && (c.last.IsZero() || time.Since(c.last) >= recountEvery) {
		ctx, cancel := context.WithCancel(context.Background())
		c.cancel, c.ended, c.last = cancel, make(chan struct{}), time.Now()
		c.since = map[Reason]int{}
		go c.recount(ctx, s)
	}
	if !c.known {
		return nil, false
	}
	pending = map[Reason]int{}
	for _, r := range Reasons() {
		pending[r] = c.pending[r]
	}
	return pending, true
}

// recount reads the files up to where no Put is under way.
func (c *census) recount(ctx context.Context, s *Store) {
	found := map[Reason]int{}
	seen, err := s.snapshot(func() {
		c.mu.Lock()
		clear(c.since)
		c.mu.Unlock()
	}, func(e Entry, status Status) error {
		if status == Pending {
			found[e.Reason]++
		}
		return ctx.Err()
	})
	c.mu.Lock()
	defer c.mu.Unlock()
	if err == nil {
		c.take(found, seen)
	}
	c.cancel()
	close(c.ended)
	c.ended = nil
}

// take is the end of a reading; c.mu is held.
func (c *census) take(found map[Reason]int, seen fileState) {
	for r, n := range c.since {
		found[r] += n
	}
	c.known, c.pending, c.seen = true, found, seen
}

// snapshot is Scan over what is in the file at one moment, at which it calls
// begin.
func (s *Store) snapshot(begin func(), fn func(Entry, Status) error) (fileState, error) {
	seen := stateOf(s.cfg.Dir)
	done, err := readMarks(s.cfg.Dir, &DamageError{})
	if err != nil {
		return seen, err
	}
	s.mu.Lock()
	size := s.journal.size
	f, err := openData(s.cfg.Dir)
	begin()
	s.mu.Unlock()
	if f == nil || err != nil {
		return seen, err
	}
	defer f.Close() //nolint:errcheck // opened for reading
	return seen, eachEntry(io.NewSectionReader(f, 0, size), &DamageError{}, func(e Entry, _ span) error {
		if done.has(e) {
			return fn(e, Replayed)
		}
		return fn(e, Pending)
	})
}

// stop ends a reading and lets no other begin.
func (c *census) stop() {
	c.mu.Lock()
	c.stopped = true
	ended := c.ended
	if ended != nil {
		c.cancel()
	}
	c.mu.Unlock()
	if ended != nil {
		<-ended
	}
}

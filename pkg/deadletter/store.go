package deadletter

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"sync"
	"time"

	"github.com/gofrs/flock"
	"go.uber.org/zap"
)

// Store is the writing side, one per folder and process. It is safe for
// concurrent use. Puts wait for each other: refused records are rare, and
// with one writer the size that an fsync confirmed is always known.
type Store struct {
	cfg     Config
	log     *zap.Logger
	metrics *metrics

	mu      sync.Mutex
	closed  bool
	lock    *flock.Flock // nil: lost with the folder, to be taken again
	journal *journal
	tally   tally

	compacted fs.FileInfo // the marks as the last compact left them

	census census
}

// Open takes the folder for this process, makes it if need be, and cuts off
// the torn last line that a crash may have left.
func Open(cfg Config, log *zap.Logger) (*Store, error) {
	s := &Store{cfg: cfg, log: log, metrics: newMetrics()}
	if err := s.takeFolder(); err != nil {
		return nil, fmt.Errorf("open dead-letter store: %w", err)
	}
	var err error
	if s.journal, err = openJournal(filepath.Join(cfg.Dir, dataFile), log); err != nil {
		return nil, errors.Join(fmt.Errorf("open dead-letter store: %w", err), s.lock.Unlock())
	}
	if err := s.sweep(); err != nil {
		log.Warn("what a crash left could not be removed; it only takes room", zap.Error(err))
	}
	s.census.start(s.journal)
	return s, nil
}

// takeFolder makes the folder and takes its lock.
func (s *Store) takeFolder() error {
	if err := makeDir(s.cfg.Dir); err != nil {
		return err
	}
	lock, err := lockFile(s.cfg.Dir, dataLock)
	if errors.Is(err, errLocked) {
		return fmt.Errorf("folder %s is %w: a `run` is active there; stop it, or give each instance a dead_letter.dir of its own", s.cfg.Dir, ErrInUse)
	}
	if err != nil {
		return err
	}
	s.lock = lock
	return nil
}

// Put keeps all entries or none. When it returns nil they are on disk, in the
// file that the folder now holds. It keeps no reference to what it was given.
func (s *Store) Put(entries []Entry) error {
	if len(entries) == 0 {
		return nil
	}
	lines, err := encodeAll(entries)
	if err == nil {
		err = s.put(entries, lines)
	}
	if err != nil {
		s.metrics.errors.Inc()
		return fmt.Errorf("keep %d records in %s: %w", len(entries), filepath.Join(s.cfg.Dir, dataFile), err)
	}
	return nil
}

func encodeAll(entries []Entry) ([]byte, error) {
	now := time.Now()
	var buf bytes.Buffer
	for _, e := range entries {
		if e.StoredAt.IsZero() {
			e.StoredAt = now
		}
		start := buf.Len()
		if err := encode(&buf, e); err != nil {
			return nil, err
		}
		if n := buf.Len() - start; n > maxLine {
			return nil, fmt.Errorf("%s takes %s as a line; readers take %s at most", e.ID(), iec(int64(n)), iec(maxLine))
		}
	}
	return buf.Bytes(), nil
}

func (s *Store) put(entries []Entry, lines []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return errors.New("the store is closed")
	}
	// The second look after the fsync is the one that counts: only a file
	// that is still in its place then has been kept. Three rounds, because
	// more is no accident.
	for range 3 {
		kept, err := s.putOnce(lines)
		if err != nil {
			return err
		}
		if kept {
			s.census.add(entries)
			return nil
		}
		s.log.Warn("the file was moved or deleted while it was written; writing again",
			zap.String("file", s.journal.path))
	}
	return errors.New("the file is moved or deleted again and again; find out by whom")
}

// writersWait is how long a Put waits for a purge to change the files, which
// takes as long as two fsyncs.
const writersWait = 5 * time.Second

// putOnce appends once and reports whether the file was in its place then.
func (s *Store) putOnce(lines []byte) (kept bool, err error) {
	if err := s.prepare(); err != nil {
		return false, err
	}
	lock, err := waitLock(s.cfg.Dir, writeLock, writersWait)
	if errors.Is(err, errLocked) {
		return false, fmt.Errorf("another process has held %s for %s; a `deadletter purge` that was stopped while it changed the files? end it",
			filepath.Join(s.cfg.Dir, writeLock), writersWait)
	}
	if err != nil {
		return false, err
	}
	defer func() {
		// What was kept is kept: an error would have it stored twice.
		if gone := lock.Unlock(); gone != nil {
			s.log.Warn("the lock of writers could not be released", zap.Error(gone))
		}
	}()
	if err := s.journal.prepare(); err != nil {
		return false, err
	}
	if err := s.makeRoom(int64(len(lines))); err != nil {
		return false, err
	}
	if err := s.journal.append(lines); err != nil {
		return false, err
	}
	return s.journal.inPlace(), nil
}

// prepare makes sure that folder and lock are still the ones that their paths
// name, and takes up the new ones if they are not.
func (s *Store) prepare() error {
	if s.lock != nil && !lockInPlace(s.lock) {
		s.log.Warn("the dead-letter folder or its lock was moved or deleted; making it anew",
			zap.String("dir", s.cfg.Dir))
		if err := s.lock.Unlock(); err != nil {
			s.log.Warn("the old lock could not be released", zap.Error(err))
		}
		s.lock = nil
	}
	if s.lock == nil {
		// Without the lock the file may be another's: leave it alone at once.
		s.journal.close()
		if err := s.takeFolder(); err != nil {
			return err
		}
	}
	return nil
}

// makeRoom returns nil if n more bytes fit, if need be after dropping what
// has been replayed.
func (s *Store) makeRoom(n int64) error {
	if s.journal.size+n <= s.cfg.MaxBytes {
		return nil
	}
	freed, err := s.compact()
	switch {
	case n > s.cfg.MaxBytes:
		return s.tooSmall(n)
	case errors.Is(err, errLocked):
		return s.full(n, waitOut)
	case err != nil:
		return fmt.Errorf("%w; dropping replayed entries: %w", s.full(n, replayOut), err)
	}
	if freed > 0 {
		s.log.Info("dropped replayed entries to make room",
			zap.Int64("freed_bytes", freed), zap.Int64("size", s.journal.size))
	}
	if s.journal.size+n > s.cfg.MaxBytes {
		return s.full(n, s.wayOut())
	}
	return nil
}

// Close ends the store's use of the folder. Later Puts return an error.
func (s *Store) Close() error {
	s.census.stop()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	s.journal.close()
	if s.lock == nil {
		return nil
	}
	if err := s.lock.Unlock(); err != nil {
		return fmt.Errorf("release the lock of %s: %w", s.cfg.Dir, err)
	}
	return nil
}

package deadletter

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"go.uber.org/zap"
)

// compact rewrites the file without the entries that have been replayed and
// returns how many bytes that freed, or errLocked while a replay or a purge is
// active. It needs s.mu, the folder's lock and the lock of writers.
//
// The order keeps each crash harmless: the new file is complete on disk
// before it takes the old one's name, and the marks are cut last. Marks that
// outlive their entries match nothing. Entries never outlive their marks.
func (s *Store) compact() (freed int64, err error) {
	path := filepath.Join(s.cfg.Dir, marksFile)
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) || (err == nil && info.Size() == 0) {
		return 0, nil
	}
	if err != nil {
		return 0, explain(err)
	}
	// A store that is full is asked again and again; what these marks free is
	// free already.
	if s.compacted != nil && os.SameFile(info, s.compacted) && info.Size() == s.compacted.Size() {
		return 0, nil
	}
	lock, err := lockFile(s.cfg.Dir, marksLock)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, lock.Unlock()) }()

	done, err := readMarks(s.cfg.Dir, &DamageError{})
	if err != nil {
		return 0, err
	}
	before := s.journal.size
	if err := dropReplayed(s.journal.path, s.journal.size, done); err != nil {
		return 0, err
	}
	if err := s.journal.reopen(); err != nil {
		return 0, err
	}
	if err := trimMarks(s.cfg.Dir); err != nil {
		s.log.Warn("the marks of replayed entries could not be cut; they only take room", zap.Error(err))
	}
	if s.compacted, err = os.Stat(path); err != nil {
		return before - s.journal.size, explain(err)
	}
	return before - s.journal.size, nil
}

func dropReplayed(path string, size int64, done *marks) (err error) {
	c, err := startCopy(path)
	if err != nil {
		return err
	}
	defer func() { err = c.end(err) }()
	if err := c.add(size, func(e Entry, _ span) bool { return done.has(e) }); err != nil {
		return err
	}
	return c.replace()
}

// sweep takes away the copy that a crash has left, unless one is being made.
func (s *Store) sweep() error {
	for _, name := range []string{dataFile, marksFile} {
		path := filepath.Join(s.cfg.Dir, name+tempSuffix)
		if _, err := os.Lstat(path); err != nil {
			continue
		}
		lock, err := lockFile(s.cfg.Dir, marksLock)
		if errors.Is(err, errLocked) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := errors.Join(removeIfThere(path), lock.Unlock()); err != nil {
			return err
		}
	}
	return nil
}

package deadletter

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// compact rewrites the file without the entries that have been replayed and
// returns how many bytes that freed, or errLocked while a replay is active.
// It needs s.mu and the folder's lock.
//
// The order keeps each crash harmless: the new file is complete on disk
// before it takes the old one's name, and the marks go last. Marks that
// outlive their entries match nothing. Entries never outlive their marks.
func (s *Store) compact() (freed int64, err error) {
	marks := filepath.Join(s.cfg.Dir, marksFile)
	info, err := os.Stat(marks)
	if errors.Is(err, fs.ErrNotExist) || (err == nil && info.Size() == 0) {
		return 0, nil
	}
	if err != nil {
		return 0, explain(err)
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
	if err := rewrite(s.journal.path, s.journal.size, done); err != nil {
		return 0, explain(err)
	}
	if err := s.journal.reopen(); err != nil {
		return 0, err
	}
	if err := os.Truncate(marks, 0); err != nil {
		return 0, explain(err)
	}
	return before - s.journal.size, nil
}

// rewrite replaces path by a copy of its first size bytes that lacks the
// entries in done. The copy's bytes are on disk before it takes the name.
func rewrite(path string, size int64, done map[mark]bool) error {
	temp := path + tempSuffix
	if err := copyPending(temp, path, size, done); err != nil {
		if gone := os.Remove(temp); gone != nil && !errors.Is(gone, fs.ErrNotExist) {
			err = errors.Join(err, gone)
		}
		return fmt.Errorf("write %s: %w", temp, err)
	}
	if err := os.Rename(temp, path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// copyPending writes what rewrite keeps. Lines that cannot be read are kept
// as they are.
func copyPending(to, from string, size int64, done map[mark]bool) error {
	r, err := os.Open(from)
	if err != nil {
		return err
	}
	defer r.Close() //nolint:errcheck // opened for reading
	// One that a crash left may belong to another user.
	if err := os.Remove(to); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	w, err := makeFile(to, os.O_WRONLY)
	if err != nil {
		return err
	}
	out := bufio.NewWriterSize(w, 256<<10)
	err = eachLine(io.NewSectionReader(r, 0, size), maxLine, func(l span) error {
		if e, err := l.decode(); err == nil && done[e.mark()] {
			return nil
		}
		_, err := io.Copy(out, io.NewSectionReader(r, l.start, l.end-l.start))
		return err
	})
	if err == nil {
		err = out.Flush()
	}
	if err == nil {
		err = w.Sync()
	}
	return errors.Join(err, w.Close())
}

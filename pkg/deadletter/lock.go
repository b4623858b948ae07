package deadletter

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"
)

// The files of a store's folder. Locks have files of their own because the
// data files are replaced while they are locked.
const (
	dataFile    = "dead-letter.jsonl"
	dataLock    = "dead-letter.lock" // held while a forwarder runs
	marksFile   = "replayed.jsonl"
	marksLock   = "replay.lock"    // held while something writes the marks, or copies the data file to replace it
	writeLock   = "write.lock"     // held while something is appended to the data file, or replaces it
	reserveFile = "replay.reserve" // room for a mark, while a replay runs
	tempSuffix  = ".tmp"
)

// ErrInUse says that another process has the folder.
var ErrInUse = errors.New("in use")

// errLocked says that another holder has the lock.
var errLocked = errors.New("locked")

// lockFile takes the lock at once or returns errLocked.
func lockFile(dir, name string) (*flock.Flock, error) {
	l, err := openLock(dir, name)
	if err != nil {
		return nil, err
	}
	ok, err := l.TryLock()
	if err != nil {
		return nil, explain(fmt.Errorf("lock %s: %w", l.Path(), err))
	}
	if !ok {
		return nil, errLocked
	}
	return l, nil
}

// waitLock is lockFile with patience: what is done under the lock that it is
// for takes a moment, unless its holder was stopped. Patience is counted in looks,
// so that a machine that stands still for a while uses none of it up.
func waitLock(dir, name string, patience time.Duration) (*flock.Flock, error) {
	l, err := openLock(dir, name)
	if err != nil {
		return nil, err
	}
	const pause = 5 * time.Millisecond
	again := time.NewTicker(pause)
	defer again.Stop()
	for range patience / pause {
		ok, err := l.TryLock()
		switch {
		case err != nil:
			return nil, explain(fmt.Errorf("lock %s: %w", l.Path(), err))
		case ok:
			return l, nil
		}
		<-again.C
	}
	return nil, errLocked
}

func openLock(dir, name string) (*flock.Flock, error) {
	path := filepath.Join(dir, name)
	f, err := openOrMake(path, os.O_RDWR)
	if err == nil {
		err = f.Close()
	}
	if err != nil {
		return nil, explain(fmt.Errorf("lock %s: %w", path, err))
	}
	// Without O_CREATE: what flock made would belong to whoever runs this.
	return flock.New(path, flock.SetFlag(os.O_RDWR|noFollow(dir)), flock.SetPermissions(0o600)), nil
}

// lockInPlace reports whether l is still the file that others would lock.
func lockInPlace(l *flock.Flock) bool {
	mine, err := l.Stat()
	if err != nil {
		return false
	}
	now, err := os.Stat(l.Path())
	return err == nil && os.SameFile(mine, now)
}

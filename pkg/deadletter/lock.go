package deadletter

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/gofrs/flock"
)

// The files of a store's folder. Locks have files of their own because the
// data files are replaced while they are locked.
const (
	dataFile   = "dead-letter.jsonl"
	dataLock   = "dead-letter.lock" // held while a forwarder runs
	marksFile  = "replayed.jsonl"
	marksLock  = "replay.lock" // held while something writes or empties the marks
	tempSuffix = ".tmp"
)

// ErrInUse says that another process has the folder.
var ErrInUse = errors.New("in use")

// errLocked says that another holder has the lock.
var errLocked = errors.New("locked")

// lockFile takes the lock at once or returns errLocked.
func lockFile(dir, name string) (*flock.Flock, error) {
	path := filepath.Join(dir, name)
	f, err := openOrMake(path, os.O_RDWR)
	if err == nil {
		err = f.Close()
	}
	if err != nil {
		return nil, explain(fmt.Errorf("lock %s: %w", path, err))
	}
	// Without O_CREATE: what flock made would belong to whoever runs this.
	l := flock.New(path, flock.SetFlag(os.O_RDWR|noFollow(dir)), flock.SetPermissions(0o600))
	ok, err := l.TryLock()
	if err != nil {
		return nil, explain(fmt.Errorf("lock %s: %w", path, err))
	}
	if !ok {
		return nil, errLocked
	}
	return l, nil
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

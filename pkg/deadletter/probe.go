package deadletter

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/gofrs/flock"
)

// Found is what Probe sees of a folder.
type Found struct {
	Dir    string // absolute
	Exists bool   // false: run would make it
	InUse  bool   // a forwarder runs with it
	Bytes  int64  // size of the store's file
}

// Probe looks whether a forwarder could keep dead letters in dir. It makes
// neither the folder nor a file of the store, since what another user makes
// the forwarder could not write.
func Probe(dir string) (Found, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return Found{Dir: dir}, err
	}
	found := Found{Dir: abs}
	info, err := os.Stat(abs)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return found, checkParent(abs)
	case err != nil:
		return found, explain(err)
	case !info.IsDir():
		return found, fmt.Errorf("%s is no folder; move the file away, or point dead_letter.dir elsewhere", abs)
	}
	found.Exists = true
	if err := probeFolder(abs); err != nil {
		return found, err
	}
	if err := probeFile(filepath.Join(abs, dataFile)); err != nil {
		return found, err
	}
	if info, err := os.Stat(filepath.Join(abs, dataFile)); err == nil {
		found.Bytes = info.Size()
	}
	found.InUse = inUse(filepath.Join(abs, dataLock))
	return found, nil
}

// checkParent looks whether a folder could be made, in the nearest folder
// above it that exists.
func checkParent(dir string) error {
	for at := filepath.Dir(dir); ; at = filepath.Dir(at) {
		info, err := os.Stat(at)
		switch {
		case errors.Is(err, fs.ErrNotExist) && at != filepath.Dir(at):
			continue
		case err != nil:
			return fmt.Errorf("%s cannot be created: %w", dir, err)
		case !info.IsDir():
			return fmt.Errorf("%s cannot be created, since %s is no folder; point dead_letter.dir elsewhere", dir, at)
		}
		probe, err := os.MkdirTemp(at, ".auditlog-forwarder-check-")
		if err == nil {
			err = os.Remove(probe)
		}
		if err != nil {
			return fmt.Errorf("%s cannot be created: %w", dir, err)
		}
		return nil
	}
}

// probeFolder makes a file in a folder and takes it away again.
func probeFolder(dir string) error {
	f, err := os.CreateTemp(dir, ".auditlog-forwarder-check-")
	if err != nil {
		return fmt.Errorf("%s cannot be written: %w", dir, err)
	}
	_, err = f.WriteString("probe\n")
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close(), os.Remove(f.Name())); err != nil {
		return fmt.Errorf("%s cannot be written: %w", dir, err)
	}
	return nil
}

// probeFile opens the store's file as run does, if it is there.
func probeFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_APPEND, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("%s cannot be written: %w; give this user the right to, or run check as the user of the forwarder", path, err)
	}
	return f.Close()
}

// inUse reports whether a forwarder holds the lock. It does not make the file.
func inUse(path string) bool {
	l := flock.New(path, flock.SetFlag(os.O_RDONLY))
	got, err := l.TryRLock()
	if got {
		err = l.Unlock()
	}
	return !got && err == nil
}

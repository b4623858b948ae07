package app

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/dustin/go-humanize"
	"github.com/gofrs/flock"

	"auditlog-forwarder/pkg/deadletter"
)

// checkDeadLetters looks whether run could keep dead letters, and how many
// are kept. It makes neither folder nor file, since what another user makes
// the forwarder could not write.
func checkDeadLetters(cfg deadletter.Config, report func(step, found string, err error)) {
	dir, err := filepath.Abs(cfg.Dir)
	if err != nil {
		report(stepFolder, "", fmt.Errorf("dead_letter.dir %s: %w", cfg.Dir, err))
		return
	}
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		err := checkParent(dir)
		report(stepFolder, dir+": will be created", err)
		if err == nil {
			report(stepDeadLetters, "none", nil)
		}
		return
	case err == nil && !info.IsDir():
		err = fmt.Errorf("%s is no folder; move the file away, or point dead_letter.dir elsewhere", dir)
	case err == nil:
		err = probeFolder(dir)
	}
	if err == nil {
		err = probeFile(filepath.Join(dir, storeFile))
	}
	if err != nil {
		report(stepFolder, "", err)
		return
	}
	found := dir + ": can be written"
	if inUse(filepath.Join(dir, storeLock)) {
		found = dir + ": in use by a running forwarder"
	}
	report(stepFolder, found, nil)
	found, err = fill(dir, cfg.MaxBytes)
	report(stepDeadLetters, found, err)
}

// The store's files, as docs/operations.md names them.
const (
	storeFile = "dead-letter.jsonl"
	storeLock = "dead-letter.lock"
)

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

// scanLimit bounds what check reads, since it is waited for.
const scanLimit = 64 << 20

// fill tells how full the store is and, of one that is read quickly, how many
// entries wait.
func fill(dir string, most int64) (string, error) {
	var size int64
	info, err := os.Stat(filepath.Join(dir, storeFile))
	switch {
	case err == nil:
		size = info.Size()
	case !errors.Is(err, fs.ErrNotExist):
		return "", err
	}
	found := fmt.Sprintf("%s of %s", iec(size), iec(most))
	if size <= scanLimit {
		waiting := 0
		err := deadletter.Scan(dir, func(_ deadletter.Entry, s deadletter.Status) error {
			if s == deadletter.Pending {
				waiting++
			}
			return nil
		})
		found = fmt.Sprintf("%d waiting, %s", waiting, found)
		var damage *deadletter.DamageError
		if errors.As(err, &damage) {
			return "", &warning{found + "; " + damage.Error(), "look at these lines; they are neither replayed nor removed"}
		}
		if err != nil {
			return "", err
		}
	}
	if size > most/10*9 {
		return "", &warning{"almost full: " + found, "make room: auditlog-forwarder deadletter replay, or move " + storeFile + " away, or raise dead_letter.max_bytes"}
	}
	return found, nil
}

func iec(n int64) string { return humanize.IBytes(uint64(max(n, 0))) }

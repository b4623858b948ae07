package deadletter

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// openOrMake opens the file for this user only and makes it if need be. All
// files of a store are made here or in makeFile, so that none is left which
// the forwarder cannot open because root made it.
func openOrMake(path string, flag int) (*os.File, error) {
	for range 3 {
		f, err := os.OpenFile(path, flag|noFollow(filepath.Dir(path)), 0)
		if !errors.Is(err, fs.ErrNotExist) {
			return f, err
		}
		f, err = makeFile(path, flag)
		if !errors.Is(err, fs.ErrExist) {
			return f, err
		}
	}
	return nil, fmt.Errorf("open %s: it is a symbolic link to nothing, or made and deleted again and again", path)
}

// makeFile makes the file, which must not exist, and gives it to its heir.
// O_EXCL follows no link, so what changes its owner is the new file alone.
func makeFile(path string, flag int) (*os.File, error) {
	f, err := os.OpenFile(path, flag|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	if err := handOver(f, filepath.Dir(path)); err != nil {
		// One that stayed would lock the folder's owner out.
		return nil, errors.Join(err, f.Close(), os.Remove(path))
	}
	return f, nil
}

package creds

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
)

// maxFile bounds a file; the public CAs of the world take 0.3 MB.
const maxFile = 8 << 20

// readFile reads a file of certificates or keys. Its errors do not name the
// path, since the caller does.
func readFile(path string) ([]byte, error) {
	// Asked by name and before it is opened, since opening a pipe waits for
	// its writer.
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, withoutPath(err)
	case info.IsDir():
		return nil, errors.New("it is a directory; name a file in it")
	case !info.Mode().IsRegular():
		return nil, errors.New("it is a pipe or a device; name a regular file, since it is read again when it changes")
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, withoutPath(err)
	}
	defer f.Close() //nolint:errcheck // it was only read
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	switch {
	case err != nil:
		return nil, withoutPath(err)
	case len(data) > maxFile:
		return nil, fmt.Errorf("it is larger than %d MiB, and so neither certificates nor a key; name another file", maxFile>>20)
	case len(bytes.TrimSpace(data)) == 0:
		return nil, errors.New("it is empty; copy it here again")
	}
	return data, nil
}

// withoutPath drops the path, adds the next step, and keeps the cause.
func withoutPath(err error) error {
	var pathErr *os.PathError
	if !errors.As(err, &pathErr) {
		return err
	}
	switch {
	case errors.Is(err, os.ErrNotExist):
		return fmt.Errorf("%w; check the path, and that it is mounted", pathErr.Err)
	case errors.Is(err, os.ErrPermission):
		return fmt.Errorf("%w; give the user that runs this the right to read it and its folders", pathErr.Err)
	default:
		return fmt.Errorf("%s: %w", pathErr.Op, pathErr.Err)
	}
}

package hec

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// dayFile keeps the day's count over restarts. The zero value keeps nothing.
//
// It says more than was let go: the count is raised by a share of the limit at
// a time, before any of that share goes. So a process that is killed costs its
// successor up to a share of the day and never gives it more than the limit,
// and a day takes about a hundred writes.
type dayFile struct {
	path  string
	share int64 // how much is set aside with each write
	kept  int64 // what the file says of the day
}

// dayShares is how many shares a day's limit has.
const dayShares = 100

// dayCount is what the file holds.
type dayCount struct {
	Day   string `json:"day"` // of UTC
	Bytes int64  `json:"bytes"`
}

// read returns what was counted on the day that begins at start, or 0.
func (f *dayFile) read(start time.Time) (int64, error) {
	if f.path == "" {
		return 0, nil
	}
	file, err := os.Open(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	defer file.Close() //nolint:errcheck // only read
	text, err := io.ReadAll(io.LimitReader(file, 4<<10))
	if err != nil {
		return 0, err
	}
	var c dayCount
	if err := json.Unmarshal(text, &c); err != nil || c.Bytes < 0 {
		return 0, fmt.Errorf("%s: it holds no day's count", f.path)
	}
	if c.Day != start.Format(time.DateOnly) { // also one that a wrong clock has put ahead
		return 0, nil
	}
	return c.Bytes, nil
}

// cover sees to it that the file says at least so much of the day. If that
// fails it is tried again when another share is used.
func (f *dayFile) cover(start time.Time, used int64) error {
	if f.path == "" || used <= f.kept {
		return nil
	}
	f.kept = used + f.share
	return f.write(start, f.kept)
}

// exact makes the file say what was counted and no more, which is for the end.
func (f *dayFile) exact(start time.Time, used int64) error {
	if f.path == "" || used == f.kept {
		return nil
	}
	f.kept = used
	return f.write(start, used)
}

// write replaces the file. Whoever reads it finds the old count or the new one.
func (f *dayFile) write(start time.Time, bytes int64) error {
	text, err := json.Marshal(dayCount{Day: start.Format(time.DateOnly), Bytes: bytes})
	if err != nil {
		return err
	}
	temp := f.path + ".tmp"
	if err := os.Remove(temp); err != nil && !errors.Is(err, fs.ErrNotExist) { // a crash left it
		return err
	}
	file, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(append(text, '\n'))
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err == nil {
		err = os.Rename(temp, f.path)
	}
	if err != nil {
		return err
	}
	folder, err := os.Open(filepath.Dir(f.path)) // its name is there after a loss of power only if the folder is on the disk too
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

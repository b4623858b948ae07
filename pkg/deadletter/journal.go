package deadletter

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/dustin/go-humanize"
	"go.uber.org/zap"
)

// journal is a file that only grows, by whole lines, each on disk before
// append returns. It is not safe for concurrent use, and whoever has one
// holds the lock that makes this process the file's only writer.
type journal struct {
	path string
	log  *zap.Logger
	file *os.File    // nil: open again before the next append
	info fs.FileInfo // which file it is, to see when path names another
	size int64       // the bytes that are promised; they end with a newline
	torn bool        // an append went wrong: bytes after size are unpromised
}

func openJournal(path string, log *zap.Logger) (*journal, error) {
	j := &journal{path: path, log: log}
	return j, j.reopen()
}

// reopen opens the file, makes it if need be, and cuts off what no append
// has promised.
func (j *journal) reopen() error {
	j.close()
	f, err := openOrMake(j.path, os.O_RDWR|os.O_APPEND)
	if err != nil {
		return explain(err)
	}
	if err := j.recover(f); err != nil {
		f.Close() //nolint:errcheck // nothing was written; the first error is the cause
		return explain(err)
	}
	j.file = f
	return nil
}

func (j *journal) recover(f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s is not a regular file; move it away", j.path)
	}
	// After a failed append whole lines may lie beyond size. They go as well:
	// their owner was told that they are not kept and will bring them again.
	end := j.size
	if !j.torn || info.Size() < end || !os.SameFile(j.info, info) {
		if end, err = lastLineEnd(f, info.Size()); err != nil {
			return err
		}
	}
	if cut := info.Size() - end; cut > 0 {
		if err := f.Truncate(end); err != nil {
			return err
		}
		j.log.Warn("cut an unfinished write off the file; nothing is lost, it was never acknowledged",
			zap.String("file", j.path), zap.Int64("bytes", cut), zap.Int64("size", end))
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := syncDir(filepath.Dir(j.path)); err != nil {
		return err
	}
	if info, err = f.Stat(); err != nil {
		return err
	}
	j.info, j.size, j.torn = info, end, false
	return nil
}

// prepare makes sure that the next append goes to the file that path names.
func (j *journal) prepare() error {
	if j.file != nil {
		now, err := os.Stat(j.path)
		if err == nil && os.SameFile(j.info, now) && now.Size() == j.size {
			return nil
		}
		j.log.Warn("the file was moved, deleted or changed by someone else; going on with what lies there now",
			zap.String("file", j.path), zap.Error(err))
	}
	return j.reopen()
}

// inPlace reports whether path still names the file that was written.
func (j *journal) inPlace() bool {
	mine, err := j.file.Stat()
	if err != nil {
		return false
	}
	now, err := os.Stat(j.path)
	return err == nil && os.SameFile(mine, now)
}

// append writes whole lines and waits until they are on disk. On an error
// none of them is kept.
//
// A failed fsync leaves the file unknown: the kernel may have dropped the
// pages and marked them clean, and a second fsync on the same descriptor may
// then succeed over bytes that never reached the disk. So no fsync is ever
// repeated over the same write. The descriptor is closed, the file is opened
// anew and cut back to the last size that an fsync did confirm; the caller's
// next attempt writes its bytes again. If even that fails, torn and the
// missing descriptor make the next prepare try once more before any append.
func (j *journal) append(lines []byte) error {
	_, err := j.file.Write(lines)
	if err == nil {
		err = j.file.Sync()
	}
	if err == nil {
		j.size += int64(len(lines))
		return nil
	}
	j.torn = true
	err = explain(err)
	if again := j.reopen(); again != nil {
		return fmt.Errorf("%w; cutting the file back did not work either: %w", err, again)
	}
	return err
}

func (j *journal) close() {
	if j.file != nil {
		j.file.Close() //nolint:errcheck // all that was promised is synced already
		j.file = nil
	}
}

// lastLineEnd returns the size that f has up to and with its last newline.
func lastLineEnd(f io.ReaderAt, size int64) (int64, error) {
	buf := make([]byte, 64<<10)
	for end := size; end > 0; {
		start := max(0, end-int64(len(buf)))
		chunk := buf[:end-start]
		if _, err := f.ReadAt(chunk, start); err != nil && !errors.Is(err, io.EOF) {
			return 0, err
		}
		if i := bytes.LastIndexByte(chunk, '\n'); i >= 0 {
			return start + int64(i) + 1, nil
		}
		end = start
	}
	return 0, nil
}

// syncDir makes names in dir durable: a new file's fsync covers its bytes,
// not the folder's entry for it.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close() //nolint:errcheck // opened for reading
	return d.Sync()
}

// makeDir makes dir for this user only, with each missing parent, durably.
func makeDir(dir string) error {
	var fresh []string
	for d := filepath.Clean(dir); ; d = filepath.Dir(d) {
		if _, err := os.Stat(d); !errors.Is(err, fs.ErrNotExist) || d == filepath.Dir(d) {
			break
		}
		fresh = append(fresh, d)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return explain(fmt.Errorf("make folder %s: %w", dir, err))
	}
	for _, d := range fresh {
		if err := syncDir(filepath.Dir(d)); err != nil {
			return explain(err)
		}
	}
	return nil
}

// explain adds the next step to errors whose cause lies outside the program.
func explain(err error) error {
	if step := whose(err); step != "" {
		return fmt.Errorf("%w; %s", err, step)
	}
	for _, c := range []struct {
		errno syscall.Errno
		step  string
	}{
		{syscall.ENOSPC, "disk full: free space there, or point dead_letter.dir at another disk and restart"},
		{syscall.EDQUOT, "disk quota used up: raise it, or point dead_letter.dir elsewhere and restart"},
		{syscall.EFBIG, "file size limit reached: raise it (ulimit -f, LimitFSIZE= of the unit) and restart, or replay or archive the entries"},
		{syscall.EROFS, "read-only file system: mount it writable, or point dead_letter.dir elsewhere and restart"},
		{syscall.EACCES, "give this user the right to read and write there (each instance needs its own folder)"},
		{syscall.ELOOP, "a symbolic link stands there that leads in circles, or that root does not follow because the folder is another user's: put the file itself there"},
		{syscall.ENOTDIR, "a file stands where the folder should be: move it away, or point dead_letter.dir elsewhere and restart"},
		{syscall.EIO, "the disk reports an error: see the kernel log, then point dead_letter.dir at a sound disk and restart"},
	} {
		if errors.Is(err, c.errno) {
			return fmt.Errorf("%w; %s", err, c.step)
		}
	}
	return err
}

// iec prints a size for people, exact enough to act on.
func iec(n int64) string { return humanize.IBytes(uint64(max(n, 0))) }

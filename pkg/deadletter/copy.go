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

// copying replaces a file by a copy that lacks some of its lines. Until
// replace returns nil the old file stands untouched under its name, so a
// crash or a full disk costs nothing but the copy. Whoever makes one holds the
// folder's marksLock, of which there is one.
type copying struct {
	path string
	from *os.File // the file as it was found
	info fs.FileInfo
	upTo int64 // bytes of from that were looked at; they end with a newline
	to   *os.File
	out  *bufio.Writer
	stop func() error // asked before each line; nil: never
}

func startCopy(path string) (*copying, error) {
	c := &copying{path: path}
	var err error
	if c.from, err = os.Open(path); err != nil {
		return nil, explain(err)
	}
	if c.info, err = c.from.Stat(); err == nil {
		err = removeIfThere(path + tempSuffix) // one that a crash left may belong to another user
	}
	if err == nil {
		c.to, err = makeFile(path+tempSuffix, os.O_WRONLY)
	}
	if err != nil {
		c.from.Close() //nolint:errcheck // opened for reading
		return nil, explain(err)
	}
	c.out = bufio.NewWriterSize(c.to, 256<<10)
	return c, nil
}

// add copies the whole lines between what was looked at already and size,
// apart from the entries to drop. Lines that cannot be read are copied as
// they are. drop may be nil.
func (c *copying) add(size int64, drop func(Entry, span) bool) error {
	start := c.upTo
	return eachLine(io.NewSectionReader(c.from, start, size-start), maxLine, func(l span) error {
		if c.stop != nil {
			if err := c.stop(); err != nil {
				return err
			}
		}
		if drop != nil {
			if e, err := l.decode(); err == nil && drop(e, l) {
				c.upTo = start + l.end
				return nil
			}
		}
		var err error
		if l.tooLong {
			_, err = io.Copy(c.out, io.NewSectionReader(c.from, start+l.start, l.end-l.start))
		} else if _, err = c.out.Write(l.data); err == nil {
			err = c.out.WriteByte('\n')
		}
		if err != nil {
			return fmt.Errorf("write %s: %w", c.to.Name(), explain(err))
		}
		c.upTo = start + l.end
		return nil
	})
}

// sync brings to the disk what was copied.
func (c *copying) sync() error {
	err := c.out.Flush()
	if err == nil {
		err = c.to.Sync()
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", c.to.Name(), explain(err))
	}
	return nil
}

// replace gives the copy the file's name. Its bytes are on disk before.
func (c *copying) replace() error {
	if err := c.sync(); err != nil {
		return err
	}
	if err := os.Rename(c.to.Name(), c.path); err != nil {
		return explain(err)
	}
	return syncDir(filepath.Dir(c.path))
}

// end closes what startCopy opened and takes away a copy that was not used.
func (c *copying) end(err error) error {
	c.from.Close() //nolint:errcheck // opened for reading
	err = errors.Join(err, c.to.Close())
	if err != nil {
		err = errors.Join(err, removeIfThere(c.to.Name()))
	}
	return err
}

func removeIfThere(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return explain(err)
	}
	return nil
}

package deadletter

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Status says whether an entry still waits.
type Status string

// The states of an entry.
const (
	Pending  Status = "pending"
	Replayed Status = "replayed"
)

// maxLine bounds what a reader holds in memory for one line. Put writes none
// that is longer.
const maxLine = 256 << 20

// DamageError lists the lines that could not be read. Whoever gets it has
// seen all the others.
type DamageError struct {
	Total int
	Lines []DamagedLine // the first few
}

// DamagedLine is one line that could not be read.
type DamagedLine struct {
	File string
	Line int // from 1
	Err  error
}

// Error implements error.
func (d *DamageError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d damaged lines were passed over", d.Total)
	for _, l := range d.Lines {
		fmt.Fprintf(&b, "; %s line %d: %v", l.File, l.Line, l.Err)
	}
	if more := d.Total - len(d.Lines); more > 0 {
		fmt.Fprintf(&b, "; and %d more", more)
	}
	return b.String()
}

func (d *DamageError) add(file string, line int, err error) {
	const kept = 10
	d.Total++
	if len(d.Lines) < kept {
		d.Lines = append(d.Lines, DamagedLine{File: file, Line: line, Err: err})
	}
}

func (d *DamageError) orNil() error {
	if d.Total == 0 {
		return nil
	}
	return d
}

// Scan calls fn for each entry in dir, oldest first, and needs no lock: a
// running forwarder may go on. Damaged lines do not stop it; they are
// returned as a *DamageError at the end. An error of fn ends the scan and is
// returned as it is.
func Scan(dir string, fn func(Entry, Status) error) error {
	// Marks first: an entry whose room was won back in between is then either
	// absent or known as replayed, never pending.
	var damage DamageError
	done, err := readMarks(dir, &damage)
	if err != nil {
		return fmt.Errorf("list dead letters: %w", err)
	}
	f, err := openData(dir)
	if err != nil {
		return fmt.Errorf("list dead letters: %w", err)
	}
	if f == nil {
		return damage.orNil()
	}
	defer f.Close() //nolint:errcheck // opened for reading
	err = eachEntry(f, &damage, func(e Entry, _ span) error {
		if done.has(e) {
			return fn(e, Replayed)
		}
		return fn(e, Pending)
	})
	if err != nil {
		return err
	}
	return damage.orNil()
}

// Summary counts the pending entries of dir by reason and returns the size of
// the file, which replayed ones may still be part of. Like Scan it needs no
// lock; with a *DamageError the counts are those of the readable lines.
func Summary(dir string) (pending map[Reason]int, size int64, err error) {
	pending = map[Reason]int{}
	err = Scan(dir, func(e Entry, status Status) error {
		if status == Pending {
			pending[e.Reason]++
		}
		return nil
	})
	info, statErr := os.Stat(filepath.Join(dir, dataFile))
	switch {
	case statErr == nil:
		size = info.Size()
	case err == nil && !errors.Is(statErr, fs.ErrNotExist):
		err = fmt.Errorf("list dead letters: %w", explain(statErr))
	}
	return pending, size, err
}

// openData opens the entries of dir for reading; nil if there are none yet.
func openData(dir string) (*os.File, error) {
	path := filepath.Join(dir, dataFile)
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Stat(dir); err != nil {
			return nil, explain(fmt.Errorf("folder %s: %w; is dead_letter.dir right?", dir, err))
		}
		return nil, nil
	}
	if err != nil {
		return nil, explain(err)
	}
	return f, nil
}

// eachEntry decodes what r holds and notes what it cannot.
func eachEntry(r io.Reader, damage *DamageError, fn func(Entry, span) error) error {
	return eachLine(r, maxLine, func(l span) error {
		e, err := l.decode()
		if err != nil {
			damage.add(dataFile, l.num, err)
			return nil
		}
		return fn(e, l)
	})
}

// span is one line: where it lies, and its bytes unless it is too long.
type span struct {
	num        int
	start, end int64  // end is after the newline
	data       []byte // without the newline; valid until the next line is read
	tooLong    bool
}

func (l span) decode() (Entry, error) {
	if l.tooLong {
		return Entry{}, fmt.Errorf("longer than %s", iec(maxLine))
	}
	return decode(l.data)
}

// eachLine calls fn for each line that ends with a newline. What follows the
// last newline is a write that is not finished, or never was: it is not
// promised to anyone and not reported.
func eachLine(r io.Reader, limit int, fn func(span) error) error {
	br := bufio.NewReaderSize(r, 64<<10)
	l := span{num: 1}
	var long []byte // a line that is longer than br's buffer
	for {
		part, err := br.ReadSlice('\n')
		l.end += int64(len(part))
		if errors.Is(err, bufio.ErrBufferFull) {
			if l.tooLong = l.tooLong || len(long)+len(part) > limit; !l.tooLong {
				long = append(long, part...)
			}
			continue
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read line %d: %w", l.num, err)
		}
		l.data = part
		if len(long) > 0 {
			long = append(long, part...)
			l.data = long
		}
		l.data = bytes.TrimSuffix(l.data, []byte("\n"))
		if l.tooLong = l.tooLong || len(l.data) > limit; l.tooLong {
			l.data = nil
		}
		if err := fn(l); err != nil {
			return err
		}
		l = span{num: l.num + 1, start: l.end, end: l.end}
		long = long[:0]
	}
}

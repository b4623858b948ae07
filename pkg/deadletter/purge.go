package deadletter

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
)

// PurgeOptions say what a purge removes.
type PurgeOptions struct {
	Filter   Filter
	Replayed bool // only what was delivered by a replay
	DryRun   bool // count and remove nothing
	// Progress is told of the bytes that were read, of both readings; may be nil.
	Progress func(done, total int64)
}

// Heap counts entries and the bytes that they take on disk.
type Heap struct {
	Entries int
	Bytes   int64
}

func (h *Heap) add(bytes int64) {
	h.Entries++
	h.Bytes += bytes
}

// Purged says what a purge has removed, or would remove, and what stays.
// Damaged lines always stay and are not among the entries.
type Purged struct {
	Pending  map[Reason]Heap // removed without ever having been delivered
	Replayed map[Reason]Heap // removed after a replay
	Stays    Heap
}

// Gone is the sum of what was removed.
func (p Purged) Gone() Heap {
	var all Heap
	for _, part := range []map[Reason]Heap{p.Pending, p.Replayed} {
		for _, h := range part {
			all.Entries += h.Entries
			all.Bytes += h.Bytes
		}
	}
	return all
}

// Purge removes the selected entries of dir for good. A forwarder may run
// meanwhile; what it adds is never removed. A crash or a full disk leaves the
// file as it was. Damaged lines do not stop it; they stay, and are returned as
// a *DamageError at the end.
func Purge(ctx context.Context, dir string, opts PurgeOptions) (res Purged, err error) {
	var damage DamageError
	defer func() {
		if err != nil {
			err = fmt.Errorf("purge dead letters: %w", err)
		} else {
			err = damage.orNil()
		}
	}()
	if !opts.DryRun {
		f, err := openData(dir)
		if f == nil || err != nil {
			return res, err
		}
		f.Close() //nolint:errcheck // only looked whether there is anything; opened again under the lock
		lock, lockErr := lockMarks(dir)
		if lockErr != nil {
			return res, lockErr
		}
		defer func() { err = errors.Join(err, lock.Unlock()) }()
	}
	done, err := readMarks(dir, &damage)
	if err != nil {
		return res, err
	}
	p := purge{opts: opts, done: done}
	if err := p.count(ctx, dir, &damage); err != nil || opts.DryRun || p.res.Gone().Entries == 0 {
		return p.res, err
	}
	counted := p.res
	if err := p.remove(ctx, dir); err != nil {
		return Purged{Stays: counted.Stays}, err
	}
	if p.replayedStay {
		return p.res, nil
	}
	// From here on it is done, whatever becomes of the marks.
	return p.res, trimMarks(dir)
}

// purge is what one Purge call works with.
type purge struct {
	opts         PurgeOptions
	done         *marks
	res          Purged
	replayedStay bool // their marks must stay too

	size int64 // of the file
	base int64 // bytes read before the reading that is under way
}

func (p *purge) progress(at int64) {
	if p.opts.Progress == nil {
		return
	}
	total := p.size
	if !p.opts.DryRun {
		total *= 2
	}
	p.opts.Progress(p.base+at, total)
}

// drops decides and counts.
func (p *purge) drops(e Entry, l span) bool {
	p.progress(l.end)
	replayed := p.done.has(e)
	if !p.opts.Filter.Match(e) || p.opts.Replayed && !replayed {
		p.res.Stays.add(l.end - l.start)
		p.replayedStay = p.replayedStay || replayed
		return false
	}
	into := p.res.Pending
	if replayed {
		into = p.res.Replayed
	}
	h := into[e.Reason]
	h.add(l.end - l.start)
	into[e.Reason] = h
	return true
}

func (p *purge) reset() {
	p.res = Purged{Pending: map[Reason]Heap{}, Replayed: map[Reason]Heap{}}
	p.replayedStay = false
}

// count tells what would go, so that nothing is written if nothing would.
func (p *purge) count(ctx context.Context, dir string, damage *DamageError) error {
	p.reset()
	f, err := openData(dir)
	if f == nil || err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // opened for reading
	info, err := f.Stat()
	if err != nil {
		return err
	}
	p.size = info.Size()
	return eachEntry(io.NewSectionReader(f, 0, info.Size()), damage, func(e Entry, l span) error {
		p.drops(e, l)
		return ctx.Err()
	})
}

// remove replaces the file. Copying it takes its time and no lock of writers;
// what was added meanwhile is copied under that lock, in a moment.
func (p *purge) remove(ctx context.Context, dir string) (err error) {
	p.reset()
	c, err := startCopy(filepath.Join(dir, dataFile))
	if err != nil {
		return err
	}
	defer func() { err = c.end(err) }()
	p.base = p.size
	c.stop = ctx.Err
	if err := c.add(c.info.Size(), p.drops); err != nil {
		return fmt.Errorf("nothing was removed: %w", err)
	}
	if err := c.sync(); err != nil {
		return fmt.Errorf("nothing was removed; what stays is copied first and needs room for %s: %w", iec(p.res.Stays.Bytes), err)
	}
	const patience = time.Minute
	lock, err := waitLock(dir, writeLock, patience)
	if errors.Is(err, errLocked) {
		return fmt.Errorf("nothing was removed: the forwarder has been writing for %s without an end; look at its log", patience)
	}
	if err != nil {
		return fmt.Errorf("nothing was removed: %w", err)
	}
	defer func() { err = errors.Join(err, lock.Unlock()) }()
	now, err := os.Stat(c.path)
	if err != nil || !os.SameFile(c.info, now) || now.Size() < c.upTo {
		return fmt.Errorf("nothing was removed: %s was moved or changed meanwhile; run it again", c.path)
	}
	c.stop = nil
	if err := c.add(now.Size(), nil); err != nil {
		return fmt.Errorf("nothing was removed: %w", err)
	}
	return c.replace()
}

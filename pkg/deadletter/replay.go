package deadletter

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"
	"go.uber.org/zap"
)

// What a send function may answer beside nil. Any other error ends the replay.
var (
	// ErrRefusedAgain says that the destination still refuses the entry. It
	// stays pending.
	ErrRefusedAgain = errors.New("refused again")
	// ErrSkip says that the caller does not want to send the entry, such as
	// one that cannot be sent as it is. It stays pending.
	ErrSkip = errors.New("not sent")
)

// Result counts what became of the selected pending entries.
type Result struct {
	Replayed     int
	Repeated     int // further entries of a record that was replayed just now
	StillRefused int
	Skipped      int
	Left         int // not settled, since the replay ended before
}

// Replay sends the selected pending entries of dir, one after the other and
// oldest first. After each success the record is marked on disk before the
// next is sent, so that a crash repeats one event at most; a mark settles all
// entries that hold the very same record. A forwarder may run meanwhile; what
// it adds after the start is left for the next replay. Damaged lines do not
// stop it; they are returned as a *DamageError at the end.
// progress may be nil.
func Replay(ctx context.Context, dir string, filter Filter,
	send func(context.Context, Entry) error, progress func(done, total int),
) (res Result, err error) {
	defer func() {
		var damage *DamageError
		if err != nil && !errors.As(err, &damage) {
			err = fmt.Errorf("replay dead letters: %w", err)
		}
	}()
	f, err := openData(dir)
	if f == nil || err != nil {
		return res, err
	}
	f.Close() //nolint:errcheck // only looked whether there is anything; opened again under the lock

	lock, err := lockMarks(dir)
	if err != nil {
		return res, err
	}
	defer func() { err = errors.Join(err, lock.Unlock()) }()

	r := replay{filter: filter, lock: lock}
	if r.journal, err = openJournal(filepath.Join(dir, marksFile), zap.NewNop()); err != nil {
		return res, err
	}
	defer r.journal.close()
	if r.done, err = readMarks(dir, &r.damage); err != nil {
		return res, err
	}
	// Opened under the lock: from here on nobody wins room back, so whatever
	// the file holds has its mark if it was replayed.
	if f, err = openData(dir); f == nil || err != nil {
		return res, err
	}
	defer f.Close() //nolint:errcheck // opened for reading
	info, err := f.Stat()
	if err != nil {
		return res, err
	}

	total := 0
	if err := r.each(ctx, io.NewSectionReader(f, 0, info.Size()), &r.damage, func(Entry, bool) error {
		total++
		return nil
	}); err != nil {
		return res, err
	}
	if total == 0 {
		return res, r.damage.orNil()
	}
	defer func() { res.Left = total - res.Replayed - res.Repeated - res.StillRefused - res.Skipped }()
	if err := r.reserve.take(dir); err != nil {
		return res, fmt.Errorf("keep room for noting what is sent; nothing was sent: %w", err)
	}
	defer func() { err = errors.Join(err, r.reserve.drop()) }()
	handled := 0
	if progress != nil {
		progress(handled, total) // the first may take as long as the destination is away
	}
	err = r.each(ctx, io.NewSectionReader(f, 0, info.Size()), &DamageError{}, func(e Entry, sent bool) error {
		if sent {
			res.Repeated++
		} else if err := r.one(ctx, e, send, &res); err != nil {
			return err
		}
		handled++
		if progress != nil {
			progress(handled, total)
		}
		return nil
	})
	if err != nil {
		return res, err
	}
	return res, r.damage.orNil()
}

// lockMarks keeps replays, purges and the forwarder's own clearing out apart.
func lockMarks(dir string) (*flock.Flock, error) {
	lock, err := lockFile(dir, marksLock)
	if errors.Is(err, errLocked) {
		return nil, fmt.Errorf("another replay is active in %s, or a purge, or `run` is just making room there; try again when it has ended", dir)
	}
	return lock, err
}

// replay is what one Replay call works with.
type replay struct {
	filter  Filter
	lock    *flock.Flock
	journal *journal // of marks
	done    *marks
	reserve reserve
	damage  DamageError
}

// each calls fn for the entries that are selected and were pending when the
// replay began; sent says that their record has been sent since.
func (r *replay) each(ctx context.Context, data io.Reader, damage *DamageError, fn func(e Entry, sent bool) error) error {
	return eachEntry(data, damage, func(e Entry, _ span) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		if !r.filter.Match(e) {
			return nil
		}
		if r.done.has(e) {
			if !r.done.records[e.digest()] {
				return nil
			}
			return fn(e, true)
		}
		return fn(e, false)
	})
}

// one sends e and records what became of it.
func (r *replay) one(ctx context.Context, e Entry, send func(context.Context, Entry) error, res *Result) error {
	switch err := send(ctx, e); {
	case errors.Is(err, ErrRefusedAgain):
		res.StillRefused++
		return nil
	case errors.Is(err, ErrSkip):
		res.Skipped++
		return nil
	case err != nil:
		return fmt.Errorf("send %s: %w", e.ID(), err)
	}
	res.Replayed++
	d := e.digest()
	r.done.learn(d, true)
	line, err := encodeMark(e, d, time.Now())
	if err != nil {
		return fmt.Errorf("%s was sent, but cannot be noted, so the next replay sends it again: %w", e.ID(), err)
	}
	return r.note(e, line)
}

// note brings a mark to the disk. If there is no room for it, the reserve
// makes some, and the replay ends: the next event's mark would find none.
func (r *replay) note(e Entry, line []byte) error {
	err := r.journal.append(line)
	if err == nil {
		if !r.journal.inPlace() || !lockInPlace(r.lock) {
			return fmt.Errorf("%s was sent and noted, but the store or its lock was moved or deleted meanwhile; if the folder was moved, its marks went with it: replay it there", e.ID())
		}
		return nil
	}
	again := r.reserve.drop()
	if again == nil {
		again = r.journal.prepare()
	}
	if again == nil {
		again = r.journal.append(line)
	}
	if again != nil {
		return fmt.Errorf("%s was sent, but that could not be noted, so the next replay sends it again: %w", e.ID(), err)
	}
	return fmt.Errorf("%s was sent and noted in the last room there was: %w", e.ID(), err)
}

package deadletter

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"time"

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

// Filter selects entries. An empty field selects all.
type Filter struct {
	Reasons    []Reason
	Topics     []string
	Partitions []int32
	IDs        []string  // topic/partition/offset
	Since      time.Time // stored at or after
	Until      time.Time // stored before
}

// Match reports whether f selects e.
func (f Filter) Match(e Entry) bool {
	return oneOf(f.Reasons, e.Reason) &&
		oneOf(f.Topics, e.Record.Topic) &&
		oneOf(f.Partitions, e.Record.Partition) &&
		(len(f.IDs) == 0 || slices.Contains(f.IDs, e.ID())) &&
		(f.Since.IsZero() || !e.StoredAt.Before(f.Since)) &&
		(f.Until.IsZero() || e.StoredAt.Before(f.Until))
}

func oneOf[T comparable](allowed []T, v T) bool {
	return len(allowed) == 0 || slices.Contains(allowed, v)
}

// Result counts what became of the selected pending entries.
type Result struct {
	Replayed     int
	StillRefused int
	Skipped      int
}

// Replay sends the selected pending entries of dir, one after the other and
// oldest first. After each success the entry is marked on disk before the
// next is sent, so that a crash repeats one entry at most. A forwarder may
// run meanwhile; what it adds after the start is left for the next replay.
// When ctx ends, the entry that was just sent is still marked.
//
// Damaged lines are passed over and returned as a *DamageError at the end.
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

	lock, err := lockFile(dir, marksLock)
	if errors.Is(err, errLocked) {
		return res, fmt.Errorf("another replay is active in %s, or `run` is just making room there; try again when it has ended", dir)
	}
	if err != nil {
		return res, err
	}
	defer func() { err = errors.Join(err, lock.Unlock()) }()

	marks, err := openJournal(filepath.Join(dir, marksFile), zap.NewNop())
	if err != nil {
		return res, err
	}
	defer marks.close()
	r := replay{filter: filter, marks: marks}
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
	if err := r.each(ctx, io.NewSectionReader(f, 0, info.Size()), &r.damage, func(Entry) error {
		total++
		return nil
	}); err != nil {
		return res, err
	}
	handled := 0
	err = r.each(ctx, io.NewSectionReader(f, 0, info.Size()), &DamageError{}, func(e Entry) error {
		if err := r.one(ctx, e, send, &res); err != nil {
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

// replay is what one Replay call works with.
type replay struct {
	filter Filter
	marks  *journal
	done   map[mark]bool
	damage DamageError
}

// each calls fn for the entries that are pending and selected.
func (r *replay) each(ctx context.Context, data io.Reader, damage *DamageError, fn func(Entry) error) error {
	return eachEntry(data, damage, func(e Entry, _ span) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		if r.done[e.mark()] || !r.filter.Match(e) {
			return nil
		}
		return fn(e)
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
	line, err := json.Marshal(markLine{ID: e.ID(), StoredAt: e.StoredAt.UTC(), ReplayedAt: time.Now().UTC()})
	if err == nil {
		err = r.marks.append(append(line, '\n'))
	}
	if err != nil {
		return fmt.Errorf("%s was sent, but that could not be noted, so the next replay sends it again: %w", e.ID(), err)
	}
	r.done[e.mark()] = true
	return nil
}

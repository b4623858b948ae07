package deadletter

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"github.com/dustin/go-humanize"
)

// What a Put answers when its entries do not fit under the cap.
var (
	// ErrFull says that they do not fit beside what the store holds.
	ErrFull = errors.New("dead-letter store is full")
	// ErrTooSmall says that they would not fit into an empty store either.
	ErrTooSmall = errors.New("dead-letter store is too small")
)

// tooSmall names the cap that would do. A batch that is read again after a
// restart is not cut at the same record and its times differ in length, so
// the figure is in whole mebibytes with one to spare.
func (s *Store) tooSmall(n int64) error {
	return fmt.Errorf("%w: they take %s bytes together, which dead_letter.max_bytes (%s) would not hold even if the store were empty; "+
		"raise dead_letter.max_bytes to at least %dMiB%s and restart",
		ErrTooSmall, humanize.Comma(n), iec(s.cfg.MaxBytes), (s.journal.size+n)>>20+2, s.held())
}

func (s *Store) held() string {
	if s.journal.size == 0 {
		return ""
	}
	return fmt.Sprintf(" (counting the %s that it holds)", iec(s.journal.size))
}

// full says what does not fit, and the way out.
func (s *Store) full(n int64, wayOut string) error {
	return fmt.Errorf("%w: it holds %s of at most %s and %s more do not fit; %s",
		ErrFull, iec(s.journal.size), iec(s.cfg.MaxBytes), iec(n), wayOut)
}

const (
	replayOut  = "run `auditlog-forwarder deadletter replay`, or " + archiveOut
	archiveOut = "move " + dataFile + " away to an archive (a new one is made), or raise dead_letter.max_bytes and restart"
	waitOut    = "a replay or a purge is active, and what it has delivered or removed makes room when it ends; else " + archiveOut
)

// wayOut says how to make room, from what waits. It is for a file that has
// just been rid of its replayed entries, so all of it waits.
func (s *Store) wayOut() string {
	if err := s.tally.update(s.journal); err != nil {
		return fmt.Sprintf("%s (what waits could not be counted: %v)", replayOut, err)
	}
	all, replayable, why := 0, 0, []string{}
	for _, r := range append(Reasons(), damaged) {
		n := s.tally.count[r]
		if n == 0 {
			continue
		}
		all += n
		if r.Replayable() {
			replayable += n
		}
		why = append(why, fmt.Sprintf("%d %s", n, r))
	}
	waits := fmt.Sprintf("of the %d records there (%s) ", all, strings.Join(why, ", "))
	if replayable == 0 {
		return waits + "none can be replayed: " + archiveOut + ", or remove them for good by `auditlog-forwarder deadletter purge`"
	}
	return waits + fmt.Sprintf("%d may be replayed: ", replayable) + replayOut
}

// damaged stands for the reason of a line that has none.
const damaged Reason = "damaged"

// tally counts the lines of a journal's file by reason. A store that is full
// is asked again and again, so each line is read once.
type tally struct {
	info  fs.FileInfo // the file as the journal opened it; another one starts anew
	end   int64       // counted up to here
	count map[Reason]int
}

func (t *tally) update(j *journal) error {
	if t.info != j.info || t.count == nil {
		*t = tally{info: j.info, count: map[Reason]int{}}
	}
	from := t.end
	return eachLine(io.NewSectionReader(j.file, from, j.size-from), maxLine, func(l span) error {
		var head struct {
			Reason Reason `json:"reason"`
		}
		if l.tooLong || json.Unmarshal(l.data, &head) != nil || !head.Reason.known() {
			head.Reason = damaged
		}
		t.count[head.Reason]++
		t.end = from + l.end
		return nil
	})
}

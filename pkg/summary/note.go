package summary

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// Note is what is kept beside a committed offset while a window is open, so
// that the next owner can count it again. It is of the records below that
// offset.
type Note struct {
	Start  int64  // the offset that opened the window, and its name
	End    int64  // Unix ms
	Sent   int64  // what lies below is in a summary that was made
	Seen   int64  // records in the window
	Unsent int64  // of them, those at Sent or above
	Rules  string // Fingerprint of the rules that opened it
}

const noteFormat = "summary/1 %d %d %d %d %d %s"

// String returns the note as it is committed.
func (n Note) String() string {
	return fmt.Sprintf(noteFormat, n.Start, n.End, n.Sent, n.Seen, n.Unsent, n.Rules)
}

// ParseNote reads a note. An empty one says that no window is open, and is
// Note{} without an error.
func ParseNote(text string) (n Note, err error) {
	if text == "" {
		return n, nil
	}
	if _, err := fmt.Sscanf(text, noteFormat, &n.Start, &n.End, &n.Sent, &n.Seen, &n.Unsent, &n.Rules); err != nil || n.String() != text {
		return Note{}, errors.New("the note beside the committed offset is none of ours")
	}
	if n.Start < 0 || n.Sent < n.Start || n.Seen < n.Unsent || n.Unsent < 0 {
		return Note{}, errors.New("the note beside the committed offset contradicts itself")
	}
	return n, nil
}

// IsNote reports whether a text is meant to be a note.
func IsNote(text string) bool { return strings.HasPrefix(text, "summary/") }

// Open reports whether a window is open; of an empty note none is.
func (n Note) Open() bool { return n.Rules != "" }

// Rewind says where to read from, given a committed offset and the note beside
// it: at the start of the window that is open there, if there is one.
func Rewind(committed int64, note string) int64 {
	if n, err := ParseNote(note); err == nil && n.Open() {
		return min(n.Start, committed)
	}
	return committed
}

// Fingerprint names rules, and a configuration, in a few bytes.
func Fingerprint(rules string, cfg Config) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\x00%s %d", rules, cfg.Every, cfg.MaxKeys))
	return hex.EncodeToString(sum[:8])
}

// Note returns what the next owner needs to know of the open window.
func (w *Window) Note(rules string) Note {
	return Note{Start: w.start, End: w.end, Sent: w.sent, Seen: w.seen, Unsent: w.unsent, Rules: rules}
}

// Changed notes that other rules had counted records of the window before.
func (w *Window) Changed() { w.changed = w.open }

// Restore opens the window as a note says, to be filled by reading again.
// changed says that other rules had opened it.
func (w *Window) Restore(n Note, changed bool) {
	w.open, w.start, w.end, w.sent, w.changed = true, n.Start, n.End, n.Sent, changed
}

package deadletter

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"time"
)

// digest stands for a record as a whole: its place, timestamp, key, headers
// and body. A forwarder that is killed between storing a record and committing
// its offset stores the same record again; both entries have one digest, and
// one delivery settles them. The place alone would not do: a topic that was
// deleted and made again counts its offsets from 0, and taking its records for
// delivered would lose them.
type digest [16]byte

func (e Entry) digest() (d digest) {
	h := sha256.New()
	num := func(n int64) {
		var b [8]byte
		binary.BigEndian.PutUint64(b[:], uint64(n))
		h.Write(b[:])
	}
	field := func(b []byte) {
		if b == nil {
			num(-1)
			return
		}
		num(int64(len(b)))
		h.Write(b)
	}
	r := e.Record
	field([]byte(r.Topic))
	num(int64(r.Partition))
	num(r.Offset)
	if r.Timestamp.IsZero() {
		num(math.MinInt64)
	} else {
		num(r.Timestamp.UnixMilli())
	}
	field(r.Key)
	field(r.Value)
	num(int64(len(r.Headers)))
	for _, header := range r.Headers {
		field([]byte(header.Key))
		field(header.Value)
	}
	copy(d[:], h.Sum(nil))
	return d
}

// place is how a mark without a digest names its entry.
type place struct {
	id       string
	storedAt int64 // Unix nanoseconds
}

// marks say which entries have been replayed. The zero value holds none.
type marks struct {
	records map[digest]bool // true: replayed by this process
	places  map[place]bool  // from lines that older versions wrote
}

// has reports whether e has been replayed. Whatever an old mark names teaches
// the record's digest, so that later entries of the record are known as well.
func (m *marks) has(e Entry) bool {
	if len(m.records) == 0 && len(m.places) == 0 {
		return false
	}
	d := e.digest()
	if _, ok := m.records[d]; ok {
		return true
	}
	if len(m.places) > 0 && m.places[place{e.ID(), e.StoredAt.UnixNano()}] {
		m.learn(d, false)
		return true
	}
	return false
}

func (m *marks) learn(d digest, own bool) {
	if m.records == nil {
		m.records = map[digest]bool{}
	}
	m.records[d] = own
}

// markLine is a mark as it lies on disk.
type markLine struct {
	ID         string    `json:"id"`
	StoredAt   time.Time `json:"stored_at"`
	Record     string    `json:"record,omitempty"` // the digest in hexadecimal
	ReplayedAt time.Time `json:"replayed_at"`
}

func encodeMark(e Entry, d digest, at time.Time) ([]byte, error) {
	line, err := json.Marshal(markLine{
		ID: e.ID(), StoredAt: e.StoredAt.UTC(), Record: hex.EncodeToString(d[:]), ReplayedAt: at.UTC(),
	})
	if err != nil {
		return nil, err
	}
	return append(line, '\n'), nil
}

// readMarks returns which entries of dir have been replayed. A mark that
// cannot be read counts as absent: its entry is sent once more.
func readMarks(dir string, damage *DamageError) (*marks, error) {
	m := &marks{}
	f, err := os.Open(filepath.Join(dir, marksFile))
	if errors.Is(err, fs.ErrNotExist) {
		return m, nil
	}
	if err != nil {
		return nil, explain(err)
	}
	defer f.Close() //nolint:errcheck // opened for reading
	err = eachLine(f, 1<<20, func(l span) error {
		if err := m.add(l.data); err != nil {
			damage.add(marksFile, l.num, err)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", marksFile, err)
	}
	return m, nil
}

func (m *marks) add(line []byte) error {
	var l markLine
	if err := json.Unmarshal(line, &l); err != nil {
		return err
	}
	if l.ID == "" {
		return errors.New("no id")
	}
	if l.Record == "" {
		if m.places == nil {
			m.places = map[place]bool{}
		}
		m.places[place{l.ID, l.StoredAt.UnixNano()}] = true
		return nil
	}
	raw, err := hex.DecodeString(l.Record)
	if err != nil || len(raw) != len(digest{}) {
		return fmt.Errorf("record is %q, want %d hexadecimal digits", l.Record, 2*len(digest{}))
	}
	m.learn(digest(raw), false)
	return nil
}

// keptMarks bounds the marks that outlive their entries.
const keptMarks = 1 << 20

// trimMarks cuts the marks to the newest when none of them has its entry in
// the store any more. They are not all dropped: a forwarder that was killed
// before its commit stores the records of its last batches once more when it
// runs again, and these have perhaps been replayed meanwhile.
func trimMarks(dir string) (err error) {
	path := filepath.Join(dir, marksFile)
	r, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return explain(err)
	}
	defer r.Close() //nolint:errcheck // opened for reading
	info, err := r.Stat()
	if err != nil || info.Size() <= keptMarks {
		return err
	}
	// From behind the first newline of the last keptMarks bytes.
	tail := io.NewSectionReader(r, info.Size()-keptMarks, keptMarks)
	from := int64(keptMarks)
	done := errors.New("found")
	if err := eachLine(tail, keptMarks, func(l span) error { from = l.end; return done }); err != nil && !errors.Is(err, done) {
		return err
	}
	c, err := startCopy(path)
	if err != nil {
		return err
	}
	defer func() { err = c.end(err) }()
	if _, err := io.Copy(c.out, io.NewSectionReader(tail, from, keptMarks-from)); err != nil {
		return err
	}
	return c.replace()
}

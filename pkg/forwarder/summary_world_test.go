package forwarder

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/tidwall/gjson"

	"auditlog-forwarder/pkg/audit"
	"auditlog-forwarder/pkg/summary"
)

// summed is what the world knows of summaries: for each id the one with the
// largest last offset, accepted or set aside. It is guarded by the world.
type summed struct {
	best    map[string]aSummary
	dead    map[int64]bool
	repeats int // summaries whose id was there
	grown   int // of them, those with a larger count

	note, committed string // as the marks are
	mayExpire       bool
	expired         bool // a window could not be read again
}

type aSummary struct {
	Data struct {
		Who string `json:"who"`
	} `json:"data"`
	ID      string `json:"id"`
	Summary struct {
		Count       int64 `json:"count"`
		Bytes       int64 `json:"bytes"`
		FirstOffset int64 `json:"first_offset"`
		LastOffset  int64 `json:"last_offset"`
	} `json:"summary"`
	text []byte
}

func newSummed() summed { return summed{best: map[string]aSummary{}, dead: map[int64]bool{}} }

func (s *summed) is(value []byte) bool {
	return bytes.Contains(value, []byte(`"type":"`+summary.Type+`"`))
}

// refused: the destination takes no summary of w5.
func (s *summed) refused(value []byte) bool { return bytes.Contains(value, []byte(`"who":"w5"`)) }

// accept keeps a summary by the rule that users are told: the largest last
// offset of an id holds, and holds all of the others.
func (s *summed) accept(t *testing.T, value []byte, offset int64) {
	a := aSummary{text: bytes.Clone(value)}
	if err := json.Unmarshal(value, &a); err != nil {
		t.Errorf("a summary cannot be read: %v: %s", err, value)
		return
	}
	if a.Summary.LastOffset != offset {
		t.Errorf("the summary of offset %d says that its last is %d", offset, a.Summary.LastOffset)
	}
	before, twice := s.best[a.ID]
	if twice {
		s.repeats++
	}
	switch {
	case a.Summary.LastOffset > before.Summary.LastOffset:
		if twice && !s.expired && (a.Summary.Count <= before.Summary.Count || a.Summary.FirstOffset != before.Summary.FirstOffset) {
			t.Errorf("P9: the later summary does not hold the earlier one:\n%s\n%s", before.text, value)
		}
		if twice {
			s.grown++
		}
		s.best[a.ID] = a
	case twice && !s.expired && a.Summary.LastOffset == before.Summary.LastOffset && !bytes.Equal(before.text, value):
		t.Errorf("P9: two summaries of one window up to one offset differ:\n%s\n%s", before.text, value)
	case twice && !s.expired && a.Summary.Count >= before.Summary.Count && a.Summary.LastOffset < before.Summary.LastOffset:
		t.Errorf("P9: the earlier summary holds more:\n%s\n%s", value, before.text)
	}
}

func isNoise(value []byte) bool {
	return len(value) <= 1000 && bytes.HasSuffix(value, []byte("}")) && bytes.Contains(value, []byte(`:"noise"`))
}

// noiseFilter drops "filtered" and summarises "noise" by data.who.
type noiseFilter struct {
	rule *summary.Rule
	text string
}

func newNoiseFilter(t testing.TB, text string) noiseFilter {
	rule, err := summary.NewRule("noise", []string{"data.methodName", "data.who"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return noiseFilter{rule, text}
}

func (f noiseFilter) SummaryRules() string { return f.text }

func (f noiseFilter) Judge() Judge {
	return &noiseJudge{item: summary.Item{Rule: f.rule, Values: make([][]byte, 2)}}
}

type noiseJudge struct{ item summary.Item }

func (j *noiseJudge) Judge(rec *audit.Record, ev *audit.Event) Verdict {
	switch string(ev.Method) {
	case "filtered":
		return Verdict{Rule: "dropped"}
	case "noise":
		j.item.Values[0] = []byte(gjson.GetBytes(rec.Value, "data.methodName").Raw)
		j.item.Values[1] = []byte(gjson.GetBytes(rec.Value, "data.who").Raw)
		j.item.ID = []byte(gjson.GetBytes(rec.Value, "id").Raw)
		return Verdict{Rule: "noise", Summary: &j.item}
	}
	return Verdict{}
}

// stamp draws the next record's timestamp: mostly later, at times earlier, and
// now and then none or one far away.
func (w *world) stamp(clock *time.Time) time.Time {
	*clock = clock.Add(time.Duration(w.r.IntN(2000)) * time.Millisecond)
	switch w.r.IntN(40) {
	case 0:
		return time.Time{}
	case 1:
		return clock.Add(24 * time.Hour)
	case 2, 3, 4, 5:
		return clock.Add(-time.Duration(w.r.IntN(20_000)) * time.Millisecond)
	}
	return *clock
}

// rewind is where this life reads from. Now and then the start of the window
// has expired.
func (w *world) rewind() int64 {
	from := summary.Rewind(w.committed, w.summed.committed)
	if w.summed.mayExpire && from < w.committed && w.r.IntN(8) == 0 {
		w.summed.expired = true
		return from + 1 + w.r.Int64N(w.committed-from)
	}
	return from
}

// maxKeys draws the bound of a window's keys, and whether records expire. Both
// together would move a window's end: the keys of what has expired are unknown.
func (w *world) maxKeys() int {
	if w.summed.mayExpire = w.r.IntN(6) == 0; w.summed.mayExpire {
		return 100
	}
	return 1 + w.r.IntN(8)
}

// checkNote holds P9 at a mark: each summarised record below it is in a summary
// that is settled, or lies where the note makes the next owner read again.
func (w *world) checkNote(next int64, text string) {
	note, err := summary.ParseNote(text)
	if err != nil {
		w.t.Errorf("the note %q: %v", text, err)
	}
	if len(text) > 200 {
		w.t.Errorf("the note has %d bytes", len(text))
	}
	for _, rec := range w.log {
		if rec.Offset >= next {
			break
		}
		if w.summed.expired || !isNoise(rec.Value) || note.Open() && rec.Offset >= note.Sent {
			continue
		}
		if !w.covered(&rec) {
			w.t.Errorf("P9: mark %d with the note %q passes offset %d, which is in no summary", next, text, rec.Offset)
		}
	}
}

func (w *world) covered(rec *audit.Record) bool {
	who := whoOf(rec)
	for _, a := range w.summed.best {
		if a.Data.Who == who && a.Summary.FirstOffset <= rec.Offset && rec.Offset <= a.Summary.LastOffset {
			return true
		}
	}
	return false
}

// whoOf is the quick way to data.who, which is last.
func whoOf(rec *audit.Record) string {
	return string(rec.Value[len(rec.Value)-len(`w0"}}`):][:2])
}

func (w *world) counts() (got, want map[string]int64) {
	got, want = map[string]int64{}, map[string]int64{}
	for _, rec := range w.log {
		if isNoise(rec.Value) {
			who := whoOf(&rec)
			want[who]++
			want[who+" bytes"] += int64(len(rec.Value))
		}
	}
	for _, a := range w.summed.best {
		got[a.Data.Who] += a.Summary.Count
		got[a.Data.Who+" bytes"] += a.Summary.Bytes
	}
	return got, want
}

// allSummed reports whether nothing is left to summarise.
func (w *world) allSummed(f *Forwarder) bool {
	if w.summed.expired && testutil.ToFloat64(f.metrics.unsummarised) > 0 {
		note, _ := summary.ParseNote(w.summed.committed)
		return note.Unsent == 0
	}
	for _, rec := range w.log {
		if isNoise(rec.Value) && !w.covered(&rec) {
			return false
		}
	}
	return true
}

// checkCounts holds P9 at the end: the counts are the truth, or short of it by
// no more than was told.
func (w *world) checkCounts(f *Forwarder) {
	got, want := w.counts()
	lost := int64(testutil.ToFloat64(f.metrics.unsummarised))
	if lost == 0 {
		if !maps.Equal(got, want) {
			w.t.Errorf("P9: the summaries count %v, the truth is %v", got, want)
		}
		return
	}
	if !w.summed.expired {
		w.t.Errorf("P9: %d records are told as lost, and none has expired", lost)
	}
	for _, who := range slices.Collect(maps.Keys(want)) {
		if got[who] > want[who] {
			w.t.Errorf("P9: %s is counted %d times, the truth is %d", who, got[who], want[who])
		}
		if len(who) == 2 {
			lost -= want[who] - got[who]
		}
	}
	if lost < 0 {
		w.t.Errorf("P9: %d more records are missing than were told", -lost)
	}
}

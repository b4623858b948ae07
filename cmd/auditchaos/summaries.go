package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// summaryEvent is a summary as it arrives, read apart from the product.
type summaryEvent struct {
	ID   string    `json:"id"`
	Type string    `json:"type"`
	Time time.Time `json:"time"`
	Data struct {
		Method string `json:"methodName"`
		Info   struct {
			Principal string `json:"principal"`
		} `json:"authenticationInfo"`
	} `json:"data"`
	Summary struct {
		Rule      string    `json:"rule"`
		Count     int64     `json:"count"`
		First     time.Time `json:"first"`
		Last      time.Time `json:"last"`
		Topic     string    `json:"topic"`
		Partition int       `json:"partition"`
		Window    int64     `json:"window_offset"`
		FirstOff  int64     `json:"first_offset"`
		LastOff   int64     `json:"last_offset"`
		Bytes     int64     `json:"bytes"`
		Samples   []string  `json:"sample_ids"`
		Changed   bool      `json:"rules_changed"`
	} `json:"summary"`
}

// readSummary reports whether an event is a summary.
func readSummary(event []byte) (s summaryEvent, ok bool) {
	const summaryType = "auditlog-forwarder.summary.v1"
	if !bytes.Contains(event, []byte(summaryType)) {
		return s, false
	}
	return s, json.Unmarshal(event, &s) == nil && s.Type == summaryType && s.ID != ""
}

// noisy is what is known of a record that is to be summed up.
type noisy struct {
	key   string
	id    string
	bytes int64
	when  time.Time
	held  bool // a summary that has arrived counts it
}

// summaryBook is what has arrived of summaries. It belongs to a ledger and
// is guarded by its lock.
type summaryBook struct {
	newest map[string]summaryEvent          // by id: that with the largest last offset
	came   map[string]map[int64][]*request  // by id and last offset: the requests that brought it
	bodies map[string]map[int64]fingerprint // likewise
}

func newSummaryBook() summaryBook {
	return summaryBook{newest: map[string]summaryEvent{}, came: map[string]map[int64][]*request{}, bodies: map[string]map[int64]fingerprint{}}
}

// sumUp books a summary that was indexed by a request, or that is a dead letter
// if that is nil. It needs l.mu.
func (l *ledger) sumUp(s summaryEvent, body fingerprint, by *request) {
	last := s.Summary.LastOff
	before, known := l.sums.newest[s.ID]
	if l.sums.came[s.ID] == nil {
		l.sums.came[s.ID], l.sums.bodies[s.ID] = map[int64][]*request{}, map[int64]fingerprint{}
	}
	if by != nil {
		l.sums.came[s.ID][last] = append(l.sums.came[s.ID][last], by)
	}
	if old, again := l.sums.bodies[s.ID][last]; again {
		if old != body {
			l.fault("summary %s of last offset %d came with two bodies", s.ID, last)
		}
		return
	}
	l.sums.bodies[s.ID][last] = body
	l.progress = time.Now()
	l.checkSummary(s)
	if known && (before.Summary.Window != s.Summary.Window || before.Data != s.Data || !before.Time.Equal(s.Time)) {
		l.fault("summary %s is of two windows, keys or times", s.ID)
	}
	if !known || last > before.Summary.LastOff {
		l.sums.newest[s.ID] = s
	}
}

// checkSummary holds a summary to the records from its first to its last
// offset, all of which lie in its window.
func (l *ledger) checkSummary(s summaryEvent) {
	g := s.Summary
	if g.Partition < 0 || g.Partition >= len(l.parts) || g.LastOff >= int64(len(l.parts[g.Partition])) ||
		g.Window < 0 || g.FirstOff < g.Window || g.LastOff < g.FirstOff || g.Rule != noiseRule || s.Data.Method != noiseMethod || g.Changed {
		l.fault("a summary that cannot be: %+v", s)
		return
	}
	want := summaryEvent{ID: s.ID, Type: s.Type, Data: s.Data, Summary: g}
	w := &want.Summary
	w.Count, w.Bytes, w.Samples, w.First, w.Last = 0, 0, nil, time.Time{}, time.Time{}
	for o := g.FirstOff; o <= g.LastOff; o++ {
		e := l.parts[g.Partition][o]
		if e.kind != noise || e.noise.key != s.Data.Info.Principal {
			continue
		}
		n := &e.noise
		if n.held = true; w.Count == 0 {
			want.Time, w.First, w.Last = n.when, n.when, n.when
		}
		w.Count++
		w.Bytes += n.bytes
		if n.when.Before(w.First) {
			w.First = n.when
		}
		if n.when.After(w.Last) {
			w.Last = n.when
		}
		if len(w.Samples) < 3 {
			w.Samples = append(w.Samples, n.id)
		}
	}
	if got := s.Summary; got.Count != w.Count || got.Bytes != w.Bytes || !slices.Equal(got.Samples, w.Samples) ||
		!got.First.Equal(w.First) || !got.Last.Equal(w.Last) || !s.Time.Equal(want.Time) {
		l.fault("summary %s of %s is wrong: %+v, want %+v", s.ID, s.Data.Info.Principal, s, want)
	}
}

// unsummed counts the records that are in no summary yet.
func (l *ledger) unsummed() (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, part := range l.parts {
		for _, e := range part {
			if e.kind == noise && !e.noise.held {
				n++
			}
		}
	}
	return n
}

// covered returns the offset below which every summarised record must be in a
// summary, by a committed offset and the note beside it; read apart from the
// product.
func covered(committed int64, note string) (int64, error) {
	if note == "" {
		return committed, nil
	}
	var start, end, sent, seen, unsent int64
	var rules string
	if _, err := fmt.Fscanf(strings.NewReader(note), "summary/1 %d %d %d %d %d %s", &start, &end, &sent, &seen, &unsent, &rules); err != nil {
		return 0, fmt.Errorf("note %q: %w", note, err)
	}
	return sent, nil
}

// uncounted returns the first record of from..to-1 that is in no summary.
func (l *ledger) uncounted(partition int, from, to int64) (int64, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for o := from; o < to && o < int64(len(l.parts[partition])); o++ {
		if e := l.parts[partition][o]; e.kind == noise && !e.noise.held {
			return o, true
		}
	}
	return 0, false
}

// judgeSummaries holds the sums by the documented rule: of those with one id
// the one with the largest last offset. It needs l.mu.
func (r *run) judgeSummaries(res *result, b *blame) {
	l := r.ledger
	type who struct {
		partition int
		key       string
	}
	truth, sums := map[who]int64{}, map[who]int64{}
	for p, part := range l.parts {
		for _, e := range part {
			if e.kind == noise {
				truth[who{p, e.noise.key}]++
				res.Noise++
			}
		}
	}
	for _, s := range l.sums.newest {
		sums[who{s.Summary.Partition, s.Data.Info.Principal}] += s.Summary.Count
		res.Summaries++
	}
	for w, n := range truth {
		if sums[w] != n {
			l.fault("%s of partition %d: the summaries count %d, and there were %d", w.key, w.partition, sums[w], n)
		}
	}
	for w, n := range sums {
		if truth[w] == 0 {
			l.fault("%s of partition %d: the summaries count %d, and there were none", w.key, w.partition, n)
		}
	}
	for id, byLast := range l.sums.came {
		for last, posts := range byLast {
			res.SummariesAgain += max(0, len(posts)-1)
			b.summaryRepeats(id, last, posts)
		}
	}
}

// summaryRepeats holds that the same summary comes again for a cause only. A
// window's summaries may need many batches, and whoever loses the partition in
// between leaves all of them to the next owner.
func (b *blame) summaryRepeats(id string, last int64, posts []*request) {
	extra := len(posts) - 1
	for _, q := range posts {
		if extra > 0 && (b.excused[q] != "" || q.from == nil || q.from.isExcused() != "" || b.run.plan.Second != nobody || q.from.wasStopped()) {
			extra--
		}
	}
	if extra > 0 {
		b.run.ledger.fault("summary %s of last offset %d was indexed %d times, and %d of them have no cause: %s",
			id, last, len(posts), extra, b.story(&entry{known: posts}))
	}
}

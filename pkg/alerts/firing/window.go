package firing

import (
	"cmp"
	"encoding/binary"
	"maps"
	"math"
	"slices"
	"time"
)

// candidate is an alert that fires unless it is to be silent.
type candidate struct {
	st     *state
	at     int64 // the end of the run's window
	values []string
	others [][]string
	tally
	distinct int64
	sample   []byte
}

// compare orders candidates as they are told.
func compare(a, b candidate) int {
	return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.st.order, b.st.order), cmp.Compare(a.first, b.first),
		slices.Compare(a.values, b.values))
}

// candidates appends what fires in the runs that are due.
func (st *state) candidates(to []candidate, now int64) []candidate {
	now -= st.shift
	for _, g := range st.groups {
		for _, s := range g.singles {
			to = st.alone(to, g, s, now)
		}
		to = st.runs(to, g, now)
	}
	return to
}

// alone judges an event that is an alert by itself.
func (st *state) alone(to []candidate, g *group, s single, now int64) []candidate {
	c := candidate{st: st, values: g.values, tally: tally{1, s.at, s.at}, sample: s.sample}
	if st.atOnce {
		if c.at = s.index + st.shift; s.index <= now {
			to = append(to, c)
		}
		return to
	}
	for run := max(st.next, floor(s.index, st.every)+st.every); run <= now && run-st.look <= s.index; run += st.every {
		c.at = run + st.shift
		to = append(to, c)
	}
	return to
}

// runs judges a group at the runs that are due and have something to count.
func (st *state) runs(to []candidate, g *group, now int64) []candidate {
	look := st.look
	if st.alert.Condition.New != nil || st.alert.Condition.Spike != nil {
		look = st.every // the rest of what they look at cannot make them fire
	}
	for i, run := 0, st.next; i < len(g.cells); {
		start := g.cells[i].start
		// The cell lies in no window that ends before it does.
		at := max(run, ceil(start+st.grain, st.every))
		switch {
		case start < at-look:
			i++
		case at > now:
			return to
		default:
			to = st.judge(to, g, i, at)
			run = at + st.every
		}
	}
	return to
}

// judge judges a group at a run, whose window begins with the cell of index from.
func (st *state) judge(to []candidate, g *group, from int, run int64) []candidate {
	switch cond := st.alert.Condition; {
	case cond.Threshold != nil:
		c := st.sum(g, from, run)
		if c.count >= cond.Threshold.Count && c.distinct >= cond.Threshold.DistinctCount {
			to = append(to, c)
		}
	case cond.New != nil:
		c := st.sum(g, from, run)
		if c.count >= cond.New.Count && !g.within(run-st.every-int64(cond.New.Within), run-st.every) {
			to = append(to, c)
		}
	case cond.Spike != nil:
		to = st.spikes(to, g, run)
	}
	return to
}

// sum adds the cells from one on up to a run.
func (st *state) sum(g *group, from int, run int64) candidate {
	c := candidate{st: st, at: run + st.shift, values: g.values}
	distinct := map[string]struct{}(nil)
	for i := from; i < len(g.cells) && g.cells[i].start < run; i++ {
		distinct = c.add(&g.cells[i], distinct)
	}
	c.distinct = int64(len(distinct))
	return c
}

// add adds a cell, and its values of the subject of which different ones are counted.
func (c *candidate) add(cell *cell, distinct map[string]struct{}) map[string]struct{} {
	c.see(cell.count, cell.first, cell.last)
	if c.sample == nil {
		c.sample = cell.sample
	}
	if distinct == nil && len(cell.distinct) > 0 {
		distinct = map[string]struct{}{}
	}
	maps.Copy(distinct, cell.distinct)
	if c.others == nil && cell.others != nil {
		c.others = make([][]string, len(cell.others))
	}
	for i, texts := range cell.others {
		for _, text := range texts {
			c.others[i] = insert(c.others[i], text)
		}
	}
	return distinct
}

// within tells whether a cell starts in [from, to).
func (g *group) within(from, to int64) bool {
	return slices.ContainsFunc(g.cells, func(c cell) bool { return c.start >= from && c.start < to })
}

// spikes judges the bins to which events came since the run before, against all that
// the run looks at. Bins are of the events' own time and begin at multiples of their
// length, so that events which come late and all at once are none.
func (st *state) spikes(to []candidate, g *group, run int64) []candidate {
	s := st.alert.Condition.Spike
	length := int64(s.Bin)
	type bin struct {
		at, count int64
		fresh     bool
	}
	var bins []bin // those with events, nearly in order
	for i := range g.cells {
		cell := &g.cells[i]
		if !st.inSpike(cell, run) {
			continue
		}
		at, n := floor(cell.bin, length), len(bins)-1
		for n >= 0 && bins[n].at != at {
			n--
		}
		if n < 0 {
			n, bins = len(bins), append(bins, bin{at: at})
		}
		bins[n].count += cell.count
		bins[n].fresh = bins[n].fresh || cell.start >= run-st.every
	}
	var total, squares float64
	for _, b := range bins {
		total, squares = total+float64(b.count), squares+float64(b.count)*float64(b.count)
	}
	number := float64(st.keep / length) // those without events count as 0
	mean := total / number
	limit := mean + s.Deviations*math.Sqrt(max(0, squares/number-mean*mean))
	for _, b := range bins {
		if !b.fresh || b.count < s.Count || float64(b.count) <= limit {
			continue
		}
		c := candidate{st: st, at: run + st.shift, values: g.values}
		for i := range g.cells {
			if cell := &g.cells[i]; st.inSpike(cell, run) && floor(cell.bin, length) == b.at {
				c.add(cell, nil)
			}
		}
		to = append(to, c)
	}
	return to
}

// inSpike tells whether a run looks at a cell: by its index time, and by its own.
func (st *state) inSpike(c *cell, run int64) bool {
	oldest := run - st.keep
	return c.start >= oldest && c.start < run && c.bin >= oldest+st.shift
}

// absent appends the runs in whose window there was no event. A run whose window
// begins before events are complete tells nothing.
func (st *state) absent(to []candidate, now int64, seen bool, since int64) []candidate {
	if !seen {
		return to
	}
	now, since = now-st.shift, since-st.shift
	look := int64(st.alert.Condition.Absent.For)
	for run := max(st.next, ceil(since+look, st.every)); run <= now; run += st.every {
		found := false
		for _, g := range st.groups {
			found = found || g.within(run-look, run)
		}
		if !found {
			end := run + st.shift
			to = append(to, candidate{st: st, at: end, tally: tally{0, end - look, end}})
		}
	}
	return to
}

// suppressed tells whether an alert is to be silent, and remembers that it was not.
// If there are too many to remember, it is rather told again.
func (st *state) suppressed(c *candidate, most int) bool {
	if st.alert.Suppress.For <= 0 {
		return false
	}
	var key []byte
	for _, i := range st.suppress {
		text := []string(nil)
		if i >= 0 {
			text = c.values[i : i+1]
		} else if c.others != nil {
			text = c.others[-1-i]
		}
		for _, t := range text {
			key = append(binary.AppendUvarint(key, uint64(len(t))), t...)
		}
		key = append(key, 0xff) // ends the texts of a subject; no length begins with it that can be
	}
	until, silent := st.silent[string(key)]
	if silent && c.at < until {
		// All rows of a run are one message where nothing else is said.
		return len(st.suppress) > 0 || !st.told || st.lastTold != c.at
	}
	if len(st.silent) < most {
		st.silent[string(key)] = c.at + int64(st.alert.Suppress.For)
	} else {
		delete(st.silent, string(key))
	}
	return false
}

// firing makes what is told of a candidate.
func (c *candidate) firing() Firing {
	f := Firing{
		Alert: c.st.alert, At: time.Unix(0, c.at).UTC(), Count: c.count, Distinct: c.distinct,
		First: time.Unix(0, c.first).UTC(), Last: time.Unix(0, c.last).UTC(), Sample: c.sample,
	}
	for i, text := range c.values {
		f.Group = append(f.Group, Value{c.st.by[i].name, []string{text}})
	}
	for i, texts := range c.others {
		if len(texts) == 0 {
			texts = []string{Unknown}
		}
		f.Others = append(f.Others, Value{c.st.others[i].name, texts})
	}
	f.Message = message(f)
	return f
}

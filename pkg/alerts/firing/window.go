package firing

import (
	"cmp"
	"encoding/binary"
	"math"
	"slices"
	"time"
)

// candidate is an alert that fires unless it is to be silent.
type candidate struct {
	st          *state
	at          int64 // the run
	values      []string
	others      [][]string
	count       int64
	distinct    int64
	first, last int64
	sample      []byte
}

// compare orders candidates as they are told.
func compare(a, b candidate) int {
	return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.st.order, b.st.order), cmp.Compare(a.first, b.first),
		slices.Compare(a.values, b.values))
}

// candidates appends what fires in the runs that are due.
func (st *state) candidates(to []candidate, now int64) []candidate {
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
	c := candidate{st: st, values: g.values, count: 1, first: s.at, last: s.at, sample: s.sample}
	if st.atOnce {
		if c.at = s.at; s.at <= now {
			to = append(to, c)
		}
		return to
	}
	for run := max(st.next, floor(s.at, st.every)+st.every); run <= now && run-st.look <= s.at; run += st.every {
		c.at = run
		to = append(to, c)
	}
	return to
}

// runs judges a group at the runs that are due and have something to count.
func (st *state) runs(to []candidate, g *group, now int64) []candidate {
	look := st.look
	switch cond := st.alert.Condition; {
	case cond.New != nil, cond.Spike != nil:
		look = st.every // the rest of what they look at cannot make them fire
	}
	for i, run := 0, st.next; i < len(g.cells); {
		if g.cells[i].start < run-look && run != 0 {
			i++
			continue
		}
		// The cell lies in no window that ends before it does.
		run = max(run, ceil(g.cells[i].start+st.grain, st.every))
		if run > now {
			break
		}
		if g.cells[i].start < run-look {
			i++
			continue
		}
		to = st.judge(to, g, i, run)
		run += st.every
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
	c := candidate{st: st, at: run, values: g.values}
	var distinct map[string]struct{}
	for i := from; i < len(g.cells) && g.cells[i].start < run; i++ {
		cell := &g.cells[i]
		if c.count == 0 || cell.first < c.first {
			c.first = cell.first
		}
		if c.count == 0 || cell.last > c.last {
			c.last = cell.last
		}
		c.count += cell.count
		if c.sample == nil {
			c.sample = cell.sample
		}
		if len(st.distinct) > 0 {
			if distinct == nil {
				distinct = map[string]struct{}{}
			}
			for text := range cell.distinct {
				distinct[text] = struct{}{}
			}
		}
		c.others = merge(c.others, cell.others)
	}
	c.distinct = int64(len(distinct))
	return c
}

// merge adds values of subjects to those that there are.
func merge(to, more [][]string) [][]string {
	if to == nil && more != nil {
		to = make([][]string, len(more))
	}
	for i := range more {
		for _, text := range more[i] {
			if len(to[i]) < maxValues && !slices.Contains(to[i], text) {
				to[i] = append(to[i], text)
			}
		}
	}
	return to
}

// within tells whether a cell starts in [from, to).
func (g *group) within(from, to int64) bool {
	return slices.ContainsFunc(g.cells, func(c cell) bool { return c.start >= from && c.start < to })
}

// spikes judges the bins of the run's stretch against all of those that are looked at.
func (st *state) spikes(to []candidate, g *group, run int64) []candidate {
	s := st.alert.Condition.Spike
	bin := int64(s.Bin)
	bins := make([]float64, int64(s.Over)/bin)
	start := run - int64(len(bins))*bin
	for i := range g.cells {
		if at := g.cells[i].start; at >= start && at < run {
			bins[(at-start)/bin] += float64(g.cells[i].count)
		}
	}
	limit := mean(bins) + s.Deviations*deviation(bins)
	for i, count := range bins {
		at := start + int64(i)*bin
		if at < run-st.every || count < float64(s.Count) || count <= limit {
			continue
		}
		from := slices.IndexFunc(g.cells, func(c cell) bool { return c.start >= at })
		c := st.sum(g, from, at+bin)
		c.at = run
		to = append(to, c)
	}
	return to
}

func mean(of []float64) float64 {
	sum := 0.0
	for _, v := range of {
		sum += v
	}
	return sum / float64(len(of))
}

// deviation is the sample standard deviation, as Splunk's stdev.
func deviation(of []float64) float64 {
	if len(of) < 2 {
		return 0
	}
	m, sum := mean(of), 0.0
	for _, v := range of {
		sum += (v - m) * (v - m)
	}
	return math.Sqrt(sum / float64(len(of)-1))
}

// absent appends the runs at which there was no event in the time before. A run
// whose time begins before events are complete tells nothing.
func (st *state) absent(to []candidate, now int64, seen bool, since int64) []candidate {
	if !seen {
		return to
	}
	look := int64(st.alert.Condition.Absent.For)
	for run := max(st.next, ceil(since+look, st.every)); run <= now; run += st.every {
		found := false
		for _, g := range st.groups {
			found = found || g.within(run-look, run)
		}
		if !found {
			to = append(to, candidate{st: st, at: run, first: run - look, last: run})
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
	if until, ok := st.silent[string(key)]; ok && c.at < until {
		return true
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
		f.Others = append(f.Others, Value{c.st.others[i].name, texts})
	}
	f.Message = message(f)
	return f
}

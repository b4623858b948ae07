package firing

import (
	"encoding/binary"
	"slices"
	"time"

	"auditlog-forwarder/pkg/alerts"
	"auditlog-forwarder/pkg/sigma"
)

// maxDistinct bounds the different values that a cell keeps, unless a threshold
// asks for more.
const maxDistinct = 1000

// state is what is known of one alert.
type state struct {
	alert *alerts.Alert
	order int // in the catalogue

	by       []subject
	distinct []subject // none or one
	others   []subject
	suppress []int // indexes into by, or -1-i into others

	every, grain, look int64 // nanoseconds: between runs, of a cell, of the window
	keep               int64 // the past that runs look at
	next               int64 // the first run that is not over; 0 before the first Advance
	atOnce, single     bool  // single: each event is an alert
	maxDistinct        int
	groups             map[string]*group
	kept               int // cells and singles in groups
	silent             map[string]int64
	counts             Counts
}

// group is what is known of a combination of subjects.
type group struct {
	values  []string // of by
	cells   []cell   // in the order of their times
	singles []single
}

// cell is what is known of a stretch of time.
type cell struct {
	start       int64
	count       int64
	first, last int64
	distinct    map[string]struct{}
	others      [][]string // by state.others
	sample      []byte
}

// single is an event that is an alert by itself.
type single struct {
	at     int64
	sample []byte
}

func newState(a *alerts.Alert, order int, set *sigma.Set, subjects []alerts.Subject, opts Options) (*state, error) {
	st := &state{alert: a, order: order, groups: map[string]*group{}, silent: map[string]int64{}, every: int64(a.Every), maxDistinct: maxDistinct}
	if st.every <= 0 {
		st.every = int64(time.Hour)
	}
	look := int64(a.LookBack)
	if look <= 0 {
		look = st.every
	}
	var by, distinct []string
	st.look, st.grain, st.keep = look, gcd(st.every, look), look
	switch c := a.Condition; {
	case c.Threshold != nil:
		by = c.Threshold.By
		if c.Threshold.Distinct != "" {
			distinct = []string{c.Threshold.Distinct}
			st.maxDistinct = max(maxDistinct, int(c.Threshold.DistinctCount))
		}
	case c.New != nil:
		by = c.New.By
		st.grain, st.keep = gcd(st.every, int64(c.New.Within)), st.every+int64(c.New.Within)
	case c.Spike != nil:
		by = c.Spike.By
		st.grain, st.keep = gcd(gcd(st.every, int64(c.Spike.Bin)), int64(c.Spike.Over)), int64(c.Spike.Over)
	case c.Absent != nil:
		st.grain, st.keep = gcd(st.every, int64(c.Absent.For)), int64(c.Absent.For)
	default:
		st.single, st.atOnce = true, opts.AtOnce
	}
	shown := slices.Concat(a.Show, names(a.Message), a.Suppress.By)
	var others []string
	for _, name := range shown {
		if slices.Contains(by, name) || slices.Contains(others, name) || counted(name) {
			continue
		}
		others = append(others, name)
	}
	if st.single {
		by, others = others, nil
	}
	var err error
	if st.by, err = find(by, set, subjects); err != nil {
		return nil, err
	}
	if st.distinct, err = find(distinct, set, subjects); err != nil {
		return nil, err
	}
	if st.others, err = find(others, set, subjects); err != nil {
		return nil, err
	}
	for _, name := range a.Suppress.By {
		if i := slices.Index(by, name); i >= 0 {
			st.suppress = append(st.suppress, i)
		} else {
			st.suppress = append(st.suppress, -1-slices.Index(others, name))
		}
	}
	return st, nil
}

func gcd(a, b int64) int64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// floor is the multiple of step at or before t.
func floor(t, step int64) int64 {
	f := t - t%step
	if f > t {
		f -= step
	}
	return f
}

// ceil is the multiple of step at or behind t.
func ceil(t, step int64) int64 { return -floor(-t, step) }

// add counts the matcher's last event.
func (e *Evaluator) add(st *state, body []byte, index int64) {
	start := floor(index, st.grain)
	if start+st.keep < st.next && !st.atOnce {
		st.counts.Late++
		return
	}
	e.key, e.ends = e.key[:0], e.ends[:0]
	for i := range st.by {
		e.key = st.by[i].appendText(e.key, e.match)
		e.ends = append(e.ends, len(e.key))
	}
	texts := len(e.key)
	for _, end := range e.ends { // which keep ab and c apart from a and bc
		e.key = binary.BigEndian.AppendUint32(e.key, uint32(end))
	}
	g := st.groups[string(e.key)]
	room := st.kept < e.opts.Cells
	if !room && (g == nil || st.single || !g.has(start)) {
		st.counts.Over++
		return
	}
	if g == nil {
		g = &group{values: make([]string, len(st.by))}
		all, from := string(e.key[:texts]), 0
		for i, end := range e.ends {
			g.values[i], from = all[from:end], end
		}
		st.groups[string(e.key)] = g
	}
	if st.single {
		st.kept++
		g.singles = append(g.singles, single{index, e.sample(body)})
		return
	}
	c, isNew := g.cell(start)
	if isNew {
		st.kept++
	}
	c.count++
	if c.count == 1 || index < c.first {
		c.first = index
	}
	if c.count == 1 || index > c.last {
		c.last = index
	}
	if c.sample == nil {
		c.sample = e.sample(body)
	}
	e.addValues(st, c)
}

// addValues adds what the last event has of the subjects that are no group.
func (e *Evaluator) addValues(st *state, c *cell) {
	for i := range st.distinct {
		e.text = st.distinct[i].appendText(e.text[:0], e.match)
		if _, has := c.distinct[string(e.text)]; has || len(c.distinct) >= st.maxDistinct {
			continue
		}
		if c.distinct == nil {
			c.distinct = map[string]struct{}{}
		}
		c.distinct[string(e.text)] = struct{}{}
	}
	if c.others == nil && len(st.others) > 0 {
		c.others = make([][]string, len(st.others))
	}
	for i := range st.others {
		e.text = st.others[i].appendText(e.text[:0], e.match)
		if len(c.others[i]) < maxValues && !slices.ContainsFunc(c.others[i], func(s string) bool { return s == string(e.text) }) {
			c.others[i] = append(c.others[i], string(e.text))
		}
	}
}

// sample copies an event, if there is room.
func (e *Evaluator) sample(body []byte) []byte {
	if len(body) > e.room {
		return nil
	}
	e.room -= len(body)
	return slices.Clone(body)
}

// find is where the cell that starts then is, or belongs.
func (g *group) find(start int64) (i int, found bool) {
	i = len(g.cells) // events mostly come in order
	for i > 0 && g.cells[i-1].start > start {
		i--
	}
	if i > 0 && g.cells[i-1].start == start {
		return i - 1, true
	}
	return i, false
}

func (g *group) has(start int64) bool {
	_, found := g.find(start)
	return found
}

// cell finds the cell that starts then, or makes it.
func (g *group) cell(start int64) (c *cell, isNew bool) {
	i, found := g.find(start)
	if !found {
		g.cells = slices.Insert(g.cells, i, cell{start: start})
	}
	return &g.cells[i], !found
}

// forget drops what no run after now looks at, and tells how many bytes of
// samples are free again.
func (st *state) forget(now int64) (freed int) {
	st.next = max(st.next, floor(now, st.every)+st.every)
	for key, g := range st.groups {
		n := 0
		for n < len(g.cells) && st.past(g, n) {
			freed += len(g.cells[n].sample)
			n++
		}
		g.cells = slices.Delete(g.cells, 0, n)
		st.kept -= n
		before := len(g.singles)
		g.singles = slices.DeleteFunc(g.singles, func(s single) bool {
			over := s.at+st.look < st.next
			if st.atOnce {
				over = s.at <= now
			}
			if over {
				freed += len(s.sample)
			}
			return over
		})
		st.kept -= before - len(g.singles)
		if len(g.cells) == 0 && len(g.singles) == 0 {
			delete(st.groups, key)
		}
	}
	for key, until := range st.silent {
		if until <= st.next {
			delete(st.silent, key)
		}
	}
	return freed
}

// past tells whether no run from st.next on looks at a cell. Of the history of a
// combination that is to be new, the last cell says all.
func (st *state) past(g *group, i int) bool {
	if g.cells[i].start+st.keep < st.next {
		return true
	}
	history := st.next - st.every
	return st.alert.Condition.New != nil && i+1 < len(g.cells) && g.cells[i+1].start+st.grain <= history
}

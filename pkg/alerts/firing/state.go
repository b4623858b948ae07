package firing

import (
	"encoding/binary"
	"errors"
	"slices"

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
	suppress []int // indexes into by, or -1-i into others; none: rows of a run are one message

	// Nanoseconds. Index times, runs and next are kept less shift, so that windows
	// end at multiples of every.
	shift, every   int64
	look, keep     int64 // the window, and the past that runs look at
	grain          int64 // of cells
	binGrain       int64 // of cells of a spike, by the events' own time
	next           int64 // the first run that is not over; 0 before the first Advance
	atOnce, single bool  // single: each event is an alert
	maxDistinct    int
	groups         map[string]*group
	kept           int // cells and singles in groups
	silent         map[string]int64
	told           bool  // something was, at
	lastTold       int64 // in the time of firings
	counts         Counts
}

func newState(a *alerts.Alert, order int, set *sigma.Set, subjects []alerts.Subject, opts Options) (*state, error) {
	st := &state{alert: a, order: order, shift: int64(a.Phase()), groups: map[string]*group{}, silent: map[string]int64{}, every: int64(a.Every), maxDistinct: maxDistinct}
	if st.every <= 0 || a.LookBack <= 0 {
		return nil, errors.New("every and look_back are not set; alerts.Load sets them")
	}
	if !opts.Align.IsZero() {
		st.shift = opts.Align.UnixNano() - floor(opts.Align.UnixNano(), st.every)
	}
	look := int64(a.LookBack)
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
		st.grain, st.keep = gcd(st.every, int64(c.Spike.Over)), int64(c.Spike.Over)
		st.binGrain = gcd(gcd(int64(c.Spike.Bin), st.grain), st.shift)
	case c.Absent != nil:
		st.grain, st.keep = gcd(st.every, int64(c.Absent.For)), int64(c.Absent.For)
	default:
		st.single, st.atOnce = true, opts.AtOnce
	}
	var others []string
	for _, name := range a.Columns() {
		known := slices.ContainsFunc(subjects, func(s alerts.Subject) bool { return s.Name == name })
		if known && !slices.Contains(by, name) {
			others = append(others, name)
		}
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
func (e *Evaluator) add(st *state, ev *Event) {
	index := ev.Index.UnixNano() - st.shift
	start, bin := floor(index, st.grain), int64(0)
	if st.binGrain > 0 {
		bin = floor(ev.Time.UnixNano(), st.binGrain)
	}
	if start+st.keep < st.next && !st.atOnce {
		st.counts.Late++
		return
	}
	texts, ok := e.group(st)
	if !ok {
		return
	}
	g := st.groups[string(e.key)]
	room := st.kept < e.opts.Cells
	if !room && (g == nil || st.single || !g.has(start, bin)) {
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
		g.singles = append(g.singles, single{index, ev.Time.UnixNano(), e.sample(ev.Body)})
		return
	}
	c, isNew := g.cell(start, bin)
	if isNew {
		st.kept++
	}
	c.see(1, ev.Time.UnixNano(), ev.Time.UnixNano())
	if c.sample == nil {
		c.sample = e.sample(ev.Body)
	}
	e.addValues(st, c)
}

// group makes the key of the last event's group: its texts, up to a length, and where
// each of them ends, which keeps ab and c apart from a and bc. ok is false if the
// event is not looked at: of one without a subject nothing new can be said.
func (e *Evaluator) group(st *state) (texts int, ok bool) {
	e.key, e.ends = e.key[:0], e.ends[:0]
	for i := range st.by {
		var has bool
		if e.key, has = st.by[i].appendText(e.key, e.match); !has {
			if st.alert.Condition.New != nil {
				return 0, false
			}
			e.key = append(e.key, Unknown...)
		}
		e.ends = append(e.ends, len(e.key))
	}
	texts = len(e.key)
	for _, end := range e.ends {
		e.key = binary.BigEndian.AppendUint32(e.key, uint32(end))
	}
	return texts, true
}

// addValues adds what the last event has of the subjects that are no group.
func (e *Evaluator) addValues(st *state, c *cell) {
	has := false
	for i := range st.distinct {
		if e.text, has = st.distinct[i].appendText(e.text[:0], e.match); !has || len(c.distinct) >= st.maxDistinct {
			continue
		}
		if _, known := c.distinct[string(e.text)]; known {
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
		if e.text, has = st.others[i].appendText(e.text[:0], e.match); has {
			c.others[i] = insert(c.others[i], e.text)
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

// forget drops what no run after now looks at, and tells how many bytes of
// samples are free again.
func (st *state) forget(now int64) (freed int) {
	now -= st.shift
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
			over := s.index+st.look < st.next
			if st.atOnce {
				over = s.index <= now
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
		if until <= st.next+st.shift {
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

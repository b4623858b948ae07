package firing

import (
	"cmp"
	"slices"
)

// group is what is known of a combination of subjects.
type group struct {
	values  []string // of by
	cells   []cell   // in the order of their times
	singles []single
}

// cell is what is known of the events that were indexed in a stretch of time, and
// happened in another one.
type cell struct {
	start int64 // of the index time
	bin   int64 // of the events' own time, of a spike; else 0
	tally
	distinct map[string]struct{}
	others   [][]string // by state.others
	sample   []byte
}

// tally is a number of events and when they happened.
type tally struct{ count, first, last int64 }

func (t *tally) see(count, first, last int64) {
	if t.count == 0 || first < t.first {
		t.first = first
	}
	if t.count == 0 || last > t.last {
		t.last = last
	}
	t.count += count
}

// single is an event that is an alert by itself.
type single struct {
	index  int64
	at     int64 // its own time
	sample []byte
}

// find is where a cell is, or belongs. Events mostly come in order, and so to the end.
func (g *group) find(start, bin int64) (i int, found bool) {
	order := func(c cell, _ struct{}) int { return cmp.Or(cmp.Compare(c.start, start), cmp.Compare(c.bin, bin)) }
	if n := len(g.cells); n == 0 || order(g.cells[n-1], struct{}{}) < 0 {
		return n, false
	}
	return slices.BinarySearchFunc(g.cells, struct{}{}, order)
}

func (g *group) has(start, bin int64) bool {
	_, found := g.find(start, bin)
	return found
}

// cell finds a cell, or makes it.
func (g *group) cell(start, bin int64) (c *cell, isNew bool) {
	i, found := g.find(start, bin)
	if !found {
		g.cells = slices.Insert(g.cells, i, cell{start: start, bin: bin})
	}
	return &g.cells[i], !found
}

// insert adds a text to those that there are, of which the first in their order
// are kept.
func insert[T string | []byte](to []string, text T) []string {
	i := 0
	for i < len(to) && to[i] < string(text) {
		i++
	}
	if i == maxValues || (i < len(to) && to[i] == string(text)) {
		return to
	}
	to = slices.Insert(to, i, string(text))
	return to[:min(len(to), maxValues)]
}

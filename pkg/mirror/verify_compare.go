package mirror

// comparator compares two runs of records, given one by one, each in its own
// order, in any turns. The n-th record of a content in the source belongs to
// the n-th of that content in the destination; what is left over is missing
// there, or doubled, changed or extra.
//
// It remembers window records of each side. A record waits for its counterpart
// until its own side has gone on by so many; then it is judged by what is known.
// So what is damaged within the window is told exactly; a copy that is further
// off than that is told as missing there and as extra or doubled here, and two
// sides that differ are never told to be equal, whatever the window.
type comparator struct {
	window int
	report func(Finding)

	source, dest waiting
	// twins holds the last window matches by content, so that a double can say
	// of what; ring says in which order they are forgotten.
	twins map[identity]match
	ring  []identity
	slot  int

	copied   int64 // the highest source offset that has a copy; -1: none
	furthest int64 // the highest offset of a copy, of the source's records so far
	tail     tail
	counts   Counts
	matched  int // up to the size of ring
}

// match is a record and its copy.
type match struct {
	source, dest int64
	slot         int // where ring holds its content
}

// tail are source records behind all that have a copy, which were judged
// already: if nothing behind them turns out to have one, they are on their way.
type tail struct{ count, first, last, when int64 }

// record is one of a side that is remembered.
type record struct {
	imprint
	next *record // in the order of the side
	same *record // the next one that waits with the same content
	done bool    // it waits no longer
	// paired: with a record of the other side that differs from it in one part.
	paired bool
	copy   int64  // of the source's: the copy's offset, or -1
	twin   *match // of the destination's: what was matched before it came
}

// waiting is what is remembered of a side: the records from the first one that
// waits, in their order.
type waiting struct {
	first, last *record
	n           int // all of them
	byID        map[identity]*chain
}

// chain is what waits with the same content, in its order.
type chain struct{ first, last *record }

func newComparator(window int, report func(Finding)) *comparator {
	return &comparator{
		window: window, report: report, twins: map[identity]match{}, ring: make([]identity, window),
		source: waiting{byID: map[identity]*chain{}}, dest: waiting{byID: map[identity]*chain{}},
		copied: -1, furthest: -1,
	}
}

// add remembers a record that waits.
func (w *waiting) add(im imprint) *record {
	r := w.append(im)
	if c := w.byID[im.id]; c != nil {
		c.last.same = r
		c.last = r
	} else {
		w.byID[im.id] = &chain{r, r}
	}
	return r
}

func (w *waiting) append(im imprint) *record {
	r := &record{imprint: im, copy: -1}
	if w.last == nil {
		w.first = r
	} else {
		w.last.next = r
	}
	w.last = r
	w.n++
	return r
}

// take ends the waiting of the first record with the content; nil: there is none.
func (w *waiting) take(id identity) *record {
	c := w.byID[id]
	if c == nil {
		return nil
	}
	r := c.first
	if c.first = r.same; c.first == nil {
		delete(w.byID, id)
	}
	r.same, r.done = nil, true
	return r
}

func (w *waiting) drop() {
	w.first = w.first.next
	if w.first == nil {
		w.last = nil
	}
	w.n--
}

// addSource takes the source's next record.
func (c *comparator) addSource(im imprint) {
	if im.core {
		c.counts.Source++
	}
	if d := c.dest.take(im.id); d != nil {
		s := c.source.append(im)
		s.done = true
		c.match(s, d)
	} else {
		c.source.add(im)
	}
	c.settle()
}

// addDest takes the destination's next record.
func (c *comparator) addDest(im imprint) {
	if im.core {
		c.counts.Destination++
	}
	if s := c.source.take(im.id); s != nil {
		d := c.dest.append(im)
		d.done = true
		c.match(s, d)
	} else {
		d := c.dest.add(im)
		if m, ok := c.twins[im.id]; ok {
			d.twin = &m
		}
	}
	c.settle()
}

// match notes that a record has its copy.
func (c *comparator) match(s, d *record) {
	s.copy = d.offset
	c.reach(s.offset)
	if s.core {
		c.counts.Same++
	}
	if c.matched == len(c.ring) {
		// Forget the oldest, unless its content was matched again since.
		if old := c.ring[c.slot]; c.twins[old].slot == c.slot {
			delete(c.twins, old)
		}
	} else {
		c.matched++
	}
	c.ring[c.slot] = s.id
	c.twins[s.id] = match{s.offset, d.offset, c.slot}
	c.slot = (c.slot + 1) % len(c.ring)
}

// reach notes that the destination has something of the source's record.
func (c *comparator) reach(offset int64) {
	c.copied = max(c.copied, offset)
	if t := c.tail; t.count > 0 && t.first < c.copied {
		// Only later records come after those in the tail.
		c.tail = tail{}
		c.counts.Missing += t.count
		c.report(Finding{Kind: Missing, Count: t.count, Source: &Span{t.first, t.last}, when: t.when})
	}
}

// settle judges what has waited for as long as the window allows, and drops
// what need not be remembered.
func (c *comparator) settle() {
	for r := c.source.first; r != nil && (r.done || c.source.n > c.window); r = c.source.first {
		if !r.done {
			c.source.take(r.id)
			if d := c.dest.first; d != nil && !d.done && d.twin == nil && r.changedPart(d.imprint) != "" {
				c.dest.take(d.id)
				c.changed(r, d)
			}
		}
		c.close(r)
		c.source.drop()
	}
	for r := c.dest.first; r != nil && (r.done || c.dest.n > c.window); r = c.dest.first {
		if !r.done {
			c.dest.take(r.id)
			if s := c.source.first; s != nil && !s.done && !c.isDouble(r) && s.changedPart(r.imprint) != "" {
				c.source.take(s.id)
				c.changed(s, r)
			} else {
				c.leftOver(r)
			}
		}
		c.dest.drop()
	}
}

// close judges the first source record that is remembered: whether its copy
// stands in its place, or why it has none.
func (c *comparator) close(r *record) {
	switch {
	case r.copy >= 0 && r.copy < c.furthest:
		if r.core {
			c.counts.OutOfOrder++
			c.report(Finding{Kind: OutOfOrder, Count: 1, Source: at(r.offset), Destination: at(r.copy), when: r.when})
		}
	case r.copy >= 0:
		c.furthest = r.copy
	case r.paired || !r.core:
	case r.offset > c.copied:
		if c.tail.count == 0 {
			c.tail = tail{first: r.offset, when: r.when}
		}
		c.tail.count, c.tail.last = c.tail.count+1, r.offset
	default:
		c.counts.Missing++
		c.report(Finding{Kind: Missing, Count: 1, Source: at(r.offset), when: r.when})
	}
}

// changed takes two records for one that was changed on its way.
func (c *comparator) changed(s, d *record) {
	s.paired, d.paired = true, true
	c.reach(s.offset)
	if s.core || d.core {
		c.counts.Changed++
		c.report(Finding{Kind: Changed, Count: 1, Source: at(s.offset), Destination: at(d.offset), What: s.changedPart(d.imprint), when: s.when})
	}
}

// isDouble reports whether the content has had its copy already, and of what.
func (c *comparator) isDouble(d *record) bool {
	if m, ok := c.twins[d.id]; ok {
		d.twin = &m
	}
	return d.twin != nil
}

// leftOver judges a record that only the destination has.
func (c *comparator) leftOver(d *record) {
	switch {
	case !d.core:
	case c.isDouble(d):
		c.counts.Doubled++
		c.report(Finding{Kind: Doubled, Count: 1, Source: at(d.twin.source), Destination: at(d.offset), FirstCopy: at(d.twin.dest), when: d.when})
	default:
		c.counts.Extra++
		c.report(Finding{Kind: Extra, Count: 1, Destination: at(d.offset), when: d.when})
	}
}

// finish judges all that still waits. With whole, the destination was read to
// its very end, so that what it lacks behind its last copy is not copied yet,
// and not missing; these are returned.
func (c *comparator) finish(whole bool) (counts Counts, pending *Finding) {
	index := changeIndex{}
	for d := c.dest.first; d != nil; d = d.next {
		if !d.done && !c.isDouble(d) {
			index.add(d)
		}
	}
	for s := c.source.first; s != nil; s = s.next {
		if s.done {
			continue
		}
		if d := index.take(s); d != nil {
			d.done = true
			c.changed(s, d)
		}
	}
	for s := c.source.first; s != nil; s = s.next {
		c.close(s)
	}
	for d := c.dest.first; d != nil; d = d.next {
		if !d.done {
			c.leftOver(d)
		}
	}
	if t := c.tail; t.count > 0 {
		f := Finding{Kind: NotCopied, Count: t.count, Source: &Span{t.first, t.last}, when: t.when}
		if whole {
			c.counts.NotCopied, pending = t.count, &f
		} else {
			f.Kind = Missing
			c.counts.Missing += t.count
		}
		c.report(f)
	}
	return c.counts, pending
}

// changeIndex finds records by all of their parts but one.
type changeIndex map[changeKey][]*record

type changeKey struct {
	without string
	a, b, c uint64
}

// keys stand in the order in which a change is looked for: a wrong timestamp or
// header is more likely than another value.
func (im imprint) keys() [4]changeKey {
	when := uint64(im.when) //nolint:gosec // the bits, whatever they mean
	return [...]changeKey{
		{"timestamp", im.key, im.value, im.headers},
		{"headers", im.key, im.value, when},
		{"key", im.value, im.headers, when},
		{"value", im.key, im.headers, when},
	}
}

func (x changeIndex) add(d *record) {
	for _, k := range d.keys() {
		x[k] = append(x[k], d)
	}
}

// take returns the first record that differs from s in one part, and only once.
func (x changeIndex) take(s *record) *record {
	for _, k := range s.keys() {
		for len(x[k]) > 0 {
			d := x[k][0]
			x[k] = x[k][1:]
			if !d.paired {
				return d
			}
		}
	}
	return nil
}

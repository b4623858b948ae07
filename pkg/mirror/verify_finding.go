package mirror

import "time"

// Kind says what is wrong with records.
type Kind string

// The kinds of findings. NotCopied alone is no mistake: the copy is behind.
const (
	Missing    Kind = "missing"        // the source has it, the destination has not
	Doubled    Kind = "doubled"        // the destination has it once more
	Extra      Kind = "extra"          // only the destination has it
	Changed    Kind = "changed"        // the same but for one part
	OutOfOrder Kind = "out_of_order"   // before a record that comes earlier in the source
	NotCopied  Kind = "not_copied_yet" // behind all that is copied
)

// Span is a range of offsets; both belong to it.
type Span struct {
	First int64 `json:"first"`
	Last  int64 `json:"last"`
}

func at(offset int64) *Span { return &Span{offset, offset} }

// Finding is one or more records, one behind the other, with the same story.
type Finding struct {
	Kind        Kind      `json:"kind"`
	Count       int64     `json:"count"`
	Source      *Span     `json:"source,omitempty"`
	Destination *Span     `json:"destination,omitempty"`
	FirstCopy   *Span     `json:"first_copy,omitempty"` // of a double: in the destination
	What        string    `json:"what,omitempty"`       // of a change: key, value, headers or timestamp
	Time        time.Time `json:"time,omitzero"`        // of the first record

	when int64 // Time, in milliseconds; -1: it has none
}

// Counts are records of the compared range.
type Counts struct {
	Source      int64 `json:"source"`
	Destination int64 `json:"destination"`
	Same        int64 `json:"same"` // of the source's: they have their copy
	Missing     int64 `json:"missing"`
	Doubled     int64 `json:"doubled"`
	Extra       int64 `json:"extra"`
	Changed     int64 `json:"changed"`
	OutOfOrder  int64 `json:"out_of_order"` // of Same
	NotCopied   int64 `json:"not_copied_yet"`
}

// Wrong returns how many records are not as they should be.
func (c Counts) Wrong() int64 { return c.Missing + c.Doubled + c.Extra + c.Changed + c.OutOfOrder }

func (c *Counts) add(o Counts) {
	c.Source += o.Source
	c.Destination += o.Destination
	c.Same += o.Same
	c.Missing += o.Missing
	c.Doubled += o.Doubled
	c.Extra += o.Extra
	c.Changed += o.Changed
	c.OutOfOrder += o.OutOfOrder
	c.NotCopied += o.NotCopied
}

// findings keeps the first most findings of each kind, and puts neighbours
// together.
type findings struct {
	most int
	kept map[Kind][]Finding
	left int64 // how many are not kept
}

func (f *findings) add(n Finding) {
	list := f.kept[n.Kind]
	if last := len(list) - 1; last >= 0 && list[last].joins(n) {
		list[last].join(n)
		return
	}
	if len(list) >= f.most {
		f.left++
		return
	}
	if n.when >= 0 {
		n.Time = time.UnixMilli(n.when).UTC()
	}
	// The spans are this list's own from here on.
	n.Source, n.Destination, n.FirstCopy = n.Source.clone(), n.Destination.clone(), n.FirstCopy.clone()
	f.kept[n.Kind] = append(list, n)
}

// all returns what is kept, in the order of the kinds.
func (f *findings) all() []Finding {
	all := []Finding{}
	for _, k := range []Kind{Missing, Doubled, Changed, Extra, OutOfOrder, NotCopied} {
		all = append(all, f.kept[k]...)
	}
	return all
}

// joins reports whether n goes on where f ends.
func (f Finding) joins(n Finding) bool {
	return f.What == n.What && f.Source.meets(n.Source) && f.Destination.meets(n.Destination) && f.FirstCopy.meets(n.FirstCopy)
}

func (f *Finding) join(n Finding) {
	f.Count += n.Count
	for _, s := range []struct{ to, from *Span }{{f.Source, n.Source}, {f.Destination, n.Destination}, {f.FirstCopy, n.FirstCopy}} {
		if s.to != nil {
			s.to.Last = s.from.Last
		}
	}
}

func (s *Span) meets(n *Span) bool {
	return s == nil && n == nil || s != nil && n != nil && s.Last+1 == n.First
}

func (s *Span) clone() *Span {
	if s == nil {
		return nil
	}
	c := *s
	return &c
}

package mirror

import (
	"cmp"
	"hash/maphash"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"auditlog-forwarder/pkg/audit"
)

// flat is a finding about one record, to be compared.
type flat struct {
	Kind                  Kind
	Source, Dest, FirstAt int64 // -1: none
	What                  string
}

func offsetOf(s *Span) int64 {
	if s == nil {
		return -1
	}
	return s.First
}

func flatten(f Finding) flat {
	return flat{f.Kind, offsetOf(f.Source), offsetOf(f.Destination), offsetOf(f.FirstCopy), f.What}
}

// obvious compares as comparator does, with all records at hand and without a
// thought for time.
func obvious(source, dest []imprint, whole bool) (found []flat) {
	copyOf := make([]int, len(source)) // index in dest, or -1
	used := make([]bool, len(dest))
	twin := map[identity]int{} // the last source record of a content that has a copy
	for i, s := range source {
		copyOf[i] = -1
		for j, d := range dest {
			if !used[j] && d.id == s.id {
				copyOf[i], used[j], twin[s.id] = j, true, i
				break
			}
		}
	}
	copied := int64(-1)
	for i, s := range source {
		if copyOf[i] >= 0 {
			copied = s.offset
		}
	}
	changed := make([]bool, len(source))
	for i, s := range source {
		if copyOf[i] >= 0 {
			continue
		}
		for _, part := range []string{"timestamp", "headers", "key", "value"} {
			j := slices.IndexFunc(dest, func(d imprint) bool {
				_, double := twin[d.id]
				return !used[slices.IndexFunc(dest, func(o imprint) bool { return o.offset == d.offset })] && !double && s.changedPart(d) == part
			})
			if j < 0 {
				continue
			}
			used[j], changed[i], copied = true, true, max(copied, s.offset)
			if s.core || dest[j].core {
				found = append(found, flat{Changed, s.offset, dest[j].offset, -1, part})
			}
			break
		}
	}
	furthest := int64(-1)
	pending := int64(-1)
	for i, s := range source {
		switch {
		case copyOf[i] >= 0:
			at := dest[copyOf[i]].offset
			if at < furthest && s.core {
				found = append(found, flat{OutOfOrder, s.offset, at, -1, ""})
			}
			furthest = max(furthest, at)
		case changed[i] || !s.core:
		case s.offset > copied && pending < 0:
			pending = s.offset
			kind := NotCopied
			if !whole {
				kind = Missing
			}
			found = append(found, flat{kind, s.offset, -1, -1, ""})
		case s.offset > copied: // within the same finding
		default:
			found = append(found, flat{Missing, s.offset, -1, -1, ""})
		}
	}
	for j, d := range dest {
		i, double := twin[d.id]
		switch {
		case used[j] || !d.core:
		case double:
			found = append(found, flat{Doubled, source[i].offset, d.offset, dest[copyOf[i]].offset, ""})
		default:
			found = append(found, flat{Extra, -1, d.offset, -1, ""})
		}
	}
	return found
}

func sortFlat(f []flat) []flat {
	slices.SortFunc(f, func(a, b flat) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Source, b.Source), cmp.Compare(a.Dest, b.Dest))
	})
	return f
}

// draw makes a source with contents that repeat now and then, and a copy with
// all kinds of damage.
func draw(r *rand.Rand) (source, dest []imprint) {
	seed := maphash.MakeSeed()
	prints := newPrinter(seed)
	n := r.IntN(40)
	make1 := func(i int) audit.Record {
		rec := audit.Record{Offset: int64(3 * i), Timestamp: time.UnixMilli(int64(1000 + i)), Value: []byte(strconv.Itoa(r.IntN(60)))}
		if r.IntN(3) == 0 {
			rec.Key = []byte{}
		}
		if r.IntN(4) == 0 {
			rec.Timestamp = time.UnixMilli(7)
		}
		return rec
	}
	var made, copies []audit.Record
	for i := range n {
		made = append(made, make1(i))
	}
	copies = slices.Clone(made)
	for range r.IntN(5) {
		if len(copies) == 0 {
			break
		}
		i := r.IntN(len(copies))
		switch r.IntN(8) {
		case 0:
			copies = slices.Delete(copies, i, i+1)
		case 1: // a batch comes again
			j := min(len(copies), i+1+r.IntN(4))
			copies = slices.Insert(copies, j, slices.Clone(copies[i:j])...)
		case 2:
			j := r.IntN(len(copies))
			copies[i], copies[j] = copies[j], copies[i]
		case 3:
			copies[i].Headers = append(slices.Clone(copies[i].Headers), audit.Header{Key: "h", Value: nil})
		case 4:
			copies[i].Timestamp = copies[i].Timestamp.Add(time.Duration(r.IntN(3)-1) * time.Hour)
		case 5:
			copies[i].Value = []byte("changed")
		case 6:
			copies = copies[:i] // not copied yet
		case 7:
			copies = slices.Insert(copies, i, make1(100+i))
		}
	}
	edge := func(i, n int) bool { return n < 20 || i >= 3 && i < n-3 }
	for i := range made {
		source = append(source, prints.imprint(&made[i], edge(i, len(made))))
	}
	for i := range copies {
		copies[i].Offset = int64(2*i + 5)
		dest = append(dest, prints.imprint(&copies[i], edge(i, len(copies))))
	}
	return source, dest
}

// TestCompareAgainstObvious holds the comparator, in whatever turns it is fed,
// against the obvious comparison, and its counts against its findings.
func TestCompareAgainstObvious(t *testing.T) {
	t.Parallel()
	for seed := range uint64(5000) {
		r := rand.New(rand.NewPCG(seed, 1))
		source, dest := draw(r)
		var found []flat
		byKind := map[Kind]int64{}
		c := newComparator(1000, func(f Finding) {
			found = append(found, flatten(f))
			byKind[f.Kind] += f.Count
		})
		whole := r.IntN(2) == 0
		want := sortFlat(obvious(source, dest, whole))
		s, d := source, dest
		for len(s)+len(d) > 0 {
			if len(d) == 0 || len(s) > 0 && r.IntN(2) == 0 {
				c.addSource(s[0])
				s = s[1:]
			} else {
				c.addDest(d[0])
				d = d[1:]
			}
		}
		counts, _ := c.finish(whole)
		if diff := gocmp.Diff(want, sortFlat(found)); diff != "" {
			t.Fatalf("seed %d: obvious (-) and comparator (+) differ:\n%s", seed, diff)
		}
		sums := map[Kind]int64{}
		for k, n := range map[Kind]int64{
			Missing: counts.Missing, Doubled: counts.Doubled, Extra: counts.Extra,
			Changed: counts.Changed, OutOfOrder: counts.OutOfOrder, NotCopied: counts.NotCopied,
		} {
			if n > 0 {
				sums[k] = n
			}
		}
		if diff := gocmp.Diff(byKind, sums); diff != "" {
			t.Fatalf("seed %d: findings (-) and counts (+) differ:\n%s", seed, diff)
		}
	}
}

// TestCompareWithASmallWindow holds that only the same records in the same order
// are told to be equal, however small the window is.
func TestCompareWithASmallWindow(t *testing.T) {
	t.Parallel()
	for seed := range uint64(5000) {
		r := rand.New(rand.NewPCG(seed, 2))
		source, dest := draw(r)
		for i := range source {
			source[i].core = true
		}
		for i := range dest {
			dest[i].core = true
		}
		c := newComparator(1+r.IntN(4), func(Finding) {})
		for i := range max(len(source), len(dest)) {
			if i < len(source) {
				c.addSource(source[i])
			}
			if i < len(dest) {
				c.addDest(dest[i])
			}
		}
		counts, _ := c.finish(false)
		same := slices.EqualFunc(source, dest, func(a, b imprint) bool { return a.id == b.id })
		if told := counts.Wrong() == 0; told != same {
			t.Fatalf("seed %d: told to be equal: %t, it is %t: %+v", seed, told, same, counts)
		}
	}
}

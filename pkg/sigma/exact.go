package sigma

import "encoding/binary"

// exact finds the whole texts that tests of one path ask for, all by one look.
type exact struct {
	slots   []int32 // of entries, plus one; a power of two, half of it free
	entries []exactEntry
}

type exactEntry struct {
	text  string // folded
	atoms []int32
}

// exactHash is the same for texts that differ in the case of ASCII letters.
// It reads the ends only: texts that agree in both and in length are told
// apart by comparing them.
func exactHash[T string | []byte](s T) uint64 {
	const (
		small = 0x2020202020202020
		prime = 0x9E3779B97F4A7C15
	)
	n := len(s)
	var first, last uint64
	if n >= 8 {
		first, last = load(s[:8]), load(s[n-8:])
	} else {
		for i := range n {
			first = first<<8 | uint64(s[i])
		}
	}
	h := ((first | small) ^ uint64(n)) * prime
	h = (h ^ h>>29 ^ (last | small)) * prime
	return h ^ h>>32
}

func load[T string | []byte](s T) uint64 {
	var eight [8]byte
	copy(eight[:], s)
	return binary.LittleEndian.Uint64(eight[:])
}

// add lets the folded text answer to atom.
func (e *exact) add(text string, atom int32) {
	if found := e.find([]byte(text)); found != nil {
		found.atoms = append(found.atoms, atom)
		return
	}
	e.entries = append(e.entries, exactEntry{text, []int32{atom}})
	if 2*len(e.entries) > len(e.slots) {
		e.slots = make([]int32, max(4, 2*len(e.slots)))
		for i := range e.entries {
			e.place(int32(i))
		}
		return
	}
	e.place(int32(len(e.entries) - 1))
}

func (e *exact) place(entry int32) {
	mask := uint64(len(e.slots) - 1)
	at := exactHash(e.entries[entry].text) & mask
	for e.slots[at] != 0 {
		at = (at + 1) & mask
	}
	e.slots[at] = entry + 1
}

// find looks for a text, plain as it stands or folded; nil if nobody asks.
func (e *exact) find(text []byte) *exactEntry {
	if len(e.slots) == 0 {
		return nil
	}
	mask := uint64(len(e.slots) - 1)
	for at := exactHash(text) & mask; e.slots[at] != 0; at = (at + 1) & mask {
		entry := &e.entries[e.slots[at]-1]
		if len(entry.text) == len(text) && equal(text, entry.text, false) {
			return entry
		}
	}
	return nil
}

package main

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"slices"
	"sync"

	"auditlog-forwarder/pkg/deadletter"
)

// place is where a record lies in the topic.
type place struct {
	partition int32
	offset    int64
}

func (p place) String() string { return fmt.Sprintf("%d/%d", p.partition, p.offset) }

func comparePlaces(a, b place) int {
	return cmp.Or(cmp.Compare(a.partition, b.partition), cmp.Compare(a.offset, b.offset))
}

// fate is what becomes of a record.
type fate int

const (
	accepted fate = iota
	filtered
	deadLettered
)

func (f fate) String() string { return [...]string{"accepted", "filtered", "dead-lettered"}[f] }

// body is a fingerprint of a record's value.
type body = [sha256.Size]byte

// record is what the ledger knows of a produced record: what it was and what
// must become of it.
type record struct {
	body body
	fate fate
}

// ledger notes what the broker has acknowledged and what the receiver has
// indexed. It trusts neither the forwarder's counters nor its order: an event
// may arrive before its producer has heard of its offset.
type ledger struct {
	mu         sync.Mutex
	produced   map[place]record
	arrived    map[place]body
	duplicates int
	altered    []place // arrived again with another body
}

func newLedger() *ledger {
	return &ledger{produced: map[place]record{}, arrived: map[place]body{}}
}

// produce notes a record that the broker has acknowledged.
func (l *ledger) produce(at place, r record) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.produced[at] = r
}

// arrive notes an event that the receiver has indexed.
func (l *ledger) arrive(at place, b body) {
	l.mu.Lock()
	defer l.mu.Unlock()
	first, again := l.arrived[at]
	if !again {
		l.arrived[at] = b
		return
	}
	l.duplicates++
	if first != b {
		l.altered = append(l.altered, at)
	}
}

// counts returns how many records were produced and how many of them, each
// counted once, have arrived.
func (l *ledger) counts() (produced, arrived int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.produced), len(l.arrived)
}

// account is the reconciliation of everything that was produced.
type account struct {
	produced, accepted, filtered int
	dead                         map[deadletter.Reason]int
	duplicates                   int

	missing []place  // none of the three
	altered []place  // a body that is not the one produced
	wrong   []string // everything else that must not be
}

// reconcile gives every produced record its fate. Filtered is what has
// arrived nowhere and what the rule, as the producer has read it, leaves out.
func (l *ledger) reconcile(letters []deadletter.Entry) account {
	l.mu.Lock()
	defer l.mu.Unlock()
	a := account{
		produced: len(l.produced), dead: map[deadletter.Reason]int{},
		duplicates: l.duplicates, altered: slices.Clone(l.altered),
	}
	dead := make(map[place]deadletter.Entry, len(letters))
	for _, e := range letters {
		at := place{e.Record.Partition, e.Record.Offset}
		if _, twice := dead[at]; twice {
			a.duplicates++
			continue
		}
		dead[at] = e
		if _, known := l.produced[at]; !known {
			a.wrong = append(a.wrong, fmt.Sprintf("%s is a dead letter, but was not produced", at))
		}
	}
	for at := range l.arrived {
		if _, known := l.produced[at]; !known {
			a.wrong = append(a.wrong, fmt.Sprintf("%s was accepted, but was not produced", at))
		}
	}
	for at, r := range l.produced {
		arrived, isAccepted := l.arrived[at]
		letter, isDead := dead[at]
		got := filtered
		switch {
		case isAccepted && isDead:
			a.wrong = append(a.wrong, fmt.Sprintf("%s was accepted and is a dead letter as well", at))
			fallthrough
		case isAccepted:
			got = accepted
			a.accepted++
			if arrived != r.body {
				a.altered = append(a.altered, at)
			}
		case isDead:
			got = deadLettered
			a.dead[letter.Reason]++
			if sha256.Sum256(letter.Record.Value) != r.body {
				a.altered = append(a.altered, at)
			}
		case r.fate == filtered:
			a.filtered++
		default:
			a.missing = append(a.missing, at)
			continue
		}
		if got != r.fate {
			a.wrong = append(a.wrong, fmt.Sprintf("%s was %s, but should have been %s", at, got, r.fate))
		}
	}
	slices.SortFunc(a.missing, comparePlaces)
	slices.SortFunc(a.altered, comparePlaces)
	a.altered = slices.Compact(a.altered)
	slices.Sort(a.wrong)
	return a
}

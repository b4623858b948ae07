package main

import (
	"errors"
	"fmt"
	"strings"

	"auditlog-forwarder/pkg/deadletter"
	"auditlog-forwarder/pkg/forwarder"
)

// errIncomplete says that the reconciliation has found something.
var errIncomplete = errors.New("the account does not add up")

// position is how far a partition was committed, and where it ends.
type position struct {
	partition      int32
	committed, end int64
}

func (a *account) deadTotal() int {
	sum := 0
	for _, n := range a.dead {
		sum += n
	}
	return sum
}

// positions checks that all of the log is committed.
func (a *account) positions(all []position) {
	for _, p := range all {
		if p.committed != p.end {
			a.wrong = append(a.wrong, fmt.Sprintf("partition %d is committed up to %d, its log ends at %d", p.partition, p.committed, p.end))
		}
	}
}

// counters checks the forwarder's own counters against what was found. They
// may be higher: a record that was read twice is counted twice.
func (a *account) counters(t forwarder.Totals) {
	for _, c := range []struct {
		name   string
		theirs int64
		found  int
	}{
		{accepted.String(), t.Accepted, a.accepted},
		{filtered.String(), t.Filtered, a.filtered},
		{deadLettered.String(), t.DeadLettered, a.deadTotal()},
	} {
		if c.theirs < int64(c.found) {
			a.wrong = append(a.wrong, fmt.Sprintf("the forwarder has counted %d records as %s, %d were found", c.theirs, c.name, c.found))
		}
	}
}

// err returns nil if everything adds up.
func (a *account) err() error {
	if len(a.missing) > 0 || len(a.altered) > 0 || len(a.wrong) > 0 {
		return errIncomplete
	}
	return nil
}

// verdict is the whole account in one line.
func (a *account) verdict() string {
	sum := fmt.Sprintf("%s produced = %s accepted + %s filtered + %s dead-lettered",
		comma(a.produced), comma(a.accepted), comma(a.filtered), comma(a.deadTotal()))
	if a.err() == nil {
		return fmt.Sprintf("COMPLETE: %s; 0 missing, 0 altered, %s", sum, counted(a.duplicates, "duplicate"))
	}
	if n := len(a.missing); n > 0 {
		sum += fmt.Sprintf(" + %s missing", comma(n))
	}
	return fmt.Sprintf("NOT COMPLETE: %s; %s altered, %s, %s", sum,
		comma(len(a.altered)), counted(a.duplicates, "duplicate"), counted(len(a.wrong), "other finding"))
}

// findings lists what is wrong, the places as partition/offset.
func (a *account) findings() []string {
	var all []string
	for _, f := range []struct {
		what   string
		places []place
	}{{"missing", a.missing}, {"altered", a.altered}} {
		if len(f.places) > 0 {
			all = append(all, fmt.Sprintf("%s (partition/offset): %s", f.what, listed(f.places)))
		}
	}
	return append(all, firstFew(a.wrong)...)
}

// few bounds a list that would fill the screen.
const few = 20

func listed(places []place) string {
	var names []string
	for _, p := range places[:min(few, len(places))] {
		names = append(names, p.String())
	}
	if more := len(places) - few; more > 0 {
		names = append(names, fmt.Sprintf("and %s more", comma(more)))
	}
	return strings.Join(names, " ")
}

func firstFew(lines []string) []string {
	if more := len(lines) - few; more > 0 {
		return append(lines[:few:few], fmt.Sprintf("and %s more", comma(more)))
	}
	return lines
}

// rows are the account as a table.
func (a *account) rows(rule string) []row {
	all := []row{
		{"produced, acknowledged by the broker", a.produced},
		{"accepted, at the receiver, each offset once", a.accepted},
		{"filtered by " + rule, a.filtered},
	}
	for _, r := range deadletter.Reasons() {
		if n := a.dead[r]; n > 0 {
			all = append(all, row{"dead letters, " + string(r), n})
		}
	}
	return append(all,
		row{"missing", len(a.missing)},
		row{"bodies that differ from what was produced", len(a.altered)},
		row{"duplicates, arrived again after a lost answer", a.duplicates},
	)
}

type row struct {
	name string
	n    int
}

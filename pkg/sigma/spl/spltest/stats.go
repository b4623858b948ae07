package spltest

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// group is the rows with the same values of the fields behind BY.
type group struct {
	values []string
	rows   []*row
}

// groups sorts rows by fields. A row without one of the fields is in no group;
// a row with several values of one is in a group for each.
func groups(rows []*row, by []string) []*group {
	if len(by) == 0 {
		return []*group{{rows: rows}}
	}
	found := map[string]*group{}
	var out []*group
	for _, r := range rows {
		for _, values := range combinations(r, by) {
			key := strings.Join(values, "\x00")
			g := found[key]
			if g == nil {
				g = &group{values: values}
				found[key] = g
				out = append(out, g)
			}
			if len(g.rows) == 0 || g.rows[len(g.rows)-1] != r {
				g.rows = append(g.rows, r)
			}
		}
	}
	slices.SortStableFunc(out, func(a, b *group) int { return slices.Compare(a.values, b.values) })
	return out
}

func combinations(r *row, by []string) [][]string {
	out := [][]string{nil}
	for _, field := range by {
		var next [][]string
		for _, start := range out {
			for _, v := range r.fields[field] {
				next = append(next, append(slices.Clone(start), v))
			}
		}
		out = next
	}
	return out
}

func (r *runner) statsCommand(name string, words []argWord) error {
	var known []string
	if name == "streamstats" {
		known = []string{"current", "window", "global"}
	}
	opts, words, err := options(words, known...)
	if err != nil {
		return err
	}
	list, byWords, err := aggregates(words)
	if err != nil {
		return err
	}
	by, err := names(byWords)
	if err != nil {
		return err
	}
	if len(list) == 0 {
		return fmt.Errorf("%s has no function", name)
	}
	switch name {
	case "eventstats":
		return r.eventstats(list, by)
	case "streamstats":
		return r.streamstats(opts, list, by)
	}
	var out []*row
	for _, g := range groups(r.rows, by) {
		result := &row{fields: Row{}}
		for i, field := range by {
			result.fields[field] = []string{g.values[i]}
		}
		if err := r.compute(list, g.rows, result); err != nil {
			return err
		}
		out = append(out, result)
	}
	r.rows = out
	return nil
}

func (r *runner) compute(list []aggregate, rows []*row, to *row) error {
	results := make([][]string, len(list))
	for i := range list {
		values, err := list[i].of(rows, &r.eval)
		if err != nil {
			return err
		}
		results[i] = values
	}
	for i := range list {
		to.set(list[i].as, results[i])
	}
	return nil
}

func single(rows []*row, by []string) error {
	for _, r := range rows {
		for _, field := range by {
			if len(r.fields[field]) > 1 {
				return undocumented("by %s, which has several values", field)
			}
		}
	}
	return nil
}

func (r *runner) eventstats(list []aggregate, by []string) error {
	if err := single(r.rows, by); err != nil {
		return err
	}
	for _, g := range groups(r.rows, by) {
		result := &row{fields: Row{}}
		if err := r.compute(list, g.rows, result); err != nil {
			return err
		}
		for _, to := range g.rows {
			for i := range list {
				to.set(list[i].as, result.fields[list[i].as])
			}
		}
	}
	return nil
}

func (r *runner) streamstats(opts map[string]string, list []aggregate, by []string) error {
	if err := single(r.rows, by); err != nil {
		return err
	}
	size, err := strconv.Atoi(cmp.Or(opts["window"], "0"))
	if err != nil {
		return err
	}
	if size > 0 && len(by) > 0 && !isFalse(opts["global"]) {
		return fmt.Errorf("a window with by is understood with global=f only")
	}
	for _, g := range groups(r.rows, by) {
		before := slices.Clone(g.rows)
		results := make([]*row, len(before))
		for i := range before {
			end := i + 1
			if isFalse(opts["current"]) {
				end = i
			}
			start := 0
			if size > 0 {
				start = max(0, end-size)
			}
			results[i] = &row{fields: Row{}}
			if err := r.compute(list, before[start:end], results[i]); err != nil {
				return err
			}
		}
		for i, to := range before {
			for j := range list {
				to.set(list[j].as, results[i].fields[list[j].as])
			}
		}
	}
	return nil
}

func isFalse(s string) bool {
	return slices.Contains([]string{"f", "false", "0"}, strings.ToLower(s))
}

// binCommand rounds times down: bin [span=5m] _time [as x].
func (r *runner) binCommand(words []argWord) error {
	opts, words, err := options(words, "span", "aligntime")
	if err != nil {
		return err
	}
	if len(words) == 0 {
		return fmt.Errorf("no field")
	}
	field, as := words[0].text, words[0].text
	words = words[1:]
	if len(words) >= 2 && words[0].is("as") {
		as, words = words[1].text, words[2:]
	}
	more, words, err := options(words, "span", "aligntime")
	if err != nil {
		return err
	}
	if len(words) > 0 {
		return fmt.Errorf("%q is not understood", words[0].text)
	}
	span, err := spanOf(cmp.Or(opts["span"], more["span"]))
	if err != nil {
		return err
	}
	align := time.Time{}
	if s := cmp.Or(opts["aligntime"], more["aligntime"]); s != "" {
		if align, err = r.alignment(s); err != nil {
			return err
		}
	}
	for _, row := range r.rows {
		v, ok, err := listOf(row.fields[field]).float("bin")
		if err != nil {
			return err
		}
		if ok {
			row.set(as, []string{epoch(floor(fromEpoch(v), align, span))})
		}
	}
	return nil
}

func (r *runner) alignment(s string) (time.Time, error) {
	switch s {
	case "earliest":
		return r.window.earliest, nil
	case "latest":
		return r.window.latest, nil
	}
	return relativeTime(s, r.window.now)
}

// floor rounds t down to a multiple of span counted from align.
func floor(t, align time.Time, span time.Duration) time.Time {
	from := int64(0)
	if !align.IsZero() {
		from = align.UnixNano()
	}
	n := t.UnixNano() - from
	rest := n % int64(span)
	if rest < 0 {
		rest += int64(span)
	}
	return time.Unix(0, t.UnixNano()-rest).UTC()
}

// timechartCommand counts in every bin of the search's window: timechart
// span=… function [as name] …, without by.
func (r *runner) timechartCommand(words []argWord) error {
	opts, words, err := options(words, "span")
	if err != nil {
		return err
	}
	list, by, err := aggregates(words)
	if err != nil {
		return err
	}
	if len(by) > 0 || opts["span"] == "" || len(list) == 0 {
		return fmt.Errorf("timechart is understood with span and without by only")
	}
	span, err := spanOf(opts["span"])
	if err != nil {
		return err
	}
	var first, last time.Time
	bins := map[int64][]*row{}
	for _, row := range r.rows {
		at := floor(row.at, time.Time{}, span)
		if first.IsZero() || at.Before(first) {
			first = at
		}
		if at.After(last) {
			last = at
		}
		bins[at.UnixNano()] = append(bins[at.UnixNano()], row)
	}
	if !r.window.earliest.IsZero() {
		first = floor(r.window.earliest, time.Time{}, span)
	}
	if !r.window.latest.IsZero() {
		last = floor(r.window.latest.Add(-1), time.Time{}, span)
	}
	r.rows = nil
	for at := first; !at.IsZero() && !at.After(last); at = at.Add(span) {
		result := &row{fields: Row{"_time": {epoch(at)}}}
		if err := r.compute(list, bins[at.UnixNano()], result); err != nil {
			return err
		}
		r.rows = append(r.rows, result)
	}
	return nil
}

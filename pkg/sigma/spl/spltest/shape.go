package spltest

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// fieldsCommand keeps or drops fields. The names may have stars.
func (r *runner) fieldsCommand(name string, words []argWord) error {
	drop := false
	if name == "fields" && len(words) > 0 && (words[0].is("-") || words[0].is("+")) {
		drop = words[0].is("-")
		words = words[1:]
	}
	list, err := names(words)
	if err != nil {
		return err
	}
	if len(list) == 0 {
		return fmt.Errorf("no field")
	}
	patterns := make([]*regexp.Regexp, len(list))
	for i, f := range list {
		parts := strings.Split(f, "*")
		for j := range parts {
			parts[j] = regexp.QuoteMeta(parts[j])
		}
		if patterns[i], err = regexp.Compile("^" + strings.Join(parts, ".*") + "$"); err != nil {
			return err
		}
	}
	for _, row := range r.rows {
		for f := range row.fields {
			named := slices.ContainsFunc(patterns, func(p *regexp.Regexp) bool { return p.MatchString(f) })
			// fields leaves internal fields unless they are named.
			internal := name == "fields" && strings.HasPrefix(f, "_")
			if named == drop && (!internal || drop) {
				delete(row.fields, f)
			}
		}
	}
	return nil
}

func (r *runner) renameCommand(words []argWord) error {
	for len(words) > 0 {
		if len(words) < 3 || !words[1].is("as") || strings.Contains(words[0].text, "*") {
			return fmt.Errorf("rename is understood as: field AS field, without stars")
		}
		from, to := words[0].text, words[2].text
		for _, row := range r.rows {
			values := row.fields[from]
			if from != to {
				delete(row.fields, from)
				row.set(to, values)
			}
		}
		words = words[3:]
		if len(words) > 0 && words[0].is(",") {
			words = words[1:]
		}
	}
	return nil
}

// sortCommand sorts: sort [count] [+|-]field … A count of 0 is none; without
// one, 10000 rows stay.
func (r *runner) sortCommand(words []argWord) error {
	limit := 10000
	if len(words) > 0 {
		if n, err := strconv.Atoi(words[0].text); err == nil && !strings.HasPrefix(words[0].text, "-") {
			limit, words = n, words[1:]
		}
	}
	list, err := names(words)
	if err != nil {
		return err
	}
	type key struct {
		field string
		sign  int
	}
	var keys []key
	sign := 1
	for _, f := range list {
		if f == "-" || f == "+" {
			sign = 1 - 2*strings.Count(f, "-")
			continue
		}
		k := key{strings.TrimLeft(f, "+-"), sign}
		if strings.HasPrefix(f, "-") {
			k.sign = -1
		}
		sign = 1
		keys = append(keys, k)
	}
	if len(keys) == 0 {
		return fmt.Errorf("no field")
	}
	slices.SortStableFunc(r.rows, func(a, b *row) int {
		for _, k := range keys {
			x, y := a.fields[k.field], b.fields[k.field]
			if len(x) == 0 || len(y) == 0 { // rows without the field are last, in either direction
				if len(x) != len(y) {
					return len(y) - len(x)
				}
				continue
			}
			if c := k.sign * compareValues(x, y); c != 0 {
				return c
			}
		}
		return 0
	})
	if limit > 0 && len(r.rows) > limit {
		r.rows = r.rows[:limit]
	}
	return nil
}

// compareValues compares numbers as numbers, before all else, and texts as
// texts.
func compareValues(a, b []string) int {
	x, numberA := parseNumber(a[0])
	y, numberB := parseNumber(b[0])
	switch {
	case numberA && numberB:
		return compareFloat(x, y)
	case numberA:
		return -1
	case numberB:
		return 1
	}
	return slices.Compare(a, b)
}

// dedupCommand keeps the first row, or the first n, of each combination. Rows
// without one of the fields go.
func (r *runner) dedupCommand(words []argWord) error {
	n := 1
	if len(words) > 0 {
		if v, err := strconv.Atoi(words[0].text); err == nil {
			n, words = v, words[1:]
		}
	}
	list, err := names(words)
	if err != nil {
		return err
	}
	if len(list) == 0 {
		return fmt.Errorf("no field")
	}
	if err := single(r.rows, list); err != nil {
		return err
	}
	seen := map[string]int{}
	return r.keep(func(row *row) (bool, error) {
		found := combinations(row, list)
		if len(found) == 0 {
			return false, nil
		}
		key := strings.Join(found[0], "\x00")
		seen[key]++
		return seen[key] <= n, nil
	})
}

// fillnullCommand fills fields that are named, in rows that have none of them.
func (r *runner) fillnullCommand(words []argWord) error {
	opts, words, err := options(words, "value")
	if err != nil {
		return err
	}
	fill, ok := opts["value"]
	if !ok {
		fill = "0"
	}
	list, err := names(words)
	if err != nil {
		return err
	}
	if len(list) == 0 {
		for _, row := range r.rows {
			for f := range row.fields {
				if !slices.Contains(list, f) {
					list = append(list, f)
				}
			}
		}
	}
	for _, row := range r.rows {
		for _, f := range list {
			if len(row.fields[f]) == 0 {
				row.set(f, []string{fill})
			}
		}
	}
	return nil
}

func (r *runner) headCommand(name string, words []argWord) error {
	n := 10
	if len(words) == 1 {
		v, err := strconv.Atoi(words[0].text)
		if err != nil {
			return fmt.Errorf("%s %s is not understood here", name, words[0].text)
		}
		n = v
	} else if len(words) > 1 {
		return fmt.Errorf("%s is understood with a number only", name)
	}
	n = min(n, len(r.rows))
	if name == "head" {
		r.rows = r.rows[:n]
		return nil
	}
	r.rows = r.rows[len(r.rows)-n:]
	slices.Reverse(r.rows) // tail gives the last first
	return nil
}

func (r *runner) mvexpandCommand(words []argWord) error {
	if len(words) != 1 {
		return fmt.Errorf("mvexpand is understood with one field only")
	}
	field := words[0].text
	var out []*row
	for _, one := range r.rows {
		values := one.fields[field]
		if len(values) < 2 {
			out = append(out, one)
			continue
		}
		for _, v := range values {
			next := &row{at: one.at, fields: Row{}}
			for f, values := range one.fields {
				next.fields[f] = values
			}
			next.fields[field] = []string{v}
			out = append(out, next)
		}
	}
	r.rows = out
	return nil
}

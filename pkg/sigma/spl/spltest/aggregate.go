package spltest

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// aggregate is a function of stats with the field that it is of.
type aggregate struct {
	fn, field, as string
	expr          exprNode // of count(eval(…))
}

// aggregates reads functions and what they are called by, up to BY.
func aggregates(words []argWord) (out []aggregate, by []argWord, err error) {
	for len(words) > 0 {
		w := words[0]
		if w.is("by") {
			if len(words) == 1 {
				return nil, nil, fmt.Errorf("by has no field")
			}
			return out, words[1:], nil
		}
		words = words[1:]
		if w.is(",") {
			continue
		}
		a := aggregate{fn: strings.ToLower(w.text), as: w.text}
		if len(words) > 0 && words[0].is("(") {
			n := slices.IndexFunc(words, func(w argWord) bool { return w.is(")") })
			switch {
			case n == 2:
				a.field = words[1].text
				a.as = w.text + "(" + a.field + ")"
			case n == 3 && words[1].is("eval"):
				if a.expr, err = parseExpr(words[2].text); err != nil {
					return nil, nil, err
				}
				a.as = w.text + "(eval(" + words[2].text + "))"
			case n != 1:
				return nil, nil, fmt.Errorf("the arguments of %s are not understood", w.text)
			}
			words = words[n+1:]
		}
		if len(words) >= 2 && words[0].is("as") {
			a.as = words[1].text
			words = words[2:]
		}
		if err := a.check(); err != nil {
			return nil, nil, err
		}
		out = append(out, a)
	}
	return out, nil, nil
}

func (a *aggregate) check() error {
	switch a.fn {
	case "c":
		a.fn = "count"
	case "distinct_count":
		a.fn = "dc"
	case "mean":
		a.fn = "avg"
	}
	switch a.fn {
	case "count":
		return nil
	case "dc", "values", "list", "min", "max", "sum", "avg", "stdev", "stdevp", "earliest", "latest", "first", "last",
		"earliest_time", "latest_time", "range":
		if strings.Contains(a.field, "*") {
			return fmt.Errorf("a star in %s is not understood here", a.as)
		}
		if a.field != "" || a.expr != nil && a.fn == "dc" {
			return nil
		}
		return fmt.Errorf("%s needs a field", a.fn)
	}
	return fmt.Errorf("the function %s is not understood here", a.fn)
}

// of computes the function over rows, the newest of which is first if they are
// events.
func (a *aggregate) of(rows []*row, e *evaluator) ([]string, error) {
	var all []string
	var with []*row // rows that have the field
	for _, r := range rows {
		values := r.fields[a.field]
		if a.expr != nil {
			e.row = r
			v, err := e.eval(a.expr)
			if err != nil {
				return nil, err
			}
			values = v.all()
			if v.kind == boolean && v.yes {
				values = []string{"1"}
			}
		}
		if len(values) > 0 {
			all = append(all, values...)
			with = append(with, r)
		}
	}
	switch a.fn {
	case "count":
		if a.field == "" && a.expr == nil {
			return []string{formatNumber(float64(len(rows)))}, nil
		}
		return []string{formatNumber(float64(len(all)))}, nil
	case "dc", "values":
		slices.Sort(all)
		all = slices.Compact(all)
		if a.fn == "dc" {
			return []string{formatNumber(float64(len(all)))}, nil
		}
		return all, nil
	case "list":
		return all[:min(len(all), 100)], nil
	case "min", "max":
		v, err := extremeOf(a.fn, all)
		return v.all(), err
	case "earliest", "latest", "earliest_time", "latest_time", "first", "last":
		return a.placed(with)
	}
	return spread(a.fn, all)
}

// placed picks the value of one row: by time, or by the order of the rows.
func (a *aggregate) placed(with []*row) ([]string, error) {
	if len(with) == 0 {
		return nil, nil
	}
	pick := with[0]
	for _, r := range with {
		if a.fn[0] != 'f' && r.at.IsZero() && a.fn != "last" {
			return nil, undocumented("%s of rows that are no events", a.fn)
		}
		switch {
		case a.fn == "last",
			strings.HasPrefix(a.fn, "earliest") && r.at.Before(pick.at),
			strings.HasPrefix(a.fn, "latest") && r.at.After(pick.at):
			pick = r
		}
	}
	if strings.HasSuffix(a.fn, "_time") {
		return []string{epoch(pick.at)}, nil
	}
	return pick.fields[a.field], nil
}

// spread computes a function of numbers; what is no number is left out.
func spread(fn string, all []string) ([]string, error) {
	var n, sum float64
	low, high := math.Inf(1), math.Inf(-1)
	var numbers []float64
	for _, s := range all {
		if v, ok := parseNumber(s); ok {
			n++
			sum += v
			low, high = min(low, v), max(high, v)
			numbers = append(numbers, v)
		}
	}
	if n == 0 {
		return nil, nil
	}
	mean, squares := sum/n, 0.0
	for _, v := range numbers {
		squares += (v - mean) * (v - mean)
	}
	switch fn {
	case "sum":
		return numberOf(sum).all(), nil
	case "avg":
		return numberOf(mean).all(), nil
	case "range":
		return numberOf(high - low).all(), nil
	case "stdevp":
		return numberOf(math.Sqrt(squares / n)).all(), nil
	case "stdev":
		if n == 1 {
			return numberOf(0).all(), nil
		}
		return numberOf(math.Sqrt(squares / (n - 1))).all(), nil
	}
	return nil, fmt.Errorf("the function %s is not understood here", fn)
}

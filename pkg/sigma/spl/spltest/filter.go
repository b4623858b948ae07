package spltest

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

func (r *runner) keep(ask func(*row) (bool, error)) error {
	var kept []*row
	for _, row := range r.rows {
		ok, err := ask(row)
		if err != nil {
			return err
		}
		if ok {
			kept = append(kept, row)
		}
	}
	r.rows = kept
	return nil
}

func (r *runner) keepSearch(expr string) error {
	node, err := parseSearch(expr, nil)
	if err != nil {
		return err
	}
	return r.keep(func(row *row) (bool, error) { return r.search.match(node, row) })
}

func (r *runner) keepWhere(expr string) error {
	node, err := parseExpr(expr)
	if err != nil {
		return err
	}
	return r.keep(func(row *row) (bool, error) {
		r.eval.row = row
		v, err := r.eval.truth(node)
		return v.yes, err
	})
}

// evalCommand sets fields, one after the other.
func (r *runner) evalCommand(rest string) error {
	parts, err := splitTop(rest, ',')
	if err != nil {
		return err
	}
	for _, part := range parts {
		field, expr, ok := strings.Cut(part, "=")
		field = strings.TrimSpace(field)
		if n := len(field); n > 2 && (field[0] == '\'' || field[0] == '"') && field[n-1] == field[0] {
			field = field[1 : n-1]
		} else if !regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`).MatchString(field) {
			return fmt.Errorf("%q is no name of a field without quotation marks", field)
		}
		if !ok {
			return fmt.Errorf("%q sets nothing", part)
		}
		node, err := parseExpr(expr)
		if err != nil {
			return err
		}
		for _, row := range r.rows {
			r.eval.row = row
			v, err := r.eval.eval(node)
			if err != nil {
				return err
			}
			if v.kind == boolean {
				return fmt.Errorf("%s: a truth value cannot be a field's", field)
			}
			row.set(field, v.all())
		}
	}
	return nil
}

func (r *row) set(field string, values []string) {
	if len(values) == 0 {
		delete(r.fields, field)
		return
	}
	r.fields[field] = slices.Clone(values)
}

// splitTop splits at a character outside of quotation marks and parentheses.
func splitTop(s string, at byte) ([]string, error) {
	var out []string
	depth, start := 0, 0
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '"', '\'':
			end, err := quoteEnd(s, i)
			if err != nil {
				return nil, err
			}
			i = end - 1
		case '(':
			depth++
		case ')':
			depth--
		case at:
			if depth == 0 {
				out = append(out, s[start:i])
				start = i + 1
			}
		}
	}
	return append(out, s[start:]), nil
}

// regexCommand keeps rows by a regular expression: field="…", field!="…", "…".
func (r *runner) regexCommand(rest string) error {
	m := regexp.MustCompile(`(?s)^(?:("[^"]+"|[^\s"=!]+)\s*(=|!=)\s*)?(".*")$`).FindStringSubmatch(rest)
	if m == nil {
		return fmt.Errorf("%q is not understood", rest)
	}
	field := strings.Trim(m[1], `"`)
	if field == "" {
		field = "_raw"
	}
	p, err := quotedPattern(m[3])
	if err != nil {
		return err
	}
	return r.keep(func(row *row) (bool, error) {
		values := row.fields[field]
		if m[2] == "!=" {
			if len(values) > 1 {
				return false, undocumented("regex %s!= with several values", field)
			}
			return len(values) == 0 || !p.MatchString(values[0]), nil
		}
		return slices.ContainsFunc(values, p.MatchString), nil
	})
}

func quotedPattern(quoted string) (*regexp.Regexp, error) {
	if end, err := quoteEnd(quoted, 0); err != nil || end != len(quoted) {
		return nil, fmt.Errorf("%s is not understood", quoted)
	}
	body, err := unescapeSearch(quoted[1:len(quoted)-1], true)
	if err != nil {
		return nil, err
	}
	return regexp.Compile(body)
}

// rexCommand sets the fields that a regular expression's groups are named by.
func (r *runner) rexCommand(rest string) error {
	m := regexp.MustCompile(`(?s)^(?:field=("[^"]+"|\S+)\s+)?(".*")$`).FindStringSubmatch(rest)
	if m == nil {
		return fmt.Errorf("%q is not understood", rest)
	}
	field := strings.Trim(m[1], `"`)
	if field == "" {
		field = "_raw"
	}
	p, err := quotedPattern(m[2])
	if err != nil {
		return err
	}
	for _, row := range r.rows {
		if len(row.fields[field]) > 1 {
			return undocumented("rex with several values of %s", field)
		}
		for _, v := range row.fields[field] {
			found := p.FindStringSubmatch(v)
			for i, name := range p.SubexpNames() {
				if found != nil && name != "" && found[i] != "" {
					row.set(name, []string{found[i]})
				}
			}
		}
	}
	return nil
}

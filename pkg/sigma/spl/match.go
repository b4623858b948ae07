package spl

import (
	"regexp"
	"slices"
	"strings"

	"auditlog-forwarder/pkg/sigma"
)

// match writes a test of texts with wildcards.
func (t *translator) match(q *sigma.Test, f field) *node {
	var texts, patterns []string
	searchable, needed, mayBeNull, anything := f.search != "" && !q.Cased, f.search != "", false, false
	for _, o := range q.Of {
		if text, ok := o.Pattern.Literal(); ok && (text == "null" || !q.Cased && strings.EqualFold(text, "null")) {
			t.wrong(o.Line, o.Column, "%s: Splunk makes the text null of JSON's null, so a search cannot tell them apart; write null without quotes if the field is not there or null", q.Path)
		}
		null := like(o.Pattern, "null", q.Cased)
		mayBeNull = mayBeNull || null
		if len(o.Pattern) == 1 && o.Pattern[0].Wildcard == sigma.Any {
			anything = true
		}
		text, exact := searchText(o.Pattern)
		searchable = searchable && exact && !null
		needed = needed && text != "*"
		texts = addNew(texts, quote(text))
		patterns = addNew(patterns, expression(o.Pattern, q.Cased))
	}
	condition := "match(" + f.where + "," + quote(alternatives(patterns, q)) + ")"
	switch {
	case anything:
		condition = f.where + `!="null"`
	case mayBeNull:
		condition += " AND " + f.where + `!="null"`
	}
	n := values(condition)
	if anything && f.search != "" && !strings.Contains(f.search, "{}") {
		// With one value, that is: it is there and not null.
		return join(and, []*node{f.exists(), negate(f.null())})
	}
	if searchable {
		n.search = oneOf(f.search, texts)
	} else if needed {
		n.need = oneOf(f.search, texts)
	}
	return n
}

func addNew(list []string, s string) []string {
	if slices.Contains(list, s) {
		return list
	}
	return append(list, s)
}

func oneOf(field string, texts []string) string {
	if len(texts) == 1 {
		return field + "=" + texts[0]
	}
	return field + " IN (" + strings.Join(texts, ", ") + ")"
}

// isRange reports whether Splunk may take a text for a range of addresses, and
// ask for an address in it.
func isRange(s string) bool {
	addr, bits, found := strings.Cut(s, "/")
	return found && strings.Trim(addr, "0123456789abcdefABCDEF:.") == "" && strings.Trim(bits, "0123456789.") == ""
}

// searchText is a pattern for the search command. Where that cannot say it, it
// is a weaker one, * at worst: only stars at the ends are safe, as Splunk looks
// for terms of its index first, and a star between does not reach over what
// divides terms there.
func searchText(p sigma.Pattern) (text string, exact bool) {
	if whole, ok := p.Literal(); ok {
		switch {
		case whole == "":
			return "*", false
		case isRange(whole):
			return whole + "*", false // with a star it is a text
		}
	}
	var start, end string
	middle := p
	if len(p) > 0 && p[0].Wildcard == sigma.Any {
		start, middle = "*", middle[1:]
	}
	if n := len(middle); n > 0 && middle[n-1].Wildcard == sigma.Any {
		end, middle = "*", middle[:n-1]
	}
	switch {
	case len(middle) == 0:
		return "*", true
	case len(middle) == 1 && middle[0].Wildcard == sigma.None && isSafe(middle[0].Text):
		return start + middle[0].Text + end, true
	}
	// The best piece: what it starts with, what it ends with, the longest.
	if first := p[0]; first.Wildcard == sigma.None {
		if run := safeRuns(first.Text)[0]; run != "" && strings.HasPrefix(first.Text, run) {
			return run + "*", false
		}
	}
	if last := p[len(p)-1]; last.Wildcard == sigma.None {
		runs := safeRuns(last.Text)
		if run := runs[len(runs)-1]; run != "" && strings.HasSuffix(last.Text, run) {
			return "*" + run, false
		}
	}
	longest := ""
	for _, part := range p {
		for _, run := range safeRuns(part.Text) {
			if len(run) > len(longest) {
				longest = run
			}
		}
	}
	return within(longest), false
}

// within is a weak text for the search command, if it is worth asking for:
// Splunk has to go through all terms of its index for it.
func within(s string) string {
	if len(s) < 3 {
		return "*"
	}
	return "*" + s + "*"
}

// isSafe reports whether the search command finds a text as it stands: in
// letters whose case it is known to ignore, without what an event may have
// escaped (so that the index has other terms), without backticks, which begin a
// macro and of which nothing says that quotes keep them, and without spaces at the
// ends.
func isSafe(s string) bool {
	return strings.Trim(s, " ") == s && !strings.ContainsFunc(s, unsafe)
}

func unsafe(r rune) bool {
	return r < ' ' || r > '~' || strings.ContainsRune(`"\*<>&`+"`", r)
}

// safeRuns are the safe pieces of a text, at least one, which may be empty.
func safeRuns(s string) []string {
	runs := strings.FieldsFunc(s, unsafe)
	for i := range runs {
		runs[i] = strings.Trim(runs[i], " ")
	}
	if len(runs) == 0 {
		return []string{""}
	}
	return runs
}

// expression is a pattern as a regular expression, without flags.
func expression(p sigma.Pattern, cased bool) string {
	var b strings.Builder
	for i, part := range p {
		switch part.Wildcard {
		case sigma.Any:
			if i > 0 && i < len(p)-1 {
				b.WriteString(".*")
			}
		case sigma.One:
			b.WriteString(".")
		default:
			b.WriteString(literal(part.Text, cased))
		}
	}
	text := b.String()
	if len(p) == 0 || p[0].Wildcard != sigma.Any {
		text = "^" + text
	}
	if len(p) == 0 || p[len(p)-1].Wildcard != sigma.Any {
		text += `\z`
	}
	return text
}

// alternatives joins expressions; what is around all of them stands once.
func alternatives(list []string, q *sigma.Test) string {
	flags := ""
	for _, o := range q.Of {
		for _, part := range o.Pattern {
			if !q.Cased && flags == "" && strings.ContainsFunc(part.Text, isASCIILetter) {
				flags = "i"
			}
		}
	}
	for _, o := range q.Of {
		for i, part := range o.Pattern {
			if part.Wildcard == sigma.One || part.Wildcard == sigma.Any && i > 0 && i < len(o.Pattern)-1 {
				flags = strings.TrimSuffix(flags, "s") + "s"
			}
		}
	}
	if flags != "" {
		flags = "(?" + flags + ")"
	}
	start, end := "^", `\z`
	for _, one := range list {
		if !strings.HasPrefix(one, "^") {
			start = ""
		}
		if !strings.HasSuffix(one, `\z`) {
			end = ""
		}
	}
	short := make([]string, len(list))
	for i, one := range list {
		short[i] = strings.TrimSuffix(strings.TrimPrefix(one, start), end)
	}
	if len(list) == 1 || start == "" && end == "" {
		return flags + strings.Join(list, "|")
	}
	return flags + start + "(?:" + strings.Join(short, "|") + ")" + end
}

func isASCIILetter(r rune) bool { return r|0x20 >= 'a' && r|0x20 <= 'z' }

// like reports whether a text is like the pattern.
func like(p sigma.Pattern, text string, cased bool) bool {
	flags := "(?is)"
	if cased {
		flags = "(?s)"
	}
	return regexp.MustCompile(flags + expression(p, cased)).MatchString(text)
}

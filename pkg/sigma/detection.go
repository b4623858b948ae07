package sigma

import (
	"strings"

	"gopkg.in/yaml.v3"
)

// detection reads the searches and then the condition that joins them.
func (p *parser) detection(n *yaml.Node) Detection {
	var d Detection
	if n.Kind != yaml.MappingNode {
		p.wrong(n, "detection is a map of searches and a condition, and this is %s", kindName(n))
		return d
	}
	var condition *yaml.Node
	p.members(n, func(key, val *yaml.Node) {
		switch key.Value {
		case "condition":
			condition = val
		case "timeframe":
			p.wrong(key, "timeframe is not supported: a rule matches one event by itself; counting over time belongs to alerts")
		default:
			if !isName(key.Value) {
				p.wrong(key, "%q is no name of a search; allowed are letters, digits, _, - and .", key.Value)
			}
			d.Searches = append(d.Searches, &Search{Name: key.Value, Expr: p.search(key, val), Line: key.Line, Column: key.Column})
		}
	})
	switch {
	case len(d.Searches) == 0:
		p.wrong(n, "detection has no search; name one, as in selection: {data.methodName: CreateAPIKey}")
	case condition == nil:
		p.wrong(n, "detection has no condition; it joins the searches by their names, as in condition: selection and not filter")
	default:
		d.Condition = p.conditions(condition, d.Searches)
	}
	return d
}

// search reads what a name stands for: a map, all of whose members must match;
// a list of maps, one of which must; keywords, one of which must be in the
// event; or a list of both.
func (p *parser) search(key, n *yaml.Node) Expr {
	switch n.Kind {
	case yaml.MappingNode:
		return p.fields(key, n)
	case yaml.ScalarNode:
		return p.test(key, "", n)
	case yaml.SequenceNode:
	default:
		p.wrong(n, "%s is a map, a list of maps, or a list of keywords, and this is %s", key.Value, kindName(n))
		return nil
	}
	if len(n.Content) == 0 {
		p.wrong(n, "%s is empty; a search needs something to look for", key.Value)
		return nil
	}
	var either Or
	keywords := *n
	keywords.Content = nil
	for _, item := range n.Content {
		switch item.Kind {
		case yaml.MappingNode:
			either = append(either, p.fields(key, item))
		case yaml.ScalarNode:
			keywords.Content = append(keywords.Content, item)
		default:
			p.wrong(item, "the list %s holds maps and keywords, and this is %s", key.Value, kindName(item))
		}
	}
	if len(keywords.Content) > 0 {
		either = append(either, p.test(key, "", &keywords))
	}
	if len(either) == 1 {
		return either[0]
	}
	return either
}

func (p *parser) fields(name, n *yaml.Node) Expr {
	if len(n.Content) == 0 {
		p.wrong(n, "%s is empty; a search needs something to look for", name.Value)
		return nil
	}
	var all And
	p.members(n, func(key, val *yaml.Node) {
		if key.Value == "" {
			p.wrong(key, "a field or a modifier is missing before the colon")
			return
		}
		all = append(all, p.test(key, key.Value, val))
	})
	if len(all) == 1 {
		return all[0]
	}
	return all
}

// test reads one question: a field with its modifiers, and the values. The
// field is empty for keywords.
func (p *parser) test(key *yaml.Node, spec string, n *yaml.Node) Expr {
	field, modifiers, _ := strings.Cut(spec, "|")
	t := &Test{Line: key.Line, Column: key.Column}
	if field != "" {
		path, err := ParsePath(field)
		if err != nil {
			p.wrong(key, "%v", err)
		}
		t.Path = path
	} else if spec != "" && modifiers == "" {
		p.wrong(key, "a field or a modifier is missing before the colon")
		return t
	}
	m, ok := p.modifiers(key, strings.Contains(spec, "|"), modifiers)
	if !ok {
		return t
	}
	t.Cased, t.All = m.cased, m.all
	values, isList := []*yaml.Node{n}, false
	if n.Kind == yaml.SequenceNode {
		values, isList = n.Content, true
	}
	what := field
	if what == "" {
		what = "the list of keywords"
	}
	if len(values) == 0 {
		p.wrong(n, "%s has an empty list, which nothing could match; name a value, or null for a field that is not there", what)
		return t
	}
	if m.all && len(values) < 2 {
		p.wrong(key, "%s: |all joins two values or more, and there is one; remove |all", what)
		return t
	}
	switch m.name {
	case "exists":
		return p.exists(t, what, n)
	case "":
		if !isList && n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" {
			return p.null(t, what, m, n)
		}
	}
	if t.Path.IsZero() {
		switch m.name {
		case "", "contains", "re":
		default:
			p.wrong(key, "keywords are looked for in the whole event, so |%s says nothing of them; allowed are |all, |cased and |re", m.name)
			return t
		}
	}
	for _, v := range values {
		if o, ok := p.operand(t, what, m, v); ok {
			t.Of = append(t.Of, o)
		}
	}
	return t
}

func (p *parser) exists(t *Test, what string, n *yaml.Node) Expr {
	switch {
	case t.Path.IsZero():
		p.wrong(n, "|exists asks for a field; write it before the |")
	case n.Kind != yaml.ScalarNode || n.ShortTag() != "!!bool":
		p.wrong(n, "%s|exists is true or false, and this is %s", what, kindName(n))
	}
	t.Op = Exists
	if strings.EqualFold(n.Value, "false") {
		return Not{t}
	}
	return t
}

func (p *parser) null(t *Test, what string, m modifiers, n *yaml.Node) Expr {
	switch {
	case t.Path.IsZero():
		p.wrong(n, "%s: null is no keyword; write null behind a field that is not there", what)
	case m.cased:
		p.wrong(n, "%s: null has no letters, so |cased says nothing of it; remove |cased", what)
	}
	t.Op = Null
	return t
}

// isName reports whether a condition could call a search s.
func isName(s string) bool {
	switch strings.ToLower(s) {
	case "and", "or", "not", "of", "them", "all", "any", "near":
		return false
	}
	if isCount(s) {
		return false
	}
	for i := range len(s) {
		if !nameByte(s[i]) {
			return false
		}
	}
	return true
}

func nameByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-' || c == '.'
}

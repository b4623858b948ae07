package sigma

import "gopkg.in/yaml.v3"

// ParseSearch reads one search, as it stands below detection, from another
// file than a rule's: what its key stands for. The error is Mistakes.
func ParseSearch(file string, key, val *yaml.Node) (*Search, error) {
	p := &parser{file: file}
	s := &Search{Name: key.Value, Expr: p.search(key, val), Line: key.Line, Column: key.Column}
	if err := p.mistakes.Err(); err != nil {
		return nil, err
	}
	return s, nil
}

// ParseCondition reads a condition over searches of a rule, from another file
// than the rule's. The error is Mistakes.
func ParseCondition(file string, val *yaml.Node, searches []*Search) (Expr, error) {
	p := &parser{file: file}
	e := p.conditions(val, searches)
	if err := p.mistakes.Err(); err != nil {
		return nil, err
	}
	return e, nil
}

package sigma

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// parser reads one file and gathers what is wrong with it.
type parser struct {
	file     string
	mistakes Mistakes
}

func (p *parser) wrong(n *yaml.Node, format string, args ...any) {
	p.mistakes = append(p.mistakes, At(p.file, n, format, args...))
}

// Parse reads the rules of one file: YAML documents, each a rule. It finds all
// mistakes at once; the error is then Mistakes. The file's name is only for
// them.
func Parse(file string, data []byte) ([]*Rule, error) {
	p := &parser{file: file}
	var rules []*Rule
	for dec := yaml.NewDecoder(bytes.NewReader(data)); ; {
		var doc yaml.Node
		err := dec.Decode(&doc)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			p.mistakes = append(p.mistakes, NotYAML(file, data, err))
			break
		}
		if root := doc.Content[0]; root.ShortTag() != "!!null" {
			rules = append(rules, p.rule(root))
		}
	}
	if len(rules) == 0 && len(p.mistakes) == 0 {
		p.mistakes = append(p.mistakes, Mistake{File: file, Line: 1, Column: 1, What: "the file has no rule"})
	}
	if err := p.mistakes.Err(); err != nil {
		return nil, err
	}
	return rules, nil
}

// NotYAML takes the line from an error of the YAML parser, which knows no
// column: it is that of the line's first character.
func NotYAML(file string, data []byte, err error) Mistake {
	text := strings.TrimPrefix(err.Error(), "yaml: ")
	if strings.HasSuffix(text, "expected ',' or '}'") && bytes.Contains(data, []byte("{}")) {
		text += "; between braces a name that has {} itself needs quotation marks"
	}
	m := Mistake{File: file, Line: 1, Column: 1, What: "not YAML: " + text}
	if at := invalid(data); at >= 0 && strings.Contains(text, "UTF-8") {
		m.Line, m.Column = 1+bytes.Count(data[:at], []byte("\n")), at-bytes.LastIndexByte(data[:at], '\n')
		m.What = "not YAML: a byte that is not UTF-8; save the file in that encoding"
		return m
	}
	parts := regexp.MustCompile(`^line (\d+): (?s:(.*))$`).FindStringSubmatch(text)
	if parts == nil {
		return m
	}
	line, err := strconv.Atoi(parts[1])
	lines := bytes.Split(data, []byte("\n"))
	if err != nil || line < 1 || line > len(lines) {
		return m
	}
	m.Line, m.What = line, "not YAML: "+parts[2]
	m.Column = 1 + len(lines[line-1]) - len(bytes.TrimLeft(lines[line-1], " "))
	switch {
	case strings.HasPrefix(parts[2], "found character that cannot start any token") && bytes.HasPrefix(bytes.TrimLeft(lines[line-1], " "), []byte("\t")):
		m.What = "not YAML: a tab; indent with spaces"
	case strings.HasPrefix(parts[2], "did not find expected key"): // it tells where the map begins
		m.What += "; look in the lines from here on for a text that begins with { or [ or has a colon in it, and put it in quotes"
	}
	return m
}

// invalid is where the first byte is that is not UTF-8, or -1.
func invalid(data []byte) int {
	for i := 0; i < len(data); {
		r, size := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && size == 1 {
			return i
		}
		i += size
	}
	return -1
}

// rule reads one document.
func (p *parser) rule(root *yaml.Node) *Rule {
	r := &Rule{File: p.file, Line: root.Line, Extra: map[string]*yaml.Node{}}
	if root.Kind != yaml.MappingNode {
		p.wrong(root, "a rule is a map with the members title, logsource and detection, and this is %s", kindName(root))
		return r
	}
	seen := map[string]*yaml.Node{}
	p.members(root, func(key, val *yaml.Node) {
		seen[key.Value] = val
		p.member(r, key, val)
	})
	if n := seen["correlation"]; n != nil {
		p.wrong(n, "correlation rules are not supported: a rule matches one event by itself")
		return r
	}
	for _, name := range []string{"title", "logsource", "detection"} {
		if seen[name] == nil {
			p.wrong(root, "the rule has no %s; Sigma demands title, logsource and detection", name)
		}
	}
	return r
}

func (p *parser) member(r *Rule, key, val *yaml.Node) {
	switch key.Value {
	case "title":
		r.Title = p.text(key, val)
		switch n := len([]rune(r.Title)); {
		case n > 256:
			p.wrong(val, "the title has %d characters; at most 256 are allowed", n)
		case val.Kind == yaml.ScalarNode && val.ShortTag() != "!!null" && strings.TrimSpace(r.Title) == "":
			p.wrong(val, "the title is empty; rules are told apart by it")
		case strings.ContainsFunc(r.Title, unicode.IsControl):
			p.wrong(val, "the title has a line end or another control character; write it in one line")
		}
	case "id":
		r.ID = p.text(key, val)
	case "name":
		r.Name = p.text(key, val)
	case "status":
		r.Status = p.oneOf(key, val, "stable", "test", "experimental", "deprecated", "unsupported")
	case "level":
		r.Level = p.oneOf(key, val, "informational", "low", "medium", "high", "critical")
	case "description":
		r.Description = p.text(key, val)
	case "license":
		r.License = p.text(key, val)
	case "author":
		r.Author = p.text(key, val)
	case "date":
		r.Date = p.text(key, val)
	case "modified":
		r.Modified = p.text(key, val)
	case "tags":
		r.Tags = p.texts(key, val)
	case "fields":
		r.Fields = p.texts(key, val)
	case "falsepositives":
		r.FalsePositives = p.texts(key, val)
	case "references":
		r.References = p.texts(key, val)
	case "scope":
		p.texts(key, val)
	case "related":
		if val.Kind != yaml.SequenceNode {
			p.wrong(val, "related is a list of maps with id and type, and this is %s", kindName(val))
		}
	case "taxonomy":
		if p.text(key, val) != "sigma" {
			p.wrong(val, "taxonomy %q is not supported: fields are paths into the event; remove the member", val.Value)
		}
	case "logsource":
		p.logSource(r, val)
	case "detection":
		r.Detection = p.detection(val)
	case "correlation":
	default:
		r.Extra[key.Value] = val
	}
}

func (p *parser) logSource(r *Rule, val *yaml.Node) {
	if val.Kind != yaml.MappingNode {
		p.wrong(val, "logsource is a map with category, product or service, and this is %s", kindName(val))
		return
	}
	p.members(val, func(key, val *yaml.Node) {
		switch key.Value {
		case "category":
			r.LogSource.Category = p.text(key, val)
		case "product":
			r.LogSource.Product = p.text(key, val)
		case "service":
			r.LogSource.Service = p.text(key, val)
		case "definition":
			r.LogSource.Definition = p.text(key, val)
		}
	})
}

// members calls member for each member of a map, without those whose names
// are no strings or were there before.
func (p *parser) members(m *yaml.Node, member func(key, val *yaml.Node)) {
	seen := map[string]int{}
	for i := 0; i+1 < len(m.Content); i += 2 {
		key, val := m.Content[i], m.Content[i+1]
		if key.Kind != yaml.ScalarNode {
			p.wrong(key, "the name of a member must be a string, and this is %s", kindName(key))
			continue
		}
		if line, twice := seen[key.Value]; twice {
			p.wrong(key, "%s is there twice, first in line %d", key.Value, line)
			continue
		}
		seen[key.Value] = key.Line
		if val.Kind == yaml.AliasNode || key.ShortTag() == "!!merge" {
			p.wrong(key, "%s: aliases (*name) and merges (<<) are not supported; write the value out", key.Value)
			continue
		}
		member(key, val)
	}
}

func (p *parser) text(key, val *yaml.Node) string {
	if val.Kind != yaml.ScalarNode || val.ShortTag() == "!!null" {
		p.wrong(val, "%s is a string, and this is %s", key.Value, kindName(val))
		return ""
	}
	return val.Value
}

func (p *parser) oneOf(key, val *yaml.Node, allowed ...string) string {
	s := p.text(key, val)
	if s != "" && !slices.Contains(allowed, s) {
		p.wrong(val, "%s is %q; allowed are %s", key.Value, s, strings.Join(allowed, ", "))
	}
	return s
}

// texts reads a list of strings; one string alone is a list of one.
func (p *parser) texts(key, val *yaml.Node) []string {
	if val.Kind != yaml.SequenceNode {
		return []string{p.text(key, val)}
	}
	list := make([]string, 0, len(val.Content))
	for _, item := range val.Content {
		list = append(list, p.text(key, item))
	}
	return list
}

func kindName(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a map"
	case yaml.SequenceNode:
		return "a list"
	case yaml.AliasNode:
		return "an alias"
	}
	switch n.ShortTag() {
	case "!!null":
		return "null"
	case "!!bool":
		return "a boolean"
	case "!!int", "!!float":
		return "a number"
	}
	return fmt.Sprintf("the text %q", n.Value)
}

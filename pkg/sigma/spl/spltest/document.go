package spltest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"gopkg.in/yaml.v3"
)

// document is a JSON value whose members keep their order and whose scalars
// keep their spelling, so that a variation changes what it means to and nothing
// else.
type document struct {
	object  bool
	array   bool
	names   []string    // of an object's members
	parts   []*document // members or elements
	literal string      // of a scalar
}

func parseDocument(raw []byte) (*document, error) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	d, err := readDocument(dec)
	if err == nil && dec.More() {
		err = fmt.Errorf("there is more than one value")
	}
	return d, err
}

func readDocument(dec *json.Decoder) (*document, error) {
	token, err := dec.Token()
	if err != nil {
		return nil, err
	}
	delim, ok := token.(json.Delim)
	if !ok {
		literal, err := json.Marshal(token)
		return &document{literal: string(literal)}, err
	}
	d := &document{object: delim == '{', array: delim == '['}
	for dec.More() {
		if d.object {
			name, err := dec.Token()
			if err != nil {
				return nil, err
			}
			d.names = append(d.names, fmt.Sprint(name))
		}
		part, err := readDocument(dec)
		if err != nil {
			return nil, err
		}
		d.parts = append(d.parts, part)
	}
	_, err = dec.Token()
	return d, err
}

// yamlDocument reads an event that stands in YAML.
func yamlDocument(n *yaml.Node) (*document, error) {
	d := &document{}
	switch n.Kind {
	case yaml.MappingNode:
		d.object = true
		for i := 0; i+1 < len(n.Content); i += 2 {
			part, err := yamlDocument(n.Content[i+1])
			if err != nil {
				return nil, err
			}
			d.names = append(d.names, n.Content[i].Value)
			d.parts = append(d.parts, part)
		}
	case yaml.SequenceNode:
		d.array = true
		for _, c := range n.Content {
			part, err := yamlDocument(c)
			if err != nil {
				return nil, err
			}
			d.parts = append(d.parts, part)
		}
	case yaml.ScalarNode:
		switch n.Tag {
		case "!!int", "!!float", "!!bool":
			d.literal = n.Value
		case "!!null":
			d.literal = "null"
		default:
			d.literal = quote(n.Value)
		}
	default:
		return nil, fmt.Errorf("line %d: an event has no aliases", n.Line)
	}
	return d, nil
}

func quote(s string) string {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(s); err != nil {
		return `""`
	}
	return strings.TrimSuffix(out.String(), "\n")
}

func (d *document) append(to []byte) []byte {
	if !d.object && !d.array {
		return append(to, d.literal...)
	}
	brackets := "[]"
	if d.object {
		brackets = "{}"
	}
	to = append(to, brackets[0])
	for i, part := range d.parts {
		if i > 0 {
			to = append(to, ',')
		}
		if d.object {
			to = append(append(to, quote(d.names[i])...), ':')
		}
		to = part.append(to)
	}
	return append(to, brackets[1])
}

// change gives a copy in which each value is replaced by what f makes of it,
// with the names that lead to it. Without a value it goes.
func (d *document) change(path []string, f func(path []string, d *document) *document) *document {
	out := *d
	out.parts, out.names = nil, nil
	for i, part := range d.parts {
		at := path
		if d.object {
			at = append(append([]string(nil), path...), d.names[i])
		}
		if part = part.change(at, f); part == nil {
			continue
		}
		out.parts = append(out.parts, part)
		if d.object {
			out.names = append(out.names, d.names[i])
		}
	}
	return f(path, &out)
}

package config

import (
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// maxFile bounds the configuration file. The example has 20 KB.
const maxFile = 1 << 20

// readBounded reads a whole file of at most limit bytes.
func readBounded(path string, limit int64) ([]byte, os.FileMode, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, 0, withoutPath(err)
	}
	defer f.Close() //nolint:errcheck // it was only read
	info, err := f.Stat()
	if err != nil {
		return nil, 0, withoutPath(err)
	}
	if info.IsDir() {
		return nil, 0, errors.New("it is a directory; name a file")
	}
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, 0, withoutPath(err)
	}
	if int64(len(data)) > limit {
		return nil, 0, fmt.Errorf("it is larger than %s", formatBytes(limit))
	}
	return data, info.Mode(), nil
}

// withoutPath drops the path, which the caller's message names already, and
// adds the next step.
func withoutPath(err error) error {
	var pathErr *os.PathError
	switch {
	case !errors.As(err, &pathErr):
		return err
	case errors.Is(err, os.ErrNotExist):
		return fmt.Errorf("%w; check the path, and that it is mounted", pathErr.Err)
	case errors.Is(err, os.ErrPermission):
		return fmt.Errorf("%w; give the user that runs this the right to read it and its folders", pathErr.Err)
	}
	return pathErr.Err
}

// yamlReader collects what one YAML document says about the keys.
type yamlReader struct {
	name    string // of the file, for messages
	keys    []Key
	parents []string
	layer   layer
	first   map[string]int // line on which a name was first given
	errs    []error
}

// readYAML reads the values of the file called name. It reads nodes and not
// Go values, since nodes know their line and keep numbers as they were written.
// The last result is false if the file is no map in YAML at all, so that
// nothing can be said about what it lacks.
func readYAML(name string, data []byte, keys []Key) (layer, []error, bool) {
	r := &yamlReader{
		name: name, keys: keys, parents: parents(keys),
		layer: newLayer("file"), first: map[string]int{},
	}
	dec := yaml.NewDecoder(strings.NewReader(string(data)))
	var doc yaml.Node
	switch err := dec.Decode(&doc); {
	case errors.Is(err, io.EOF): // empty, or comments only
		return r.layer, nil, true
	case err != nil:
		return r.layer, []error{r.syntax(err, data)}, false
	}
	var more yaml.Node
	switch err := dec.Decode(&more); {
	case err == nil:
		r.fail(&more, "", "a second document begins; keep one and remove the line ---")
	case !errors.Is(err, io.EOF):
		return r.layer, []error{r.syntax(err, data)}, false
	}
	if len(doc.Content) == 0 {
		return r.layer, r.errs, true
	}
	root := doc.Content[0]
	r.section("", root)
	return r.layer, r.errs, root.Kind == yaml.MappingNode || isNull(root)
}

// section walks one mapping; prefix is the name of the section it is, empty
// for the document. Names are finite, so an alias to itself ends as unknown.
func (r *yamlReader) section(prefix string, n *yaml.Node) {
	n = target(n)
	if isNull(n) {
		return
	}
	if n.Kind != yaml.MappingNode {
		r.fail(n, prefix, fmt.Sprintf("%s was given; allowed is a map of keys, such as %s", nodeKind(n), r.exampleIn(prefix)))
		return
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, val := target(n.Content[i]), n.Content[i+1]
		if key.Kind != yaml.ScalarNode {
			r.fail(key, prefix, nodeKind(key)+" was given as a key; allowed are names")
			continue
		}
		if key.Tag == "!!merge" {
			r.fail(key, prefix, "merge keys (<<) are not supported; write the values out")
			continue
		}
		name := key.Value
		if prefix != "" {
			name = prefix + "." + name
		}
		if line, again := r.first[name]; again {
			r.fail(key, quoted(name), fmt.Sprintf("given twice, first in line %d; keep one", line))
			continue
		}
		r.first[name] = key.Line
		if slices.Contains(r.parents, name) {
			r.section(name, val)
		} else if k, ok := lookup(r.keys, name); ok {
			r.leaf(k, val)
		} else {
			r.fail(key, "", unknownKey(name, r.keys))
		}
	}
}

// leaf reads the value of one key.
func (r *yamlReader) leaf(k Key, n *yaml.Node) {
	n = target(n)
	var text string
	switch {
	case isNull(n):
		r.fail(n, k.Name, `has no value; give one, write "" for an empty one, or remove the line`)
		return
	case n.Kind == yaml.ScalarNode && !slices.Contains(plainTags(), n.Tag):
		r.fail(n, k.Name, "YAML tags (!) are not supported; put a value that begins with ! into quotes")
		return
	case n.Kind == yaml.ScalarNode:
		text = n.Value
	case n.Kind == yaml.SequenceNode && k.Kind == List:
		items := make([]string, 0, len(n.Content))
		for _, item := range n.Content {
			item = target(item)
			if item.Kind != yaml.ScalarNode || isNull(item) {
				r.fail(item, k.Name, nodeKind(item)+" was given as an item; allowed are strings")
				return
			}
			items = append(items, item.Value)
		}
		r.layer.set(k.Name, items, r.where(n))
		return
	default:
		allowed := "one " + k.Kind.String()
		if k.Kind == List {
			allowed = fmt.Sprintf("a list, such as [%s]", k.Example)
		}
		r.fail(n, k.Name, fmt.Sprintf("%s was given; allowed is %s", nodeKind(n), allowed))
		return
	}
	v, err := k.parse(text)
	if err != nil {
		r.fail(n, k.Name, err.Error())
		return
	}
	r.layer.set(k.Name, v, r.where(n))
}

func (r *yamlReader) where(n *yaml.Node) string { return fmt.Sprintf("%s:%d", r.name, n.Line) }

func (r *yamlReader) fail(n *yaml.Node, key, text string) {
	r.errs = append(r.errs, &Error{Key: key, Where: r.where(n), Text: text})
}

// syntax rewrites the library's error as file:line. An unknown anchor is not
// repeated: it may be a secret that begins with * and lacks its quotes.
func (r *yamlReader) syntax(err error, data []byte) error {
	text := strings.TrimPrefix(err.Error(), "yaml: ")
	e := &Error{Where: r.name, Text: "not YAML: " + text}
	if m := regexp.MustCompile(`^line (\d+): (did not find expected (?:key|node|[-,<'].*))?`).FindStringSubmatch(text); m != nil {
		line, _ := strconv.Atoi(m[1]) // the pattern allows digits only
		e.Text = "not YAML: " + strings.TrimPrefix(text, "line "+m[1]+": ")
		if m[2] != "" {
			// The library counts lines of these from 0, and names where
			// the map or list begins that it could not finish.
			line++
			e.Text = "not YAML, here or below: " + m[2]
		}
		e.Where = fmt.Sprintf("%s:%d", r.name, line)
	}
	switch {
	case strings.Contains(text, "unknown anchor"):
		e.Text = "not YAML: a value begins with * and names no anchor; put it into quotes"
	case strings.Contains(text, "tab character"): // the library names the line before
		for i, line := range strings.Split(string(data), "\n") {
			if strings.HasPrefix(strings.TrimLeft(line, " "), "\t") {
				e.Where, e.Text = fmt.Sprintf("%s:%d", r.name, i+1), "not YAML: a tab in the indentation; use spaces"
				break
			}
		}
	}
	return e
}

// exampleIn shows how a key of a section is written.
func (r *yamlReader) exampleIn(prefix string) string {
	for _, k := range r.keys {
		if rest, ok := strings.CutPrefix(k.Name, prefix+"."); ok && prefix != "" && k.Example != "" {
			return fmt.Sprintf("%s: {%s: %s}", prefix[strings.LastIndexByte(prefix, '.')+1:], rest, k.Example)
		}
	}
	return "hec: {url: https://splunk.example.com:8088}"
}

// target follows an alias to what it stands for.
func target(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Tag == "!!null" }

// plainTags are those that YAML itself gives to unquoted and quoted scalars.
func plainTags() []string {
	return []string{"!!str", "!!int", "!!float", "!!bool", "!!timestamp"}
}

func nodeKind(n *yaml.Node) string {
	switch {
	case n.Kind == yaml.MappingNode:
		return "a map"
	case n.Kind == yaml.SequenceNode:
		return "a list"
	case isNull(n):
		return "nothing"
	default:
		return "a single value"
	}
}

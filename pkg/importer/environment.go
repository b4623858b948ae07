package importer

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// The prefixes of variables which images of Kafka Connect turn into
// properties: the worker's, and with some images the connector's.
const (
	workerPrefix    = "CONNECT_"
	connectorPrefix = "CONNECTOR_"
)

func variableName() *regexp.Regexp {
	return regexp.MustCompile(`^(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_]*)=`)
}

// isEnvironment tells an environment file from a properties file: all that is
// no comment is NAME=value, and no name has a dot.
func isEnvironment(data []byte) bool {
	pattern, seen := variableName(), false
	for line := range bytes.SplitSeq(data, []byte("\n")) {
		line = bytes.TrimSpace(line)
		if len(line) == 0 || line[0] == '#' {
			continue
		}
		m := pattern.FindSubmatch(line)
		if m == nil {
			return false
		}
		// A worker's property may be one word too, but no property is in capitals.
		if bytes.Equal(m[1], bytes.ToUpper(m[1])) {
			seen = true
		} else {
			return false
		}
	}
	return seen
}

// readEnvironment reads NAME=value lines, as Compose and systemd do.
func readEnvironment(path string, data []byte) ([]Document, error) {
	pattern := variableName()
	var vars []Property
	number := 0
	for line := range bytes.SplitSeq(data, []byte("\n")) {
		number++
		line = bytes.TrimSpace(line)
		m := pattern.FindSubmatchIndex(line)
		if m == nil {
			continue
		}
		vars = append(vars, Property{
			Name: string(line[m[2]:m[3]]), Value: unquoteVariable(string(line[m[1]:])), Where: at(path, number),
		})
	}
	return fromVariables(path, vars), nil
}

// unquoteVariable takes the quotes of a value in an environment file away.
func unquoteVariable(s string) string {
	s = strings.TrimSpace(s)
	if len(s) < 2 || s[0] != s[len(s)-1] {
		return s
	}
	switch s[0] {
	case '\'':
		return s[1 : len(s)-1]
	case '"':
		return strings.NewReplacer(`\\`, `\`, `\"`, `"`, `\n`, "\n", `\$`, "$").Replace(s[1 : len(s)-1])
	}
	return s
}

// isCompose reports whether a file is YAML with services.
func isCompose(path string, data []byte) bool {
	ext := strings.ToLower(filepath.Ext(path))
	return ext == ".yml" || ext == ".yaml" || bytes.Contains(data, []byte("\nservices:")) || bytes.HasPrefix(data, []byte("services:"))
}

// readCompose takes the environment of each service that runs Kafka Connect.
func readCompose(path string, data []byte) ([]Document, error) {
	var root yaml.Node
	if err := yaml.Unmarshal(data, &root); err != nil || len(root.Content) == 0 { // the error may hold the text
		return nil, errors.New("is not YAML; give a Compose file, an environment file or .properties")
	}
	services := child(root.Content[0], "services")
	if services == nil || services.Kind != yaml.MappingNode {
		return nil, errors.New("has no services; give a Compose file with Kafka Connect's environment")
	}
	var docs []Document
	for i := 0; i+1 < len(services.Content); i += 2 {
		vars := composeVariables(path, child(services.Content[i+1], "environment"))
		name := services.Content[i].Value
		if !slices.ContainsFunc(vars, func(p Property) bool { return strings.HasPrefix(p.Name, "CONNECT") }) {
			docs = append(docs, Document{Path: path, Kind: Other, Notes: []string{
				fmt.Sprintf("%s: the service %q was passed over, since it has no variable of Kafka Connect", filepath.Base(path), name),
			}})
			continue
		}
		docs = append(docs, fromVariables(path, vars)...)
	}
	return docs, nil
}

// child returns the value of a name in a mapping.
func child(n *yaml.Node, name string) *yaml.Node {
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == name {
			return alias(n.Content[i+1])
		}
	}
	return nil
}

func alias(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

// composeVariables reads both forms: a mapping, and a list of NAME=value.
func composeVariables(path string, env *yaml.Node) (vars []Property) {
	if env == nil {
		return nil
	}
	for i := 0; i < len(env.Content); i++ {
		n := alias(env.Content[i])
		switch env.Kind {
		case yaml.MappingNode:
			i++
			value := ""
			if i < len(env.Content) {
				value = alias(env.Content[i]).Value
			}
			vars = append(vars, Property{Name: n.Value, Value: value, Where: at(path, n.Line)})
		case yaml.SequenceNode:
			name, value, _ := strings.Cut(n.Value, "=")
			vars = append(vars, Property{Name: name, Value: value, Where: at(path, n.Line)})
		}
	}
	return vars
}

// fromVariables divides variables into the worker's, the connector's, and
// others, which are kept for $NAME in Compose files.
func fromVariables(path string, vars []Property) []Document {
	var worker, connector, other []Property
	for _, v := range vars {
		switch {
		case strings.HasPrefix(v.Name, connectorPrefix):
			connector = append(connector, Property{Name: propertyOf(v.Name, connectorPrefix), Value: v.Value, Where: v.Where + " " + v.Name})
		case strings.HasPrefix(v.Name, workerPrefix):
			worker = append(worker, Property{Name: propertyOf(v.Name, workerPrefix), Value: v.Value, Where: v.Where + " " + v.Name})
		default:
			other = append(other, v)
		}
	}
	var docs []Document
	for _, part := range []struct {
		kind  Kind
		props []Property
	}{{Worker, worker}, {Connector, connector}, {Other, other}} {
		if len(part.props) == 0 {
			continue
		}
		d := document(path, part.props)
		d.Kind = part.kind
		for _, p := range d.Props {
			if p.Name == "name" && part.kind == Connector {
				d.Name = p.Value
			}
		}
		docs = append(docs, d)
	}
	return docs
}

// propertyOf turns CONNECT_A_B into a.b: one underscore is a dot, two are a
// dash, three are an underscore.
func propertyOf(name, prefix string) string {
	name = strings.ToLower(strings.TrimPrefix(name, prefix))
	return strings.NewReplacer("___", "_", "__", "-", "_", ".").Replace(name)
}

// variable finds $NAME, ${NAME} and ${NAME:-default}; a doubled $ is one that
// stands for itself. ${file:…} and its like are Kafka Connect's own.
func variable() *regexp.Regexp {
	return regexp.MustCompile(`\$\$|\$([A-Za-z_][A-Za-z0-9_]*)|\$\{([A-Za-z_][A-Za-z0-9_]*)(:?[-?+][^}]*)?\}`)
}

// interpolate puts the variables that are known into Compose's values. Those
// that are not known stay, and are named as to be filled in.
func interpolate(docs []Document) []Document {
	known := map[string]string{}
	for _, d := range docs {
		if d.Kind == Other {
			for _, p := range d.Props {
				known[p.Name] = p.Value
			}
		}
	}
	pattern := variable()
	for i, d := range docs {
		if !isCompose(d.Path, nil) {
			continue
		}
		for j, p := range d.Props {
			docs[i].Props[j].Value = pattern.ReplaceAllStringFunc(p.Value, func(ref string) string {
				if ref == "$$" {
					return "$"
				}
				m := pattern.FindStringSubmatch(ref)
				name := m[1] + m[2]
				if v, ok := known[name]; ok {
					return v
				}
				if def, ok := strings.CutPrefix(strings.TrimPrefix(m[3], ":"), "-"); ok {
					return def
				}
				return "${" + name + "}"
			})
		}
	}
	return docs
}

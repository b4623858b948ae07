package importer

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"regexp"

	"gopkg.in/yaml.v3"
)

// isKubernetes reports whether a file, YAML or JSON, holds resources such as
// Strimzi's KafkaConnector.
func isKubernetes(data []byte) bool {
	return regexp.MustCompile(`(?m)^[\s{,]*"?apiVersion"?\s*:`).Match(data) && regexp.MustCompile(`(?m)(^|[\s{,])"?kind"?\s*:`).Match(data)
}

// readKubernetes reads Strimzi's KafkaConnector, alone or among others.
func readKubernetes(path string, data []byte) ([]Document, error) {
	// JSON is YAML too, but for its tabs and for escapes that nobody needs.
	var whole any
	dec := json.NewDecoder(bytes.NewReader(data))
	if dec.UseNumber(); dec.Decode(&whole) == nil {
		if plain, err := json.Marshal(whole); err == nil {
			data = plain
		}
	}
	var resources []*yaml.Node
	for dec := yaml.NewDecoder(bytes.NewReader(data)); ; {
		var root yaml.Node
		err := dec.Decode(&root)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil { // the error may hold the text
			return nil, errors.New("is not YAML; give the KafkaConnector as kubectl get -o yaml prints it")
		}
		for _, n := range root.Content {
			if items := child(n, "items"); items != nil && items.Kind == yaml.SequenceNode {
				resources = append(resources, items.Content...)
				continue
			}
			resources = append(resources, n)
		}
	}
	var docs []Document
	connectors, other := 0, ""
	for _, n := range resources {
		kind := child(n, "kind")
		if kind == nil || kind.Value != "KafkaConnector" {
			if kind != nil {
				other = kind.Value
			}
			docs = append(docs, Document{Path: path, Kind: Other, Notes: []string{
				fmt.Sprintf("%s:%d: a resource of the kind %q was passed over", filepath.Base(path), n.Line, other),
			}})
			continue
		}
		connectors++
		docs = append(docs, strimziConnector(path, n))
	}
	switch {
	case connectors == 0:
		return nil, fmt.Errorf("holds no KafkaConnector, but %q; give that resource, and the worker's .properties as its container has them", shortKind(other))
	case connectors > 1:
		return nil, fmt.Errorf("holds %d connectors; give one", connectors)
	}
	return docs, nil
}

func shortKind(kind string) string {
	if regexp.MustCompile(`^[A-Za-z]{1,60}$`).MatchString(kind) {
		return kind
	}
	return "something else"
}

// strimziConnector takes spec.config, and what Strimzi writes beside it.
func strimziConnector(path string, n *yaml.Node) Document {
	var props []Property
	var other []Finding
	add := func(name string, v *yaml.Node) {
		v = alias(v)
		where := at(path, v.Line)
		switch {
		case v.Kind != yaml.ScalarNode:
			other = append(other, Finding{Property: name, Where: where, Verdict: Unknown, Text: "its value is no text but an object or a list, which no property of a connector is"})
		case v.Tag == "!!null":
			props = append(props, Property{Name: name, Where: where})
		default:
			props = append(props, Property{Name: name, Value: v.Value, Where: where})
		}
	}
	each := func(of *yaml.Node, do func(name string, v *yaml.Node)) {
		if of == nil || of.Kind != yaml.MappingNode {
			return
		}
		for i := 0; i+1 < len(of.Content); i += 2 {
			do(of.Content[i].Value, of.Content[i+1])
		}
	}
	if name := child(child(n, "metadata"), "name"); name != nil {
		add("name", name)
	}
	each(child(n, "spec"), func(name string, v *yaml.Node) {
		switch name {
		case "class":
			add("connector.class", v)
		case "tasksMax":
			add("tasks.max", v)
		case "config":
			each(alias(v), add)
		case "state", "pause", "autoRestart":
			other = append(other, Finding{Property: "spec." + name, Where: at(path, v.Line), Verdict: NotNeeded, Text: "it tells Strimzi how to keep the connector running; here the process itself is kept by systemd or Kubernetes"})
		default:
			other = append(other, Finding{Property: "spec." + name, Where: at(path, v.Line), Verdict: Unknown, Text: unknownText})
		}
	})
	d := document(path, props)
	d.Kind = Connector
	for _, p := range d.Props {
		if p.Name == "name" {
			d.Name = p.Value
		}
	}
	d.Dropped = append(d.Dropped, other...)
	d.Notes = append(d.Notes, filepath.Base(path)+": of a Strimzi resource spec is read; stop the connector with spec.state: stopped, since Strimzi undoes what the REST interface is told")
	return d
}

package importer

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// MaxFile bounds a file that is read. Configurations have a few kilobytes;
// offset files of many connectors may have some megabytes.
const MaxFile = 16 << 20

// Kind says whose properties a document holds.
type Kind string

// The kinds of documents.
const (
	Connector Kind = "connector"
	Worker    Kind = "worker"
	Client    Kind = "client"  // of a Kafka client; all are the consumer's
	OffsetSet Kind = "offsets" // no properties
	Other     Kind = "other"   // read, but of nobody we know
)

// Property is one property as it was read.
type Property struct {
	Name  string
	Value string
	Where string // file, and line where it is known
}

// Document is what one file, or one part of it, says.
type Document struct {
	Path    string
	Kind    Kind
	Name    string // of the connector, if the document tells it
	ID      string // of a managed connector
	Props   []Property
	Offsets []Offset
	Notes   []string
	Dropped []Finding // what can have no effect, such as a property that is given again
}

// Read recognizes a file by its content. Its name is only for messages; an
// error names places in it, never its content.
func Read(path string, data []byte) ([]Document, error) {
	if len(data) > MaxFile {
		return nil, fmt.Errorf("%s: has more than %d bytes; it is no configuration", path, MaxFile)
	}
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	trimmed := bytes.TrimSpace(data)
	var docs []Document
	var err error
	switch {
	case len(trimmed) == 0:
		return nil, fmt.Errorf("%s: is empty; give the connector's configuration", path)
	case bytes.HasPrefix(data, javaMagic()):
		docs, err = readOffsetFile(path, data)
	case isKubernetes(trimmed):
		docs, err = readKubernetes(path, trimmed)
	case trimmed[0] == '{' || trimmed[0] == '[' && json.Valid(trimmed):
		docs, err = readJSON(path, trimmed)
	case isCompose(path, trimmed):
		docs, err = readCompose(path, trimmed)
	case isEnvironment(trimmed):
		docs, err = readEnvironment(path, trimmed)
	default:
		docs, err = readProperties(path, data)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return docs, nil
}

// ReadAll reads several files and lets the variables of environment files
// stand in for $NAME in Compose files, as Compose does.
func ReadAll(paths []string, read func(string) ([]byte, error)) ([]Document, error) {
	var docs []Document
	var errs []error
	for _, path := range paths {
		data, err := read(path)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		d, err := Read(path, data)
		docs, errs = append(docs, d...), append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return interpolate(docs), nil
}

// kindOf tells by the names of properties whose they are.
func kindOf(props []Property) Kind {
	has := func(match func(string) bool) bool {
		return slices.ContainsFunc(props, func(p Property) bool { return match(p.Name) })
	}
	is := func(names ...string) func(string) bool {
		return func(name string) bool { return slices.Contains(names, name) }
	}
	begins := func(prefixes ...string) func(string) bool {
		return func(name string) bool {
			return slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(name, p) })
		}
	}
	switch {
	case has(is("connector.class")), has(begins("splunk.")):
		return Connector
	case has(is("key.converter", "value.converter", "plugin.path", "config.storage.topic")),
		has(begins("offset.storage.", "status.storage.", "config.storage.", "consumer.", "producer.", "rest.")):
		return Worker
	case has(is("tasks.max", "topics", "topics.regex")), has(begins("transforms", "errors.")):
		return Connector
	default:
		return Client
	}
}

// at names a place in a file.
func at(path string, line int) string { return fmt.Sprintf("%s:%d", filepath.Base(path), line) }

// again takes out the properties that a later one of the same name overrides,
// as every reader of such files does, but says so.
func again(props []Property) (kept []Property, dropped []Finding) {
	last := map[string]int{}
	for i, p := range props {
		last[p.Name] = i
	}
	for i, p := range props {
		if j := last[p.Name]; j != i {
			dropped = append(dropped, Finding{
				Property: p.Name, Where: p.Where, Verdict: NotNeeded,
				Text: "it is given again at " + props[j].Where + ", and the last one counts",
			})
			continue
		}
		kept = append(kept, p)
	}
	return kept, dropped
}

func document(path string, props []Property) Document {
	d := Document{Path: path, Kind: kindOf(props)}
	d.Props, d.Dropped = again(props)
	for _, p := range d.Props {
		if p.Name == "name" && d.Kind == Connector {
			d.Name = strings.TrimSpace(p.Value)
		}
	}
	return d
}

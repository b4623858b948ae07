package importer

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
)

// member is one member of a JSON object, in the file's order.
type member struct {
	name  string
	value json.RawMessage
}

// members reads an object. encoding/json's maps would lose order and repeats.
func members(data []byte) ([]member, error) {
	dec := json.NewDecoder(bytes.NewReader(data))
	first, err := dec.Token()
	if err != nil {
		return nil, badJSON(err)
	}
	if first != json.Delim('{') {
		return nil, errors.New("is no JSON object; give it as the REST interface or the CLI printed it")
	}
	var list []member
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return nil, badJSON(err)
		}
		m := member{name: fmt.Sprint(name)}
		if err := dec.Decode(&m.value); err != nil {
			return nil, badJSON(err)
		}
		list = append(list, m)
	}
	if _, err := dec.Token(); err != nil {
		return nil, badJSON(err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("has something behind the JSON object; give one object a file")
	}
	return list, nil
}

// badJSON tells where, but not what: the text may hold a secret.
func badJSON(err error) error {
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		return fmt.Errorf("is not JSON at byte %d; give it as the REST interface or the CLI printed it", syntax.Offset)
	}
	return errors.New("is not JSON, or is cut off; give it as the REST interface or the CLI printed it")
}

func find(list []member, name string) (json.RawMessage, bool) {
	i := slices.IndexFunc(list, func(m member) bool { return m.name == name })
	if i < 0 {
		return nil, false
	}
	return list[i].value, true
}

// object returns the members of a member that is an object.
func object(list []member, name string) ([]member, bool) {
	raw, ok := find(list, name)
	if !ok {
		return nil, false
	}
	inner, err := members(raw)
	return inner, err == nil
}

func text(list []member, name string) string {
	raw, _ := find(list, name)
	s, _, _ := scalar(raw)
	return s
}

// scalar returns the text of a value that is no object and no list.
func scalar(raw json.RawMessage) (s string, null, ok bool) {
	raw = bytes.TrimSpace(raw)
	switch {
	case len(raw) == 0:
		return "", false, false
	case raw[0] == '{' || raw[0] == '[':
		return "", false, false
	case raw[0] == '"':
		return s, false, json.Unmarshal(raw, &s) == nil
	case string(raw) == "null":
		return "", true, true
	default: // a number, true or false
		return string(raw), false, true
	}
}

// readJSON reads all forms in which Connect and Confluent's CLI show a
// connector, and the offsets that they show.
func readJSON(path string, data []byte) ([]Document, error) {
	list, err := members(data)
	if err != nil {
		return nil, err
	}
	if raw, ok := find(list, "offsets"); ok && len(bytes.TrimSpace(raw)) > 0 && bytes.TrimSpace(raw)[0] == '[' {
		return readOffsetJSON(path, raw)
	}
	// confluent connect cluster describe -o json
	if raw, ok := find(list, "configs"); ok {
		return readDescribed(path, list, raw)
	}
	if config, ok := object(list, "config"); ok {
		return connectorJSON(path, text(list, "name"), list, config)
	}
	// GET /connectors?expand=info
	var docs []Document
	for _, m := range list {
		one, err := members(m.value)
		if err != nil {
			docs = nil
			break
		}
		info, ok := object(one, "info")
		if !ok {
			info = one
		}
		config, ok := object(info, "config")
		if !ok {
			docs = nil
			break
		}
		d, err := connectorJSON(path, m.name, nil, config)
		if err != nil {
			return nil, err
		}
		docs = append(docs, d...)
	}
	switch {
	case len(docs) > 1:
		return nil, fmt.Errorf("holds %d connectors; give one, from GET /connectors/<name>", len(docs))
	case len(docs) == 1:
		return docs, nil
	}
	return connectorJSON(path, "", nil, list)
}

// connectorJSON makes a document of a connector's configuration and of what
// stands beside it.
func connectorJSON(path, name string, beside, config []member) ([]Document, error) {
	where := filepath.Base(path)
	var props []Property
	var other []Finding
	add := func(prefix string, list []member) {
		for _, m := range list {
			s, _, ok := scalar(m.value)
			if !ok {
				other = append(other, Finding{
					Property: prefix + m.name, Where: where, Verdict: Unknown,
					Text: "its value is no text but an object or a list, which no property of a connector is",
				})
				continue
			}
			props = append(props, Property{Name: m.name, Value: s, Where: where})
		}
	}
	add("", config)
	d := document(path, props)
	if name != "" {
		d.Name = name
	}
	for _, m := range beside {
		switch m.name {
		case "config":
		case "name":
			if !slices.ContainsFunc(d.Props, func(p Property) bool { return p.Name == "name" }) {
				d.Props = append(d.Props, Property{Name: "name", Value: name, Where: where})
			}
		case "tasks", "type", "initial_state":
			other = append(other, Finding{Property: m.name, Where: where, Verdict: NotNeeded, Text: "it tells the connector's state, not its configuration"})
		default:
			other = append(other, Finding{Property: m.name, Where: where, Verdict: Unknown, Text: unknownText})
		}
	}
	d.Dropped = append(d.Dropped, other...)
	return []Document{d}, nil
}

// readDescribed reads what `confluent connect cluster describe -o json` prints.
func readDescribed(path string, list []member, raw json.RawMessage) ([]Document, error) {
	var rows []struct{ Config, Value string }
	if err := json.Unmarshal(raw, &rows); err != nil {
		return nil, errors.New(`its "configs" are no list of {"config": …, "value": …}; give the connector's JSON as the CLI printed it`)
	}
	var props []Property
	for _, r := range rows {
		props = append(props, Property{Name: r.Config, Value: r.Value, Where: filepath.Base(path)})
	}
	d := document(path, props)
	if c, ok := object(list, "connector"); ok {
		d.Name, d.ID = text(c, "name"), text(c, "id")
	}
	for _, m := range list {
		if m.name != "configs" {
			d.Dropped = append(d.Dropped, Finding{
				Property: m.name, Where: filepath.Base(path), Verdict: NotNeeded,
				Text: "it tells the connector's name and state, not its configuration",
			})
		}
	}
	return []Document{d}, nil
}

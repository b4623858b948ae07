package alerts

import (
	"bytes"
	"encoding/json"
	"time"

	"gopkg.in/yaml.v3"

	"auditlog-forwarder/pkg/sigma"
)

// maxRepeat bounds the events that an example makes.
const maxRepeat = 10_000

func (r *reader) examples(n *yaml.Node, a *Alert) {
	if n.Kind != yaml.SequenceNode {
		r.mistake(n, "examples is no list; each example has name, fires and events")
		return
	}
	var fires, silent bool
	names := map[string]bool{}
	for _, item := range n.Content {
		e := r.example(item)
		if e.Name != "" && names[e.Name] {
			r.mistake(item, "examples: the name %q is given twice", e.Name)
		}
		names[e.Name] = true
		fires, silent = fires || e.Fires, silent || !e.Fires
		a.Examples = append(a.Examples, e)
	}
	if !fires {
		r.mistake(n, "examples: there is none with fires: true; an alert that nothing shows to fire may never do so")
	}
	if !silent {
		r.mistake(n, "examples: there is none with fires: false; show an event near by that must not fire the alert")
	}
}

func (r *reader) example(n *yaml.Node) Example {
	e := Example{Line: n.Line}
	all := r.members(n, "an example", "name", "fires", "events")
	if m, ok := all["name"]; ok {
		e.Name = r.line(m)
	} else if n.Kind == yaml.MappingNode {
		r.mistake(n, "an example has no name; say in a few words what happens")
	}
	switch m, ok := all["fires"]; {
	case ok && m.value.ShortTag() == "!!bool":
		e.Fires = m.value.Value == "true"
	case ok:
		r.mistake(m.value, "fires is true or false")
	case n.Kind == yaml.MappingNode:
		r.mistake(n, "an example does not say whether it fires; add fires: true or fires: false")
	}
	m, ok := all["events"]
	if !ok {
		if n.Kind == yaml.MappingNode {
			r.mistake(n, "an example has no events; where none is meant, write events: []")
		}
		return e
	}
	if m.value.Kind != yaml.SequenceNode {
		r.mistake(m.value, "events is no list; each has an event, and may have repeat, apart and vary")
		return e
	}
	for _, item := range m.value.Content {
		e.Events = append(e.Events, r.exampleEvent(item))
	}
	return e
}

func (r *reader) exampleEvent(n *yaml.Node) ExampleEvent {
	e := ExampleEvent{Repeat: 1}
	all := r.members(n, "one of events", "event", "repeat", "apart", "vary")
	if m, ok := all["event"]; ok {
		e.Body = r.event(m.value)
	} else if n.Kind == yaml.MappingNode {
		r.mistake(n, "one of events has no event, which is the event's JSON")
	}
	if m, ok := all["repeat"]; ok {
		e.Repeat = int(r.integer(m, 1, maxRepeat))
	}
	if m, ok := all["apart"]; ok {
		e.Apart = r.duration(m, time.Second, 30*day)
	}
	if m, ok := all["vary"]; ok {
		for _, v := range r.anyMembers(m.value, "vary", "it has paths of the event, each with a list of values") {
			path, err := sigma.ParsePath(v.name.Value)
			if err != nil {
				r.mistake(v.name, "vary: %v", err)
			}
			variation := Variation{Path: path}
			if v.value.Kind != yaml.SequenceNode || len(v.value.Content) == 0 {
				r.mistake(v.value, "vary: %s has no list of values", v.name.Value)
				continue
			}
			for _, item := range v.value.Content { // the same one twice is fine
				variation.Values = append(variation.Values, r.line(member{v.name, item}))
			}
			e.Vary = append(e.Vary, variation)
		}
	}
	return e
}

// event writes a map of YAML as JSON, its members in their order.
func (r *reader) event(n *yaml.Node) []byte {
	if n.Kind != yaml.MappingNode {
		r.mistake(n, "event is no map; write the event's JSON, whose braces are YAML as well")
		return nil
	}
	var b bytes.Buffer
	r.json(&b, n)
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value != "time" {
			continue
		}
		if _, err := time.Parse(time.RFC3339Nano, n.Content[i+1].Value); err != nil {
			r.mistake(n.Content[i+1], "the event's time is not as in 2026-11-23T03:00:00Z")
		}
		return b.Bytes()
	}
	r.mistake(n, "the event has no time, by which an example is run")
	return b.Bytes()
}

func (r *reader) json(b *bytes.Buffer, n *yaml.Node) {
	switch n.Kind {
	case yaml.MappingNode:
		b.WriteByte('{')
		for i, m := range r.anyMembers(n, "the event", "") {
			if i > 0 {
				b.WriteByte(',')
			}
			quote(b, m.name.Value)
			b.WriteByte(':')
			r.json(b, m.value)
		}
		b.WriteByte('}')
	case yaml.SequenceNode:
		b.WriteByte('[')
		for i, item := range n.Content {
			if i > 0 {
				b.WriteByte(',')
			}
			r.json(b, item)
		}
		b.WriteByte(']')
	case yaml.ScalarNode:
		r.scalar(b, n)
	default:
		r.mistake(n, "the event: aliases are not supported; write the value out")
		b.WriteString("null")
	}
}

func (r *reader) scalar(b *bytes.Buffer, n *yaml.Node) {
	switch n.ShortTag() {
	case "!!null":
		b.WriteString("null")
	case "!!bool", "!!int", "!!float":
		if !json.Valid([]byte(n.Value)) {
			r.mistake(n, "the event: %s is not written as in JSON; put a text in quotes", n.Value)
		}
		b.WriteString(n.Value)
	default: // a text, or a time of YAML's, which in JSON is one
		quote(b, n.Value)
	}
}

// quote writes a text as JSON, without escapes that only HTML needs.
func quote(b *bytes.Buffer, text string) {
	enc := json.NewEncoder(b)
	enc.SetEscapeHTML(false)
	if enc.Encode(text) == nil { // a text can always be written
		b.Truncate(b.Len() - 1) // the line end
	}
}

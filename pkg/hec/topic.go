package hec

import (
	"encoding/binary"
	"strings"

	"auditlog-forwarder/pkg/audit"
)

// topicShape is what the configuration comes to for one topic.
type topicShape struct {
	fields []byte // `"fields":{"kafka_topic":"…","kafka_partition":"`
	always *meta  // what every event is sent with; nil if the rules ask more than the topic
	query  string // of the address that the topic is posted to

	rules   []*rule
	method  bool     // a rule asks for the event's method
	headers []string // those that rules ask for
	known   memo[string, *meta]
}

// meta is metadata as it is written.
type meta struct {
	values [metaCount]string
	names  [metaCount]string // `"index":`
	parts  [metaCount][]byte // `"index":"main",`, or nothing
	whole  []byte            // all parts and the beginning of the fields
	others memo[audit.Route, *meta]
}

// topic returns the shape of a topic's events, made when it is first met.
func (e *encoder) topic(name string) *topicShape {
	if shape, ok := e.topics.all()[name]; ok {
		return shape
	}
	shape := e.newTopicShape(name)
	e.topics.add(name, shape)
	return shape
}

func (e *encoder) newTopicShape(name string) *topicShape {
	t := &topicShape{fields: append(appendText([]byte(`"fields":{"kafka_topic":`), name), `,"kafka_partition":"`...)}
	var settled [metaCount]bool // by a rule that asks for the topic alone
	constant := true
	for _, r := range e.rules {
		if r.topic != nil && !r.topic.Match(name) {
			continue
		}
		useful := false
		for i, v := range r.sets {
			useful = useful || v != "" && !settled[i]
			settled[i] = settled[i] || v != "" && r.constant()
		}
		if !useful {
			continue
		}
		t.rules = append(t.rules, r)
		constant = constant && r.constant()
		t.method = t.method || r.method != nil
		for _, c := range r.headers {
			t.headers = append(t.headers, c.name)
		}
	}
	if constant {
		t.always = t.newMeta(e, nil, audit.Event{})
		t.query = e.query(t.always.values)
	} else {
		t.query = e.query([metaCount]string{})
	}
	return t
}

// newMeta asks the rules. rec may be nil if they ask for the topic alone.
func (t *topicShape) newMeta(e *encoder, rec *audit.Record, ev audit.Event) *meta {
	m := &meta{}
	for _, r := range t.rules {
		if !r.holds(rec, ev) {
			continue
		}
		for i, v := range r.sets {
			if m.values[i] == "" {
				m.values[i] = v
			}
		}
	}
	for i := range m.values {
		if m.values[i] == "" {
			m.values[i] = e.fixed[i]
		}
	}
	m.write(t)
	return m
}

// write makes what is sent out of the values.
func (m *meta) write(t *topicShape) {
	for i, name := range metaNames() {
		m.names[i] = `"` + name + `":`
		if m.values[i] != "" {
			m.parts[i] = append(appendText([]byte(m.names[i]), m.values[i]), ',')
			m.whole = append(m.whole, m.parts[i]...)
		}
	}
	m.whole = append(m.whole, t.fields...)
}

// routed returns what an event is sent with that a rule sends elsewhere. What
// the rule leaves open stays as m has it.
func (m *meta) routed(t *topicShape, to audit.Route) *meta {
	if other, ok := m.others.all()[to]; ok {
		return other
	}
	other := &meta{values: m.values}
	for i, v := range [metaCount]string{metaHost: to.Host, metaSource: to.Source, metaSourcetype: to.Sourcetype, metaIndex: to.Index} {
		if v != "" {
			other.values[i] = strings.ToValidUTF8(v, "\uFFFD")
		}
	}
	other.write(t)
	m.others.add(to, other)
	return other
}

// decide returns what an event is sent with. What the rules made of a method
// and of headers is remembered, since an organisation has some hundred of them;
// a pattern costs as much as the rest of the encoding.
func (t *topicShape) decide(e *encoder, rec *audit.Record, ev audit.Event) *meta {
	var room [256]byte
	key := ev.Method
	if len(t.headers) > 0 {
		key = t.key(room[:0], rec, ev)
	}
	if len(key) > len(room) {
		return t.newMeta(e, rec, ev)
	}
	if m, ok := t.known.all()[string(key)]; ok {
		return m
	}
	m := t.newMeta(e, rec, ev)
	t.known.add(string(key), m)
	return m
}

// key writes all that the rules ask for, each part with its length before it.
func (t *topicShape) key(dst []byte, rec *audit.Record, ev audit.Event) []byte {
	part := func(dst, p []byte) []byte {
		return append(binary.AppendUvarint(dst, uint64(len(p))+1), p...)
	}
	if t.method {
		dst = part(dst, ev.Method)
	}
	for _, name := range t.headers {
		for _, h := range rec.Headers {
			if h.Key == name {
				dst = part(dst, h.Value)
			}
		}
		dst = append(dst, 0)
	}
	return dst
}

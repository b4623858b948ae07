package importer

import (
	"fmt"
	"iter"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"auditlog-forwarder/pkg/creds"
)

// scope is the properties of one of Connect's parts, by name and in order.
// What is added later is stronger.
type scope struct {
	prefix string // our section; empty: none
	props  map[string]Property
	shown  map[string]string // how the property is called where it stands
	order  []string
}

func newScope(prefix string) *scope {
	return &scope{prefix: prefix, props: map[string]Property{}, shown: map[string]string{}}
}

func (s *scope) value(name string) string { return strings.TrimSpace(s.props[name].Value) }

func (s *scope) has(name string) bool { return s.value(name) != "" }

// isTrue reads a bool as Kafka does.
func (s *scope) isTrue(name string) bool { return strings.EqualFold(s.value(name), "true") }

// key puts the scope's section before a name.
func (s *scope) key(name string) string { return s.prefix + "." + name }

// translation is one Import while it runs.
type translation struct {
	opts Options
	res  *Result

	connector, consumer, producer, worker, admin *scope

	overrides map[string]bool // of the consumer, by the connector
	managed   bool
	client    bool   // of a Kafka client and not of Connect
	id        string // of a managed connector
}

func newTranslation(opts Options) *translation {
	return &translation{
		opts: opts,
		res:  &Result{settings: map[string]setting{}, Findings: []Finding{}, Missing: []Missing{}},

		connector: newScope(""), consumer: newScope("kafka"), producer: newScope("dead_letter_topic"),
		worker: newScope("kafka"), admin: newScope(""), overrides: map[string]bool{},
	}
}

func (t *translation) empty() bool {
	return len(t.connector.order)+len(t.consumer.order)+len(t.producer.order)+len(t.worker.order) == 0
}

// add takes the properties of one document.
func (t *translation) add(d Document) {
	for _, f := range d.Dropped {
		t.found(f)
	}
	t.res.Notes = append(t.res.Notes, d.Notes...)
	t.res.Offsets = append(t.res.Offsets, d.Offsets...)
	switch d.Kind {
	case OffsetSet:
		return
	case Other:
		for _, p := range d.Props {
			t.found(Finding{Property: p.Name, Where: p.Where, Verdict: NotNeeded, Text: "no variable of Kafka Connect; it serves only where another file names it"})
		}
		return
	case Client:
		t.client = t.client || len(d.Props) > 0
	case Connector:
		t.res.Connector = orElse(d.Name, t.res.Connector)
		t.id = orElse(d.ID, t.id)
	}
	for _, p := range d.Props {
		t.place(d.Kind, p)
	}
}

func orElse(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// place finds whose a property is.
func (t *translation) place(kind Kind, p Property) {
	into, name := t.worker, p.Name
	connector := kind == Connector
	prefixes := []struct {
		text string
		of   *scope
	}{
		{"consumer.override.", t.consumer},
		{"producer.override.", t.producer},
		{"admin.override.", t.admin},
		{"consumer.", t.consumer},
		{"producer.", t.producer},
		{"admin.", t.admin},
	}
	switch kind {
	case Connector:
		into, prefixes = t.connector, prefixes[:3]
	case Client:
		into, prefixes = t.consumer, nil
	}
	for _, prefix := range prefixes {
		rest, ok := strings.CutPrefix(p.Name, prefix.text)
		if ok && !strings.HasPrefix(rest, "listeners") { // admin.listeners is of the REST interface
			into, name = prefix.of, rest
			break
		}
	}
	old, given := into.props[name]
	if given && into != t.connector && t.overrides[into.prefix+" "+name] && !connector {
		t.found(Finding{Property: p.Name, Where: p.Where, Verdict: NotNeeded, Text: "the connector's own at " + old.Where + " goes before it"})
		return
	}
	if given {
		t.found(Finding{Property: into.shown[name], Where: old.Where, Verdict: NotNeeded, Text: "that of " + p.Where + " goes before it"})
	} else {
		into.order = append(into.order, name)
	}
	if connector {
		t.overrides[into.prefix+" "+name] = true
	}
	into.props[name], into.shown[name] = p, p.Name
}

// translate applies the rules to all properties.
func (t *translation) translate() {
	t.managed = strings.EqualFold(t.connector.value("connector.class"), "SplunkSink") || t.connector.has("kafka.auth.mode") || t.connector.has("kafka.api.key")
	connection := slices.Concat(connectionRules(), librdkafkaRules())
	t.apply(t.connector, slices.Concat(splunkRules(), connectorRules(), managedRules()))
	t.apply(t.consumer, slices.Concat(consumerRules(), connection))
	if t.connector.has("errors.deadletterqueue.topic.name") {
		t.apply(t.producer, slices.Concat(producerRules(), connection))
	} else {
		t.skip(t.producer, "nothing is written to Kafka, since there is no dead-letter topic")
	}
	t.apply(t.worker, slices.Concat(workerRules(), ownRules()))
	t.skip(t.admin, "topics are not made, so there is no admin client")
	t.defaults()
}

// ownRules are of the worker's own connection to Kafka.
func ownRules() (rules []rule) {
	for _, r := range connectionRules() {
		if r.name != "bootstrap.servers" {
			rules = append(rules, rule{name: r.name, verdict: NotNeeded, text: "it is of the worker's own connection to Kafka; the connector's consumer has what begins with consumer."})
		}
	}
	return append(rules, rule{name: "ssl.client.auth", verdict: NotNeeded, text: "it is of the REST interface, which there is none of"},
		rule{name: "sasl.*", verdict: NotNeeded, text: "it is of the worker's own connection to Kafka"})
}

func (t *translation) apply(s *scope, rules []rule) {
	for _, name := range s.order {
		p := s.props[name]
		p.Name = s.shown[name]
		r, ok := match(rules, name)
		if !ok {
			t.found(Finding{Property: p.Name, Where: p.Where, Verdict: Unknown, Text: unknownText})
			continue
		}
		r = r.with(s.prefix)
		value := strings.TrimSpace(p.Value)
		switch ref := placeholder(value); {
		case r.apply == nil:
			t.say(p, r.verdict, r.keys, r.text)
		case r.whole:
			r.apply(t, s, p, r)
		case value == "":
			t.say(p, NotNeeded, nil, "it is empty, as if it were not given")
		case ref != "" && len(r.keys) > 0:
			t.fillIn(p, r, ref)
		default:
			p.Value = value
			r.apply(t, s, p, r)
		}
	}
}

func (t *translation) skip(s *scope, why string) {
	for _, name := range s.order {
		t.found(Finding{Property: s.shown[name], Where: s.props[name].Where, Verdict: NotNeeded, Text: why})
	}
}

func (t *translation) found(f Finding) {
	f.Property = nameOf(f)
	t.res.Findings = append(t.res.Findings, f)
}

// nameOf does not show what stands where a name should and looks like a piece
// of a key or a token: a line of PEM that lost its beginning, for one.
func nameOf(f Finding) string {
	if strings.ContainsAny(f.Property, "._-") || len(f.Property) <= 24 && strings.Trim(f.Property, letters) == "" {
		return f.Property
	}
	return "(no name, at " + f.Where + ")"
}

const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789[]() "

func (t *translation) say(p Property, v Verdict, keys []string, text string) {
	t.found(Finding{Property: p.Name, Where: p.Where, Verdict: v, Keys: keys, Text: text})
}

// set translates a property. note is said where more than the value changed.
func (t *translation) set(p Property, key string, value any, note string) {
	t.put(key, value, p.Where+": "+p.Name, note)
	t.say(p, Translated, []string{key}, note)
}

// put sets a key without a finding.
func (t *translation) put(key string, value any, from, note string) {
	s := setting{value: value, note: note}
	if from != "" {
		s.from = []string{from}
	}
	t.res.settings[key] = s
}

// fillIn names a value that is kept elsewhere.
func (t *translation) fillIn(p Property, r rule, ref string) {
	key := r.keys[0]
	plain := strings.TrimSuffix(key, "_file")
	if k, ok := lookupKey(plain); ok && k.FromFile && plain != key {
		if path, whole := wholeFile(p.Value); whole {
			t.set(p, key, path, "the file that the property names holds the value and nothing else; copy it to the forwarder's host")
			return
		}
		t.missing(Missing{Key: plain, Secret: k.Secret, Text: giveSecret(plain)})
		t.say(p, FillIn, []string{key}, elsewhere(ref)+"; "+giveSecret(plain))
		return
	}
	t.missing(Missing{Key: key, Text: elsewhere(ref)})
	t.say(p, FillIn, []string{key}, elsewhere(ref)+"; put it into "+key)
}

func (t *translation) missing(m Missing) {
	if !slices.ContainsFunc(t.res.Missing, func(o Missing) bool { return o.Key == m.Key }) {
		t.res.Missing = append(t.res.Missing, m)
	}
}

// giveSecret says the ways in which a secret can be given.
func giveSecret(key string) string {
	k, _ := lookupKey(key)
	return fmt.Sprintf("write it to a file that %s names, or give it as %s", fileKeyOf(key), k.Env())
}

// secret puts a value into a file of its own, or leaves it out.
func (t *translation) secret(p Property, key string, value creds.Secret, verdict bool) {
	say := func(v Verdict, text string) {
		if verdict {
			t.say(p, v, []string{fileKeyOf(key)}, text)
		}
	}
	if t.opts.SecretsDir == "" {
		t.missing(Missing{Key: key, Secret: true, Text: giveSecret(key)})
		say(FillIn, "a secret, which is not written without --secrets-dir; "+giveSecret(key))
		return
	}
	path := t.file(slug(key), value)
	t.put(fileKeyOf(key), path, p.Where+": "+p.Name, "")
	say(Translated, "written to "+path)
}

// file keeps something for a file of its own and returns its path.
func (t *translation) file(name string, data creds.Secret) string {
	path := filepath.Join(t.opts.SecretsDir, name)
	t.res.files = append(t.res.files, SecretFile{Path: path, data: data})
	return path
}

func keysOf(m map[string]string) iter.Seq[string] { return maps.Keys(m) }

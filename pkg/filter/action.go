package filter

import (
	"encoding/json"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"auditlog-forwarder/pkg/audit"
	"auditlog-forwarder/pkg/sigma"
	"auditlog-forwarder/pkg/summary"
)

// Member is the member of a rule that is ours.
const Member = "auditlog-forwarder"

// Action is what a rule does to the events that it matches.
type Action string

// The actions.
const (
	Drop      Action = "drop"      // the event is left out and counted
	Keep      Action = "keep"      // the event is sent
	Route     Action = "route"     // the event goes elsewhere
	Redact    Action = "redact"    // values in it are replaced
	Summarise Action = "summarise" // it is counted in an event that stands for many
)

// Actions lists all.
func Actions() []Action { return []Action{Drop, Keep, Route, Redact, Summarise} }

// Rule is one rule. Of the settings those of its Action count.
type Rule struct {
	Name      string // its title; what is counted is counted under it
	Where     string // file:line
	Action    Action
	Route     audit.Route // of the events, or of the summaries
	Redaction Redaction
	By        []sigma.Path // one summary for each combination of their values
	summary   *summary.Rule
}

// Redaction says which values are replaced.
type Redaction struct {
	Fields []sigma.Path
	Hash   bool
	Text   string // in place of the value, unless Hash
}

func (r *Rule) hashes() bool { return r.Action == Redact && r.Redaction.Hash }

// replacement is the JSON text in place of a value; nil: its hash.
func (r Redaction) replacement() []byte {
	if r.Hash {
		return nil
	}
	text, err := json.Marshal(r.Text)
	if err != nil { // a string can always be written
		return []byte(`"REDACTED"`)
	}
	return text
}

const (
	defaultText  = "REDACTED"
	hashWord     = "hash"
	maxRouteText = 1024
)

// reader reads our member of one rule and gathers the mistakes in it.
type reader struct {
	file     string
	mistakes sigma.Mistakes
}

func (r *reader) mistake(n *yaml.Node, format string, args ...any) {
	r.mistakes = append(r.mistakes, sigma.At(r.file, n, format, args...))
}

// member is a name and a value of a mapping.
type member struct{ name, value *yaml.Node }

// members returns those of a mapping, and tells what is none, unknown, or there
// twice.
func (r *reader) members(n *yaml.Node, of string, known ...string) map[string]member {
	n = alias(n)
	if n.Kind != yaml.MappingNode {
		r.mistake(n, "%s is not a mapping; it has %s", of, strings.Join(known, ", "))
		return nil
	}
	all := map[string]member{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		name, value := n.Content[i], alias(n.Content[i+1])
		switch _, twice := all[name.Value]; {
		case of == string(Summarise) && (name.Value == "every" || name.Value == "samples" || name.Value == "max_keys"):
			r.mistake(name, "%s is the same for all rules; set summaries.%s in the configuration", name.Value, name.Value)
		case !slices.Contains(known, name.Value):
			r.mistake(name, "unknown key %q%s", name.Value, sigma.Hint(name.Value, of+" has ", known))
		case twice:
			r.mistake(name, "%s is given twice", name.Value)
		default:
			all[name.Value] = member{name, value}
		}
	}
	return all
}

func alias(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

// action reads our member into rule.
func (r *reader) action(n *yaml.Node, rule *Rule) {
	settings := []string{string(Route), string(Redact), string(Summarise)}
	all := r.members(n, Member, append([]string{"action"}, settings...)...)
	if all == nil {
		return
	}
	var names []string
	for _, a := range Actions() {
		names = append(names, string(a))
	}
	m, ok := all["action"]
	if !ok {
		r.mistake(n, "%s has no action; allowed are %s", Member, strings.Join(names, ", "))
		return
	}
	rule.Action = Action(r.text(m, "action"))
	if !slices.Contains(names, string(rule.Action)) {
		r.mistake(m.value, "unknown action %q%s", m.value.Value, sigma.Hint(m.value.Value, "allowed are ", names))
		return
	}
	for _, name := range settings {
		switch m, ok := all[name]; {
		case ok && name == string(Route) && rule.Action == Summarise:
			r.route(m, r.members(m.value, name, settingsOf(Route)...), &rule.Route)
		case ok && name != string(rule.Action):
			r.mistake(m.name, "%s has no effect, since the action is %s; remove it, or write two rules", name, rule.Action)
		case ok:
			r.settings(m, rule)
		case name == string(rule.Action):
			r.mistake(n, "the action %s needs the member %s beside it, with %s", name, name, strings.Join(settingsOf(rule.Action), ", "))
		}
	}
}

func settingsOf(a Action) []string {
	switch a {
	case Route:
		return []string{"index", "source", "sourcetype", "host"}
	case Redact:
		return []string{"fields", "with"}
	case Summarise:
		return []string{"by"}
	default:
		return nil
	}
}

func (r *reader) settings(m member, rule *Rule) {
	all := r.members(m.value, m.name.Value, settingsOf(rule.Action)...)
	if all == nil {
		return
	}
	switch rule.Action {
	case Route:
		r.route(m, all, &rule.Route)
	case Redact:
		rule.Redaction = Redaction{Fields: r.paths(m, all, "fields"), Text: defaultText}
		if with, ok := all["with"]; ok {
			text := r.text(with, "with")
			if rule.Redaction.Hash = strings.EqualFold(text, hashWord); !rule.Redaction.Hash {
				rule.Redaction.Text = text
			}
		}
	case Summarise:
		rule.By = r.paths(m, all, "by")
	}
}

func (r *reader) route(m member, all map[string]member, to *audit.Route) {
	for name, field := range map[string]*string{"index": &to.Index, "source": &to.Source, "sourcetype": &to.Sourcetype, "host": &to.Host} {
		v, ok := all[name]
		if !ok {
			continue
		}
		*field = r.text(v, name)
		if *field == "" || len(*field) > maxRouteText || strings.ContainsFunc(*field, func(c rune) bool { return c < ' ' || c == 0x7f }) {
			r.mistake(v.value, "%s is empty, longer than %d bytes, or holds a control character", name, maxRouteText)
		}
	}
	if all != nil && len(all) == 0 {
		r.mistake(m.value, "route sets nothing; it has %s", strings.Join(settingsOf(Route), ", "))
	}
}

// text reads a scalar.
func (r *reader) text(m member, name string) string {
	if m.value.Kind != yaml.ScalarNode || m.value.Tag == "!!null" {
		r.mistake(m.value, "%s is no text", name)
		return ""
	}
	return m.value.Value
}

// paths reads a list of paths, or one.
func (r *reader) paths(of member, all map[string]member, name string) (paths []sigma.Path) {
	m, ok := all[name]
	if !ok {
		r.mistake(of.name, "%s has no %s; give a list of paths such as data.authenticationInfo.principal", of.name.Value, name)
		return nil
	}
	items := []*yaml.Node{m.value}
	if m.value.Kind == yaml.SequenceNode {
		items = m.value.Content
	}
	if len(items) == 0 {
		r.mistake(m.value, "%s is empty; give a list of paths such as data.authenticationInfo.principal", name)
	}
	for _, item := range items {
		item = alias(item)
		if item.Kind != yaml.ScalarNode || item.Tag == "!!null" {
			r.mistake(item, "%s: no path; write it as Splunk does, such as data.cloudResources{}.resource.resourceId", name)
			continue
		}
		path, err := sigma.ParsePath(item.Value)
		switch {
		case err != nil:
			r.mistake(item, "%s: %v", name, err)
		case slices.ContainsFunc(paths, func(p sigma.Path) bool { return p.String() == path.String() }):
			r.mistake(item, "%s: %s is given twice", name, item.Value)
		default:
			paths = append(paths, path)
		}
	}
	return paths
}

package alerts

import (
	"bytes"
	"errors"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"auditlog-forwarder/pkg/sigma"
)

// Settings are a user's, for all alerts. What they say of single ones is in
// these already.
type Settings struct {
	Search, HeartbeatSearch string // what the macros stand for
	Zone                    Zone   // of working hours
	Actions                 Actions
	Named                   []string // the members that the file has
}

// What the macros stand for where nothing is set: every index that a user
// searches by default.
const (
	defaultSearch          = `sourcetype="confluent:auditlog"`
	defaultHeartbeatSearch = `sourcetype="auditlog-forwarder:heartbeat"`
)

// all is the word for every alert in enabled.
const all = "all"

// settings reads a user's settings and puts them into the alerts.
func (l *loader) settings(file string) {
	if file == "" {
		return
	}
	data, err := sigma.ReadFile("the settings", file)
	if err != nil {
		l.errs = append(l.errs, err)
		return
	}
	l.readSettings(&reader{file: file, partial: l.partial}, data)
}

func (l *loader) readSettings(r *reader, data []byte) {
	dec := yaml.NewDecoder(bytes.NewReader(data))
	var doc, second yaml.Node
	if err := dec.Decode(&doc); errors.Is(err, io.EOF) {
		return
	} else if err != nil {
		l.add(sigma.Mistakes{sigma.NotYAML(r.file, data, err)})
		return
	}
	if dec.Decode(&second) == nil {
		r.mistake(&second, "there is a second document; the settings are one")
	}
	if root := doc.Content[0]; root.ShortTag() != "!!null" {
		r.settings(root, l.catalogue)
	}
	l.add(r.mistakes)
}

func (r *reader) settings(root *yaml.Node, c *Catalogue) {
	parts := r.members(root, "the settings", "search", "heartbeat_search", "utc_offset", "time_zone", "actions", "enabled", "alerts")
	c.Settings.Named = slices.Sorted(maps.Keys(parts))
	if m, ok := parts["search"]; ok {
		c.Settings.Search = r.search(m)
	}
	if m, ok := parts["heartbeat_search"]; ok {
		c.Settings.HeartbeatSearch = r.search(m)
	}
	if m, ok := parts["utc_offset"]; ok {
		c.Settings.Zone = Zone{From: r.offset(m)}
	}
	if m, ok := parts["time_zone"]; ok {
		if _, both := parts["utc_offset"]; both {
			r.mistake(m.name, "time_zone and utc_offset say the same; leave one out")
		}
		zone, err := zoneOf(m.value.Value)
		if err != nil {
			r.mistake(m.value, "%v", err)
		}
		c.Settings.Zone = zone
	}
	if m, ok := parts["actions"]; ok {
		c.Settings.Actions = r.actions(m.value, Actions{})
	}
	for _, a := range c.Alerts {
		a.Actions = c.Settings.Actions
	}
	if m, ok := parts["enabled"]; ok {
		r.enabled(m, c)
	}
	if m, ok := parts["alerts"]; ok {
		for _, one := range r.anyMembers(m.value, "alerts", "it has names of alerts, each with what is to be different") {
			if a := r.named(one.name, c); a != nil {
				r.override(one.value, a)
			}
		}
	}
	for _, a := range c.Alerts {
		if a.Hours != nil {
			a.Hours.Zone = c.Settings.Zone
		}
	}
}

// named finds the alert that a node names.
func (r *reader) named(n *yaml.Node, c *Catalogue) *Alert {
	if n.Kind != yaml.ScalarNode {
		r.mistake(n, "the name of an alert is a text, such as CC cluster deletion")
		return nil
	}
	a, err := c.Find(n.Value)
	if err != nil && !r.partial {
		r.mistake(n, "%v", err)
	}
	return a
}

// search reads what a macro stands for, which has to go before more of a search.
func (r *reader) search(m member) string {
	text := strings.TrimSpace(r.line(m))
	switch {
	case strings.ContainsAny(text, "|`[]"):
		r.mistake(m.value, "%s has one of | ` [ ]; it is what comes before the first pipe, such as index=confluent_audit sourcetype=\"confluent:auditlog\"", m.name.Value)
	case strings.HasSuffix(text, `\`):
		r.mistake(m.value, "%s ends with a backslash", m.name.Value)
	case strings.Count(text, `"`)%2 != 0:
		r.mistake(m.value, "%s has a quote that is not closed", m.name.Value)
	case !balanced(text):
		r.mistake(m.value, "%s has a parenthesis without its other half", m.name.Value)
	case strings.HasPrefix(strings.ToLower(text), "search "):
		r.mistake(m.value, "%s begins with the command search; leave that out, since it stands within a search", m.name.Value)
	case strings.Contains(strings.ToUpper(text), " OR ") || strings.HasPrefix(strings.ToUpper(text), "NOT "):
		return "(" + text + ")"
	}
	return text
}

// balanced says whether parentheses outside of quotes are closed.
func balanced(text string) bool {
	open, quoted := 0, false
	for i := 0; i < len(text) && open >= 0; i++ {
		switch c := text[i]; {
		case c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case c == '(' && !quoted:
			open++
		case c == ')' && !quoted:
			open--
		}
	}
	return open == 0
}

func (r *reader) offset(m member) time.Duration {
	at, err := time.Parse("-07:00", m.value.Value)
	if err != nil {
		r.mistake(m.value, "utc_offset is as in \"+01:00\", in quotes; a name such as Europe/Zurich is a time_zone")
		return 0
	}
	_, seconds := at.Zone()
	return time.Duration(seconds) * time.Second
}

func (r *reader) enabled(m member, c *Catalogue) {
	if m.value.Kind == yaml.ScalarNode && m.value.Value == all {
		for _, a := range c.Alerts {
			a.enable()
		}
		return
	}
	if m.value.Kind != yaml.SequenceNode {
		r.mistake(m.value, "enabled is a list of names of alerts, or %s", all)
		return
	}
	for _, item := range m.value.Content {
		if item.Value == all {
			r.mistake(item, "enabled: all stands alone, and not in a list; write enabled: all")
			continue
		}
		if a := r.named(item, c); a != nil {
			a.enable()
		}
	}
}

func (a *Alert) enable() {
	a.Enabled, a.Named = true, append(a.Named, "enabled")
}

// override sets members of one alert anew.
func (r *reader) override(n *yaml.Node, a *Alert) {
	ours := []string{"only", "except", "condition", "level", "actions"}
	for i := 0; n.Kind == yaml.MappingNode && i < len(n.Content); i += 2 {
		if n.Content[i].Value == "enabled" {
			r.mistake(n.Content[i], "enabled stands beside alerts, as a list of names: enabled: [%s]", a.Name)
			return
		}
	}
	parts := r.members(n, "an alert", append(ours, alertMembers()...)...)
	a.Named = append(a.Named, slices.Sorted(maps.Keys(parts))...)
	if m, ok := parts["level"]; ok {
		if !slices.Contains(levels(), m.value.Value) {
			r.mistake(m.value, "level is one of %s", strings.Join(levels(), ", "))
		}
		a.Rule.Level, a.Severity = m.value.Value, severity(m.value.Value)
	}
	if m, ok := parts["actions"]; ok {
		a.Actions = r.actions(m.value, a.Actions)
	}
	for name, clear := range map[string]func(){
		"suppress":      func() { a.Suppress, a.suppression = Suppress{}, false },
		"outside_hours": func() { a.Hours = nil },
	} {
		if m, ok := parts[name]; ok && m.value.ShortTag() == "!!null" {
			clear()
			delete(parts, name)
		}
	}
	r.restart(parts, a)
	r.alertAt(n, parts, a)
	if m, ok := parts["condition"]; ok {
		r.condition(m, a)
	}
	only, except := r.part(parts, "only"), r.part(parts, "except")
	if only == nil && except == nil {
		return
	}
	d := &a.Rule.Detection
	condition := sigma.And{d.Condition}
	if only != nil {
		d.Searches = append(d.Searches, only)
		condition = append(condition, sigma.Ref{Search: only})
	}
	if except != nil {
		d.Searches = append(d.Searches, except)
		condition = append(condition, sigma.Not{Expr: sigma.Ref{Search: except}})
	}
	d.Condition = condition
}

// condition asks the rule's searches in another way.
func (r *reader) condition(m member, a *Alert) {
	expr, err := sigma.ParseCondition(r.file, m.value, a.Rule.Detection.Searches)
	var mistakes sigma.Mistakes
	if errors.As(err, &mistakes) {
		r.mistakes = append(r.mistakes, mistakes...)
		return
	}
	a.Rule.Detection.Condition = expr
	r.translatable(a.Rule)
}

// restart clears the look-back where it follows from what is set anew: only a
// threshold has one of its own.
func (r *reader) restart(parts map[string]member, a *Alert) {
	named := func(name string) bool { _, ok := parts[name]; return ok }
	another := named("new") || named("spike") || named("absent")
	if a.Condition.Threshold == nil || another || named("every") && a.LookBack == a.Every {
		a.LookBack = 0
	}
}

// part reads a search that narrows an alert.
func (r *reader) part(parts map[string]member, name string) *sigma.Search {
	m, ok := parts[name]
	if !ok {
		return nil
	}
	if m.value.ShortTag() == "!!null" {
		r.mistake(m.value, "%s is empty; write fields and values, such as data.cloudResources{}.resource.resourceId: [lkc-1]", name)
		return nil
	}
	s, err := sigma.ParseSearch(r.file, m.name, m.value)
	var mistakes sigma.Mistakes
	if errors.As(err, &mistakes) {
		r.mistakes = append(r.mistakes, mistakes...)
		return nil
	}
	r.translatable(&sigma.Rule{File: r.file, Detection: sigma.Detection{Searches: []*sigma.Search{s}, Condition: sigma.Ref{Search: s}}})
	s.Name = "settings_" + name // a rule may have one that is named so
	return s
}

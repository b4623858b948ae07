package deploy

import (
	"cmp"
	"slices"
	"strings"

	"auditlog-forwarder/pkg/alerts"
)

// Wanted is what Splunk shall have.
type Wanted struct {
	Searches []Search
	Macros   []Macro
}

// Search is a saved search, and what of it the user's settings name.
type Search struct {
	Stanza alerts.Stanza
	ID     string // of the rule, which stays when its title changes; empty: not known
	Set    Set
}

// Set says which of the parts that users change in Splunk are named by the
// settings file: that one then goes before what Splunk has.
type Set struct{ Enablement, Schedule, Suppression, Actions bool }

// Macro is a macro, and whether the user's settings name what it stands for.
type Macro struct {
	Stanza alerts.Stanza
	Set    bool
}

// part is a part of an alert that users change in Splunk.
type part uint8

const (
	ours part = iota // nobody but us changes it
	enablement
	schedule
	suppression
	recipients
	wording
	parts // how many there are
)

func (s Set) has(p part) bool {
	switch p {
	case enablement:
		return s.Enablement
	case schedule:
		return s.Schedule
	case suppression:
		return s.Suppression
	case recipients:
		return s.Actions
	default: // the wording changes with every release of the catalogue
		return false
	}
}

// partOf tells to which part a REST argument belongs.
func partOf(key string) part {
	switch key {
	case "disabled", "is_scheduled":
		return enablement
	case "cron_schedule", "schedule_window":
		return schedule
	case "alert.digest_mode", "alert.suppress", "alert.suppress.period", "alert.suppress.fields", "alert.suppress.group_name":
		return suppression
	case "actions", "alert.track":
		return recipients
	}
	if !strings.HasPrefix(key, "action.") {
		return ours
	}
	switch key[strings.LastIndexByte(key, '.')+1:] {
	case "to", "cc", "bcc", "channel", "url", "alert_ms_teams_url":
		return recipients
	case "subject", "message", "alert", "attachment", "alert_ms_teams_activity_title":
		return wording
	default:
		return ours
	}
}

// actionOf is the action that an argument belongs to; empty: none.
func actionOf(key string) string {
	name, ok := strings.CutPrefix(key, "action.")
	if !ok {
		return ""
	}
	name, _, _ = strings.Cut(name, ".")
	return name
}

// secretKey reports whether a value must not be shown: who knows the address
// of a webhook can post to it.
func secretKey(key string) bool {
	last := key[strings.LastIndexByte(key, '.')+1:]
	if !strings.HasPrefix(key, "action.") {
		return false
	}
	return last == "url" || last == "alert_ms_teams_url" ||
		strings.Contains(last, "token") || strings.Contains(last, "password") || strings.Contains(last, "secret")
}

// arguments turns a stanza of savedsearches.conf into the arguments of
// saved/searches, which have other names for some keys.
func arguments(s alerts.Stanza) []alerts.Setting {
	var out []alerts.Setting
	var actions []string
	listed := false
	for _, set := range s.Settings {
		key := argument(set.Key)
		value := tidy(key, set.Value)
		name, isAction := strings.CutPrefix(key, "action.")
		switch {
		case key == "actions":
			listed = true
			out = append(out, alerts.Setting{Key: key, Value: value})
		case isAction && !strings.Contains(name, "."):
			if on, _ := boolean(value); on {
				actions = append(actions, name)
			}
		default:
			out = append(out, alerts.Setting{Key: key, Value: value})
		}
	}
	if !listed {
		out = append(out, alerts.Setting{Key: "actions", Value: tidy("actions", strings.Join(actions, ","))})
	}
	for _, reset := range resets() {
		if !slices.ContainsFunc(out, func(s alerts.Setting) bool { return s.Key == reset.Key }) {
			out = append(out, reset)
		}
	}
	return out
}

// argument is the REST name of a key.
func argument(key string) string {
	switch key {
	case "enableSched":
		return "is_scheduled"
	case "counttype":
		return "alert_type"
	case "relation":
		return "alert_comparator"
	case "quantity":
		return "alert_threshold"
	default:
		return key
	}
}

// resets are the arguments that are set back where a stanza has them no more:
// an older version of an alert may have set them, and they change what it does.
func resets() []alerts.Setting {
	return []alerts.Setting{
		{Key: "alert_condition"},
		{Key: "alert.suppress", Value: "0"},
		{Key: "alert.suppress.fields"},
		{Key: "alert.suppress.period"},
		{Key: "dispatch.index_earliest"},
		{Key: "dispatch.index_latest"},
	}
}

// tidy writes a value as it is compared: Splunk gives booleans and lists back
// in several spellings, and drops blanks at the ends.
func tidy(key, value string) string {
	value = strings.ReplaceAll(value, "\r\n", "\n")
	lines := strings.Split(value, "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " \t")
	}
	value = strings.TrimSpace(strings.Join(lines, "\n"))
	switch key {
	case "actions":
		names := list(value)
		slices.Sort(names)
		return strings.Join(slices.Compact(names), ",")
	case "alert.suppress.fields", "action.email.to", "action.email.cc", "action.email.bcc":
		return strings.Join(list(value), ",")
	case "cron_schedule":
		return strings.Join(strings.Fields(value), " ")
	}
	if free := key == "search" || key == "description" || key == "definition" || partOf(key) == wording; free {
		return value
	}
	if b, ok := boolean(value); ok && len(value) > 1 {
		if b {
			return "1"
		}
		return "0"
	}
	return value
}

func list(value string) []string {
	return strings.FieldsFunc(value, func(r rune) bool { return r == ',' || r == ';' || r == ' ' || r == '\t' || r == '\n' })
}

// boolean reads the spellings of Splunk's conf files.
func boolean(value string) (b, ok bool) {
	switch strings.ToLower(value) {
	case "1", "true", "t", "yes", "y", "on":
		return true, true
	case "0", "false", "f", "no", "n", "off":
		return false, true
	default:
		return false, false
	}
}

// equal compares tidy values. What is off may be not there at all.
func equal(key, a, b string) bool {
	if a == b {
		return true
	}
	off := func(v string) bool { return v == "" || v == "0" }
	flag := key == "disabled" || key == "is_scheduled" || key == "alert.suppress" || key == "iseval" || strings.HasPrefix(key, "action.")
	return flag && off(a) && off(b)
}

// FromCatalogue returns what Splunk shall have of a catalogue.
func FromCatalogue(c *alerts.Catalogue) Wanted {
	var w Wanted
	for _, s := range c.SavedSearches() {
		w.Searches = append(w.Searches, Search{Stanza: s, ID: idOf(c, s.Name), Set: setOf(c, s.Name)})
	}
	for _, s := range c.Macros() {
		w.Macros = append(w.Macros, Macro{Stanza: s, Set: macroSet(c, s.Name)})
	}
	slices.SortStableFunc(w.Searches, func(a, b Search) int { return cmp.Compare(a.Stanza.Name, b.Stanza.Name) })
	return w
}

func idOf(c *alerts.Catalogue, name string) string {
	a, err := c.Find(name)
	if err != nil { // it is a stanza of the same catalogue
		return ""
	}
	return a.Rule.ID
}

// setOf tells what of an alert the user's settings name.
func setOf(c *alerts.Catalogue, name string) Set {
	a, err := c.Find(name)
	if err != nil { // it is a stanza of the same catalogue
		return Set{}
	}
	named := func(member string) bool { return slices.Contains(a.Named, member) }
	return Set{
		Enablement:  named("enabled"),
		Schedule:    named("every"),
		Suppression: named("suppress"),
		Actions:     named("actions") || slices.Contains(c.Settings.Named, "actions"),
	}
}

// macroSet tells whether the user's settings say what a macro stands for.
func macroSet(c *alerts.Catalogue, name string) bool {
	switch name {
	case alerts.EventsMacro:
		return slices.Contains(c.Settings.Named, "search")
	case alerts.HeartbeatsMacro:
		return slices.Contains(c.Settings.Named, "heartbeat_search")
	default:
		return false
	}
}

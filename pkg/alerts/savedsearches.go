package alerts

import (
	"strconv"
	"strings"
)

// App is the id of the app that holds the saved searches.
const App = "confluent_audit_alerts"

// SavedSearches are the stanzas of savedsearches.conf.
func (c *Catalogue) SavedSearches() []Stanza {
	stanzas := make([]Stanza, len(c.Alerts))
	for i, a := range c.Alerts {
		stanzas[i] = c.savedSearch(a)
	}
	return stanzas
}

func (c *Catalogue) savedSearch(a *Alert) Stanza {
	s := Stanza{Name: a.Name}
	set := func(key, value string) { s.Settings = append(s.Settings, Setting{Key: key, Value: value}) }
	set("description", a.description())
	set("search", c.Search(a))
	set("disabled", flag(!a.Enabled))
	set("enableSched", "1")
	set("cron_schedule", a.Cron())
	set("realtime_schedule", "0")
	s.Settings = append(s.Settings, a.times()...)
	set("counttype", "number of events")
	set("relation", "greater than")
	set("quantity", "0")
	set("alert.severity", strconv.Itoa(int(a.Severity)))
	s.Settings = append(s.Settings, a.messages()...)
	set("alert.track", "1")
	set("alert.expires", "7d")
	set("request.ui_dispatch_app", App)
	set("display.general.type", "statistics")
	set("display.page.search.tab", "statistics")
	s.Settings = append(s.Settings, a.actionSettings()...)
	return s
}

// messages says how rows become messages. With groups to keep silent each
// row is a message of its own; without, all rows of a run are one, so that
// there is at most one message a run.
func (a *Alert) messages() []Setting {
	single := len(a.Suppress.By) > 0
	settings := []Setting{{Key: "alert.digest_mode", Value: flag(!single)}}
	if a.Suppress.For == 0 {
		return append(settings, Setting{Key: "alert.suppress", Value: "0"})
	}
	settings = append(settings, Setting{Key: "alert.suppress", Value: "1"}, Setting{Key: "alert.suppress.period", Value: Span(a.Suppress.For)})
	if single {
		settings = append(settings, Setting{Key: "alert.suppress.fields", Value: strings.Join(a.Suppress.By, ",")})
	}
	return settings
}

// description is the rule's, in one line, and where it comes from.
func (a *Alert) description() string {
	parts := []string{strings.Join(strings.Fields(a.Rule.Description), " ")}
	if fp := a.Rule.FalsePositives; len(fp) > 0 {
		parts = append(parts, "In good faith: "+strings.Join(strings.Fields(strings.Join(fp, "; ")), " ")+".")
	}
	var attack []string
	for _, tag := range a.Rule.Tags {
		if t, ok := strings.CutPrefix(tag, "attack."); ok {
			attack = append(attack, t)
		}
	}
	if len(attack) > 0 {
		parts = append(parts, "ATT&CK: "+strings.Join(attack, ", ")+".")
	}
	return strings.Join(parts, " ")
}

func flag(b bool) string {
	if b {
		return "1"
	}
	return "0"
}

// Macros are the stanzas of macros.conf.
func (c *Catalogue) Macros() []Stanza {
	macro := func(name, definition, description string) Stanza {
		return Stanza{Name: name, Settings: []Setting{
			{Key: "definition", Value: definition}, {Key: "iseval", Value: "0"}, {Key: "description", Value: description},
		}}
	}
	stanzas := []Stanza{
		macro(EventsMacro, c.Settings.Search, "The audit events: index, source or sourcetype. Every alert and dashboard begins with it."),
		macro(HeartbeatsMacro, c.Settings.HeartbeatSearch, "The forwarder's own heartbeats."),
	}
	for _, a := range c.Alerts {
		stanzas = append(stanzas, macro(a.filterMacro(), "search *", "What of the rows of \""+a.Name+"\" is told. Change it here, and an upgrade of the app keeps it."))
	}
	return stanzas
}

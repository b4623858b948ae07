package alerts

import (
	"slices"
	"strings"
)

// actionSettings are the keys of the alert's actions.
func (a *Alert) actionSettings() (all []Setting) {
	set := func(key, value string) { all = append(all, Setting{Key: key, Value: value}) }
	if e := a.Actions.Email; e != nil {
		set("action.email", "1")
		set("action.email.to", strings.Join(e.To, ", "))
		if len(e.CC) > 0 {
			set("action.email.cc", strings.Join(e.CC, ", "))
		}
	}
	// What a mail says is there without recipients, for those whom Splunk is told
	// about: its form for an alert begins with these.
	set("action.email.subject", "$name$: "+a.line())
	set("action.email.message.alert", a.text())
	set("action.email.format", "table")
	set("action.email.inline", "1")
	set("action.email.sendresults", "1")
	set("action.email.maxresults", "100")
	set("action.email.include.results_link", "1")
	set("action.email.include.view_link", "1")
	set("action.email.include.trigger_time", "1")
	if w := a.Actions.Webhook; w != nil { // what it sends has the first row, with the raw event
		set("action.webhook", "1")
		all = append(all, Setting{Key: "action.webhook.param.url", Value: w.URL.Reveal(), Secret: true})
	}
	if s := a.Actions.Slack; s != nil {
		set("action.slack", "1")
		set("action.slack.param.channel", s.Channel)
		set("action.slack.param.message", "*$name$*\n"+a.text())
		set("action.slack.param.attachment", "alert_link")
	}
	if t := a.Actions.Teams; t != nil {
		set("action.ms_teams_publish_to_channel", "1")
		all = append(all, Setting{Key: "action.ms_teams_publish_to_channel.param.alert_ms_teams_url", Value: t.URL.Reveal(), Secret: true})
		set("action.ms_teams_publish_to_channel.param.alert_ms_teams_activity_title", "$name$: "+a.line())
		set("action.ms_teams_publish_to_channel.param.alert_ms_teams_fields_list", strings.Join(a.Columns(), ","))
		set("action.ms_teams_publish_to_channel.param.alert_ms_teams_potential_action_name", "Show in Splunk")
		set("action.ms_teams_publish_to_channel.param.alert_ms_teams_potential_action_url", "$results_link$")
	}
	return all
}

// line is the message with Splunk's names of the columns of the first row.
func (a *Alert) line() string {
	columns := a.Columns()
	return ExpandMessage(a.Message, func(name string) string {
		if slices.Contains(columns, name) {
			return "$result." + name + "$"
		}
		return "{" + name + "}"
	})
}

// text is the message and the raw event behind it.
func (a *Alert) text() string {
	lines := []string{a.line()}
	if a.Condition.Absent == nil {
		if len(a.Suppress.By) == 0 {
			lines = append(lines, "Rows: $job.resultCount$; this is the first.")
		}
		lines = append(lines, "Event: $result."+EventColumn+"$")
	}
	return strings.Join(append(lines, "$results_link$"), "\n")
}

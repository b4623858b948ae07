// Package alerts is the alert catalogue: Sigma rules with a schedule, a
// condition, a message, and examples that prove them. It reads and checks
// them, and writes them as Splunk's saved searches. Package firing tells which of
// them fire on events.
package alerts

import (
	"time"

	"auditlog-forwarder/pkg/creds"
	"auditlog-forwarder/pkg/sigma"
	"auditlog-forwarder/pkg/sigma/spl"
)

// Alert is one alert: a Sigma rule, and in its members `alert` and `examples`
// what is ours.
type Alert struct {
	Rule *sigma.Rule // its fields are asked for in both spellings, see sigma.BothSpellings
	Name string      // the rule's title, and the saved search's name
	Slug string      // the name in lower case, with _ for what is no letter or digit

	Source    Source
	Every     time.Duration // how often it runs; 5m to 24h, a divisor of a day
	LookBack  time.Duration // how much of the past a run counts over; by index time
	Condition Condition
	Hours     *Hours // nil: at all hours
	Suppress  Suppress
	Severity  Severity // from the rule's level
	Message   string   // with subjects in braces: {principal} deleted {resource}
	Show      []string // the subjects that are columns of the result

	Enabled  bool // as the settings say; no alert is by itself
	Actions  Actions
	Examples []Example
	Named    []string // the members that the settings name: enabled, every, suppress, actions, …

	query       spl.Query // what the rule is in Splunk
	suppression bool      // Suppress follows from the rest, and not from a file
}

// Source is the log that an alert looks at, from the rule's logsource.
type Source uint8

// The sources.
const (
	Audit     Source = iota // product confluent, service audit
	Heartbeat               // product auditlog-forwarder, service heartbeat
)

// Condition says when matching events are an alert. At most one member is set;
// with none, every matching event is.
type Condition struct {
	Threshold *Threshold
	New       *New
	Spike     *Spike
	Absent    *Absent
}

// Threshold fires for a group with at least Count events within LookBack, and,
// with Distinct, at least DistinctCount different values of it.
type Threshold struct {
	Count         int64
	By            []string // subjects; none: all events are one group
	Distinct      string   // a subject
	DistinctCount int64
}

// New fires for a combination of subjects that was not seen in the time Within
// before the run's Every, and for which there were at least Count events in it.
type New struct {
	By     []string
	Within time.Duration
	Count  int64
}

// Spike fires for a group with at least Count events in a bin of the run's
// Every, if they are more than Deviations standard deviations above the mean of
// all bins of Over; bins without events count as 0.
type Spike struct {
	By         []string
	Bin, Over  time.Duration
	Count      int64
	Deviations float64
}

// Absent fires if no event matches within For.
type Absent struct{ For time.Duration }

// Suppress keeps an alert with the same subjects silent For a time.
type Suppress struct {
	For time.Duration
	By  []string
}

// Severity is Splunk's alert.severity.
type Severity int

// The severities, and the Sigma levels that they stand for.
const (
	Info   Severity = 2 // informational
	Warn   Severity = 3 // low
	Error  Severity = 4 // medium
	Severe Severity = 5 // high
	Fatal  Severity = 6 // critical
)

// Example is a handful of events that fire the alert, or do not.
type Example struct {
	Name   string
	Fires  bool
	Events []ExampleEvent
	Line   int
}

// ExampleEvent is an event, or many that are alike.
type ExampleEvent struct {
	Body   []byte        // JSON
	Repeat int           // how many there are of it, at least 1
	Apart  time.Duration // by which the times of the repeated differ
	Vary   []Variation
}

// Variation gives the nth repeated event the nth of the values, going round.
type Variation struct {
	Path   sigma.Path
	Values []string
}

// Actions are what Splunk does when an alert fires.
type Actions struct {
	Email   *Email
	Webhook *Webhook
	Slack   *Slack
	Teams   *Teams
}

// Email is Splunk's email action.
type Email struct{ To, CC []string }

// Webhook is Splunk's webhook action.
type Webhook struct{ URL creds.Secret }

// Slack is the action of Splunk's add-on for Slack.
type Slack struct{ Channel string }

// Teams is the action of an add-on for Microsoft Teams.
type Teams struct{ URL creds.Secret }

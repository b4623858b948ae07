package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"auditlog-forwarder/pkg/alerts"
	"auditlog-forwarder/pkg/alerts/firing"
	"auditlog-forwarder/pkg/audit"
	"auditlog-forwarder/pkg/config"
)

// maxNamed bounds the events that an AlertReport names as unreadable.
const maxNamed = 5

// AlertTrialOptions say on which events alerts are tried. Either Events or Last is
// given.
type AlertTrialOptions struct {
	Config   config.Config // its topics
	Alerts   []*alerts.Alert
	Events   io.Reader     // one event a line, as it is, in HEC's envelope or as Splunk exports it
	Last     time.Duration // of the topics
	Top      int           // groups that are listed of an alert
	Progress func(done, total int)
}

// AlertReport is what TryAlerts finds.
type AlertReport struct {
	firing.Report
	Unreadable int64    `json:"unreadable"` // values that are no events, or have no time
	Named      []string `json:"unreadable_named,omitempty"`
}

// TryAlerts tells which alerts would have fired on events. It sends nothing, joins no
// group and commits nothing.
func TryAlerts(ctx context.Context, opts AlertTrialOptions) (AlertReport, error) {
	trial, err := firing.NewTrial(opts.Alerts, alerts.Subjects())
	if err != nil {
		return AlertReport{}, err
	}
	t := alertTrial{trial: trial}
	var since, until time.Time
	if opts.Events != nil {
		err = tryLines(ctx, opts.Events, t.line)
	} else {
		until = time.Now()
		var complete bool
		complete, err = tryTopics(ctx, TrialOptions{Config: opts.Config, Last: opts.Last, Progress: opts.Progress}, t.record)
		if complete {
			since = until.Add(-opts.Last)
		}
	}
	if err != nil {
		return AlertReport{}, err
	}
	t.report.Report = trial.Report(opts.Top, since, until)
	return t.report, nil
}

// alertTrial reads events for a trial.
type alertTrial struct {
	trial  *firing.Trial
	report AlertReport
	last   time.Time // of the event before
}

// line tries a line of a file. What is not known of its index time is taken from its
// own, and that from the line before.
func (t *alertTrial) line(rec audit.Record) {
	where := fmt.Sprintf("line %d", rec.Offset+1)
	ev, err := audit.ReadEvent(rec.Value)
	body := rec.Value
	if err == nil && ev.Time == nil && ev.Method == nil {
		if body, err = unwrap(rec.Value); err == nil {
			ev, err = audit.ReadEvent(body)
		}
	}
	if err != nil {
		t.unreadable(where, err)
		return
	}
	at, ok := eventTime(ev)
	if !ok {
		at, ok = escapedTime(body)
	}
	switch {
	case !ok:
		at = t.last
	case !likely(at):
		t.unreadable(where, fmt.Errorf("the event is of %s; correct its time", at.Format(time.RFC3339)))
		return
	}
	if at.IsZero() {
		t.unreadable(where, errors.New("the event has no time, nor has one before it"))
		return
	}
	t.last = at
	t.trial.Add(firing.Event{Body: body, Time: at})
}

// record tries a record of a topic. Kafka's time of it is nearest to when Splunk
// would have indexed it.
func (t *alertTrial) record(rec audit.Record) {
	ev, err := audit.ReadEvent(rec.Value)
	at, ok := eventTime(ev)
	ok = ok && likely(at)
	if !likely(rec.Timestamp) {
		rec.Timestamp = time.Time{}
	}
	if err == nil && !ok && rec.Timestamp.IsZero() {
		err = errors.New("neither the event nor the record has a time of this century and up to a year from now")
	}
	if err != nil {
		t.unreadable(fmt.Sprintf("%s/%d at offset %d", rec.Topic, rec.Partition, rec.Offset), err)
		return
	}
	if !ok {
		at = rec.Timestamp
	}
	t.trial.Add(firing.Event{Body: rec.Value, Time: at, Index: rec.Timestamp})
}

func (t *alertTrial) unreadable(where string, err error) {
	t.report.Unreadable++
	if len(t.report.Named) < maxNamed {
		t.report.Named = append(t.report.Named, fmt.Sprintf("%s: %v", where, err))
	}
}

func eventTime(ev audit.Event) (time.Time, bool) {
	at, err := time.Parse(time.RFC3339Nano, strings.ToUpper(string(ev.Time)))
	return at, err == nil
}

// escapedTime is the time of an event that is written in JSON's escapes, which
// audit.ReadEvent leaves as they are.
func escapedTime(body []byte) (time.Time, bool) {
	var ev struct {
		Time string `json:"time"`
	}
	// An error says no more than that there is none.
	_ = json.Unmarshal(body, &ev)
	return eventTime(audit.Event{Time: []byte(ev.Time)})
}

// likely tells whether something happened at a time. One wrong time would otherwise
// have alerts run, and tell of silence, for decades.
func likely(at time.Time) bool {
	return at.Year() >= 2000 && time.Until(at) < 366*24*time.Hour
}

// unwrap finds the event in HEC's envelope, or in a result that Splunk exports. What
// is neither is the event itself.
func unwrap(line []byte) ([]byte, error) {
	var wrapped struct {
		Version json.RawMessage `json:"specversion"`
		Type    json.RawMessage `json:"type"`
		Data    json.RawMessage `json:"data"`
		Event   json.RawMessage `json:"event"`
		Raw     string          `json:"_raw"`
		Result  struct {
			Raw string `json:"_raw"`
		} `json:"result"`
	}
	err := json.Unmarshal(line, &wrapped)
	var wrongType *json.UnmarshalTypeError
	switch {
	case err != nil && !errors.As(err, &wrongType):
		return nil, err
	case wrapped.Raw != "":
		return []byte(wrapped.Raw), nil
	case wrapped.Result.Raw != "":
		return []byte(wrapped.Result.Raw), nil
	case len(wrapped.Event) > 0 && wrapped.Event[0] == '{':
		return wrapped.Event, nil
	case len(wrapped.Event) > 0 && wrapped.Event[0] == '"': // the event as a text
		var text string
		err := json.Unmarshal(wrapped.Event, &text)
		return []byte(text), err
	}
	if wrapped.Version == nil && wrapped.Type == nil && wrapped.Data == nil {
		return nil, errors.New("it is no event, nor does it hold one as HEC's envelope and Splunk's export do")
	}
	return line, nil
}

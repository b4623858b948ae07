package alerts

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"auditlog-forwarder/pkg/sigma/spl"
)

// The macros that every search begins with.
const (
	EventsMacro     = "confluent_audit_events"
	HeartbeatsMacro = "confluent_audit_heartbeats"
)

// EventColumn is the column with the event as it came: the raw event of a
// row, and for groups that of one of its events.
const EventColumn = "event"

// unknown stands in columns and groups for a subject that an event does not have.
const unknown = "unknown"

// Search is the alert's whole search. It begins with the macro of its source
// and ends with a macro of its own, which Macros defines. In the app that it is
// part of, fields of audit events are calculated, which Splunk may be unable to
// look up in its index; so the words that an event must have stand before them.
func (c *Catalogue) Search(a *Alert) string {
	base := "`" + a.macro() + "`"
	if a.Source == Audit {
		base += " " + spl.Words(a.Rule)
	}
	return strings.Join(append(a.pipeline(strings.TrimSpace(base), ahead), "| `"+a.filterMacro()+"`"), "\n")
}

// Expanded is the search with the text of the settings in place of macros, to
// be pasted where the app is not installed, for a time range that ends now.
func (c *Catalogue) Expanded(a *Alert) string {
	base := c.Settings.Search
	if a.Source == Heartbeat {
		base = c.Settings.HeartbeatSearch
	}
	return strings.Join(a.pipeline(base, 0), "\n")
}

func (a *Alert) macro() string {
	if a.Source == Heartbeat {
		return HeartbeatsMacro
	}
	return EventsMacro
}

// filterMacro names the macro that a user tunes in Splunk.
func (a *Alert) filterMacro() string { return FilterMacro(a.Name) }

// FilterMacro is the name of the macro with which users tune an alert of a title.
func FilterMacro(title string) string { return slug(title) + "_filter" }

// pipeline is the search, one command on a line, for a time range that ends ahead
// of the run.
func (a *Alert) pipeline(base string, ahead time.Duration) []string {
	p := pipeline{a: a, ahead: ahead}
	p.add("%s", strings.TrimSpace(base+" "+a.query.Search))
	if a.query.Where != "" {
		p.add("%s", a.query.Where)
	}
	if a.Condition.Absent != nil {
		// stats without by has a row for no events as well.
		p.add("| stats count")
		p.add("| where count=0")
		p.add("| table count")
		return p.lines
	}
	p.hours()
	p.subjects()
	switch c := a.Condition; {
	case c.Threshold != nil:
		p.threshold(*c.Threshold)
	case c.New != nil:
		p.newOnes(*c.New)
	case c.Spike != nil:
		p.spike(*c.Spike)
	default:
		p.add("| eval %s=_raw", EventColumn)
	}
	if fill := p.without(a.by()); len(fill) > 0 {
		p.add("| fillnull value=%s %s", unknown, strings.Join(fill, " "))
	}
	p.add("| table %s", strings.Join(a.Columns(), " "))
	return p.lines
}

// Columns are those of the result, in their order.
func (a *Alert) Columns() []string {
	if a.Condition.Absent != nil {
		return []string{CountWord}
	}
	columns := append([]string{"_time"}, a.counted()...)
	if a.Condition.Spike != nil {
		columns = append(columns, "mean", "deviation")
	}
	columns = append(columns, a.shown()...)
	return append(columns, EventColumn)
}

// by are the subjects of a group.
func (a *Alert) by() []string {
	switch c := a.Condition; {
	case c.Threshold != nil:
		return c.Threshold.By
	case c.New != nil:
		return c.New.By
	case c.Spike != nil:
		return c.Spike.By
	default:
		return nil
	}
}

// shown are the subjects that are columns: those of the groups, those that
// the alert shows, puts into its message or suppresses by, and those that
// everybody asks for first.
func (a *Alert) shown() (names []string) {
	first := []string{"method", "principal", "source_ip", "resource"}
	if a.Source == Heartbeat {
		first = []string{"instance"}
	}
	for _, name := range slices.Concat(a.by(), a.Show, first, a.Suppress.By, placeholders(a.Message)) {
		if !slices.Contains(names, name) && slices.Contains(subjectNames(a.Source), name) {
			names = append(names, name)
		}
	}
	return names
}

// pipeline gathers the lines of a search.
type pipeline struct {
	a     *Alert
	ahead time.Duration
	lines []string
}

func (p *pipeline) add(format string, args ...any) {
	p.lines = append(p.lines, fmt.Sprintf(format, args...))
}

// without are the subjects of the result but for some.
func (p *pipeline) without(names []string) (rest []string) {
	for _, name := range p.a.shown() {
		if !slices.Contains(names, name) {
			rest = append(rest, name)
		}
	}
	return rest
}

func seconds(d time.Duration) int64 { return int64(d / time.Second) }

// subjects gives each subject that is used its value, from wherever the event
// has it.
func (p *pipeline) subjects() {
	used := p.a.shown()
	if t := p.a.Condition.Threshold; t != nil && t.Distinct != "" && !slices.Contains(used, t.Distinct) {
		used = append(used, t.Distinct)
	}
	for _, s := range Subjects() {
		if slices.Contains(used, s.Name) {
			p.add("%s", s.Eval())
		}
	}
}

// Eval is the command of a search that makes the subject. It has no dollar sign,
// which in a macro or a dashboard begins the name of a value.
func (s Subject) Eval() string {
	fields := make([]string, len(s.Paths))
	for i, path := range s.Paths {
		fields[i] = "'" + path.String() + "'"
	}
	all := fields[0]
	if len(fields) > 1 {
		all = "mvappend(" + strings.Join(fields, ", ") + ")"
	}
	text := fmt.Sprintf("| eval %s=%s", s.Name, all)
	if s.Find != "" {
		return text + fmt.Sprintf(`, %s=replace(mvindex(mvfilter(match(%s, "%s")), 0), "(?s)^.*?(%s).*", "\1")`, s.Name, s.Name, s.Find, s.Find)
	}
	if s.All {
		return text + fmt.Sprintf(`, %s=mvjoin(mvdedup(mvfilter(%s!="" AND %s!="null")), ", ")`, s.Name, s.Name, s.Name)
	}
	value := fmt.Sprintf(`mvindex(mvfilter(%s!="" AND %s!="null"), 0)`, s.Name, s.Name)
	if s.Trim != "" {
		value = fmt.Sprintf(`replace(%s, "^%s", "")`, value, s.Trim)
	}
	return text + fmt.Sprintf(", %s=%s", s.Name, value)
}

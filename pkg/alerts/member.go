package alerts

import (
	"slices"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"auditlog-forwarder/pkg/sigma"
)

// Member and ExamplesMember are the members of a rule that are ours.
const (
	Member         = "alert"
	ExamplesMember = "examples"
)

// alertMembers are what a rule's alert, and a user's settings of it, can have.
func alertMembers() []string {
	return []string{"every", "look_back", "threshold", "new", "spike", "absent", "outside_hours", "suppress", "message", "show"}
}

// intervals are those at which an alert can run: each divides a day, so that
// every day has the same times.
func intervals() []time.Duration {
	const m, h = time.Minute, time.Hour
	return []time.Duration{5 * m, 10 * m, 15 * m, 20 * m, 30 * m, h, 2 * h, 3 * h, 4 * h, 6 * h, 8 * h, 12 * h, 24 * h}
}

const (
	maxCount  = 1_000_000
	maxWithin = 90 * day
)

// alert reads what all has of the alert's members into a, where they stand
// beside what a has already.
func (r *reader) alert(all map[string]member, a *Alert) {
	if m, ok := all["every"]; ok {
		a.Every = r.every(m)
	}
	if m, ok := all["look_back"]; ok {
		a.LookBack = r.duration(m, 5*time.Minute, 7*day)
	}
	r.conditions(all, a)
	if m, ok := all["outside_hours"]; ok {
		r.hours(m, a)
	}
	if m, ok := all["suppress"]; ok {
		if a.suppression {
			a.Suppress, a.suppression = Suppress{}, false
		}
		parts := r.members(m.value, "suppress", "for", "by")
		if p, ok := parts["for"]; ok {
			a.Suppress.For = r.duration(p, time.Minute, 7*day)
		} else if a.Suppress.For == 0 && m.value.Kind == yaml.MappingNode {
			r.mistake(m.value, "suppress has no for; say how long, as in suppress: {for: 4h, by: [principal]}")
		}
		if p, ok := parts["by"]; ok {
			a.Suppress.By = r.subjects(p, a.Source)
		}
	}
	if m, ok := all["show"]; ok {
		a.Show = r.subjects(m, a.Source)
	}
	if m, ok := all["message"]; ok {
		a.Message = strings.TrimSpace(r.line(m))
		r.message(m, a)
	}
}

func (r *reader) every(m member) time.Duration {
	d, err := parseDuration(m.value.Value)
	if m.value.Kind != yaml.ScalarNode || err != nil || !slices.Contains(intervals(), d) {
		var names []string
		for _, i := range intervals() {
			names = append(names, Span(i))
		}
		r.mistake(m.value, "every is one of %s, which each divide a day", strings.Join(names, ", "))
		return time.Hour
	}
	return d
}

// conditions reads at most one of the four. One that a user's settings name
// takes the place of another kind, and of the members of its own kind that it has.
func (r *reader) conditions(all map[string]member, a *Alert) {
	var first string
	for _, name := range []string{"threshold", "new", "spike", "absent"} {
		m, ok := all[name]
		if !ok {
			continue
		}
		if first != "" {
			r.mistake(m.name, "%s stands beside %s; an alert has one of threshold, new, spike and absent", name, first)
			continue
		}
		first = name
		old := a.Condition
		a.Condition = Condition{}
		switch name {
		case "threshold":
			a.Condition.Threshold = r.threshold(m, a.Source, old.Threshold)
		case "new":
			a.Condition.New = r.newOnes(m, a.Source, old.New)
		case "spike":
			a.Condition.Spike = r.spike(m, a.Source, old.Spike)
		case "absent":
			a.Condition.Absent = r.absent(m, old.Absent)
		}
	}
}

func (r *reader) threshold(m member, of Source, old *Threshold) *Threshold {
	t := Threshold{}
	if old != nil {
		t = *old
	}
	all := r.members(m.value, "threshold", "count", "by", "distinct", "distinct_count")
	if p, ok := all["count"]; ok {
		t.Count = r.integer(p, 1, maxCount)
	}
	if p, ok := all["by"]; ok {
		t.By = r.subjects(p, of)
	}
	if p, ok := all["distinct"]; ok {
		t.Distinct = r.subject(p.value, p.name.Value, of)
	}
	if p, ok := all["distinct_count"]; ok {
		t.DistinctCount = r.integer(p, 2, maxCount)
	}
	switch {
	case m.value.Kind != yaml.MappingNode:
	case t.Count == 0 && t.Distinct == "":
		r.mistake(m.value, "threshold has no count; say how many events there must be, as in threshold: {count: 20, by: [source_ip]}")
	case (t.Distinct == "") != (t.DistinctCount == 0):
		r.mistake(m.value, "threshold has one of distinct and distinct_count; they stand together, as in distinct: credential, distinct_count: 3")
	case t.Distinct != "" && slices.Contains(t.By, t.Distinct):
		r.mistake(m.value, "threshold counts the different values of %s in groups that each have one; name another subject in distinct, or take it from by", t.Distinct)
	}
	t.Count = max(t.Count, 1)
	return &t
}

func (r *reader) newOnes(m member, of Source, old *New) *New {
	n := New{Within: 30 * day, Count: 1}
	if old != nil {
		n = *old
	}
	all := r.members(m.value, "new", "by", "within", "count")
	if p, ok := all["by"]; ok {
		n.By = r.subjects(p, of)
	}
	if p, ok := all["within"]; ok {
		n.Within = r.duration(p, time.Hour, maxWithin)
	}
	if p, ok := all["count"]; ok {
		n.Count = r.integer(p, 1, maxCount)
	}
	if len(n.By) == 0 && m.value.Kind == yaml.MappingNode {
		r.mistake(m.value, "new has no by; say which subjects make something new, as in new: {by: [principal, source_ip], within: 30d}")
	}
	return &n
}

func (r *reader) spike(m member, of Source, old *Spike) *Spike {
	s := Spike{Bin: 5 * time.Minute, Over: day, Deviations: 3}
	if old != nil {
		s = *old
	}
	all := r.members(m.value, "spike", "by", "bin", "over", "count", "deviations")
	if p, ok := all["by"]; ok {
		s.By = r.subjects(p, of)
	}
	if p, ok := all["bin"]; ok {
		s.Bin = r.duration(p, time.Minute, day)
	}
	if p, ok := all["over"]; ok {
		s.Over = r.duration(p, time.Hour, 30*day)
	}
	if p, ok := all["count"]; ok {
		s.Count = r.integer(p, 1, maxCount)
	}
	if p, ok := all["deviations"]; ok {
		s.Deviations = r.number(p, 0.5, 100)
	}
	switch {
	case m.value.Kind != yaml.MappingNode:
	case s.Count == 0:
		r.mistake(m.value, "spike has no count; say how many events a bin must have at least, as in spike: {by: [principal], count: 50}")
	case s.Bin > time.Hour || time.Hour%s.Bin != 0:
		r.mistake(m.value, "spike: bin is %s, and must divide an hour, so that bins begin at the same minutes whatever the time zone is", Span(s.Bin))
	case s.Over%s.Bin != 0 || s.Over < 12*s.Bin:
		r.mistake(m.value, "spike: over is %s, and must be a multiple of bin, at least 12 of them; with fewer a mean says little", Span(s.Over))
	}
	return &s
}

func (r *reader) absent(m member, old *Absent) *Absent {
	a := Absent{}
	if old != nil {
		a = *old
	}
	if p, ok := r.members(m.value, "absent", "for")["for"]; ok {
		a.For = r.duration(p, 5*time.Minute, 7*day)
	}
	if a.For == 0 && m.value.Kind == yaml.MappingNode {
		r.mistake(m.value, "absent has no for; say how long there may be no event, as in absent: {for: 30m}")
	}
	return &a
}

// hours reads working hours; what is left out is as before, or 07:00 to 19:00
// from Monday to Friday.
func (r *reader) hours(m member, a *Alert) {
	h := Hours{From: 7 * time.Hour, To: 19 * time.Hour, Days: [7]bool{false, true, true, true, true, true, false}}
	if a.Hours != nil {
		h = *a.Hours
	}
	all := r.members(m.value, "outside_hours", "from", "to", "days")
	for name, to := range map[string]*time.Duration{"from": &h.From, "to": &h.To} {
		if p, ok := all[name]; ok {
			if name == "to" && p.value.Value == "24:00" {
				*to = day
				continue
			}
			at, err := time.Parse("15:04", p.value.Value)
			if err != nil {
				r.mistake(p.value, "%s is a time of the day such as \"07:00\"; write it in quotes", name)
			}
			*to = time.Duration(at.Hour())*time.Hour + time.Duration(at.Minute())*time.Minute
		}
	}
	if p, ok := all["days"]; ok {
		h.Days = [7]bool{}
		if p.value.Kind == yaml.SequenceNode && len(p.value.Content) == 0 {
			r.mistake(p.value, "days is empty; name the working days, or leave it out for mon to fri")
		}
		for _, name := range r.texts(p) {
			i := slices.Index(weekdays(), strings.ToLower(name))
			if i < 0 {
				r.mistake(p.value, "days: unknown day %q%s", name, sigma.Hint(name, "there are ", weekdays()))
				continue
			}
			h.Days[i] = true
		}
	}
	if h.From >= h.To {
		r.mistake(m.value, "outside_hours: from is not before to; working hours lie within a day")
	}
	a.Hours = &h
}

// weekdays are in the order of time.Weekday.
func weekdays() []string { return []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"} }

// subjects reads a list of subjects, or one.
func (r *reader) subjects(m member, of Source) (list []string) {
	items := []*yaml.Node{m.value}
	if m.value.Kind == yaml.SequenceNode {
		items = m.value.Content
	}
	for _, item := range items {
		name := r.subject(item, m.name.Value, of)
		if slices.Contains(list, name) {
			r.mistake(item, "%s: %s is given twice", m.name.Value, name)
			continue
		}
		list = append(list, name)
	}
	return list
}

func (r *reader) subject(n *yaml.Node, in string, of Source) string {
	if known := subjectNames(of); n.Kind != yaml.ScalarNode || !slices.Contains(known, n.Value) {
		r.mistake(n, "%s: unknown subject %q%s", in, n.Value, sigma.Hint(n.Value, "there are ", known))
	}
	return n.Value
}

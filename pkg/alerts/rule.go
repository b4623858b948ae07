package alerts

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"

	"gopkg.in/yaml.v3"

	"auditlog-forwarder/pkg/sigma"
)

// maxName bounds the name of a saved search, as Splunk's own pages do.
const maxName = 100

func newAlert() *Alert { return &Alert{Every: time.Hour} }

// at is a mistake of a whole rule.
func (r *reader) at(rule *sigma.Rule, format string, args ...any) {
	r.mistakes = append(r.mistakes, sigma.Mistake{File: r.file, Line: rule.Line, Column: 1, What: fmt.Sprintf(format, args...)})
}

// rule makes an alert of a rule.
func (r *reader) rule(rule *sigma.Rule) *Alert {
	a := newAlert()
	a.Rule, a.Name, a.Slug = rule, rule.Title, slug(rule.Title)
	r.unknownMembers(rule.Extra)
	r.head(rule, a)
	n := rule.Extra[Member]
	if n == nil { // every member has a default
		n = &yaml.Node{Kind: yaml.MappingNode, Line: rule.Line, Column: 1}
	}
	r.alertAt(n, r.members(n, Member, alertMembers()...), a)
	if n := rule.Extra[ExamplesMember]; n != nil {
		r.examples(n, a)
	} else {
		r.at(rule, "the alert %q %s", rule.Title, demanded()[ExamplesMember])
	}
	return a
}

// alertAt reads members of the map n, and holds them against each other where
// each is right by itself.
func (r *reader) alertAt(n *yaml.Node, all map[string]member, a *Alert) {
	before := len(r.mistakes)
	if r.alert(all, a); len(r.mistakes) == before {
		r.check(n, a)
	}
}

// demanded are the members that an alert needs beyond those of every rule, and
// what is said where one is missing.
func demanded() map[string]string {
	return map[string]string{
		"id":             "needs an id that is a UUID, such as uuidgen makes, by which it stays the same when its title changes",
		"description":    "has no description; say what it means and what to do",
		"falsepositives": "has no falsepositives; say what fires it in good faith, or none",
		"level":          "has no level; allowed are " + strings.Join(levels(), ", "),
		ExamplesMember:   "has no examples; give one with fires: true and one with fires: false, which prove it",
	}
}

// head checks Sigma's own members, of which an alert needs more than a rule.
func (r *reader) head(rule *sigma.Rule, a *Alert) {
	switch {
	case len([]rune(a.Name)) > maxName:
		r.at(rule, "the title has %d characters; as the name of a saved search it has at most %d", len([]rune(a.Name)), maxName)
	case strings.ContainsAny(a.Name, `[]\/`):
		r.at(rule, `the title has one of [ ] \ /, which the name of a saved search cannot have`)
	case strings.EqualFold(a.Name, "default") || strings.TrimSpace(a.Name) != a.Name:
		r.at(rule, "the title is %q, which as the name of a saved search would be another thing; choose one that says what happens", a.Name)
	case strings.Trim(a.Slug, "_") == "":
		r.at(rule, "the title has no letter or digit of ASCII, from which the name of its macro is made")
	}
	if !regexp.MustCompile(`^(?i)[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`).MatchString(rule.ID) {
		r.at(rule, "the alert %q %s", rule.Title, demanded()["id"])
	}
	if strings.TrimSpace(rule.Description) == "" {
		r.at(rule, "the alert %q %s", rule.Title, demanded()["description"])
	}
	if len(rule.FalsePositives) == 0 {
		r.at(rule, "the alert %q %s", rule.Title, demanded()["falsepositives"])
	}
	if rule.Level == "" {
		r.at(rule, "the alert %q %s", rule.Title, demanded()["level"])
	}
	a.Severity = severity(rule.Level)
	switch s := rule.LogSource; {
	case s.Product == "confluent" && s.Service == "audit":
		a.Source = Audit
	case s.Product == "auditlog-forwarder" && s.Service == "heartbeat":
		a.Source = Heartbeat
	default:
		r.at(rule, "the logsource of %q is product %q, service %q; known are product confluent, service audit, and product auditlog-forwarder, service heartbeat", rule.Title, s.Product, s.Service)
	}
}

// severity is Splunk's number for a level.
func severity(level string) Severity {
	return Info + Severity(max(0, slices.Index(levels(), level)))
}

// levels are Sigma's, from the least; Splunk's severities have the same order.
func levels() []string { return []string{"informational", "low", "medium", "high", "critical"} }

// check fills what follows from the rest, and holds members against each
// other. Mistakes stand at n.
func (r *reader) check(n *yaml.Node, a *Alert) {
	c := a.Condition
	windowed := c.New != nil || c.Spike != nil || c.Absent != nil
	switch {
	case a.LookBack == 0:
		a.LookBack = a.Every
	case windowed:
		r.mistake(n, "look_back has no effect beside new, spike and absent, which say themselves how far they look; remove it")
	case a.LookBack < a.Every:
		r.mistake(n, "look_back is %s and every is %s: what comes between two runs would not be seen; look back at least as far as every", Span(a.LookBack), Span(a.Every))
	case a.LookBack > a.Every && c.Threshold == nil:
		r.mistake(n, "look_back is %s and every is %s: each event would be told several times; without threshold they are the same", Span(a.LookBack), Span(a.Every))
	case a.LookBack%time.Minute != 0:
		r.mistake(n, "look_back is %s, and must be whole minutes", Span(a.LookBack))
	}
	switch {
	case c.Absent != nil && c.Absent.For < a.Every:
		r.mistake(n, "absent looks at %s and every is %s: a silence between two runs would not be seen; make for at least every", Span(c.Absent.For), Span(a.Every))
	case c.Absent != nil && c.Absent.For%time.Minute != 0:
		r.mistake(n, "absent: for is %s, and must be whole minutes", Span(c.Absent.For))
	case c.Absent != nil && (a.Hours != nil || len(a.Show) > 0 || len(a.Suppress.By) > 0):
		r.mistake(n, "absent fires when there is no event: it goes with neither outside_hours nor show nor suppress by")
	case c.New != nil && c.New.Within%time.Minute != 0:
		r.mistake(n, "new: within is %s, and must be whole minutes", Span(c.New.Within))
	case c.Spike != nil && (c.Spike.Over < a.Every || a.Every < c.Spike.Bin):
		r.mistake(n, "spike: every is %s, and must be at least bin (%s) and at most over (%s)", Span(a.Every), Span(c.Spike.Bin), Span(c.Spike.Over))
	}
	if len(a.Suppress.By) > 0 && a.Suppress.For == 0 {
		r.mistake(n, "suppress has no for")
	}
	if a.suppression {
		a.Suppress = Suppress{}
	}
	if t := c.Threshold; t != nil && a.LookBack > a.Every && a.Suppress.For == 0 {
		// The same events count in several runs, and are to be told once.
		a.Suppress, a.suppression = Suppress{For: a.LookBack, By: t.By}, true
	}
	r.checkMessage(n, a)
}

// checkMessage gives the default message, and tells what is not there for it.
func (r *reader) checkMessage(n *yaml.Node, a *Alert) {
	if a.Message == "" {
		switch {
		case a.Condition.Absent != nil:
			a.Message = "no event for " + Span(a.Condition.Absent.For)
		case a.Source == Heartbeat:
			a.Message = "at {instance}"
		case len(a.counted()) > 0:
			a.Message = "{count} events: {method} by {principal} from {source_ip}, {result}"
		default:
			a.Message = "{method} by {principal} from {source_ip} on {resource}: {result}"
		}
	}
	counted := a.counted()
	for _, name := range placeholders(a.Message) {
		if (name == CountWord || name == DistinctWord) && !slices.Contains(counted, name) {
			r.mistake(n, "message: {%s} has no value, since the alert does not count it", name)
		}
	}
}

// slug is the title in lower case, with _ for what is no letter or digit.
func slug(title string) string {
	var b strings.Builder
	for _, c := range strings.ToLower(title) {
		if c > unicode.MaxASCII || !unicode.IsLetter(c) && !unicode.IsDigit(c) {
			c = '_'
		}
		b.WriteRune(c)
	}
	return b.String()
}

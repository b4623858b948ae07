package alerts

import (
	"fmt"
	"strconv"
	"strings"
)

// Words is the alert's condition in words.
func (a *Alert) Words() string {
	var words string
	switch c := a.Condition; {
	case c.Threshold != nil:
		t := *c.Threshold
		words = fmt.Sprintf("%d events%s in %s", t.Count, each(" of one ", t.By), Span(a.LookBack))
		if t.Distinct != "" {
			words += fmt.Sprintf(" with %d different values of %s", t.DistinctCount, t.Distinct)
		}
	case c.New != nil:
		words = fmt.Sprintf("%s not seen for %s", each("", c.New.By), Span(c.New.Within))
		if c.New.Count > 1 {
			words += fmt.Sprintf(", with %d events", c.New.Count)
		}
	case c.Spike != nil:
		s := *c.Spike
		words = fmt.Sprintf("%d events%s in %s, %s deviations above the mean of %s",
			s.Count, each(" of one ", s.By), Span(s.Bin), strconv.FormatFloat(s.Deviations, 'g', -1, 64), Span(s.Over))
	case c.Absent != nil:
		words = "no event in " + Span(c.Absent.For)
	default:
		words = "each event"
	}
	if a.Hours != nil {
		words += ", outside of " + a.Hours.words()
	}
	return words
}

func each(before string, by []string) string {
	if len(by) == 0 {
		return ""
	}
	return before + strings.Join(by, " and ")
}

// Techniques are what of ATT&CK the rule is about: T1485, or the name of a
// tactic where there is no technique.
func (a *Alert) Techniques() (techniques []string) {
	var tactics []string
	for _, tag := range a.Rule.Tags {
		name, ok := strings.CutPrefix(tag, "attack.")
		switch {
		case !ok:
		case len(name) > 1 && name[0] == 't' && name[1] >= '0' && name[1] <= '9':
			techniques = append(techniques, strings.ToUpper(name))
		default:
			tactics = append(tactics, name)
		}
	}
	if len(techniques) == 0 {
		return tactics
	}
	return techniques
}

// Names lists the actions that are set.
func (a Actions) Names() (names []string) {
	for _, one := range []struct {
		name string
		set  bool
	}{{"email", a.Email != nil}, {"webhook", a.Webhook != nil}, {"slack", a.Slack != nil}, {"teams", a.Teams != nil}} {
		if one.set {
			names = append(names, one.name)
		}
	}
	return names
}

package firing

import (
	"strconv"
	"strings"
)

// The names in messages that are no subjects.
const (
	countName    = "count"
	distinctName = "distinct_count"
)

func counted(name string) bool { return name == countName || name == distinctName }

// names are those in braces.
func names(message string) (found []string) {
	_, rest, ok := strings.Cut(message, "{")
	for ok {
		var name string
		if name, rest, ok = strings.Cut(rest, "}"); ok {
			found = append(found, name)
			_, rest, ok = strings.Cut(rest, "{")
		}
	}
	return found
}

// message puts what a firing is about into its alert's message.
func message(f Firing) string {
	var pairs []string
	for _, name := range names(f.Alert.Message) {
		pairs = append(pairs, "{"+name+"}", f.text(name))
	}
	return strings.NewReplacer(pairs...).Replace(f.Alert.Message)
}

// text is what stands for a name in a message.
func (f *Firing) text(name string) string {
	switch name {
	case countName:
		return strconv.FormatInt(f.Count, 10)
	case distinctName:
		return strconv.FormatInt(f.Distinct, 10)
	}
	for _, values := range [][]Value{f.Group, f.Others} {
		for _, v := range values {
			if v.Subject == name {
				return strings.Join(v.Texts, ", ")
			}
		}
	}
	return Unknown
}

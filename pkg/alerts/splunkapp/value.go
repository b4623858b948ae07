package splunkapp

import (
	"fmt"
	"regexp"
	"strings"

	"auditlog-forwarder/pkg/alerts"
	"auditlog-forwarder/pkg/sigma"
)

// longEvent is the length from which fields are taken out of _raw one by one.
// Splunk's automatic extraction reads the first 5000 bytes of an event, and
// len counts characters: below this length an event has more bytes only if a
// quarter of its characters need two.
const longEvent = 4000

// field is a path as an expression of eval names it.
func field(path string) string { return "'" + path + "'" }

// extracted is the value of a path in an event of any length, as the automatic
// extraction has it for short ones: no objects, and an array's elements as
// several values. spath with a path reads on behind the limit, which Splunk
// documents for spath without one; json_extract has none documented. One stands
// in for the other, and both for what the automatic extraction has found.
func extracted(path string) string {
	spath := fmt.Sprintf(`spath(_raw, "%s")`, path)
	json := fmt.Sprintf(`json_extract(_raw, "%s")`, path)
	switch strings.Count(path, "{}") {
	case 0:
		return fmt.Sprintf(`if(match(%s, "^[\[{]"), null(), coalesce(%s, %s, %s))`, spath, spath, json, field(path))
	case 1: // json_extract makes an array of the elements
		return fmt.Sprintf(`coalesce(json_array_to_mv(%s), %s, %s)`, json, spath, field(path))
	default: // and arrays of arrays, which spath makes flat
		return fmt.Sprintf(`coalesce(%s, json_array_to_mv(%s), %s)`, spath, json, field(path))
	}
}

// canCalculate reports whether a path can be the name of a calculated field
// and stand in quotes of eval.
func canCalculate(path string) bool {
	return regexp.MustCompile(`^[A-Za-z0-9_@.{}-]+$`).MatchString(path)
}

// anyLength writes an expression for short events and for long ones. of is
// given what reads a path.
func anyLength(of func(read func(path string) string) string) string {
	return fmt.Sprintf("if(len(_raw)>%d, %s, %s)", longEvent, of(extracted), of(field))
}

// firstOf is the first value of the paths that says something. JSON's null
// comes out of the extraction as a text.
func firstOf(paths []string, read func(path string) string) string {
	values := make([]string, len(paths))
	for i, path := range paths {
		values[i] = fmt.Sprintf(`nullif(nullif(mvindex(%s, 0), ""), "null")`, read(path))
	}
	if len(values) == 1 {
		return values[0]
	}
	return "coalesce(" + strings.Join(values, ", ") + ")"
}

// values is firstOf in events of any length.
func values(paths []string) string {
	return anyLength(func(read func(string) string) string { return firstOf(paths, read) })
}

// subject is a subject of alerts as one expression: a calculated field cannot
// use another one, so each that needs the subject has it whole.
func subject(name string) (string, error) {
	for _, s := range alerts.Subjects() {
		if s.Name != name {
			continue
		}
		paths := texts(s.Paths)
		if s.Find != "" {
			return anyLength(func(read func(string) string) string { return firstLike(s.Find, paths, read) }), nil
		}
		if s.Trim != "" {
			return fmt.Sprintf(`replace(%s, "^%s", "")`, values(paths), regexp.QuoteMeta(s.Trim)), nil
		}
		return values(paths), nil
	}
	return "", fmt.Errorf("alerts have no subject %q", name)
}

// firstLike is the first match of a regular expression in the values.
func firstLike(pattern string, paths []string, read func(path string) string) string {
	found := make([]string, len(paths))
	for i, path := range paths {
		value := fmt.Sprintf(`mvjoin(%s, " ")`, read(path))
		found[i] = fmt.Sprintf(`if(match(%s, "%s"), replace(%s, "^.*?(%s).*$", "\1"), null())`, value, pattern, value, pattern)
	}
	return "coalesce(" + strings.Join(found, ", ") + ")"
}

func texts(paths []sigma.Path) []string {
	all := make([]string, len(paths))
	for i, path := range paths {
		all[i] = path.String()
	}
	return all
}

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
	json := fmt.Sprintf(`json_extract(_raw, "%s")`, path)
	switch strings.Count(path, "{}") {
	case 0:
		return fmt.Sprintf(`if(match(%s, "^[\[{]"), null(), coalesce(%s, %s, %s))`, spath(path), spath(path), json, field(path))
	case 1: // json_extract makes an array of the elements
		return fmt.Sprintf(`coalesce(json_array_to_mv(%s), %s, %s)`, json, spath(path), field(path))
	default: // and arrays of arrays, which spath makes flat
		return fmt.Sprintf(`coalesce(%s, json_array_to_mv(%s), %s)`, spath(path), json, field(path))
	}
}

// canCalculate reports whether a path can be the name of a calculated field
// and stand in quotes of eval.
func canCalculate(path string) bool {
	return regexp.MustCompile(`^[A-Za-z0-9_@.{}-]+$`).MatchString(path)
}

// byLength takes one expression for short events and another for long ones.
func byLength(short, long string) string {
	return fmt.Sprintf("if(len(_raw)>%d, %s, %s)", longEvent, long, short)
}

// spath reads a path of an event of any length. The fields of the data models
// are long enough as they are; a second way to read each is left to the fields
// that alerts ask for.
func spath(path string) string { return fmt.Sprintf(`spath(_raw, "%s")`, path) }

// values is the first value of the paths that says something. JSON's null comes
// out of the extraction as a text, and out of spath an object too.
func values(paths []string) string {
	first := func(read func(string) string, nothing string) string {
		all := make([]string, len(paths))
		for i, path := range paths {
			value := fmt.Sprintf("mvindex(%s, 0)", read(path))
			all[i] = fmt.Sprintf(`if(match(%s, "%s"), null(), %s)`, value, nothing, value)
		}
		return coalesce(all)
	}
	return byLength(first(field, `^(null)?$`), first(spath, `^([\[{]|(null)?$)`))
}

// valuesLike is the first match of a regular expression in the values.
func valuesLike(paths []string, pattern string) string {
	first := func(read func(string) string) string {
		all := make([]string, len(paths))
		for i, path := range paths {
			value := fmt.Sprintf(`mvjoin(%s, " ")`, read(path))
			all[i] = fmt.Sprintf(`if(match(%s, "%s"), replace(%s, "(?s)^.*?(%s).*", "\1"), null())`, value, pattern, value, pattern)
		}
		return coalesce(all)
	}
	return byLength(first(field), first(spath))
}

func coalesce(all []string) string {
	if len(all) == 1 {
		return all[0]
	}
	return "coalesce(" + strings.Join(all, ", ") + ")"
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
			return valuesLike(paths, s.Find), nil
		}
		if s.Trim != "" {
			return fmt.Sprintf(`replace(%s, "^%s", "")`, values(paths), regexp.QuoteMeta(s.Trim)), nil
		}
		return values(paths), nil
	}
	return "", fmt.Errorf("alerts have no subject %q", name)
}

func texts(paths []sigma.Path) []string {
	all := make([]string, len(paths))
	for i, path := range paths {
		all[i] = path.String()
	}
	return all
}

package importer

import (
	"regexp"
	"strings"
)

// placeholder returns how a value names another place, or nothing if it is a
// value: ${file:/path:name} of Connect's providers, ${NAME} of a template,
// <TOKEN> of an example, and the stars with which values are masked.
func placeholder(value string) string {
	value = strings.TrimSpace(value)
	switch {
	case strings.Trim(value, "*") == "" && len(value) >= 3:
		return "masked"
	case regexp.MustCompile(`^<[A-Za-z][A-Za-z0-9 _.|/-]*>$`).MatchString(value):
		return value
	case value == "[hidden]" || value == "[redacted]":
		return "masked"
	}
	m := reference().FindStringSubmatch(value)
	if m == nil {
		return ""
	}
	// What follows :- may be a secret.
	ref, _, _ := strings.Cut(m[1], ":-")
	return "${" + ref + "}"
}

func reference() *regexp.Regexp { return regexp.MustCompile(`\$\{([A-Za-z0-9_.-]+(?::[^}]*)?)\}`) }

// wholeFile returns the file that a ${dir:/folder:name} names: one that holds
// the value and nothing else, as our _file keys want it.
func wholeFile(value string) (string, bool) {
	m := regexp.MustCompile(`^\$\{(?:dir|directory):([^:}]+):([^:}/]+)\}$`).FindStringSubmatch(strings.TrimSpace(value))
	if m == nil {
		return "", false
	}
	return strings.TrimSuffix(m[1], "/") + "/" + m[2], true
}

// elsewhere says in words where a value has to be looked up.
func elsewhere(ref string) string {
	if ref == "masked" {
		return "the value is masked in what was given"
	}
	return "the value is " + ref + ", which stands for one kept elsewhere"
}

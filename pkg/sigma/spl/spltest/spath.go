package spltest

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
)

// spath gives the values at a path as the automatic extraction does, and an
// object or an array as its text. With a path Splunk's limit of 5000 characters
// does not count: it is documented for the mode without one.
func (e *evaluator) spath(args []value) (value, error) {
	text, ok, err := args[0].one("spath")
	if err != nil || !ok {
		return value{}, err
	}
	path, _, err := args[1].one("spath")
	if err != nil {
		return value{}, err
	}
	known := e.extracted(text)
	if found := known[path]; len(found) > 0 {
		return listOf(found), nil
	}
	within := func(name string) bool { return strings.HasPrefix(name, path+".") || strings.HasPrefix(name, path+"{}") }
	if strings.Contains(path, "{}") || !slices.ContainsFunc(slices.Collect(maps.Keys(known)), within) {
		return value{}, nil
	}
	found, err := jsonAt(json.RawMessage(text), path)
	return listOf(found), err
}

// everyElement is json_extract with {} in its path: an array of what is there in
// each element.
func (e *evaluator) everyElement(text, path string) (value, error) {
	found := e.extracted(text)[path]
	if len(found) == 0 {
		return value{}, nil
	}
	array, err := json.Marshal(found)
	return listOf([]string{string(array)}), err
}

// extracted are the fields of a text, which is often the same one again.
func (e *evaluator) extracted(text string) map[string][]string {
	if e.known == nil || e.text != text {
		e.text, e.known = text, Extract([]byte(text), 0)
	}
	return e.known
}

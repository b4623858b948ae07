package splunkapp

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"auditlog-forwarder/config/splunkapp"
	"auditlog-forwarder/pkg/alerts"
	"auditlog-forwarder/pkg/sigma"
)

// longFields are calculated fields that give the events which are too long for
// Splunk's automatic extraction the fields that something here asks for: the
// rules, the subjects, the dashboards, and the event types and fields of the CIM.
func longFields(c *alerts.Catalogue, dashboards []File, types []alerts.Stanza) ([]alerts.Setting, error) {
	all := map[string]bool{}
	for _, a := range c.Alerts {
		if a.Source == alerts.Audit {
			for _, path := range asked(sigma.BothSpellings(a.Rule)) {
				all[path] = true
			}
		}
	}
	for _, s := range alerts.Subjects() {
		if s.Source == alerts.Audit {
			for _, path := range texts(s.Paths) {
				all[path] = true
			}
		}
	}
	inText := regexp.MustCompile(`\bdata\.[A-Za-z0-9_.{}]*[A-Za-z0-9_}]`)
	addText := func(text string) {
		for _, path := range inText.FindAllString(text, -1) {
			all[path] = true
		}
	}
	for _, v := range dashboards {
		addText(string(v.Data))
	}
	for _, t := range types {
		for _, s := range t.Settings {
			addText(s.Value)
		}
	}
	for _, name := range []string{mechanism, reasons, crn} {
		paths, err := spelled(name)
		if err != nil {
			return nil, err
		}
		for _, path := range paths {
			all[path] = true
		}
	}
	var settings []alerts.Setting
	for _, path := range slices.Sorted(maps.Keys(all)) {
		if !isSplunks(path) && canCalculate(path) {
			settings = append(settings, alerts.Setting{Key: "EVAL-" + path, Value: byLength(field(path), extracted(path))})
		}
	}
	return settings, nil
}

// Check refuses alerts that find something else in a Splunk with the app than on
// the stream. Whatever brings alerts to Splunk asks it, since the app's fields are
// there for all apps, and the app may come later.
func Check(c *alerts.Catalogue) error {
	methods, err := readMethods(splunkapp.FS)
	if err != nil {
		return err
	}
	common, err := commonFields(methods)
	if err != nil {
		return err
	}
	return ownFields(c, common)
}

// ownFields refuses alerts that ask for a member of events by whose name Splunk
// has a field of the data models: they would find something else there than on
// the stream.
func ownFields(c *alerts.Catalogue, common []alerts.Setting) error {
	own := map[string]bool{"object_category": true} // of the lookup
	for _, s := range common {
		own[strings.TrimPrefix(s.Key, "EVAL-")] = true
	}
	var errs []error
	for _, a := range c.Alerts {
		for _, path := range slices.Compact(slices.Sorted(slices.Values(asked(a.Rule)))) {
			if own[path] && a.Source == alerts.Audit {
				errs = append(errs, fmt.Errorf("alert %q asks for %s, and in Splunk the app makes a field of this name for the Common Information Model; ask for another member", a.Name, path))
			}
		}
	}
	return errors.Join(errs...)
}

// isSplunks reports whether Splunk itself gives events a field of this name,
// which must stay.
func isSplunks(name string) bool {
	return slices.Contains([]string{"source", "sourcetype", "host", "index", "splunk_server", "linecount", "punct", "timestamp", "eventtype", "tag"}, name)
}

// asked are the paths that a rule asks for.
func asked(r *sigma.Rule) (paths []string) {
	var walk func(e sigma.Expr)
	walk = func(e sigma.Expr) {
		switch e := e.(type) {
		case sigma.And:
			for _, part := range e {
				walk(part)
			}
		case sigma.Or:
			for _, part := range e {
				walk(part)
			}
		case sigma.Not:
			walk(e.Expr)
		case sigma.Ref:
			walk(e.Search.Expr)
		case *sigma.Test:
			if !e.Path.IsZero() {
				paths = append(paths, e.Path.String())
			}
			for _, o := range e.Of {
				if !o.Field.IsZero() {
					paths = append(paths, o.Field.String())
				}
			}
		}
	}
	walk(r.Detection.Condition)
	return paths
}

// spelled are paths, divided by spaces, in both spellings.
func spelled(list string) (all []string, err error) {
	for _, text := range regexp.MustCompile(` +`).Split(list, -1) {
		path, err := sigma.ParsePath(text)
		if err != nil {
			return nil, fmt.Errorf("fields of the data models: %w", err)
		}
		// BothSpellings takes a rule; this one asks for nothing but the path.
		both := sigma.BothSpellings(&sigma.Rule{Detection: sigma.Detection{Condition: &sigma.Test{Path: path, Op: sigma.Exists}}})
		all = append(all, asked(both)...)
	}
	return all, nil
}

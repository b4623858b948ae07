package app

import (
	"fmt"
	"strings"

	"auditlog-forwarder/pkg/config"
	"auditlog-forwarder/pkg/filter"
	"auditlog-forwarder/pkg/forwarder"
)

// newFilter reads the rules that cfg names.
func newFilter(cfg config.Config) (*filter.Filter, error) {
	f, err := filter.New(cfg.Filter, filter.Options{AnyText: cfg.HEC.AnyText()})
	if err != nil {
		return nil, fmt.Errorf("filter.rules: %w", err)
	}
	return f, nil
}

// working is f, or nothing if no event can be touched by it.
func working(f *filter.Filter) forwarder.Filter {
	if f.Empty() {
		return nil
	}
	return f
}

// rulesFound tells which rules a valid configuration has.
func rulesFound(cfg config.Config) string {
	f, err := newFilter(cfg)
	if err != nil || len(f.Rules()) == 0 {
		return ""
	}
	return "; rules in their order: " + strings.Join(ruleNames(f), ", ")
}

func ruleNames(f *filter.Filter) []string {
	names := make([]string, 0, len(f.Rules()))
	for _, r := range f.Rules() {
		names = append(names, fmt.Sprintf("%s (%s)", r.Name, r.Action))
	}
	return names
}

// FilterPresets lists the rules that come with the program, by name.
func FilterPresets() []string { return filter.Presets() }

// FilterPreset returns the text of a preset.
func FilterPreset(name string) ([]byte, error) { return filter.Preset(name) }

// FilterReport is what TryFilter finds.
type FilterReport = filter.Report

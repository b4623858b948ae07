package filter

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"auditlog-forwarder/pkg/sigma"
)

//go:embed presets/*.yml
var presets embed.FS

// presetPrefix begins the name of a preset among files.
const presetPrefix = "preset:"

// Presets lists the rules that come with the program, by name.
func Presets() []string {
	files, err := fs.Glob(presets, "presets/*.yml")
	if err != nil { // the pattern is good
		return nil
	}
	for i, f := range files {
		files[i] = strings.TrimSuffix(path.Base(f), ".yml")
	}
	return files
}

// Preset returns the text of a preset.
func Preset(name string) ([]byte, error) {
	data, err := presets.ReadFile("presets/" + name + ".yml")
	if err != nil {
		return nil, fmt.Errorf("unknown preset %q%s", name, sigma.Hint(name, "there are ", Presets()))
	}
	return data, nil
}

// maxRules bounds the metric's label.
const maxRules = 1000

// loaded is a rule and what is needed to match it.
type loaded struct {
	*Rule
	sigma *sigma.Rule
	text  []byte // of the whole file
}

// load reads rules in their order and returns every mistake.
func load(sources []string) (rules []loaded, errs []error) {
	byName := map[string]string{}
	for _, source := range sources {
		files, err := expand(source)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		for _, file := range files {
			data, err := read(file)
			if err != nil {
				errs = append(errs, err)
				continue
			}
			more, mistakes := parse(file, data)
			for _, m := range mistakes {
				errs = append(errs, errors.New(m.String()))
			}
			for _, r := range more {
				if first, twice := byName[r.Name]; twice {
					errs = append(errs, fmt.Errorf("%s: the title %q is that of %s as well, and rules are counted by it; give one another title, or name the file once", r.Where, r.Name, first))
					continue
				}
				byName[r.Name] = r.Where
				rules = append(rules, r)
			}
		}
	}
	if len(rules) > maxRules {
		errs = append(errs, fmt.Errorf("%d rules; at most %d are allowed", len(rules), maxRules))
	}
	return rules, errs
}

// expand returns the files that one item names.
func expand(source string) ([]string, error) {
	if name, ok := strings.CutPrefix(source, presetPrefix); ok {
		if _, err := Preset(name); err != nil {
			return nil, err
		}
		return []string{source}, nil
	}
	return sigma.Files(source, "remove it")
}

func read(file string) ([]byte, error) {
	if name, ok := strings.CutPrefix(file, presetPrefix); ok {
		return Preset(name)
	}
	data, err := sigma.ReadFile("the rules", file)
	if errors.Is(err, fs.ErrNotExist) && slices.Contains(Presets(), file) {
		return nil, fmt.Errorf("%s is no file; a preset is named %s%s", file, presetPrefix, file)
	}
	return data, err
}

// parse reads the rules of one file.
func parse(file string, data []byte) (rules []loaded, mistakes sigma.Mistakes) {
	parsed, err := sigma.Parse(file, data)
	if err != nil && !errors.As(err, &mistakes) {
		mistakes = sigma.Mistakes{{File: file, Line: 1, Column: 1, What: err.Error()}}
	}
	r := &reader{file: file, mistakes: mistakes}
	if len(mistakes) > 0 {
		r.others(data)
	}
	for _, p := range parsed {
		rule := &Rule{Name: p.Title, Where: fmt.Sprintf("%s:%d", file, p.Line)}
		if strings.HasPrefix(rule.Name, methodRule) {
			r.mistakes = append(r.mistakes, sigma.Mistake{File: file, Line: p.Line, Column: 1, What: fmt.Sprintf(
				"the title %q begins as the names under which filter.drop_methods are counted; give it another one", rule.Name)})
		}
		ours, ok := p.Extra[Member]
		for _, name := range slices.Sorted(maps.Keys(p.Extra)) {
			if name != Member {
				r.mistake(p.Extra[name], "unknown member %q%s", name, sigma.Hint(name, "besides Sigma's own there is ", []string{Member}))
			}
		}
		if !ok {
			r.mistakes = append(r.mistakes, sigma.Mistake{File: file, Line: p.Line, Column: 1, What: fmt.Sprintf(
				"the rule %q does not say what it does; add the member %s with an action: drop, keep, route, redact or summarise", p.Title, Member)})
			continue
		}
		r.action(ours, rule)
		rules = append(rules, loaded{rule, p, data})
	}
	if r.mistakes.Err() != nil { // Err sorts them
		return nil, r.mistakes
	}
	return rules, nil
}

// others reads our members of rules that are wrong elsewhere, so that all
// mistakes are told at once.
func (r *reader) others(data []byte) {
	for root := range sigma.Maps(data) {
		for i := 0; i+1 < len(root.Content); i += 2 {
			if root.Content[i].Value == Member {
				r.action(root.Content[i+1], &Rule{})
			}
		}
	}
}

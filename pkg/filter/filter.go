// Package filter says what the rules of an operator do to events: leave them
// out, keep them, send them elsewhere, redact values in them, or sum them up.
//
// A rule is one in Sigma's format with a member more, auditlog-forwarder, that
// names the action. Rules are looked at in the order in which they are given;
// docs/filters.md says what that comes to.
package filter

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"auditlog-forwarder/pkg/audit"
	"auditlog-forwarder/pkg/creds"
	"auditlog-forwarder/pkg/sigma"
)

// Config names the rules.
type Config struct {
	Rules       []string     `mapstructure:"rules"`        // files, patterns of files, and preset:<name>
	HashKey     creds.Secret `mapstructure:"hash_key"`     // of the hashes that redaction writes
	DropMethods []string     `mapstructure:"drop_methods"` // exact values of data.methodName
}

// DefaultConfig returns the defaults.
func DefaultConfig() Config {
	return Config{Rules: []string{}, DropMethods: []string{}}
}

// minHashKey is fewer than anybody should have; what has less is a mistake.
const minHashKey = 16

// Validate reads the rules and returns every mistake, each starting with its
// key.
func (c Config) Validate() (errs []error) {
	for _, m := range c.DropMethods {
		if m == "" || strings.TrimSpace(m) != m || !utf8.ValidString(m) { // a metric has it as a label
			errs = append(errs, fmt.Errorf("drop_methods: %q is not a method name; give names such as mds.Authorize", m))
			break
		}
	}
	if key := c.HashKey.Reveal(); key != "" && len(key) < minHashKey {
		errs = append(errs, fmt.Errorf("hash_key: shorter than %d bytes, so that it can be guessed and the hashes be undone; make one with openssl rand -hex 32", minHashKey))
	}
	f, mistakes := compile(c)
	for _, err := range mistakes {
		errs = append(errs, fmt.Errorf("rules: %w", err))
	}
	if i := slices.IndexFunc(f.rules, (*Rule).hashes); i >= 0 && c.HashKey.Empty() {
		errs = append(errs, fmt.Errorf("hash_key: missing; set filter.hash_key_file, since the rule %q redacts by hash", f.rules[i].Name))
	}
	return errs
}

// Filter is the rules as they work on events.
type Filter struct {
	rules  []*Rule          // in their order
	paths  [][]sigma.PathID // by rule: those that it sums up by
	hidden []sigma.Path     // what rules redact, in their order
	// firstHidden is by rule where its paths begin in hidden.
	firstHidden []int
	id          sigma.PathID
	methods     map[string]string
	set         *sigma.Set // nil: no rules
	key         creds.Secret
	anyText     bool
	sums        string // see SummaryRules
}

// Options are what a Filter needs besides its configuration.
type Options struct {
	// AnyText says that values may be no JSON; rules do not look at those.
	AnyText bool
}

// New reads the rules. The error has every mistake in them.
func New(cfg Config, opts Options) (*Filter, error) {
	f, errs := compile(cfg)
	f.anyText = opts.AnyText
	return f, errors.Join(errs...)
}

// compile makes what it can of the rules and returns every mistake.
func compile(cfg Config) (*Filter, []error) {
	rules, errs := load(cfg.Rules)
	f, more := build(cfg, rules)
	return f, append(errs, more...)
}

// build makes a filter of rules that are read.
func build(cfg Config, rules []loaded) (_ *Filter, errs []error) {
	f := &Filter{key: cfg.HashKey, methods: map[string]string{}}
	for _, m := range cfg.DropMethods {
		f.methods[m] = methodRule + m
	}
	var parsed []*sigma.Rule
	var paths []sigma.Path
	for _, r := range rules {
		f.rules, parsed = append(f.rules, r.Rule), append(parsed, r.sigma)
		paths = append(paths, r.By...)
		f.firstHidden = append(f.firstHidden, len(f.hidden))
		f.hidden = append(f.hidden, r.Redaction.Fields...)
		if err := r.sumUp(); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", r.Where, err))
		}
	}
	paths = append(paths, idPath())
	if len(parsed) == 0 || len(errs) > 0 {
		return f, errs
	}
	var err error
	if f.set, err = sigma.Compile(parsed, paths...); err != nil {
		return f, []error{err}
	}
	for _, r := range f.rules {
		var ids []sigma.PathID
		for _, p := range r.By {
			if id, ok := f.set.PathID(p); ok { // Compile was given it
				ids = append(ids, id)
			}
		}
		f.paths = append(f.paths, ids)
	}
	f.sums = summaryRules(cfg, rules)
	f.id, _ = f.set.PathID(idPath())
	return f, nil
}

// methodRule begins the names under which drop_methods are counted.
const methodRule = "drop_methods:"

// Empty reports whether no event can be touched.
func (f *Filter) Empty() bool { return len(f.rules) == 0 && len(f.methods) == 0 }

// Rules returns the rules in their order.
func (f *Filter) Rules() []*Rule { return slices.Clone(f.rules) }

// Indexes lists those that route rules name.
func (f *Filter) Indexes() []string {
	var names []string
	for _, r := range f.rules {
		if r.Route.Index != "" {
			names = append(names, r.Route.Index)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Routes names the first rule that sends events elsewhere, and where it stands.
func (c Config) Routes() (name, where string) {
	f, _ := compile(c)
	for _, r := range f.rules {
		if r.Route != (audit.Route{}) {
			return r.Name, r.Where
		}
	}
	return "", ""
}

// Knows says why events cannot be counted under a name; nil if they can.
func (f *Filter) Knows(name string) error {
	var names []string
	for _, r := range f.rules {
		names = append(names, r.Name)
	}
	for _, rule := range f.methods {
		names = append(names, rule)
	}
	slices.Sort(names)
	switch {
	case slices.Contains(names, name):
		return nil
	case len(names) == 0:
		return errors.New("there are no rules; name files or presets in filter.rules")
	}
	return fmt.Errorf("no rule is named %q%s", name, sigma.Hint(name, "there are ", names))
}

package alerts

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	catalogue "auditlog-forwarder/config/alerts"
	"auditlog-forwarder/pkg/sigma"
	"auditlog-forwarder/pkg/sigma/spl"
)

// Builtin names the alerts that come with the program among files.
const Builtin = "builtin"

// maxAlerts bounds the searches of an app.
const maxAlerts = 500

// Catalogue is the alerts of some files, as a user's settings have them.
type Catalogue struct {
	Alerts   []*Alert // in the order of the files
	Settings Settings
}

// Find returns the alert with a name.
func (c *Catalogue) Find(name string) (*Alert, error) {
	for _, a := range c.Alerts {
		if a.Name == name {
			return a, nil
		}
	}
	hint := sigma.Hint(name, "", c.Names())
	if !strings.Contains(hint, "did you mean") {
		hint = "; alerts list shows them" // and not all of them here
	}
	return nil, fmt.Errorf("there is no alert %q%s", name, hint)
}

// Names lists the names of the alerts.
func (c *Catalogue) Names() []string {
	names := make([]string, len(c.Alerts))
	for i, a := range c.Alerts {
		names[i] = a.Name
	}
	return names
}

// Load reads alerts from files, which are paths, patterns or Builtin, and a
// user's settings from a file, if its path is not empty. It returns every
// mistake at once.
func Load(files []string, settings string) (*Catalogue, error) {
	l := newLoader()
	for _, source := range files {
		texts, err := expand(source)
		if err != nil {
			l.errs = append(l.errs, err)
		}
		for _, t := range texts {
			l.rules(t)
		}
	}
	if n := len(l.catalogue.Alerts); n > maxAlerts {
		l.errs = append(l.errs, fmt.Errorf("%d alerts; at most %d are allowed", n, maxAlerts))
	}
	if len(files) == 0 {
		l.errs = append(l.errs, fmt.Errorf("no file of alerts is named; name one, or %s", Builtin))
	}
	l.settings(settings)
	return l.finish()
}

type loader struct {
	catalogue *Catalogue
	seen      map[string]string // title, slug or id, and where it was
	partial   bool              // a file has mistakes that hide its alerts
	errs      []error
}

func newLoader() *loader {
	settings := Settings{Search: defaultSearch, HeartbeatSearch: defaultHeartbeatSearch}
	return &loader{catalogue: &Catalogue{Settings: settings}, seen: map[string]string{}}
}

// finish translates what was read.
func (l *loader) finish() (*Catalogue, error) {
	for _, a := range l.catalogue.Alerts {
		a.Rule = sigma.BothSpellings(a.Rule)
		var err error
		if a.query, err = spl.Translate(a.Rule); err != nil && len(l.errs) == 0 { // else it is told already
			l.errs = append(l.errs, err)
		}
	}
	if err := errors.Join(l.errs...); err != nil {
		return nil, err
	}
	return l.catalogue, nil
}

func (l *loader) add(mistakes sigma.Mistakes) {
	if mistakes.Err() != nil { // Err sorts them
		l.errs = append(l.errs, mistakes)
	}
}

// rules reads the alerts of one file.
func (l *loader) rules(t text) {
	if t.err != nil {
		l.errs = append(l.errs, t.err)
		return
	}
	r := &reader{file: t.file}
	parsed, err := sigma.Parse(t.file, t.data)
	if err != nil && !errors.As(err, &r.mistakes) {
		r.mistakes = sigma.Mistakes{{File: t.file, Line: 1, Column: 1, What: err.Error()}}
	}
	if err != nil {
		l.partial = true
		r.ours(t.data)
	}
	for _, rule := range parsed {
		a := r.rule(rule)
		r.translatable(rule)
		for _, same := range []struct{ what, value string }{
			{"title", a.Name}, {"title in lower case, from which the name of its macro is made,", a.Slug}, {"id", rule.ID},
		} {
			where := fmt.Sprintf("%s:%d", t.file, rule.Line)
			if first, twice := l.seen[same.value]; twice && same.value != "" && first != where {
				r.at(rule, "the %s is that of the alert in %s as well: %s; give it another one", same.what, first, same.value)
				break
			}
			l.seen[same.value] = where
		}
		l.catalogue.Alerts = append(l.catalogue.Alerts, a)
	}
	l.add(r.mistakes)
}

// translatable tells what of a rule Splunk cannot search for.
func (r *reader) translatable(rule *sigma.Rule) {
	_, err := spl.Translate(sigma.BothSpellings(rule))
	var mistakes sigma.Mistakes
	if errors.As(err, &mistakes) {
		r.mistakes = append(r.mistakes, mistakes...)
	}
}

// ours reads our members of rules that are wrong elsewhere, so that all
// mistakes are told at once.
func (r *reader) ours(data []byte) {
	for root := range sigma.Maps(data) {
		lacking := demanded()
		title := ""
		for i := 0; i+1 < len(root.Content); i += 2 {
			delete(lacking, root.Content[i].Value)
			switch root.Content[i].Value {
			case "title":
				title = root.Content[i+1].Value
			case Member:
				a := newAlert()
				r.alert(r.members(root.Content[i+1], Member, alertMembers()...), a)
			case ExamplesMember:
				r.examples(root.Content[i+1], newAlert())
			}
		}
		if title == "" { // which is told, and it may be no rule at all
			continue
		}
		for _, name := range slices.Sorted(maps.Keys(lacking)) {
			r.mistake(root, "the alert %q %s", title, lacking[name])
		}
	}
}

// text is a file and what it holds.
type text struct {
	file string
	data []byte
	err  error
}

// expand returns the files that one item names.
func expand(source string) ([]text, error) {
	if source == Builtin {
		names, err := fs.Glob(catalogue.FS, "*.yml")
		if err != nil {
			return nil, err
		}
		texts := make([]text, 0, len(names))
		for _, name := range names {
			data, err := catalogue.FS.ReadFile(name)
			texts = append(texts, text{Builtin + ":" + name, data, err})
		}
		return texts, nil
	}
	files, err := sigma.Files(source, Builtin)
	if err != nil {
		return nil, err
	}
	texts := make([]text, 0, len(files))
	for _, file := range files { // in the order of their names
		data, err := sigma.ReadFile("the alerts", file)
		texts = append(texts, text{file, data, err})
	}
	return texts, nil
}

// unknownMembers tells the members of a rule that are neither Sigma's nor ours.
func (r *reader) unknownMembers(extra map[string]*yaml.Node) {
	ours := []string{Member, ExamplesMember}
	for _, name := range slices.Sorted(maps.Keys(extra)) {
		if !slices.Contains(ours, name) {
			r.mistake(extra[name], "unknown member %q%s", name, sigma.Hint(name, "besides Sigma's own there are ", ours))
		}
	}
}

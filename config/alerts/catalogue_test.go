package catalogue_test

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"auditlog-forwarder/pkg/alerts"
	"auditlog-forwarder/pkg/sigma"
)

func load(t *testing.T) []*alerts.Alert {
	t.Helper()
	c, err := alerts.Load([]string{alerts.Builtin}, "")
	if err != nil {
		t.Fatal(err)
	}
	return c.Alerts
}

// TestFiles holds that a file is found by the name of its alert, and that each
// alert tells what somebody needs who is woken by it.
func TestFiles(t *testing.T) {
	t.Parallel()
	ids, files := map[string]string{}, map[string]bool{}
	for _, a := range load(t) {
		r := a.Rule
		if files[r.File] {
			t.Errorf("%s has more than one alert", r.File)
		}
		files[r.File] = true
		if want := alerts.Builtin + ":" + strings.ReplaceAll(a.Slug, "_", "-") + ".yml"; r.File != want {
			t.Errorf("%s is in %s, want it in %s", a.Name, r.File, want)
		}
		if _, err := uuid.Parse(r.ID); err != nil || ids[r.ID] != "" {
			t.Errorf("%s: the id %q is no UUID of its own: %v %s", r.File, r.ID, err, ids[r.ID])
		}
		ids[r.ID] = r.File
		if !strings.Contains(r.Description, "\nFirst: ") {
			t.Errorf(`%s: the description does not say what to do "First: "`, r.File)
		}
		if len(r.FalsePositives) == 0 || r.Level == "" || a.Message == "" || r.Author == "" || r.Date == "" {
			t.Errorf("%s: falsepositives, level, message, author or date is not there", r.File)
		}
		if a.Enabled {
			t.Errorf("%s is enabled; nobody asked for it", a.Name)
		}
		if len(r.References) == 0 {
			t.Errorf("%s has no references", r.File)
		}
		for _, link := range r.References {
			if !regexp.MustCompile(`^https://docs\.confluent\.io/cloud/current/[a-z0-9/-]+\.html$`).MatchString(link) {
				t.Errorf("%s: %s is no page of Confluent Cloud's documentation", r.File, link)
			}
		}
	}
}

// tactics gives those of ATT&CK 19's techniques that the alerts name. A Sigma
// rule has the tags of all tactics of its technique.
func tactics() map[string][]string {
	return map[string][]string{
		"t1078.004": {"initial-access", "persistence", "privilege-escalation", "stealth"},
		"t1098":     {"persistence", "privilege-escalation"},
		"t1098.001": {"persistence", "privilege-escalation"},
		"t1098.003": {"persistence", "privilege-escalation"},
		"t1110":     {"credential-access"},
		"t1110.001": {"credential-access"},
		"t1110.003": {"credential-access"},
		"t1110.004": {"credential-access"},
		"t1136.003": {"persistence"},
		"t1199":     {"initial-access"},
		"t1484.002": {"defense-impairment", "privilege-escalation"},
		"t1485":     {"impact"},
		"t1489":     {"impact"},
		"t1499":     {"impact"},
		"t1526":     {"discovery"},
		"t1530":     {"collection"},
		"t1531":     {"impact"},
		"t1537":     {"exfiltration"},
		"t1565.001": {"impact"},
		"t1567":     {"exfiltration"},
		"t1580":     {"discovery"},
		"t1648":     {"execution"},
		"t1685.002": {"defense-impairment"},
		"t1686.001": {"defense-impairment"},
	}
}

func TestTags(t *testing.T) {
	t.Parallel()
	for _, a := range load(t) {
		if len(a.Rule.Tags) == 0 && a.Rule.Level != "informational" {
			t.Errorf("%s has no tags", a.Rule.File)
		}
		var want []string
		for _, tag := range a.Rule.Tags {
			name, ours := strings.CutPrefix(tag, "attack.")
			if !ours {
				t.Errorf("%s: %s is no tag of ATT&CK", a.Rule.File, tag)
			}
			if name[0] != 't' || name[1] < '0' || name[1] > '9' {
				continue // a tactic
			}
			if tactics()[name] == nil {
				t.Errorf("%s: the technique %s is not in the table of this test", a.Rule.File, name)
			}
			for _, tactic := range append(tactics()[name], name) {
				want = append(want, "attack."+tactic)
			}
		}
		got := slices.Sorted(slices.Values(a.Rule.Tags))
		slices.Sort(want)
		if want = slices.Compact(want); !slices.Equal(got, want) {
			t.Errorf("%s has the tags %v, want %v", a.Rule.File, got, want)
		}
	}
}

// methods are the names of methods that something tells of, with what does.
func methods(t *testing.T) map[string]string {
	t.Helper()
	sources := map[string]string{}
	text, err := os.ReadFile("testdata/methods.tsv")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		name, source, _ := strings.Cut(strings.TrimSpace(line), "\t")
		if source == "" {
			t.Errorf("%s has no source", name)
		}
		sources[name] = source
	}
	return sources
}

// TestMethods holds that no alert waits for a method that nobody has seen: one
// wrong letter, and it never fires. One that is told of by hearsay is said to be.
func TestMethods(t *testing.T) {
	t.Parallel()
	known := methods(t)
	asked := 0
	for _, a := range load(t) {
		for _, s := range a.Rule.Detection.Searches {
			for test := range tests(s.Expr) {
				if test.Path.String() != "data.methodName" {
					continue
				}
				for _, of := range test.Of {
					asked++
					alone := *test
					alone.Of = []sigma.Operand{of}
					like := matching(t, &alone, known)
					if len(like) == 0 {
						t.Errorf("%s:%d: no method in testdata/methods.tsv is like %q", a.Rule.File, of.Line, of.Text)
					}
					for _, name := range like {
						if strings.HasPrefix(known[name], "unverified") && !strings.Contains(a.Rule.Description, name+" is unverified") {
							t.Errorf("%s:%d: the description does not say that %s is unverified", a.Rule.File, of.Line, name)
						}
					}
				}
			}
		}
	}
	if asked < 100 {
		t.Errorf("%d methods are asked for, want at least 100; is the walk through the rules complete?", asked)
	}
}

// matching are those of methods that a test is true for.
func matching(t *testing.T, test *sigma.Test, methods map[string]string) (names []string) {
	t.Helper()
	rule := &sigma.Rule{Title: "x", Detection: sigma.Detection{Condition: test}}
	set, err := sigma.Compile([]*sigma.Rule{rule})
	if err != nil {
		t.Fatal(err)
	}
	m := set.NewMatcher()
	for name := range methods {
		if len(m.Match(fmt.Appendf(nil, `{"data":{"methodName":%q}}`, name))) > 0 {
			names = append(names, name)
		}
	}
	return names
}

// tests goes through the tests of an expression.
func tests(e sigma.Expr) func(yield func(*sigma.Test) bool) {
	return func(yield func(*sigma.Test) bool) { walk(e, yield) }
}

func walk(e sigma.Expr, yield func(*sigma.Test) bool) bool {
	switch e := e.(type) {
	case *sigma.Test:
		return yield(e)
	case sigma.And:
		return !slices.ContainsFunc(e, func(part sigma.Expr) bool { return !walk(part, yield) })
	case sigma.Or:
		return !slices.ContainsFunc(e, func(part sigma.Expr) bool { return !walk(part, yield) })
	case sigma.Not:
		return walk(e.Expr, yield)
	}
	return true
}

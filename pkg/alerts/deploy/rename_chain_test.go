package deploy

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"auditlog-forwarder/pkg/alerts"
	"auditlog-forwarder/pkg/alerts/deploy/resttest"
)

// named is a catalogue of alerts, each with its filter macro, by title and rule.
func named(rules map[string]string) Wanted {
	var w Wanted
	for title, rule := range rules {
		w.Searches = append(w.Searches, Search{Stanza: search(title), ID: rule})
		w.Macros = append(w.Macros, Macro{Stanza: macro(alerts.FilterMacro(title), "search *")})
	}
	slices.SortFunc(w.Searches, func(a, b Search) int { return strings.Compare(a.Stanza.Name, b.Stanza.Name) })
	return w
}

// tuned changes an alert and its filter as a user does, so that both are known again.
func (w *world) tuned(title, mail string) {
	w.Helper()
	w.splunk.Edit(resttest.Searches, appID, title, map[string]string{"disabled": "0", "actions": "email", "action.email.to": mail})
	w.splunk.Edit(resttest.Macros, appID, alerts.FilterMacro(title), map[string]string{"definition": "search principal!=" + mail})
}

func (w *world) tunedAs(title, mail string) {
	w.Helper()
	w.has(title, "disabled", "0")
	w.has(title, "action.email.to", mail)
	if d, _ := w.splunk.Get(resttest.Macros, appID, alerts.FilterMacro(title), "definition"); d != "search principal!="+mail {
		w.Errorf("the filter of %s is %q; want that of %s", title, d, mail)
	}
}

func actions(p Plan) (lines []string) {
	for _, i := range p.Items {
		if i.Kind == KindSearch {
			lines = append(lines, string(i.Action)+" "+i.Name)
		}
	}
	return lines
}

// TestRenameToATitleThatAnotherLeaves holds that no alert gets what users changed in
// another rule's, and that none is removed before the one in its place is there.
func TestRenameToATitleThatAnotherLeaves(t *testing.T) {
	t.Parallel()
	a, b, c := "rule a", "rule b", "rule c"
	for name, tt := range map[string]struct {
		wanted  map[string]string
		options Options
		plans   [][]string
		tuned   map[string]string // whose settings an alert has in the end
		there   []string
	}{
		"a chain": {
			wanted: map[string]string{"B": a, "C": b},
			plans:  [][]string{{"wait B", "rename C"}, {"rename B", "same C"}, {"same B", "same C"}},
			tuned:  map[string]string{"B": "a@example.com", "C": "b@example.com"}, there: []string{"B", "C"},
		},
		"a new rule in an old one's place": {
			wanted: map[string]string{"A": a, "B": c, "D": b},
			plans:  [][]string{{"same A", "wait B", "rename D"}, {"same A", "create B", "same D"}},
			tuned:  map[string]string{"A": "a@example.com", "D": "b@example.com"}, there: []string{"A", "B", "D"},
		},
		"titles changed with each other": {
			wanted: map[string]string{"A": b, "B": a},
			plans:  [][]string{{"wait A", "wait B"}, {"wait A", "wait B"}},
			tuned:  map[string]string{"A": "a@example.com", "B": "b@example.com"}, there: []string{"A", "B"},
		},
		"a rule that is no more": {
			wanted: map[string]string{"B": a},
			plans:  [][]string{{"wait B", "orphan B"}, {"wait B", "orphan B"}},
			tuned:  map[string]string{"A": "a@example.com", "B": "b@example.com"}, there: []string{"A", "B"},
		},
		"a rule that is no more, pruned": {
			wanted: map[string]string{"B": a}, options: Options{Prune: true},
			plans: [][]string{{"wait B", "remove B"}, {"rename B"}, {"same B"}},
			tuned: map[string]string{"B": "a@example.com"}, there: []string{"B"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, resttest.Options{})
			w.wanted = named(map[string]string{"A": a, "B": b})
			w.apply(Options{})
			w.tuned("A", "a@example.com")
			w.tuned("B", "b@example.com")
			w.wanted = named(tt.wanted)
			for i, want := range tt.plans {
				p := w.plan(tt.options)
				if diff := cmp.Diff(want, actions(p)); diff != "" {
					t.Errorf("plan %d (-want +got):\n%s", i+1, diff)
				}
				if err := w.client().Apply(t.Context(), p, func(Result) {}); err != nil {
					t.Fatal(err)
				}
			}
			got := w.splunk.Names(resttest.Searches, appID)
			slices.Sort(got)
			if diff := cmp.Diff(tt.there, got); diff != "" {
				t.Errorf("alerts (-want +got):\n%s", diff)
			}
			for title, mail := range tt.tuned {
				w.tunedAs(title, mail)
			}
		})
	}
}

// TestRenameToATitleOfAUser holds that ours stays, with --prune as well, while the
// new title is that of an alert that is not ours, and what taking that over does.
func TestRenameToATitleOfAUser(t *testing.T) {
	t.Parallel()
	for name, shipped := range map[string]bool{"a user's": false, "a package's": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, resttest.Options{})
			w.wanted = named(map[string]string{"A": "rule a"})
			w.apply(Options{})
			w.tuned("A", "a@example.com")
			w.wanted = named(map[string]string{"B": "rule a"})
			adopt := Options{}
			if shipped {
				w.splunk.Ship(resttest.Searches, appID, "B", map[string]string{"search": "x", "disabled": "1", markerKey: owner})
			} else {
				w.splunk.Edit(resttest.Searches, appID, "B", map[string]string{"search": "x"})
				if diff := cmp.Diff([]string{string(Foreign) + " B"}, actions(w.apply(Options{Prune: true}))); diff != "" {
					t.Errorf("plan (-want +got):\n%s", diff)
				}
				w.tunedAs("A", "a@example.com")
				adopt.Adopt = true
			}
			if diff := cmp.Diff([]string{"rename B"}, actions(w.apply(adopt))); diff != "" {
				t.Errorf("plan (-want +got):\n%s", diff)
			}
			w.tunedAs("B", "a@example.com")
			if diff := cmp.Diff([]string{"B"}, w.splunk.Names(resttest.Searches, appID)); diff != "" {
				t.Errorf("alerts (-want +got):\n%s", diff)
			}
			if p := w.plan(adopt); p.Pending() != 0 {
				t.Errorf("the second plan: %v", summary(p))
			}
		})
	}
}

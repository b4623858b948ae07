package deploy

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"auditlog-forwarder/pkg/alerts/deploy/resttest"
)

const (
	oldTitle = "Cluster gone"
	newTitle = "Cluster deleted"
	aRule    = "0f6d5a2c-7a41-4c58-9a3e-5d2b8f1c6e07"
)

// titled is a catalogue of one alert and its filter macro.
func titled(title, id string, changes ...string) Wanted {
	name := map[string]string{oldTitle: "cluster_gone_filter", newTitle: "cluster_deleted_filter"}[title]
	return Wanted{
		Macros:   []Macro{{Stanza: macro(name, "search *")}},
		Searches: []Search{{Stanza: search(title, changes...), ID: id}},
	}
}

// TestRename holds that a rule with a new title is the same alert: what users
// changed goes along, and the old one goes when the new one is there.
func TestRename(t *testing.T) {
	t.Parallel()
	w := newWorld(t, resttest.Options{})
	w.wanted = titled(oldTitle, aRule)
	w.apply(Options{})
	w.splunk.Edit(resttest.Searches, appID, oldTitle, map[string]string{
		"disabled": "0", "cron_schedule": "*/5 * * * *", "actions": "email,slack",
		"action.email.to": "me@example.com", "action.email.subject": "Look", "action.slack.param.channel": "#mine",
	})
	w.splunk.Edit(resttest.Macros, appID, "cluster_gone_filter", map[string]string{"definition": "search principal!=ci"})
	w.splunk.Share(resttest.Searches, appID, oldTitle, "global")
	w.cfg.Sharing = SharingGlobal
	w.splunk.Copy(resttest.Searches, appID, oldTitle, "a user's copy")

	w.wanted = titled(newTitle, aRule, "alert.severity=6")
	p := w.apply(Options{})
	got := summary(p)
	for i := range got {
		got[i], _, _ = strings.Cut(got[i], " [")
	}
	if diff := cmp.Diff([]string{"create macro cluster_deleted_filter", "rename alert " + newTitle, "orphan macro cluster_gone_filter"}, got); diff != "" {
		t.Errorf("plan (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{newTitle, "a user's copy"}, w.splunk.Names(resttest.Searches, appID)); diff != "" {
		t.Errorf("alerts (-want +got):\n%s", diff)
	}
	for key, want := range map[string]string{
		"disabled": "0", "cron_schedule": "*/5 * * * *", "action.email": "1", "action.slack": "1",
		"action.email.to": "me@example.com", "action.email.subject": "Look", "action.slack.param.channel": "#mine",
		"alert.severity": "6", "quantity": "0", "request.ui_dispatch_app": appID,
	} {
		w.has(newTitle, key, want)
	}
	if sharing, _, _, _ := w.splunk.ACL(resttest.Searches, appID, newTitle); sharing != SharingGlobal {
		t.Errorf("the new alert is shared as %s; want the old one's", sharing)
	}
	if d, _ := w.splunk.Get(resttest.Macros, appID, "cluster_deleted_filter", "definition"); d != "search principal!=ci" {
		t.Errorf("the filter is %q; want the user's", d)
	}
	// What was changed stays a user's under the new title.
	again := w.plan(Options{})
	if i := slices.IndexFunc(again.Items, func(i Item) bool { return i.Name == newTitle }); len(again.Items[i].Kept) == 0 {
		t.Errorf("the second plan knows of no change of a user: %v", summary(again))
	}
}

// TestRenameInterrupted breaks a renaming off at either of its steps: the old
// alert stays until the new one is there, and the next run does the rest.
func TestRenameInterrupted(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		method string
		after  []string // what is there then
		next   string
	}{
		"made":    {http.MethodPost, []string{oldTitle}, "rename alert " + newTitle},
		"removed": {http.MethodDelete, []string{newTitle, oldTitle}, "remove alert " + oldTitle},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, resttest.Options{})
			w.wanted = titled(oldTitle, aRule)
			w.apply(Options{})
			w.wanted = titled(newTitle, aRule)
			w.splunk.SetFault(func(r *http.Request) *resttest.Fault {
				if r.Method != tt.method || !strings.Contains(r.URL.Path, resttest.Searches) {
					return nil
				}
				return &resttest.Fault{Status: http.StatusBadRequest, Body: `{"messages":[{"type":"ERROR","text":"not now"}]}`}
			})
			if err := w.client().Apply(t.Context(), w.plan(Options{Prune: true}), func(Result) {}); err == nil || !strings.Contains(err.Error(), "not now") {
				t.Errorf("apply: %v; want Splunk's refusal", err)
			}
			w.splunk.SetFault(nil)
			if diff := cmp.Diff(tt.after, w.splunk.Names(resttest.Searches, appID)); diff != "" {
				t.Errorf("alerts (-want +got):\n%s", diff)
			}
			if _, there := w.splunk.Get(resttest.Macros, appID, "cluster_gone_filter", "definition"); !there {
				t.Error("the old alert is there, and the macro that it calls is removed")
			}
			lines := summary(w.apply(Options{}))
			if !slices.ContainsFunc(lines, func(l string) bool { return strings.HasPrefix(l, tt.next) }) {
				t.Errorf("the next plan is %v; want it to %s", lines, tt.next)
			}
			if diff := cmp.Diff([]string{newTitle}, w.splunk.Names(resttest.Searches, appID)); diff != "" {
				t.Errorf("alerts at the end (-want +got):\n%s", diff)
			}
		})
	}
}

// TestRenamesNothingElse: another rule's alert is none of this one, nor is what a
// package brought.
func TestRenamesNothingElse(t *testing.T) {
	t.Parallel()
	for name, ids := range map[string][2]string{
		"another rule": {aRule, "6a3f2b1c-1111-4c58-9a3e-5d2b8f1c6e07"},
		"no ids":       {"", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, resttest.Options{})
			w.wanted = titled(oldTitle, ids[0])
			w.apply(Options{})
			w.wanted = titled(newTitle, ids[1])
			w.want(w.apply(Options{}), "create macro cluster_deleted_filter", "create alert "+newTitle,
				"orphan alert "+oldTitle, "orphan macro cluster_gone_filter")
		})
	}
	t.Run("of a package", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, resttest.Options{})
		w.splunk.Ship(resttest.Searches, appID, oldTitle, map[string]string{"search": "x", markerKey: owner})
		w.wanted = titled(oldTitle, aRule)
		w.apply(Options{})
		w.wanted = titled(newTitle, aRule)
		if p := w.apply(Options{Prune: true}); p.Count(Rename) != 0 || p.Count(Orphan) != 1 {
			t.Errorf("plan: %v", summary(p))
		}
	})
}

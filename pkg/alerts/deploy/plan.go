package deploy

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strings"

	"auditlog-forwarder/pkg/alerts"
)

// Action is what apply does with an object.
type Action string

// The actions.
const (
	Create  Action = "create"
	Change  Action = "change"
	Rename  Action = "rename" // made under the title that its rule has now; what was there of it is removed
	Wait    Action = "wait"   // its new title is still that of another rule's alert: left alone
	Same    Action = "same"
	Foreign Action = "foreign" // it has an alert's name and is not ours: left alone
	Orphan  Action = "orphan"  // ours, and not in the catalogue any more: left alone
	Remove  Action = "remove"  // an orphan, with Options.Prune
)

// Kind is what an object is.
type Kind string

// The kinds, in the order in which they are applied.
const (
	KindApp    Kind = "app"
	KindMacro  Kind = "macro"
	KindSearch Kind = "alert"
)

// Options choose what a plan may do.
type Options struct {
	Adopt     bool // take over what has an alert's name and is not ours
	Prune     bool // remove what is ours and not in the catalogue
	CreateApp bool // make the app if it is not there
}

// Plan is what would be done.
type Plan struct {
	URL     string `json:"url"`
	Version string `json:"splunk_version,omitempty"`
	App     string `json:"app"`
	Owner   string `json:"owner"`
	Items   []Item `json:"items"`
}

// Item is one object of a plan.
type Item struct {
	Kind    Kind       `json:"kind"`
	Name    string     `json:"name"`
	Action  Action     `json:"action"`
	Was     string     `json:"was,omitempty"`    // with Rename and Wait, the title until now
	Reason  string     `json:"reason,omitempty"` // why it is left alone, or what to know
	Changes []Edit     `json:"changes,omitempty"`
	Kept    []KeptEdit `json:"kept,omitempty"`

	path string     // of the object, or of the collection to create it in
	form url.Values // what is written; empty: nothing
	acl  url.Values // what is written to its ACL; empty: nothing
	old  string     // with Rename, the path of what is removed

	brought *entry // with Rename, what has the title already; nil: nothing
}

// Edit is one value that changes. Secrets are hidden.
type Edit struct {
	Key string `json:"key"`
	Old string `json:"old"`
	New string `json:"new"`
}

// KeptEdit is a user's value that stays, and what the catalogue would have.
type KeptEdit struct {
	Key       string `json:"key"`
	Kept      string `json:"kept"`
	Catalogue string `json:"catalogue"`
}

// Pending returns how many items apply would do something for.
func (p Plan) Pending() int {
	n := 0
	for _, item := range p.Items {
		if item.pending() {
			n++
		}
	}
	return n
}

func (i Item) pending() bool {
	return i.Action == Create || i.Action == Change || i.Action == Rename || i.Action == Remove
}

// Count returns how many items have an action.
func (p Plan) Count(a Action) int {
	n := 0
	for _, item := range p.Items {
		if item.Action == a {
			n++
		}
	}
	return n
}

// Plan compares what is wanted with what Splunk has.
func (c *Client) Plan(ctx context.Context, w Wanted, opts Options) (Plan, error) {
	for _, s := range w.Searches {
		for _, set := range s.Stanza.Settings {
			if secretKey(argument(set.Key)) {
				c.hide(set.Value)
			}
		}
	}
	p := Plan{URL: c.base.Scheme + "://" + c.base.Host, App: c.cfg.App, Owner: c.cfg.Owner, Items: []Item{}}
	var err error
	if p.Version, err = c.server(ctx); err != nil {
		return p, err
	}
	missing, err := c.app(ctx)
	if err != nil {
		return p, err
	}
	switch {
	case missing && !opts.CreateApp:
		return p, &Error{
			Status: http.StatusNotFound, Text: fmt.Sprintf("Splunk has no app %s, or this user may not see it", c.cfg.App),
			Hint: "install the package (auditlog-forwarder alerts package), say --create-app for an empty app, or name another in alerts.splunk.app",
		}
	case missing:
		p.Items = append(p.Items, c.createApp())
	}
	macros, searches := map[string]entry{}, map[string]entry{}
	if !missing {
		if macros, err = c.list(ctx, "/configs/conf-macros", nil); err != nil {
			return p, err
		}
		if searches, err = c.list(ctx, "/saved/searches", url.Values{"listDefaultActionArgs": {"true"}}); err != nil {
			return p, err
		}
	}
	was := former(w.Searches, searches, opts.Adopt)
	wasMacros := formerMacros(was.now, macros)
	left := maps.Clone(macros)
	for _, m := range w.Macros {
		e, there := macros[m.Stanza.Name]
		if old, renamed := wasMacros[m.Stanza.Name]; renamed {
			p.Items = append(p.Items, c.renameMacro(m, e, there, old))
		} else {
			p.Items = append(p.Items, c.compareMacro(m, e, there))
		}
		delete(left, m.Stanza.Name)
	}
	macros, left = left, maps.Clone(searches)
	now := map[ruleID]string{} // the titles of what is there, by rule
	for _, s := range w.Searches {
		e, there := searches[s.Stanza.Name]
		if old, waits := was.wait[s.Stanza.Name]; waits {
			p.Items = append(p.Items, waiting(s, old))
			if old.Name != "" { // what has the title is left: its rule may be no more
				delete(left, old.Name)
				delete(macros, alerts.FilterMacro(old.Name))
			}
			continue
		}
		delete(left, s.Stanza.Name)
		if old, renamed := was.now[s.Stanza.Name]; renamed {
			p.Items = append(p.Items, c.rename(s, old, e, there))
			delete(left, old.Name)
			continue
		}
		item := c.compareSearch(s, e, there, opts.Adopt)
		if old, held := was.held[s.Stanza.Name]; held {
			item.Was = old.Name
			item.Reason += fmt.Sprintf("; ours stays as %q until then", old.Name)
			delete(left, old.Name)
			delete(macros, alerts.FilterMacro(old.Name))
		}
		p.Items = append(p.Items, item)
		if there && item.Action != Foreign && s.ID != "" {
			now[ruleIDOf(s.ID)] = s.Stanza.Name
		}
	}
	// What searches call goes after them.
	p.Items = append(p.Items, c.orphans(left, now, opts.Prune)...)
	p.Items = append(p.Items, c.orphanMacros(macros, opts.Prune)...)
	return p, nil
}

// server returns Splunk's version. It is the first request, so that it tells
// what is wrong with the way to Splunk.
func (c *Client) server(ctx context.Context) (string, error) {
	a, err := c.get(ctx, "/services/server/info", nil)
	var e *Error
	switch {
	case errors.As(err, &e) && e.Status == http.StatusForbidden: // no capability is needed for the rest
		return "", nil
	case err != nil:
		return "", fmt.Errorf("reach Splunk at %s: %w", c.base.Host, err)
	case len(a.Entries) == 0:
		return "", nil
	}
	info := a.Entries[0]
	if free, _ := boolean(info.value("isFree")); free {
		return "", &Error{Text: "this Splunk runs with the free licence, which has neither users nor alerts", Hint: "give it a trial, developer or enterprise licence"}
	}
	return info.value("version"), nil
}

// app looks whether the app is there.
func (c *Client) app(ctx context.Context) (missing bool, err error) {
	a, err := c.get(ctx, "/services/apps/local/"+url.PathEscape(c.cfg.App), nil)
	var e *Error
	switch {
	case errors.As(err, &e) && e.Status == http.StatusNotFound:
		return true, nil
	case err != nil:
		return false, fmt.Errorf("look for the app %s: %w", c.cfg.App, err)
	}
	for _, found := range a.Entries {
		if off, _ := boolean(found.value("disabled")); off {
			return false, &Error{Text: fmt.Sprintf("the app %s is disabled in Splunk", c.cfg.App), Hint: "enable it in Splunk Web under Apps, Manage Apps"}
		}
	}
	return false, nil
}

func (c *Client) createApp() Item {
	return Item{
		Kind: KindApp, Name: c.cfg.App, Action: Create, path: "/services/apps/local",
		form: url.Values{"name": {c.cfg.App}, "label": {"Confluent audit alerts"}, "visible": {"1"}, "template": {"barebones"}},
	}
}

// list returns the app's objects of a collection, by name. Splunk lists what
// other apps share beside them.
func (c *Client) list(ctx context.Context, collection string, query url.Values) (map[string]entry, error) {
	if query == nil {
		query = url.Values{}
	}
	query.Set("count", "0")
	query.Set("search", "eai:acl.app="+c.cfg.App) // Enterprise Security shares thousands with all apps
	a, err := c.get(ctx, c.place(collection), query)
	var e *Error
	if errors.As(err, &e) && strings.HasPrefix(collection, "/configs/") && (e.Status == http.StatusForbidden || e.Status == http.StatusNotFound) {
		e.Hint = "this user may not read macros over REST, or Splunk Cloud keeps the endpoint closed; give the role write permission on the app, or take the package: " + usePackage
	}
	if err != nil {
		return nil, fmt.Errorf("read %s of the app %s: %w", strings.TrimPrefix(collection, "/"), c.cfg.App, err)
	}
	found := map[string]entry{}
	for _, e := range a.Entries {
		if c.cfg.Sharing == SharingUser && e.ACL.Owner != c.cfg.Owner {
			continue // what is shared stays beside the user's own
		}
		whose := cmp.Or(e.ACL.App, e.value("eai:appName"), c.cfg.App)
		// A user's own object covers a shared one of the same name.
		if old, twice := found[e.Name]; whose == c.cfg.App && (!twice || old.ACL.Owner != c.cfg.Owner) {
			found[e.Name] = e
		}
	}
	return found, nil
}

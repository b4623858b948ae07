package deploy

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"auditlog-forwarder/pkg/alerts"
)

// Action is what apply does with an object.
type Action string

// The actions.
const (
	Create  Action = "create"
	Change  Action = "change"
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
	Reason  string     `json:"reason,omitempty"` // why it is left alone, or what to know
	Changes []Edit     `json:"changes,omitempty"`
	Kept    []KeptEdit `json:"kept,omitempty"`

	path string     // of the object, or of the collection to create it in
	form url.Values // what is written; empty: nothing
	acl  url.Values // what is written to its ACL; empty: nothing
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

func (i Item) pending() bool { return i.Action == Create || i.Action == Change || i.Action == Remove }

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
	for _, m := range w.Macros {
		e, there := macros[m.Stanza.Name]
		p.Items = append(p.Items, c.compareMacro(m, e, there))
		delete(macros, m.Stanza.Name)
	}
	for _, s := range w.Searches {
		e, there := searches[s.Stanza.Name]
		p.Items = append(p.Items, c.compareSearch(s, e, there, opts.Adopt))
		delete(searches, s.Stanza.Name)
	}
	// What searches call goes after them.
	p.Items = append(p.Items, c.orphans(searches, opts.Prune)...)
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
	a, err := c.get(ctx, c.place(collection), query)
	if err != nil {
		return nil, fmt.Errorf("read %s of the app %s: %w", strings.TrimPrefix(collection, "/"), c.cfg.App, err)
	}
	found := map[string]entry{}
	for _, e := range a.Entries {
		// A user's own object covers a shared one of the same name.
		if old, twice := found[e.Name]; e.ACL.App == c.cfg.App && (!twice || old.ACL.Owner != c.cfg.Owner) {
			found[e.Name] = e
		}
	}
	return found, nil
}

// compareMacro plans one macro.
func (c *Client) compareMacro(m Macro, e entry, there bool) Item {
	item := Item{Kind: KindMacro, Name: m.Stanza.Name, form: url.Values{}}
	definition, description := "", ""
	for _, s := range m.Stanza.Settings {
		switch s.Key {
		case "definition":
			definition = tidy(s.Key, s.Value)
		case "description":
			description = tidy(s.Key, s.Value)
		}
	}
	description = strings.TrimSpace(description + " " + macroMark(definition))
	if !there {
		item.Action, item.path = Create, c.place("/configs/conf-macros")
		item.form.Set("name", m.Stanza.Name)
	} else {
		item.path = c.member("/configs/conf-macros", e, "edit")
	}
	now := tidy("definition", e.value("definition"))
	marked, untouched := readMacro(e.value("description"), now)
	keep := there && now != definition && !m.Set && !untouched
	if keep {
		item.Kept = append(item.Kept, KeptEdit{Key: "definition", Kept: now, Catalogue: definition})
	}
	for _, s := range m.Stanza.Settings {
		switch {
		case s.Key == "description" || s.Key == "definition" && keep:
			continue
		}
		c.edit(&item, s.Key, tidy(s.Key, e.value(s.Key)), tidy(s.Key, s.Value), there)
	}
	// One that the package brought is not written only for the sake of a mark.
	if !keep && (!there || len(item.Changes) > 0 || marked) {
		c.edit(&item, "description", tidy("description", e.value("description")), description, there)
	}
	return c.finish(item, e, there)
}

// compareSearch plans one alert.
func (c *Client) compareSearch(s Search, e entry, there, adopt bool) Item {
	item := Item{Kind: KindSearch, Name: s.Stanza.Name, form: url.Values{}}
	wanted := slices.DeleteFunc(arguments(s.Stanza), func(set alerts.Setting) bool { return set.Key == markerKey })
	for i := range wanted { // its links lead to where it is
		if wanted[i].Key == "request.ui_dispatch_app" {
			wanted[i].Value = c.cfg.App
		}
	}
	old, whose := readMarker(e.value(markerKey), s.Stanza.Name)
	if there && (whose == foreign || whose == cloned) {
		if !adopt {
			item.Action = Foreign
			item.Reason = "Splunk has an alert of this name that is not ours, and it is left alone; --adopt takes it over, a new name in Splunk keeps both"
			return item
		}
		item.Reason = "taken over by --adopt"
	}
	get := func(key string) string { return tidy(key, e.value(key)) }
	want := func(key string) string {
		if i := slices.IndexFunc(wanted, func(set alerts.Setting) bool { return set.Key == key }); i >= 0 {
			return wanted[i].Value
		}
		return ""
	}
	next, present := marker{name: sumOf(s.Stanza.Name), parts: sums(wanted, want)}, sums(wanted, get)
	var kept [parts]bool
	if there {
		for p := enablement; p < parts; p++ {
			differs := present[p] != next.parts[p]
			untouched := whose == deployed && present[p] == old.parts[p]
			kept[p] = differs && !s.Set.has(p) && !untouched
			if kept[p] && whose == deployed {
				next.parts[p] = old.parts[p] // so that it is known when the user takes it back
			}
		}
		item.path = c.member("/saved/searches", e, "edit")
	} else {
		item.Action, item.path = Create, c.place("/saved/searches")
		item.form.Set("name", s.Stanza.Name)
	}
	if kept[schedule] && want("cron_schedule") != get("cron_schedule") {
		note := "its schedule was changed in Splunk, and how far it looks back is the catalogue's; set every in the settings file, so that both fit"
		item.Reason = strings.TrimPrefix(item.Reason+"; "+note, "; ")
	}
	for _, set := range wanted {
		now := get(set.Key)
		if p := partOf(set.Key); kept[p] {
			if !equal(set.Key, now, set.Value) {
				item.Kept = append(item.Kept, KeptEdit{Key: set.Key, Kept: c.show(set.Key, now), Catalogue: c.show(set.Key, set.Value)})
			}
			continue
		}
		c.edit(&item, set.Key, now, set.Value, there)
	}
	if now := e.value(markerKey); !there || now != next.String() {
		item.form.Set(markerKey, next.String())
		// The marker alone is told only where it says that the alert becomes ours.
		if there && whose != deployed || len(item.Changes) == 0 && there {
			item.Changes = append(item.Changes, Edit{Key: markerKey, Old: now, New: next.String()})
		}
	}
	if there && item.form.Has("alert.suppress.fields") && !kept[suppression] {
		item.form.Set("alert.suppress", want("alert.suppress")) // Splunk checks the two together
	}
	return c.finish(item, e, there)
}

// edit notes a value that changes. For an object that is made all is written.
func (c *Client) edit(item *Item, key, now, wanted string, there bool) {
	switch {
	case !there:
		if wanted != "" {
			item.form.Set(key, wanted)
			item.Changes = append(item.Changes, Edit{Key: key, New: c.show(key, wanted)})
		}
	case !equal(key, now, wanted):
		item.form.Set(key, wanted)
		item.Changes = append(item.Changes, Edit{Key: key, Old: c.show(key, now), New: c.show(key, wanted)})
	}
}

// show hides secrets.
func (c *Client) show(key, value string) string {
	if secretKey(key) && value != "" {
		c.hide(value)
		return "[redacted]"
	}
	return c.scrub(value)
}

// finish adds what the ACL lacks, and decides what is done.
func (c *Client) finish(item Item, e entry, there bool) Item {
	item.acl = c.access(&item, e, there)
	switch {
	case item.Action != "":
	case len(item.form) > 0 || len(item.acl) > 0:
		item.Action = Change
	default:
		item.Action = Same
	}
	return item
}

// access plans the ACL. Splunk wants owner and sharing each time, and takes
// roles that are not sent for none; what is equal is not written, since an ACL
// that was written once does not follow the app's any more.
func (c *Client) access(item *Item, e entry, there bool) url.Values {
	var read, write []string
	if e.ACL.Perms != nil {
		read, write = e.ACL.Perms.Read, e.ACL.Perms.Write
	}
	sharing := e.ACL.Sharing
	if !there {
		// What nobody owns is the app's from the start; what a user makes is his.
		sharing = SharingApp
		if c.cfg.Owner != nobody {
			sharing = SharingUser
		}
	}
	needed := false
	differ := func(key, now, wanted string, said bool) {
		if said && now != wanted {
			needed = true
			if there || key != "acl.sharing" || wanted != SharingApp {
				item.Changes = append(item.Changes, Edit{Key: key, Old: now, New: wanted})
			}
		}
	}
	// What a package brings may be shared more widely, as its metadata say.
	differ("acl.sharing", sharing, c.cfg.Sharing, !there || e.ACL.Removable || sharing != SharingGlobal)
	if c.cfg.Sharing != SharingUser {
		differ("acl.read", roles(read), roles(c.cfg.ACL.Read), len(c.cfg.ACL.Read) > 0)
		differ("acl.write", roles(write), roles(c.cfg.ACL.Write), len(c.cfg.ACL.Write) > 0)
	}
	if !needed {
		return nil
	}
	whose := c.cfg.Owner
	if there {
		whose = cmp.Or(e.ACL.Owner, whose)
	}
	form := url.Values{"sharing": {c.cfg.Sharing}, "owner": {whose}}
	if there && !e.ACL.Removable && sharing == SharingGlobal {
		form.Set("sharing", SharingGlobal)
	}
	if c.cfg.Sharing == SharingUser {
		return form
	}
	if len(c.cfg.ACL.Read) > 0 {
		read = c.cfg.ACL.Read
	}
	if len(c.cfg.ACL.Write) > 0 {
		write = c.cfg.ACL.Write
	}
	if len(read) > 0 {
		form.Set("perms.read", roles(read))
	}
	if len(write) > 0 {
		form.Set("perms.write", roles(write))
	}
	return form
}

func roles(names []string) string {
	sorted := slices.Clone(names)
	slices.Sort(sorted)
	return strings.Join(slices.Compact(sorted), ",")
}

// orphans finds what is ours and not wanted any more.
func (c *Client) orphans(left map[string]entry, prune bool) []Item {
	var items []Item
	for name, e := range left {
		_, whose := readMarker(e.value(markerKey), name)
		item := Item{Kind: KindSearch, Name: name, Action: Orphan}
		switch {
		case whose == foreign || whose == cloned:
			continue
		case !e.ACL.Removable:
			item.Reason = "not in the catalogue any more; it is part of an app's package, so that it cannot be removed from here: upgrade the app, or disable the alert in Splunk"
		case whose == packaged:
			item.Reason = "not in the catalogue; it may be a user's copy of an alert of the package, and is left alone"
		case !prune:
			item.Reason = "not in the catalogue any more; --prune removes it"
		default:
			item.Action, item.path = Remove, c.member("/saved/searches", e, "remove")
		}
		items = append(items, item)
	}
	slices.SortFunc(items, func(a, b Item) int { return cmp.Compare(a.Name, b.Name) })
	return items
}

// orphanMacros finds macros of a deployment that are not wanted any more. One
// that a user changed stays, since something of his may call it.
func (c *Client) orphanMacros(left map[string]entry, prune bool) []Item {
	var items []Item
	for name, e := range left {
		marked, untouched := readMacro(e.value("description"), tidy("definition", e.value("definition")))
		item := Item{Kind: KindMacro, Name: name, Action: Orphan, Reason: "no alert calls it any more; --prune removes it"}
		switch {
		case !marked || !e.ACL.Removable:
			continue
		case !untouched:
			item.Reason = "no alert calls it any more; it was changed in Splunk, and is left alone"
		case prune:
			item.Action, item.Reason, item.path = Remove, "", c.member("/configs/conf-macros", e, "remove")
		}
		items = append(items, item)
	}
	slices.SortFunc(items, func(a, b Item) int { return cmp.Compare(a.Name, b.Name) })
	return items
}

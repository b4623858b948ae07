package deploy

import (
	"crypto/sha256"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"auditlog-forwarder/pkg/alerts"
)

// Splunk cannot give a saved search another name over REST. A rule whose title
// changed is known by its id, which the marker has: the alert is made anew under
// its new title, with what users changed in the old one, and then the old one goes.

// ruleID is enough of a hash of a rule's id to know it again; zero for none.
type ruleID [6]byte

func ruleIDOf(id string) (r ruleID) {
	if id == "" {
		return r
	}
	h := sha256.Sum256([]byte(id))
	copy(r[:], h[:])
	return r
}

// former finds the alerts of ours whose rule has another title by now, each by
// the title that it is to have. What a package brought goes with its next version.
func former(wanted []Search, there map[string]entry) map[string]entry {
	titles := map[ruleID]string{}
	for _, s := range wanted {
		if _, ok := there[s.Stanza.Name]; !ok && s.ID != "" {
			titles[ruleIDOf(s.ID)] = s.Stanza.Name
		}
	}
	isWanted := func(name string) bool {
		return slices.ContainsFunc(wanted, func(s Search) bool { return s.Stanza.Name == name })
	}
	found := map[string]entry{}
	for name, e := range there {
		m, whose := readMarker(e.value(markerKey), name)
		title, ok := titles[m.rule]
		if !ok || whose != deployed || e.ACL.packaged() || isWanted(name) {
			continue
		}
		if other, twice := found[title]; !twice || name < other.Name { // the others are removed by the next run
			found[title] = e
		}
	}
	return found
}

// rename plans an alert that Splunk has under an older title.
func (c *Client) rename(s Search, old entry) Item {
	item := c.compareSearch(s, old, true, false)
	item.Action, item.Was = Rename, old.Name
	item.Reason = strings.TrimPrefix(item.Reason+"; "+fmt.Sprintf("its rule was called %q; what users changed goes along, and the old alert is removed", old.Name), "; ")
	full := url.Values{"name": {s.Stanza.Name}}
	keep := func(key string) {
		if v := old.value(key); v != "" && !full.Has(key) {
			full.Set(key, v)
			if secretKey(key) {
				c.hide(v)
			}
		}
	}
	// What the comparison does not write is right as it is, or a user's.
	for key := range item.form {
		if v := item.form.Get(key); v != "" {
			full.Set(key, v)
		}
	}
	for _, set := range arguments(s.Stanza) {
		if !item.form.Has(set.Key) {
			keep(set.Key)
		}
	}
	// Actions that only a user has set.
	for _, name := range list(old.value("actions")) {
		for key := range old.Content {
			if !item.form.Has(key) && carried(name, key) {
				keep(key)
			}
		}
	}
	if item.acl == nil {
		item.acl = accessOf(old)
	}
	item.form, item.path, item.old = full, c.place("/saved/searches"), c.member("/saved/searches", old, "remove")
	return item
}

// carried reports whether an argument says what an action of a user does. Of mail
// that is what a saved search has; the rest of it is the mail server's.
func carried(action, key string) bool {
	rest, ok := strings.CutPrefix(key, "action."+action+".")
	if !ok {
		return false
	}
	switch {
	case strings.HasPrefix(rest, "param."):
		return true
	case action != "email":
		return false
	}
	return strings.HasPrefix(rest, "include.") || strings.HasPrefix(rest, "subject") || strings.HasPrefix(rest, "message.") ||
		slices.Contains([]string{"to", "cc", "bcc", "format", "inline", "sendresults", "sendcsv", "sendpdf", "maxresults", "priority"}, rest)
}

// accessOf is an object's ACL as it is written.
func accessOf(e entry) url.Values {
	form := url.Values{"sharing": {e.ACL.Sharing}, "owner": {e.ACL.Owner}}
	if e.ACL.Perms == nil || e.ACL.Sharing == SharingUser {
		return form
	}
	for key, names := range map[string][]string{"perms.read": e.ACL.Perms.Read, "perms.write": e.ACL.Perms.Write} {
		if len(names) > 0 {
			form.Set(key, roles(names))
		}
	}
	return form
}

// carryMacro gives the filter macro of a renamed alert what a user made of the old one.
func (c *Client) carryMacro(item *Item, m Macro, old entry) {
	now := tidy("definition", old.value("definition"))
	marked, untouched := readMacro(old.value("description"), now)
	if !marked || untouched || m.Set || now == "" {
		return
	}
	item.Kept = append(item.Kept, KeptEdit{Key: "definition", Kept: now, Catalogue: item.form.Get("definition")})
	item.Reason = fmt.Sprintf("its definition is that of %s, whose alert has a new name", old.Name)
	item.form.Set("definition", now)
	if v := old.value("iseval"); v != "" {
		item.form.Set("iseval", v)
	}
}

// formerMacros are the filter macros of renamed alerts, by their new names.
func formerMacros(renamed, macros map[string]entry) map[string]entry {
	found := map[string]entry{}
	for title, old := range renamed {
		before, now := alerts.FilterMacro(old.Name), alerts.FilterMacro(title)
		if e, ok := macros[before]; ok && before != now {
			found[now] = e
		}
	}
	return found
}

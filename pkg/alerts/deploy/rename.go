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

// renames are the alerts of ours whose rule has another title by now, each by the
// title that it is to have.
type renames struct {
	now  map[string]entry // made in this run
	wait map[string]entry // the title is still that of another rule's alert of ours
	held map[string]entry // the title is that of an alert that is not ours
}

// former finds them. The rule in the mark goes before the name, so that no alert
// gets what users changed in another's. What a package brought goes with its next
// version.
func former(wanted []Search, there map[string]entry, adopt bool) renames {
	titles := map[ruleID]string{}
	for _, s := range wanted {
		if s.ID != "" {
			titles[ruleIDOf(s.ID)] = s.Stanza.Name
		}
	}
	found := renames{map[string]entry{}, map[string]entry{}, map[string]entry{}}
	for name, e := range there {
		m, whose := readMarker(e.value(markerKey), name)
		title, ok := titles[m.rule]
		if !ok || title == name || whose != deployed || e.ACL.packaged() {
			continue
		}
		to := found.now
		if t, taken := there[title]; taken {
			other, whose := readMarker(t.value(markerKey), title)
			switch {
			case whose == deployed && other.rule == m.rule: // it has been made: what is left of it goes
				continue
			case whose == deployed && !t.ACL.packaged():
				to = found.wait
			case (whose == foreign || whose == cloned) && !adopt:
				to = found.held
			}
		}
		if other, twice := to[title]; !twice || name < other.Name { // the others are removed by the next run
			to[title] = e
		}
	}
	// A rule that is new here waits as well for a title that another one leaves.
	for _, s := range wanted {
		title := s.Stanza.Name
		e := there[title]
		m, whose := readMarker(e.value(markerKey), title)
		if _, waits := found.wait[title]; !waits && whose == deployed && !e.ACL.packaged() && titles[m.rule] != "" && titles[m.rule] != title {
			found.wait[title] = entry{}
		}
	}
	return found
}

// waiting is an alert whose title is not free yet. old is zero if Splunk has none of
// its rule.
func waiting(s Search, old entry) Item {
	item := Item{Kind: KindSearch, Name: s.Stanza.Name, Action: Wait, Was: old.Name}
	item.Reason = "in Splunk this is still the name of another rule's alert; apply again when that is renamed or removed"
	if old.Name != "" {
		item.Reason += fmt.Sprintf(", until then it is called %q (rules that change titles with each other need a third title in between)", old.Name)
	}
	return item
}

// rename plans an alert that Splunk has under an older title. Where a package, or
// somebody whose alert is taken over, has brought one of the new title, that one is
// written.
func (c *Client) rename(s Search, old, brought entry, there bool) Item {
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
	if there {
		full.Del("name")
		item.path, item.brought = c.member("/saved/searches", brought, "edit"), &brought
		if brought.ACL.packaged() { // who sees it is the package's matter
			item.acl = accessOf(brought)
		}
	}
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

// renameMacro plans the filter macro of a renamed alert: it gets what a user made of
// the old one. One of the new name that another rule's alert has left is not kept.
func (c *Client) renameMacro(m Macro, e entry, there bool, old entry) Item {
	before := tidy("definition", old.value("definition"))
	ours, untouched := readMacro(old.value("description"), before)
	changed := ours && !untouched && !m.Set && before != ""
	if marked, _ := readMacro(e.value("description"), ""); marked {
		m.Set = true
	}
	item := c.compareMacro(m, e, there)
	if !changed || len(item.Kept) > 0 {
		return item
	}
	for _, s := range m.Stanza.Settings {
		if s.Key == "definition" {
			item.Kept = append(item.Kept, KeptEdit{Key: s.Key, Kept: before, Catalogue: tidy(s.Key, s.Value)})
		}
	}
	item.Reason = fmt.Sprintf("its definition is that of %s, whose alert has a new name", old.Name)
	item.form.Set("definition", before)
	if v := old.value("iseval"); v != "" {
		item.form.Set("iseval", v)
	}
	if item.Action == Same {
		item.Action = Change
	}
	return item
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

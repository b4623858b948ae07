package deploy

import (
	"cmp"
	"fmt"
	"slices"
)

// orphans finds what is ours and not wanted any more. now has the titles of rules
// whose alerts are there: what such a rule has left under an older one goes, since
// the renaming was interrupted and both would tell the same.
func (c *Client) orphans(left map[string]entry, now map[ruleID]string, prune bool) []Item {
	var items []Item
	for name, e := range left {
		m, whose := readMarker(e.value(markerKey), name)
		item := Item{Kind: KindSearch, Name: name, Action: Orphan}
		switch {
		case whose == foreign || whose == cloned:
			continue
		case e.ACL.packaged():
			item.Reason = "not in the catalogue any more; it is part of an app's package, so that it cannot be removed from here: upgrade the app, or disable the alert in Splunk"
		case whose == packaged:
			item.Reason = "not in the catalogue; it may be a user's copy of an alert of the package, and is left alone"
		case now[m.rule] != "":
			item.Action, item.path = Remove, c.member("/saved/searches", e, "remove")
			item.Reason = fmt.Sprintf("its rule is called %q now, and that alert is there", now[m.rule])
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
		case !marked || e.ACL.packaged():
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

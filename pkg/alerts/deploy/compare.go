package deploy

import (
	"net/url"
	"slices"
	"strings"

	"auditlog-forwarder/pkg/alerts"
)

// compareSearch plans one alert.
func (c *Client) compareSearch(s Search, e entry, there, adopt bool) Item {
	item := Item{Kind: KindSearch, Name: s.Stanza.Name, form: url.Values{}}
	wanted := slices.DeleteFunc(arguments(s.Stanza), func(set alerts.Setting) bool { return set.Key == markerKey })
	for i := range wanted { // its links lead to where it is
		if wanted[i].Key == "request.ui_dispatch_app" {
			wanted[i].Value = c.cfg.App
		}
	}
	old, whose := readMarker(e.value(markerKey), e.Name)
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
	// An action that is off has no words of a user's, only Splunk's own defaults.
	on := list(get("actions"))
	reworded := slices.ContainsFunc(wanted, func(set alerts.Setting) bool {
		return partOf(set.Key) == wording && slices.Contains(on, actionOf(set.Key)) && !equal(set.Key, get(set.Key), set.Value)
	})
	next, present := marker{name: sumOf(s.Stanza.Name), rule: ruleIDOf(s.ID), parts: sums(wanted, want)}, sums(wanted, get)
	var kept [parts]bool
	if there {
		for p := enablement; p < parts; p++ {
			differs := present[p] != next.parts[p]
			untouched := whose == deployed && present[p] == old.parts[p]
			kept[p] = differs && !s.Set.has(p) && !untouched && (p != wording || reworded)
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
		if p := partOf(set.Key); kept[p] && (p != wording || slices.Contains(on, actionOf(set.Key))) {
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

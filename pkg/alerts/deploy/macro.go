package deploy

import (
	"net/url"
	"strings"
)

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
		if s.Key == "description" || keep { // iseval says how to read the definition
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

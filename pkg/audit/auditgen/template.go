package auditgen

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/tidwall/gjson"
)

// step is a piece of an event: literal text, then a slot.
type step struct {
	text   []byte
	slot   kind
	n      uint8  // which new resource, or how many digits
	layout string // of an eventTime
}

// template is an event ready to be played, step by step.
type template []step

// cut is a stretch of the compact event that a slot replaces.
type cut struct {
	from, to int
	step     step
}

// compile turns the text of an event into a template.
func compile(pretty []byte) (template, error) {
	var b bytes.Buffer
	if err := json.Compact(&b, pretty); err != nil {
		return nil, err
	}
	text := b.Bytes()

	var cuts []cut
	// Cuts made first win: what stands at a known path, then the cast, then
	// whatever looks like the id of a new resource.
	add := func(c cut) {
		if !slices.ContainsFunc(cuts, func(o cut) bool { return c.from < o.to && o.from < c.to }) {
			cuts = append(cuts, c)
		}
	}
	id := gjson.GetBytes(text, "id")
	if id.Type != gjson.String {
		return nil, fmt.Errorf("no id")
	}
	add(inside(id, step{slot: freshUUID}))
	if at := gjson.GetBytes(text, "time"); at.Type == gjson.String {
		if layout, ok := timeLayout(at.Str); ok {
			add(inside(at, step{slot: eventTime, layout: layout}))
		}
	}
	for _, path := range requestPaths() {
		v := gjson.GetBytes(text, path)
		switch v.Type {
		case gjson.Number:
			add(cut{v.Index, v.Index + len(v.Raw), step{slot: freshPort}})
		case gjson.String:
			if s, ok := sameForm(v.Str); ok {
				add(inside(v, s))
			}
		}
	}
	if list := gjson.GetBytes(text, "data.authorizationInfo.assignedPrincipals"); list.Get("0").Type == gjson.String {
		s := step{slot: userMemberships}
		if strings.Contains(list.Get("0").Str, ":sa-") {
			s.slot = accountMemberships
		}
		add(cut{list.Index, list.Index + len(list.Raw), s})
	}
	for _, p := range cast() {
		for from := 0; ; from += len(p.name) {
			i := bytes.Index(text[from:], []byte(p.name))
			if i < 0 {
				break
			}
			from += i
			add(cut{from, from + len(p.name), step{slot: p.kind}})
		}
	}
	ids, err := regexp.Compile(freshIDs)
	if err != nil {
		return nil, err
	}
	order := map[string]uint8{}
	for _, at := range ids.FindAllIndex(text, -1) {
		name := string(text[at[0]:at[1]])
		if _, known := order[name]; !known {
			order[name] = uint8(len(order))
		}
		prefix := strings.IndexByte(name, '-') + 1
		add(cut{at[0] + prefix, at[1], step{slot: freshID, n: order[name]}})
	}
	return split(text, cuts), nil
}

// split cuts the text into steps; the last one has no slot.
func split(text []byte, cuts []cut) template {
	slices.SortFunc(cuts, func(a, b cut) int { return a.from - b.from })
	var t template
	from := 0
	for _, c := range cuts {
		s := c.step
		s.text = text[from:c.from:c.from]
		t = append(t, s)
		from = c.to
	}
	return append(t, step{text: text[from:]})
}

// inside cuts what is between a string's quotes.
func inside(v gjson.Result, s step) cut {
	return cut{v.Index + 1, v.Index + len(v.Raw) - 1, s}
}

// timeLayout returns the layout that writes times with as many digits as s,
// or false if s is not a time in UTC.
func timeLayout(s string) (string, bool) {
	if _, err := time.Parse(time.RFC3339Nano, s); err != nil || !strings.HasSuffix(s, "Z") {
		return "", false
	}
	const seconds = "2006-01-02T15:04:05"
	if digits := len(s) - len(seconds) - len(".Z"); digits > 0 {
		return seconds + "." + strings.Repeat("0", digits) + "Z", true
	}
	return seconds + "Z", true
}

// sameForm returns the step that writes a new value of the form of s; other
// forms, such as the correlation id -1, stay as they are.
func sameForm(s string) (step, bool) {
	isHex := !strings.ContainsFunc(s, func(r rune) bool { return !strings.ContainsRune("0123456789abcdef-", r) })
	isNumber := !strings.ContainsFunc(s, func(r rune) bool { return r < '0' || r > '9' })
	switch {
	case len(s) == 36 && isHex:
		return step{slot: freshUUID}, true
	case len(s) == 32 && isHex:
		return step{slot: freshHex}, true
	case isNumber && len(s) > 0 && len(s) < 20:
		return step{slot: freshDigits, n: uint8(len(s))}, true
	}
	return step{}, false
}

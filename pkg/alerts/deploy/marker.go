package deploy

import (
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"strings"

	"auditlog-forwarder/pkg/alerts"
)

// markerKey tells in Splunk who made an alert. It is made for that, Splunk Web shows
// it as "Managed by" beside the alert, and it is no part of what the alert does.
const markerKey = "alert.managedBy"

// owner is what markerKey begins with for all that is ours. Alerts of the
// package have it alone; those of a deployment have a marker behind it.
const owner = alerts.ManagedBy

// sumSize is how many bytes are kept of a hash: enough to tell a user's change
// from none, and too few to find out an address of a webhook.
const sumSize = 3

type sum [sumSize]byte

// markerSize is the bytes of a marker: of the name, the rule, and each part of users.
const markerSize = sumSize*int(parts) + len(ruleID{})

// marker is what a deployment notes about an alert in Splunk itself: whose name
// it was made for, since a clone takes all of it along, of which rule, and for each part that
// users change a hash of what was last written there. A part whose value still
// has that hash was not changed by anybody since.
type marker struct {
	name  sum
	rule  ruleID     // by which it is known under another title
	parts [parts]sum // those of ours are zero
}

// String writes the marker.
func (m marker) String() string {
	data := slices.Concat(m.name[:], m.rule[:])
	for p := enablement; p < parts; p++ {
		data = append(data, m.parts[p][:]...)
	}
	return owner + ":" + base64.RawURLEncoding.EncodeToString(data)
}

// ownership is what a marker says.
type ownership uint8

const (
	foreign  ownership = iota // no marker, or another's
	packaged                  // ours, without what was last written
	deployed                  // ours, with it
	cloned                    // made from one of ours, by a user
)

// readMarker reads what an object has in markerKey.
func readMarker(text, name string) (m marker, o ownership) {
	if text == owner {
		return m, packaged
	}
	rest, ok := strings.CutPrefix(text, owner+":")
	if !ok {
		return m, foreign
	}
	data, err := base64.RawURLEncoding.DecodeString(rest)
	if err != nil || len(data) != markerSize {
		return m, packaged // of another version
	}
	copy(m.name[:], data)
	copy(m.rule[:], data[sumSize:])
	for p := enablement; p < parts; p++ {
		copy(m.parts[p][:], data[len(m.rule)+int(p)*sumSize:])
	}
	if m.name != sumOf(name) {
		return m, cloned
	}
	return m, deployed
}

func sumOf(texts ...string) (s sum) {
	h := sha256.New()
	for _, t := range texts {
		_, _ = h.Write([]byte(t)) // a hash takes all
		_, _ = h.Write([]byte{0})
	}
	copy(s[:], h.Sum(nil))
	return s
}

// sums hashes each part of an alert. get gives the tidy value of an argument.
// For who is told, all that can be is hashed, so that what is set no more still
// counts, but no address of an action that is off, which may be Splunk's own default;
// for the wording, what is wanted.
func sums(wanted []alerts.Setting, get func(key string) string) (all [parts]sum) {
	texts := [parts][]string{}
	on := list(get("actions"))
	add := func(key string) {
		if action := actionOf(key); partOf(key) == recipients && action != "" && !slices.Contains(on, action) {
			return
		}
		if v := get(key); !equal(key, v, "") && (key != "schedule_window" || v != "0") { // a default counts as nothing
			p := partOf(key)
			texts[p] = append(texts[p], key, v)
		}
	}
	for _, key := range []string{
		"disabled", "is_scheduled", "cron_schedule", "schedule_window",
		"alert.digest_mode", "alert.suppress", "alert.suppress.period", "alert.suppress.fields", "alert.suppress.group_name",
		"actions", "alert.track", "action.email.to", "action.email.cc", "action.email.bcc", "action.webhook.param.url",
		"action.slack.param.channel", "action.ms_teams_publish_to_channel.param.alert_ms_teams_url",
	} {
		add(key)
	}
	for _, s := range wanted {
		if partOf(s.Key) == wording {
			add(s.Key)
		}
	}
	for p := enablement; p < parts; p++ {
		all[p] = sumOf(texts[p]...)
	}
	return all
}

// Macros have no key for a marker, but a description.

// macroMark stands at the end of a macro's description.
func macroMark(definition string) string {
	s := sumOf(definition)
	return "[" + owner + ":" + base64.RawURLEncoding.EncodeToString(s[:]) + "]"
}

// readMacro reads a macro's mark: is it ours, and is it as it was written?
func readMacro(description, definition string) (marked, untouched bool) {
	i := strings.LastIndex(description, "["+owner+":")
	return i >= 0, i >= 0 && strings.TrimSpace(description[i:]) == macroMark(definition)
}

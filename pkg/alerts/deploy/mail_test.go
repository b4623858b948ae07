package deploy

import (
	"testing"

	"auditlog-forwarder/pkg/alerts/deploy/resttest"
)

// TestMailOfAUser: whoever is told by mail because a user said so in Splunk gets
// the catalogue's words, and new ones when it has new ones, until somebody changes
// them there.
func TestMailOfAUser(t *testing.T) {
	t.Parallel()
	w := newWorld(t, resttest.Options{})
	says := func(text string) {
		w.wanted = Wanted{Searches: []Search{{Stanza: search("X", "action.email.message.alert="+text)}}}
	}
	says("First")
	w.apply(Options{})
	says("Second") // while nobody is told
	w.apply(Options{})
	w.splunk.Edit(resttest.Searches, appID, "X", map[string]string{"actions": "email", "action.email.to": "me@example.com"})
	says("Third")
	w.apply(Options{})
	w.has("X", "action.email.message.alert", "Third")
	w.has("X", "action.email.to", "me@example.com")
	w.splunk.Edit(resttest.Searches, appID, "X", map[string]string{"action.email.message.alert": "Mine"})
	says("Fourth")
	w.apply(Options{})
	w.has("X", "action.email.message.alert", "Mine")
}

// TestAddressOfAnActionThatIsOff: nobody is told by it, so that it is no change of
// a user: it is Splunk's default, or left from settings that are taken back.
func TestAddressOfAnActionThatIsOff(t *testing.T) {
	t.Parallel()
	w := newWorld(t, resttest.Options{})
	w.wanted = Wanted{Searches: []Search{{Stanza: search("X")}}}
	w.apply(Options{})
	w.splunk.Edit(resttest.Searches, appID, "X", map[string]string{"action.email.to": "admin@example.com"})
	w.wanted = Wanted{Searches: []Search{{Stanza: search("X", "alert.track=0")}}}
	w.apply(Options{})
	w.has("X", "alert.track", "0")
	w.splunk.Edit(resttest.Searches, appID, "X", map[string]string{"actions": "email"})
	w.wanted = Wanted{Searches: []Search{{Stanza: search("X", "alert.track=1")}}}
	w.apply(Options{})
	w.has("X", "alert.track", "0")
}

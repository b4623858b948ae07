package deploy

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"auditlog-forwarder/pkg/alerts"
	"auditlog-forwarder/pkg/alerts/deploy/resttest"
	"auditlog-forwarder/pkg/creds"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	appID = "confluent_audit_alerts"
	token = "eyJraWQ-a-token-of-splunk"
	hook  = "https://hooks.example.com/services/T0/B0/very-secret"
)

// world is a Splunk and what it shall have.
type world struct {
	*testing.T
	splunk *resttest.Server
	cfg    Config
	wanted Wanted
}

func newWorld(t *testing.T, opts resttest.Options) *world {
	t.Helper()
	if opts.Apps == nil {
		opts.Apps = []string{appID}
	}
	if opts.Token == "" {
		opts.Token = token
	}
	w := &world{T: t, splunk: resttest.Start(t, opts), cfg: DefaultConfig()}
	w.cfg.URL, w.cfg.Token = w.splunk.URL(), creds.NewSecret(token)
	w.wanted = Wanted{
		Macros: []Macro{{Stanza: macro("confluent_audit_events", `sourcetype="confluent:auditlog"`)}},
		Searches: []Search{
			{Stanza: search("CC cluster deletion")},
			{Stanza: search("A/B & 100% ümlaut")},
		},
	}
	return w
}

func macro(name, definition string) alerts.Stanza {
	return alerts.Stanza{Name: name, Settings: []alerts.Setting{
		{Key: "definition", Value: definition}, {Key: "iseval", Value: "0"}, {Key: "description", Value: "What it is for."},
	}}
}

// search is a stanza as pkg/alerts writes it, with changes behind it.
func search(name string, changes ...string) alerts.Stanza {
	s := alerts.Stanza{Name: name}
	for _, pair := range append([]string{
		"description=What it is.",
		"search=`confluent_audit_events` \"data.methodName\"=\"DeleteKafkaCluster\"   \n| table _time, principal\n| search principal=*",
		"disabled=1", "enableSched=1", "cron_schedule=17 * * * *", "realtime_schedule=0",
		"dispatch.earliest_time=-10140m@m", "dispatch.latest_time=now", "dispatch.index_earliest=-65m@m", "dispatch.index_latest=-5m@m",
		"counttype=number of events", "relation=greater than", "quantity=0",
		"alert.severity=5", "alert.digest_mode=true", "alert.suppress=0", "alert.track=1", "alert.expires=7d",
		"request.ui_dispatch_app=confluent_audit_alerts", "display.general.type=statistics",
	}, changes...) {
		key, value, _ := strings.Cut(pair, "=")
		i := slices.IndexFunc(s.Settings, func(x alerts.Setting) bool { return x.Key == key })
		if i < 0 {
			s.Settings = append(s.Settings, alerts.Setting{Key: key, Value: value})
			continue
		}
		s.Settings[i].Value = value
	}
	return s
}

func (w *world) client() *Client {
	w.Helper()
	c, err := New(w.cfg, "test")
	if err != nil {
		w.Fatal(err)
	}
	c.wait = func(ctx context.Context, _ int) error { return ctx.Err() }
	w.Cleanup(c.Close)
	return c
}

func (w *world) plan(opts Options) Plan {
	w.Helper()
	p, err := w.client().Plan(w.Context(), w.wanted, opts)
	if err != nil {
		w.Fatal(err)
	}
	return p
}

// apply applies, and checks that a second plan has nothing to do.
func (w *world) apply(opts Options) Plan {
	w.Helper()
	p := w.plan(opts)
	if err := w.client().Apply(w.Context(), p, func(Result) {}); err != nil {
		w.Fatalf("apply: %v", err)
	}
	if again := w.plan(opts); again.Pending() != 0 {
		w.Errorf("the second plan is not empty: %s", summary(again))
	}
	return p
}

// summary tells a plan in lines.
func summary(p Plan) []string {
	lines := []string{}
	for _, i := range p.Items {
		line := fmt.Sprintf("%s %s %s", i.Action, i.Kind, i.Name)
		for _, e := range i.Changes {
			if i.Action == Change {
				line += fmt.Sprintf(" [%s: %s -> %s]", e.Key, e.Old, e.New)
			}
		}
		for _, k := range i.Kept {
			line += fmt.Sprintf(" [kept %s: %s]", k.Key, k.Kept)
		}
		lines = append(lines, line)
	}
	return lines
}

func (w *world) want(p Plan, lines ...string) {
	w.Helper()
	if diff := cmp.Diff(lines, summary(p)); diff != "" {
		w.Errorf("plan (-want +got):\n%s", diff)
	}
}

func (w *world) has(name, key, want string) {
	w.Helper()
	if got, ok := w.splunk.Get(resttest.Searches, appID, name, key); !ok || got != want {
		w.Errorf("%s: %s is %q (there: %t), want %q", name, key, got, ok, want)
	}
}

const (
	first  = "CC cluster deletion"
	second = "A/B & 100% ümlaut"
)

func TestApplyCreatesAllAndIsIdempotent(t *testing.T) {
	t.Parallel()
	for _, link := range []bool{false, true} {
		w := newWorld(t, resttest.Options{SlashLink: link})
		w.want(w.apply(Options{}), "create macro confluent_audit_events", "create alert "+first, "create alert "+second)
		w.has(first, "search", "`confluent_audit_events` \"data.methodName\"=\"DeleteKafkaCluster\"\n| table _time, principal\n| search principal=*")
		w.has(first, "enableSched", "1")
		w.has(first, "counttype", "number of events")
		// A change goes to the very object, whatever its name.
		w.wanted.Searches[1].Stanza = search(second, "alert.severity=6")
		w.want(w.apply(Options{}), "same macro confluent_audit_events", "same alert "+first, "change alert "+second+" [alert.severity: 5 -> 6]")
		w.has(second, "alert.severity", "6")
		if got := w.splunk.Names(resttest.Searches, appID); len(got) != 2 {
			t.Errorf("Splunk has %q, want two alerts", got)
		}
	}
}

func TestAppliesInOrder(t *testing.T) {
	t.Parallel()
	w := newWorld(t, resttest.Options{Apps: []string{"search"}})
	w.cfg.ACL = ACL{Read: []string{"*"}, Write: []string{"sc_admin", "admin"}}
	w.apply(Options{CreateApp: true})
	var posts []string
	for _, r := range w.splunk.Requests() {
		if r.Method == http.MethodPost {
			posts = append(posts, r.Path)
		}
	}
	const ns = "/servicesNS/nobody/confluent_audit_alerts"
	want := []string{
		"/services/apps/local",
		ns + "/configs/conf-macros", ns + "/configs/conf-macros/confluent_audit_events/acl",
		ns + "/saved/searches", ns + "/saved/searches/CC%20cluster%20deletion/acl",
		ns + "/saved/searches", ns + "/saved/searches/A%2FB%20&%20100%25%20%C3%BCmlaut/acl",
	}
	if diff := cmp.Diff(want, posts); diff != "" {
		t.Errorf("posts (-want +got):\n%s", diff)
	}
	_, owner, read, write := w.splunk.ACL(resttest.Searches, appID, first)
	if diff := cmp.Diff([][]string{{"nobody"}, {"*"}, {"admin", "sc_admin"}}, [][]string{{owner}, read, write}); diff != "" {
		t.Errorf("ACL (-want +got):\n%s", diff)
	}
}

func TestSharing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, resttest.Options{})
	w.cfg.Owner, w.cfg.Sharing = "alice", SharingApp
	w.apply(Options{})
	if sharing, owner, _, _ := w.splunk.ACL(resttest.Searches, appID, first); sharing != "app" || owner != "alice" {
		t.Errorf("shared as %s, owned by %s; want app and alice", sharing, owner)
	}
	w.cfg.Sharing = SharingGlobal
	w.apply(Options{})
	if sharing, _, read, write := w.splunk.ACL(resttest.Searches, appID, first); sharing != "global" {
		t.Errorf("shared as %s (%s, %s), want global", sharing, read, write)
	}
	w.cfg.Sharing = SharingUser
	w.apply(Options{})
	if sharing, owner, _, _ := w.splunk.ACL(resttest.Searches, appID, second); sharing != "user" || owner != "alice" {
		t.Errorf("shared as %s, owned by %s; want user and alice", sharing, owner)
	}
}

// TestPrivateBesideShared holds that a user's own alerts leave those that all
// see alone.
func TestPrivateBesideShared(t *testing.T) {
	t.Parallel()
	w := newWorld(t, resttest.Options{})
	w.apply(Options{})
	w.cfg.Owner, w.cfg.Sharing = "alice", SharingUser
	w.want(w.plan(Options{Prune: true}), "create macro confluent_audit_events", "create alert "+first, "create alert "+second)
}

func TestTouchesNothingForeign(t *testing.T) {
	t.Parallel()
	w := newWorld(t, resttest.Options{Apps: []string{appID, "other"}})
	w.splunk.Edit(resttest.Searches, appID, "mine", map[string]string{"search": "index=main"})
	w.splunk.Edit(resttest.Searches, appID, "managed by others", map[string]string{"search": "x", markerKey: "splunk_app_infrastructure:7"})
	w.splunk.Edit(resttest.Searches, "other", second, map[string]string{"search": "index=main"}) // same name, another app
	w.splunk.Share(resttest.Searches, "other", second, "global")
	w.splunk.Edit(resttest.Searches, appID, first, map[string]string{"search": "index=main", "cron_schedule": "1 1 * * *", "enableSched": "1", "actions": "email", "action.email.to": "me@example.com"})
	p := w.apply(Options{Prune: true})
	w.want(p, "create macro confluent_audit_events", "foreign alert "+first, "create alert "+second)
	if reason := p.Items[1].Reason; !strings.Contains(reason, "--adopt") {
		t.Errorf("the reason %q does not say how to take it over", reason)
	}
	w.has(first, "search", "index=main")
	w.has("mine", "search", "index=main")

	p = w.apply(Options{Adopt: true})
	w.has(first, "cron_schedule", "1 1 * * *") // the user's own stay
	w.has(first, "action.email.to", "me@example.com")
	w.has(first, "action.email", "1")
	if got, _ := w.splunk.Get(resttest.Searches, appID, first, "search"); !strings.HasPrefix(got, "`confluent") {
		t.Errorf("--adopt left the search %q", got)
	}
	if len(p.Items[1].Kept) == 0 {
		t.Errorf("--adopt keeps nothing of the user's: %v", summary(p))
	}
}

func TestPruneRemovesOnlyOurOwn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, resttest.Options{})
	w.wanted.Macros = append(w.wanted.Macros, Macro{Stanza: macro("gone_filter", "search *")}, Macro{Stanza: macro("changed_filter", "search *")})
	w.apply(Options{})
	w.splunk.Copy(resttest.Searches, appID, second, "a user's copy") // as Clone does
	w.splunk.Edit(resttest.Macros, appID, "changed_filter", map[string]string{"definition": "search user!=ci"})
	w.splunk.Ship(resttest.Searches, appID, "shipped", map[string]string{"search": "x", markerKey: owner})
	w.wanted.Searches, w.wanted.Macros = w.wanted.Searches[:1], w.wanted.Macros[:1]
	w.want(w.apply(Options{}), "same macro confluent_audit_events", "same alert "+first,
		"orphan alert "+second, "orphan alert shipped", "orphan macro changed_filter", "orphan macro gone_filter")
	w.splunk.Requests()
	w.want(w.apply(Options{Prune: true}), "same macro confluent_audit_events", "same alert "+first,
		"remove alert "+second, "orphan alert shipped", "orphan macro changed_filter", "remove macro gone_filter")
	if diff := cmp.Diff([]string{first, "a user's copy", "shipped"}, w.splunk.Names(resttest.Searches, appID)); diff != "" {
		t.Errorf("alerts (-want +got):\n%s", diff)
	}
	// A clone that has an alert's name is the user's, too.
	w.wanted.Searches = append(w.wanted.Searches, Search{Stanza: search("a user's copy")})
	if p := w.plan(Options{}); p.Count(Foreign) != 1 {
		t.Errorf("the plan takes a clone for ours: %v", summary(p))
	}
}

func TestKeepsWhatUsersChange(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		edit   map[string]string
		set    Set
		change []string // to the catalogue meanwhile
		want   string
	}{
		"enabled": {edit: map[string]string{"disabled": "0"}, want: "same alert X [kept disabled: 0]"},
		"enabled, and the settings name it": {
			edit: map[string]string{"disabled": "0"}, set: Set{Enablement: true}, want: "change alert X [disabled: 0 -> 1]",
		},
		"unscheduled": {edit: map[string]string{"is_scheduled": "0"}, want: "same alert X [kept is_scheduled: 0]"},
		"cron":        {edit: map[string]string{"cron_schedule": "*/5 * * * *"}, want: "same alert X [kept cron_schedule: */5 * * * *]"},
		"cron, and the catalogue changed it": {
			edit: map[string]string{"cron_schedule": "*/5 * * * *"}, change: []string{"cron_schedule=3 */2 * * *"}, want: "same alert X [kept cron_schedule: */5 * * * *]",
		},
		"cron, and the settings name it": {
			edit: map[string]string{"cron_schedule": "*/5 * * * *"}, set: Set{Schedule: true}, want: "change alert X [cron_schedule: */5 * * * * -> 17 * * * *]",
		},
		"nobody, and the catalogue changed cron": {
			change: []string{"cron_schedule=3 */2 * * *"}, want: "change alert X [cron_schedule: 17 * * * * -> 3 */2 * * *]",
		},
		"suppression": {
			edit: map[string]string{"alert.suppress": "1", "alert.suppress.period": "4h"}, want: "same alert X [kept alert.suppress: 1] [kept alert.suppress.period: 4h]",
		},
		"recipients": {
			edit: map[string]string{"action.email.to": "me@example.com", "actions": "email"}, want: "same alert X [kept actions: email]",
		},
		"the search itself": {
			edit: map[string]string{"search": "index=main"}, want: "change alert X [search: index=main -> index=audit]",
		},
		"recipients and the search": {
			edit:   map[string]string{"action.email.to": "me@example.com", "actions": "email"},
			change: []string{"search=index=new"}, want: "change alert X [search: index=audit -> index=new] [kept actions: email]",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, resttest.Options{})
			w.wanted = Wanted{Searches: []Search{{Stanza: search("X", "search=index=audit")}}}
			w.apply(Options{})
			w.splunk.Edit(resttest.Searches, appID, "X", tt.edit)
			w.wanted.Searches[0] = Search{Stanza: search("X", append([]string{"search=index=audit"}, tt.change...)...), Set: tt.set}
			p := w.apply(Options{})
			got := summary(p)
			// The marker's value is its own affair.
			for i := range got {
				got[i], _, _ = strings.Cut(got[i], " ["+markerKey)
			}
			if diff := cmp.Diff([]string{tt.want}, got); diff != "" {
				t.Errorf("plan (-want +got):\n%s", diff)
			}
		})
	}
}

// TestKeepsATriggerOfAUser covers Splunk Web's choice between one message a run
// and one a row, which Splunk checks together with the suppression.
func TestKeepsATriggerOfAUser(t *testing.T) {
	t.Parallel()
	w := newWorld(t, resttest.Options{})
	rows := []string{"alert.digest_mode=0", "alert.suppress=1", "alert.suppress.period=15m", "alert.suppress.fields=principal"}
	w.wanted = Wanted{Searches: []Search{{Stanza: search("X", rows...)}}}
	w.apply(Options{})
	w.splunk.Edit(resttest.Searches, appID, "X", map[string]string{"alert.digest_mode": "1", "alert.suppress.period": "60m", "alert.suppress.fields": ""})
	w.want(w.apply(Options{}), "same alert X [kept alert.digest_mode: 1] [kept alert.suppress.period: 60m] [kept alert.suppress.fields: ]")
	w.wanted.Searches[0].Set.Suppression = true
	w.apply(Options{})
	w.has("X", "alert.digest_mode", "0")
	w.has("X", "alert.suppress.fields", "principal")
}

// TestSettingsThatGo covers what only the memory in the marker can tell: a
// value that the settings named once is taken back when they do not any more,
// unless a user changed it.
func TestSettingsThatGo(t *testing.T) {
	t.Parallel()
	w := newWorld(t, resttest.Options{})
	told := []string{"disabled=0", "action.email=1", "action.email.to=soc@example.com", "action.email.subject=Alert: $name$", "alert.suppress=1", "alert.suppress.period=4h"}
	w.wanted = Wanted{Searches: []Search{{Stanza: search("X", told...), Set: Set{Enablement: true, Actions: true}}, {Stanza: search("Y", told...), Set: Set{Enablement: true, Actions: true}}}}
	w.apply(Options{})
	w.has("X", "action.email.to", "soc@example.com")
	w.splunk.Edit(resttest.Searches, appID, "Y", map[string]string{"action.email.to": "soc@example.com, me@example.com"})
	w.wanted = Wanted{Searches: []Search{{Stanza: search("X")}, {Stanza: search("Y")}}}
	w.apply(Options{})
	w.has("X", "action.email", "0")
	w.has("X", "disabled", "1")
	w.has("X", "alert.suppress", "0")
	w.has("Y", "action.email", "1")
	w.has("Y", "disabled", "1")
}

func TestMacros(t *testing.T) {
	t.Parallel()
	w := newWorld(t, resttest.Options{})
	w.wanted.Searches = nil
	w.apply(Options{})
	change := func(definition string, set bool) Plan {
		w.wanted.Macros = []Macro{{Stanza: macro("confluent_audit_events", definition), Set: set}}
		return w.apply(Options{})
	}
	// Nobody changed it: the catalogue's goes on.
	change("index=a", false)
	if got, _ := w.splunk.Get(resttest.Macros, appID, "confluent_audit_events", "definition"); got != "index=a" {
		t.Errorf("the definition is %q, want the new one", got)
	}
	w.splunk.Edit(resttest.Macros, appID, "confluent_audit_events", map[string]string{"definition": "index=mine"})
	w.want(change("index=b", false), "same macro confluent_audit_events [kept definition: index=mine]")
	p := change("index=c", true)
	if p.Pending() != 1 {
		t.Errorf("the settings name it: %v", summary(p))
	}
	// What a package brought is left unwritten while it is the same.
	w.splunk.Ship(resttest.Macros, appID, "shipped", map[string]string{"definition": "search *", "iseval": "0", "description": "Of the package."})
	w.wanted.Macros = []Macro{{Stanza: macro("shipped", "search *")}}
	w.want(w.plan(Options{}), "same macro shipped", "orphan macro confluent_audit_events")
}

// TestKeepsAMacroWhole holds that a user's definition is read on as it was written.
func TestKeepsAMacroWhole(t *testing.T) {
	t.Parallel()
	w := newWorld(t, resttest.Options{})
	w.wanted.Searches = nil
	w.splunk.Edit(resttest.Macros, appID, "confluent_audit_events", map[string]string{"definition": `"index=" . "mine"`, "iseval": "1"})
	w.want(w.apply(Options{}), `same macro confluent_audit_events [kept definition: "index=" . "mine"]`)
}

// TestWordsOfANewAction covers alerts that were deployed without any action, or
// came with a package, before the settings name one: what its messages say is
// then nobody's yet, and Splunk's defaults are no user's words.
func TestWordsOfANewAction(t *testing.T) {
	t.Parallel()
	email := []string{"action.email=1", "action.email.to=soc@example.com", "action.email.subject=Deleted: $result.resource$", "action.email.message.alert=Event: $result.event$"}
	slack := []string{"action.slack=1", "action.slack.param.channel=#soc", "action.slack.param.message=Event: $result.event$"}
	for _, shipped := range []bool{false, true} {
		w := newWorld(t, resttest.Options{})
		give := func(words ...string) Plan {
			w.wanted = Wanted{Searches: []Search{{Stanza: search("X", words...), Set: Set{Actions: len(words) > 0}}}}
			return w.apply(Options{})
		}
		if shipped {
			settings := map[string]string{markerKey: owner}
			for _, s := range search("X").Settings {
				settings[s.Key] = tidy(s.Key, s.Value)
			}
			w.splunk.Ship(resttest.Searches, appID, "X", settings)
		}
		give()
		if p := give(email...); len(p.Items[0].Kept) != 0 {
			t.Errorf("Splunk's defaults are kept as a user's: %s", summary(p))
		}
		w.has("X", "action.email.subject", "Deleted: $result.resource$")
		w.has("X", "action.email.message.alert", "Event: $result.event$")

		// A user's own words of one action are no reason to leave those of another unsaid.
		w.splunk.Edit(resttest.Searches, appID, "X", map[string]string{"action.email.subject": "Mine"})
		w.want(give(append(email, slack...)...), "change alert X [action.slack.param.channel:  -> #soc] "+
			"[action.slack.param.message:  -> Event: $result.event$] [actions: email -> email,slack] [kept action.email.subject: Mine]")
		w.has("X", "action.email.subject", "Mine")
		w.has("X", "action.slack.param.message", "Event: $result.event$")
		w.want(give(append(email, slack...)...), "same alert X [kept action.email.subject: Mine]")
	}
}

func TestOverAPackage(t *testing.T) {
	t.Parallel()
	w := newWorld(t, resttest.Options{})
	w.wanted.Searches = w.wanted.Searches[:1]
	shipped := map[string]string{markerKey: owner, "cron_schedule": "1 * * * *"}
	for _, s := range w.wanted.Searches[0].Stanza.Settings {
		if s.Key != "cron_schedule" {
			shipped[s.Key] = tidy(s.Key, s.Value)
		}
	}
	w.splunk.Ship(resttest.Searches, appID, first, shipped)
	// What was last written is unknown, so the schedule may be a user's.
	p := w.apply(Options{Prune: true})
	if diff := cmp.Diff([]KeptEdit{{Key: "cron_schedule", Kept: "1 * * * *", Catalogue: "17 * * * *"}}, p.Items[1].Kept); diff != "" {
		t.Errorf("kept (-want +got):\n%s", diff)
	}
	if !strings.Contains(p.Items[1].Reason, "set every") {
		t.Errorf("the reason %q does not tell that schedule and window differ", p.Items[1].Reason)
	}
	// What a package brings is not removed here, whoever wrote over it.
	w.wanted.Searches = nil
	w.want(w.apply(Options{Prune: true}), "same macro confluent_audit_events", "orphan alert "+first)
}

func TestComparesWhatSplunkWritesOtherwise(t *testing.T) {
	t.Parallel()
	for key, values := range map[string][2]string{
		"disabled": {"1", "true"}, "alert.digest_mode": {"0", "false"}, "actions": {"webhook, email", "email,webhook"},
		"cron_schedule": {"*/5  * * * *", "*/5 * * * *"}, "search": {"a  \r\n| b\n", "a\n| b"}, "action.email.to": {"a@x, b@x", "a@x,b@x"},
		"alert.suppress": {"0", ""}, "is_scheduled": {"false", ""}, "iseval": {"0", ""},
	} {
		if a, b := tidy(key, values[0]), tidy(key, values[1]); !equal(key, a, b) {
			t.Errorf("%s: %q and %q differ", key, a, b)
		}
	}
	for key, values := range map[string][2]string{
		"disabled": {"1", ""}, "alert_threshold": {"0", ""}, "search": {"a\nb", "a b"}, "action.email.message.alert": {"Yes", "1"}, "quantity": {"1", "2"},
	} {
		if a, b := tidy(key, values[0]), tidy(key, values[1]); equal(key, a, b) {
			t.Errorf("%s: %q and %q are taken for equal", key, values[0], values[1])
		}
	}
}

func TestSignsIn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, resttest.Options{User: "alice", Password: "pa55word", TLS: true})
	w.cfg.Token, w.cfg.Username, w.cfg.Password = creds.Secret{}, "alice", creds.NewSecret("pa55word")
	w.cfg.TLS.CAFile = writeFile(t, "ca.pem", w.splunk.CAPEM())
	w.apply(Options{})
	logins := 0
	for _, r := range w.splunk.Requests() {
		if r.Path == "/services/auth/login" {
			logins++
		} else if r.Authorization != "Splunk session-key-of-alice" {
			t.Errorf("%s %s is signed with %q", r.Method, r.Path, r.Authorization)
		}
	}
	if logins != 3 { // plan, apply, and the second plan: each a client of its own
		t.Errorf("%d logins, want 3", logins)
	}
}

func TestRetries(t *testing.T) {
	t.Parallel()
	busy := &resttest.Fault{Status: http.StatusServiceUnavailable, Body: `{"messages":[{"type":"ERROR","text":"Splunk is starting"}]}`}
	once := func(method, end string, f *resttest.Fault) func(*http.Request) *resttest.Fault {
		done := false
		return func(r *http.Request) *resttest.Fault {
			if done || r.Method != method || !strings.HasSuffix(r.URL.Path, end) {
				return nil
			}
			done = true
			return f
		}
	}
	for name, tt := range map[string]struct {
		fault func(*http.Request) *resttest.Fault
		fails string
	}{
		"reading, busy":               {fault: once("GET", "saved/searches", busy)},
		"reading, too many":           {fault: once("GET", "saved/searches", &resttest.Fault{Status: http.StatusTooManyRequests})},
		"reading, cut":                {fault: once("GET", "saved/searches", &resttest.Fault{Drop: true})},
		"making, busy":                {fault: once("POST", "saved/searches", busy)},
		"making, the answer is lost":  {fault: once("POST", "saved/searches", &resttest.Fault{Drop: true, Took: true}), fails: "the connection broke"},
		"making, a gateway gives up":  {fault: once("POST", "saved/searches", &resttest.Fault{Status: http.StatusBadGateway, Took: true}), fails: "HTTP 502"},
		"always busy":                 {fault: func(*http.Request) *resttest.Fault { return busy }, fails: "Splunk is starting"},
		"reading, not the user's day": {fault: once("GET", "saved/searches", &resttest.Fault{Status: http.StatusInternalServerError}), fails: "splunkd.log"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, resttest.Options{})
			w.splunk.SetFault(tt.fault)
			c := w.client()
			p, err := c.Plan(t.Context(), w.wanted, Options{})
			if err == nil {
				err = c.Apply(t.Context(), p, func(Result) {})
			}
			switch {
			case tt.fails == "" && err != nil:
				t.Error(err)
			case tt.fails != "" && (err == nil || !strings.Contains(err.Error(), tt.fails)):
				t.Errorf("error %v, want one with %q", err, tt.fails)
			}
		})
	}
}

// TestAsksOnlyForItsOwnApp holds that other apps' thousands are not fetched, and
// that all requests of a run go to one search head of several.
func TestAsksOnlyForItsOwnApp(t *testing.T) {
	t.Parallel()
	w := newWorld(t, resttest.Options{})
	var lists []string
	var cookies []int
	w.splunk.SetFault(func(r *http.Request) *resttest.Fault {
		cookies = append(cookies, len(r.Cookies()))
		switch {
		case strings.HasSuffix(r.URL.Path, "/server/info"):
			return &resttest.Fault{Status: http.StatusOK, Body: `{"entry":[]}`, Header: http.Header{"Set-Cookie": {"balancer=sh2; Path=/"}}}
		case strings.HasSuffix(r.URL.Path, "/saved/searches"), strings.HasSuffix(r.URL.Path, "/conf-macros"):
			lists = append(lists, r.URL.Query().Get("count")+" "+r.URL.Query().Get("search"))
		}
		return nil
	})
	w.plan(Options{})
	if diff := cmp.Diff([]string{"0 eai:acl.app=" + appID, "0 eai:acl.app=" + appID}, lists); diff != "" {
		t.Errorf("count and filter of the lists (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]int{0, 1, 1, 1}, cookies); diff != "" {
		t.Errorf("cookies sent (-want +got):\n%s", diff)
	}
}

// TestSparseAnswers covers what stands before Splunk, or an old one, may leave
// out: the ACL of an object, and the body behind a removal.
func TestSparseAnswers(t *testing.T) {
	t.Parallel()
	w := newWorld(t, resttest.Options{})
	w.apply(Options{})
	w.splunk.SetFault(func(r *http.Request) *resttest.Fault {
		switch {
		case r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, "saved/searches"):
			return &resttest.Fault{Status: http.StatusOK, Body: fmt.Sprintf(`{"entry":[{"name":%q,"content":{"search":"x","alert.managedBy":%q}}]}`, second, marker{name: sumOf(second)})}
		case r.Method == http.MethodDelete:
			return &resttest.Fault{Status: http.StatusOK, Took: true}
		}
		return nil
	})
	w.wanted.Searches = nil
	p := w.plan(Options{Prune: true})
	w.want(p, "same macro confluent_audit_events", "remove alert "+second)
	if err := w.client().Apply(t.Context(), p, func(Result) {}); err != nil {
		t.Errorf("apply: %v", err)
	}
	if diff := cmp.Diff([]string{first}, w.splunk.Names(resttest.Searches, appID)); diff != "" {
		t.Errorf("alerts (-want +got):\n%s", diff)
	}
}

func TestDeletesOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, resttest.Options{})
	w.apply(Options{})
	w.wanted.Searches = w.wanted.Searches[:1]
	p := w.plan(Options{Prune: true})
	w.splunk.Requests()
	w.splunk.SetFault(func(r *http.Request) *resttest.Fault {
		if r.Method == http.MethodDelete {
			return &resttest.Fault{Status: http.StatusServiceUnavailable, Took: true}
		}
		return nil
	})
	if err := w.client().Apply(t.Context(), p, func(Result) {}); err == nil {
		t.Error("a failed removal is not told")
	}
	if n := len(w.splunk.Requests()); n != 1 {
		t.Errorf("%d requests, want 1: what was deleted may lie over something else of that name", n)
	}
}

func TestGoesOnAfterAFailure(t *testing.T) {
	t.Parallel()
	w := newWorld(t, resttest.Options{})
	w.wanted.Searches = append([]Search{{Stanza: search("broken", "alert.severity=9")}, {Stanza: search("unknown", "no_such_key=1")}}, w.wanted.Searches...)
	c := w.client()
	p := w.plan(Options{})
	var done []string
	err := c.Apply(t.Context(), p, func(r Result) { done = append(done, fmt.Sprintf("%s %t", r.Item.Name, r.Err == nil)) })
	if diff := cmp.Diff([]string{"confluent_audit_events true", "broken false", "unknown false", first + " true", second + " true"}, done); diff != "" {
		t.Errorf("done (-want +got):\n%s", diff)
	}
	for _, text := range []string{`create alert "broken"`, "Invalid value for argument alert.severity", `Argument "no_such_key" is not supported by this handler`, "schedule_search"} {
		if err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("the error %v lacks %q", err, text)
		}
	}
}

func TestInterrupted(t *testing.T) {
	t.Parallel()
	w := newWorld(t, resttest.Options{})
	p := w.plan(Options{})
	ctx, cancel := context.WithCancel(t.Context())
	err := w.client().Apply(ctx, p, func(Result) { cancel() })
	if err == nil || !strings.Contains(err.Error(), "apply it again") {
		t.Errorf("error %v, want that it was interrupted", err)
	}
	if got := w.splunk.Names(resttest.Searches, appID); len(got) != 0 {
		t.Errorf("%q were made after the end", got)
	}
}

func TestNoSecretGetsOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t, resttest.Options{})
	other, third := "https://hooks.example.com/services/another-secret", "ftp://hooks.example.com/a-third-secret"
	w.splunk.Edit(resttest.Searches, appID, first, map[string]string{"search": "x", "action.webhook.param.url": other, "actions": "webhook"})
	w.wanted.Searches[0] = Search{Stanza: search(first, "action.webhook=1", "action.webhook.param.url="+hook), Set: Set{Actions: true}}
	// What is refused is repeated by splunkd.
	w.wanted.Searches[1] = Search{Stanza: search(second, "action.webhook=1", "action.webhook.param.url="+third), Set: Set{Actions: true}}
	c := w.client()
	p, err := c.Plan(t.Context(), w.wanted, Options{Adopt: true})
	if err != nil {
		t.Fatal(err)
	}
	err = c.Apply(t.Context(), p, func(Result) {})
	if err == nil {
		t.Fatal("splunkd's stand-in takes a webhook of another scheme")
	}
	text := fmt.Sprintf("%+v %v %v", p.Items, summary(p), err)
	w.has(first, "action.webhook.param.url", hook)
	for _, secret := range []string{token, hook, other, third} {
		// The forms that are sent hold them; nobody prints these.
		for _, i := range p.Items {
			text = strings.ReplaceAll(text, fmt.Sprint(i.form), "")
		}
		if strings.Contains(text, secret) {
			t.Errorf("%q is in %s", secret, text)
		}
	}
}

// TestBuiltinCatalogue holds each key and value of the catalogue's alerts, with
// every action, to what Splunk documents.
func TestBuiltinCatalogue(t *testing.T) {
	t.Parallel()
	for _, settings := range []string{"", `
search: index=confluent_audit sourcetype="confluent:auditlog"
enabled: all
actions:
  email: {to: [soc@example.com, duty@example.com], cc: [me@example.com]}
  webhook: {url_file: HOOK}
  slack: {channel: "#security"}
  teams: {url_file: HOOK}
`} {
		w := newWorld(t, resttest.Options{})
		path := ""
		if settings != "" {
			path = writeFile(t, "alerts.yaml", []byte(strings.ReplaceAll(settings, "HOOK", writeFile(t, "hook", []byte(hook)))))
		}
		c, err := alerts.Load([]string{alerts.Builtin}, path)
		if err != nil {
			t.Fatal(err)
		}
		w.wanted = FromCatalogue(c)
		p := w.apply(Options{})
		if n := p.Count(Create); n != len(c.SavedSearches())+len(c.Macros()) || n == 0 {
			t.Errorf("%d objects were made of %d alerts and %d macros", n, len(c.SavedSearches()), len(c.Macros()))
		}
	}
}

func TestSettingsSayWhatGoesFirst(t *testing.T) {
	t.Parallel()
	const settings = `
search: index=confluent_audit
enabled: [CC cluster deletion]
alerts:
  Environment deletion: {every: 2h, suppress: {for: 4h}}
  Topic deleted: {actions: {email: {to: [soc@example.com]}}}
`
	c, err := alerts.Load([]string{alerts.Builtin}, writeFile(t, "alerts.yaml", []byte(settings)))
	if err != nil {
		t.Fatal(err)
	}
	got, want := map[string]Set{}, map[string]Set{
		"CC cluster deletion": {Enablement: true}, "Environment deletion": {Schedule: true, Suppression: true}, "Topic deleted": {Actions: true},
	}
	w := FromCatalogue(c)
	for _, s := range w.Searches {
		if s.Set != (Set{}) {
			got[s.Stanza.Name] = s.Set
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("named (-want +got):\n%s", diff)
	}
	for _, m := range w.Macros {
		if m.Set != (m.Stanza.Name == alerts.EventsMacro) {
			t.Errorf("%s: named is %t", m.Stanza.Name, m.Set)
		}
	}
}

package firing_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"auditlog-forwarder/pkg/alerts"
	"auditlog-forwarder/pkg/alerts/firing"
	"auditlog-forwarder/pkg/sigma/spl/spltest"
)

func builtin(t testing.TB) *alerts.Catalogue {
	t.Helper()
	c, err := alerts.Load([]string{alerts.Builtin}, "")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestBuiltinExamples: each built-in alert does what its examples say, of which there
// is one that fires and one that does not.
func TestBuiltinExamples(t *testing.T) {
	t.Parallel()
	for _, a := range builtin(t).Alerts {
		t.Run(a.Slug, func(t *testing.T) {
			t.Parallel()
			outcomes, err := firing.TryExamples(a, alerts.Subjects())
			if err != nil {
				t.Fatal(err)
			}
			there := map[bool]bool{}
			for _, o := range outcomes {
				there[o.Example.Fires] = true
				for _, f := range o.Firings {
					if strings.Contains(f.Message, "unknown") {
						t.Errorf("%q: the message asks for what the event does not have: %s", o.Example.Name, f.Message)
					}
				}
				if !o.Right() {
					t.Errorf("%q: fires is %t, and it fires %d times", o.Example.Name, o.Example.Fires, len(o.Firings))
				}
			}
			if !there[true] || !there[false] {
				t.Errorf("examples that fire: %t, that do not: %t; there must be both", there[true], there[false])
			}
		})
	}
}

// TestCountersAreToldAgain: a counter of a forwarder that grows, or starts anew and
// comes to where it was, is told again.
func TestCountersAreToldAgain(t *testing.T) {
	t.Parallel()
	for alert, example := range map[string]string{
		"Audit events lost": "more is lost, three hours after the first",
		"Dead letters":      "another one, and a new start before it",
	} {
		a, err := builtin(t).Find(alert)
		if err != nil {
			t.Fatal(err)
		}
		outcomes, err := firing.TryExamples(a, alerts.Subjects())
		if err != nil {
			t.Fatal(err)
		}
		told := map[string]int{}
		for _, o := range outcomes {
			told[o.Example.Name] = len(o.Firings)
		}
		if told[example] != 2 {
			t.Errorf("%s: %q fires %d times, want 2: %v", alert, example, told[example], told)
		}
	}
}

// TestOnlySomeClusters: `only` with a list of clusters narrows the stream and the
// search alike, in both spellings, and wherever among the resources the cluster is.
func TestOnlySomeClusters(t *testing.T) {
	t.Parallel()
	c, a := withSettings(t, "CC cluster deletion", "only:\n      data.cloudResources{}.resource.resourceId: [lkc-1, lkc-2]")
	at := time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)
	camel := func(method string, ids ...string) string {
		var resources []string
		for _, id := range ids {
			resources = append(resources, fmt.Sprintf(`{"resource":{"type":"KAFKA_CLUSTER","resourceId":%q}}`, id))
		}
		return fmt.Sprintf(`{"specversion":"1.0","time":%q,"data":{"methodName":%q,"cloudResources":[%s],"authenticationInfo":{"principal":{"confluentUser":{"resourceId":"u-1"}}}}}`,
			at.Format(time.RFC3339), method, strings.Join(resources, ","))
	}
	snake := strings.NewReplacer("methodName", "method_name", "cloudResources", "cloud_resources", "resourceId", "resource_id",
		"authenticationInfo", "authentication_info", "confluentUser", "confluent_user")
	var events []spltest.Event
	want := 0
	for _, tt := range []struct {
		event string
		found bool
	}{
		{camel("DeleteKafkaCluster", "lkc-1"), true},
		{camel("DeleteKafkaCluster", "lkc-2"), true},
		{camel("DeleteKafkaCluster", "lkc-9", "lkc-2"), true},
		{snake.Replace(camel("DeleteKafkaCluster", "lkc-1")), true},
		{camel("DeleteKafkaCluster", "lkc-3"), false},
		{camel("DeleteKafkaCluster", "lkc-11"), false},
		{camel("DeleteKafkaCluster"), false},
		{camel("GetKafkaCluster", "lkc-1"), false},
		{snake.Replace(camel("DeleteKafkaCluster", "lkc-3")), false},
	} {
		events = append(events, spltest.Event{Raw: []byte(tt.event), Time: at, IndexTime: at, Sourcetype: "confluent:auditlog"})
		if tt.found {
			want++
		}
	}
	compared(t, c, a, events, at, want)
}

// TestDryRunsOnRequest: the Console's dry runs are refusals too for whoever asks.
func TestDryRunsOnRequest(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)
	var events []spltest.Event
	for _, method := range []string{"mds.Authorize", "kafka.CreateTopics"} {
		for _, granted := range []string{"true", "false"} {
			raw := fmt.Sprintf(`{"type":"io.confluent.kafka.server/authorization","time":%q,"data":{"methodName":%q,"authorizationInfo":{"granted":%s}}}`,
				at.Format(time.RFC3339), method, granted)
			events = append(events, spltest.Event{Raw: []byte(raw), Time: at, IndexTime: at, Sourcetype: "confluent:auditlog"})
		}
	}
	for change, want := range map[string]int{"condition: selection": 2, "level: low": 1, "condition: dry_run": 2, "condition: all of them\n    except: {data.methodName: mds.*}": 0} {
		c, a := withSettings(t, "Authorization failure to CC cluster resource", change)
		compared(t, c, a, events, at, want)
	}
}

// withSettings is an alert of the catalogue as a user's settings change it.
func withSettings(t *testing.T, name, change string) (*alerts.Catalogue, *alerts.Alert) {
	t.Helper()
	settings := filepath.Join(t.TempDir(), "settings.yaml")
	if err := os.WriteFile(settings, []byte("alerts:\n  "+name+":\n    "+change+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := alerts.Load([]string{alerts.Builtin}, settings)
	if err != nil {
		t.Fatal(err)
	}
	a, err := c.Find(name)
	if err != nil {
		t.Fatal(err)
	}
	return c, a
}

// compared holds that the stream and the search find so many of events that come at once.
func compared(t *testing.T, c *alerts.Catalogue, a *alerts.Alert, events []spltest.Event, at time.Time, want int) {
	t.Helper()
	end := at.Add(a.Every)
	told := stream(t, a, events, firing.Options{Align: at})
	if len(told[end]) != want {
		t.Errorf("the stream has %d, want %d: %v", len(told[end]), want, told)
	}
	(&searcher{c, macros(c)}).agree(t, a, spltest.Load(events, 0), end, told[end])
}

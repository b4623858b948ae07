package splunkapp_test

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"auditlog-forwarder/pkg/heartbeat"
	"auditlog-forwarder/pkg/sigma/spl/spltest"
	"auditlog-forwarder/testdata/events"
)

// now is when the panels' searches run.
func now() time.Time { return time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC) }

// indexed are the audit events of testdata, one each minute, and two
// forwarders' heartbeats.
func indexed(t *testing.T) []spltest.Event {
	t.Helper()
	names, err := fs.Glob(events.FS, "*.json")
	if err != nil {
		t.Fatal(err)
	}
	var all []spltest.Event
	for i, name := range names {
		raw, err := events.FS.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		at := now().Add(-time.Duration(i) * time.Minute)
		all = append(all, spltest.Event{Raw: raw, Time: at, IndexTime: at.Add(time.Duration(i%7) * time.Second), Index: "confluent_audit", Sourcetype: "confluent:auditlog"})
	}
	return append(all, beats()...)
}

// beat is a heartbeat's counters.
type beat struct {
	instance                               string
	minute, uptime                         int
	ready                                  bool
	blocked                                string
	lag, delivered, filtered, deadLettered int
	lost                                   int
}

// beats are those of forwarder a, which starts anew at minute 3 and is then
// blocked, and of forwarder b, which falls silent before.
func beats() []spltest.Event {
	var all []spltest.Event
	for _, b := range []beat{
		{"a", 0, 600, true, "", 5, 1000, 10, 0, 0},
		{"b", -5, 60, true, "", 0, 7, 0, 0, 0},
		{"a", 1, 660, true, "", 5, 1100, 20, 1, 40},
		{"b", -4, 120, true, "", 0, 9, 0, 0, 0},
		{"a", 2, 720, true, "", 5, 1250, 20, 1, 40},
		{"a", 3, 10, true, "", 40, 30, 4, 0, 0}, // 30 since it started again
		{"a", 4, 70, false, "Splunk refuses the token", 90, 30, 4, 2, 3},
	} {
		at := now().Add(time.Duration(b.minute-5) * time.Minute)
		raw, _ := json.Marshal(map[string]any{
			"specversion": "1.0", "type": "auditlog-forwarder.heartbeat.v1", "time": at.Format(time.RFC3339),
			"heartbeat": map[string]any{
				"instance": b.instance, "version": "v1.2.3", "group_id": "g", "uptime_seconds": b.uptime, "ready": b.ready, "blocked": b.blocked,
				"partitions": 6, "lag_records": b.lag, "lag_seconds": b.lag * 2, "delivered": b.delivered, "filtered": b.filtered,
				"dead_lettered": b.deadLettered, "lost_ground": b.lost, "last_delivered": at.Format(time.RFC3339), "last_event": at.Format(time.RFC3339),
			},
		})
		all = append(all, spltest.Event{Raw: raw, Time: at, IndexTime: at, Index: "confluent_audit", Sourcetype: "auditlog-forwarder:heartbeat"})
	}
	return all
}

// panels runs searches as Splunk runs those of a dashboard.
type panels struct {
	macros map[string]spltest.Macro
	events []spltest.Event
}

func newPanels(t *testing.T) panels {
	t.Helper()
	p := panels{events: indexed(t), macros: map[string]spltest.Macro{
		"confluent_audit_events":     {Definition: `sourcetype="confluent:auditlog"`},
		"confluent_audit_heartbeats": {Definition: `sourcetype="auditlog-forwarder:heartbeat"`},
	}}
	for name, definition := range readMacros(t) {
		p.macros[name] = spltest.Macro{Definition: definition}
	}
	return p
}

// plain writes what spltest does not know of a search by what it knows and
// what gives as many rows: a timechart by a field as stats, percentiles as the
// mean, a rate as a sum. The row that only speaks of no rows is left out.
func plain(query string) string {
	query = emptyState().ReplaceAllString(query, "")
	query = regexp.MustCompile(`\| timechart (.*) by (\w+)`).ReplaceAllString(query, "| bin _time span=10m | stats $1 by _time $2")
	query = regexp.MustCompile(`\bp\d\d\(`).ReplaceAllString(query, "avg(")
	return strings.NewReplacer("| timechart ", "| timechart span=10m ", "per_minute(", "sum(", `, "duration")`, ")").Replace(query)
}

// run runs a data source with the inputs as the user finds them, but for those
// that set names.
func (p panels) run(v view, id string, set map[string]string) ([]spltest.Row, error) {
	return p.search(v, plain(v.query(id)), set)
}

// search runs a search of a dashboard.
func (p panels) search(v view, query string, set map[string]string) ([]spltest.Row, error) {
	for _, in := range v.Inputs {
		value := in.Options.DefaultValue
		if chosen, ok := set[in.Options.Token]; ok {
			value = chosen
		}
		query = strings.ReplaceAll(query, "$"+in.Options.Token+"|s$", strconv.Quote(value)) // |s quotes for a search
	}
	if strings.Contains(query, "$") {
		return nil, fmt.Errorf("a token is left: %s", query)
	}
	return spltest.Run(query, p.events, spltest.Options{Macros: p.macros, Now: now(), Earliest: now().Add(-24 * time.Hour), Latest: now().Add(time.Second)})
}

// TestPanelsShowSomething runs the search of every panel and of every input.
func TestPanelsShowSomething(t *testing.T) {
	t.Parallel()
	p := newPanels(t)
	for _, v := range readViews(t) {
		for _, id := range sorted(v.DataSources) {
			rows, err := p.run(v, id, nil)
			if err != nil {
				t.Errorf("%s: %s: %v", v.path, id, err)
				continue
			}
			if len(rows) == 0 {
				t.Errorf("%s: %s has no rows", v.path, id)
			}
		}
	}
}

// TestClicksLeadToEvents clicks rows of every panel that leads to a search.
func TestClicksLeadToEvents(t *testing.T) {
	t.Parallel()
	p := newPanels(t)
	clicks := 12
	if testing.Short() {
		clicks = 2 // the race detector makes each of them slow
	}
	token := regexp.MustCompile(`\$row\.(\w+)\.value\|s\$`)
	for _, v := range readViews(t) {
		for id, viz := range v.Visualizations {
			for _, h := range viz.EventHandlers {
				rows, err := p.run(v, viz.DataSources["primary"], nil)
				if err != nil {
					t.Fatal(err)
				}
				for _, row := range rows[:min(len(rows), clicks)] {
					query := token.ReplaceAllStringFunc(h.Options.Query, func(s string) string {
						return strconv.Quote(strings.Join(row[token.FindStringSubmatch(s)[1]], ","))
					})
					if found, err := p.search(v, query, nil); err != nil || len(found) == 0 {
						t.Errorf("%s: %s: %s finds %d events (%v)", v.path, id, query, len(found), err)
					}
				}
			}
		}
	}
}

// TestHeartbeatsAreRead holds that the pipeline's dashboard reads each field
// that a heartbeat has, and none that it has not.
func TestHeartbeatsAreRead(t *testing.T) {
	t.Parallel()
	var sent, read []string
	of := reflect.TypeFor[heartbeat.State]()
	for i := range of.NumField() {
		name, _, _ := strings.Cut(of.Field(i).Tag.Get("json"), ",")
		sent = append(sent, name)
	}
	for _, v := range readViews(t) {
		for _, m := range regexp.MustCompile(`\bheartbeat\.(\w+) as `).FindAllStringSubmatch(v.DataSources["ds_beats"].Options.Query, -1) {
			read = append(read, m[1])
		}
	}
	if diff := cmp.Diff(sent, read); diff != "" {
		t.Errorf("fields of heartbeats (-sent +read):\n%s", diff)
	}
}

// TestSummariesCountForAll holds that a summary of the forwarder counts for the
// events that it stands for, and is no request of its own.
func TestSummariesCountForAll(t *testing.T) {
	t.Parallel()
	raw := `{"type":"auditlog-forwarder.summary.v1","id":"s","data":{"methodName":"mds.Authorize","authenticationInfo":{"principal":"User:u-1"},"authorizationInfo":{"granted":false}},"summary":{"rule":"noise","count":1374}}`
	p := newPanels(t)
	p.events = []spltest.Event{{Raw: []byte(raw), Time: now(), IndexTime: now(), Sourcetype: "confluent:auditlog"}}
	for _, v := range readViews(t) {
		if !strings.HasSuffix(v.path, "audit_overview.xml") {
			continue
		}
		for id, want := range map[string]struct{ columns, row []string }{
			"ds_failed": {[]string{"outcome", "method", "count"}, []string{"denied", "mds.Authorize", "1374"}},
			"ds_totals": {[]string{"events", "denied"}, []string{"1374", "1374"}},
			"ds_time":   {[]string{"requests", "summarised", "denied"}, []string{"0", "1374", "1374"}},
		} {
			rows, err := p.run(v, id, map[string]string{"dry_runs": "none"})
			if err != nil {
				t.Fatal(err)
			}
			rows = slices.DeleteFunc(rows, func(r spltest.Row) bool { return id == "ds_time" && len(r["denied"]) == 0 }) // times without events
			if diff := cmp.Diff([]string{strings.Join(want.row, "|")}, texts(rows, want.columns...)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", id, diff)
			}
		}
	}
}

// TestMapHasNoCircle holds that no name stands on both sides of a map: what goes
// in a circle cannot be drawn from left to right.
func TestMapHasNoCircle(t *testing.T) {
	t.Parallel()
	p := newPanels(t)
	for i, resource := range []string{"u-1", "u-2"} { // each acts on the other
		raw := fmt.Sprintf(`{"type":"io.confluent.cloud/request","data":{"methodName":"UpdateUser","authenticationInfo":{"principal":"User:u-%d"},"cloudResources":[{"resource":{"resourceId":%q}}]}}`, 2-i, resource)
		p.events = append(p.events, spltest.Event{Raw: []byte(raw), Time: now(), IndexTime: now(), Sourcetype: "confluent:auditlog"})
	}
	for _, v := range readViews(t) {
		for id, viz := range v.Visualizations {
			if viz.Type != "splunk.sankey" {
				continue
			}
			rows, err := p.run(v, viz.DataSources["primary"], nil)
			if err != nil {
				t.Fatal(err)
			}
			sources, targets := map[string]bool{}, map[string]bool{}
			for _, row := range rows {
				sources[row["source"][0]] = true
				targets[row["target"][0]] = true
			}
			for name := range sources {
				if targets[name] && !strings.HasSuffix(v.path, "role_assignments.xml") { // there a role stands in the middle
					t.Errorf("%s: %s: %s is on both sides", v.path, id, name)
				}
			}
		}
	}
}

// texts are the values of some columns of each row, joined by a bar.
func texts(rows []spltest.Row, columns ...string) []string {
	out := make([]string, len(rows))
	for i, r := range rows {
		var values []string
		for _, c := range columns {
			values = append(values, strings.Join(r[c], ","))
		}
		out[i] = strings.Join(values, "|")
	}
	return out
}

// TestPanels asks panels what they show of events that the test knows.
func TestPanels(t *testing.T) {
	t.Parallel()
	p := newPanels(t)
	views := map[string]view{}
	for _, v := range readViews(t) {
		views[strings.TrimSuffix(filepath.Base(v.path), ".xml")] = v
	}
	for _, tt := range []struct {
		name, view, source string
		set                map[string]string
		columns            []string
		want, not          []string
		exact              bool // want is all there is
	}{
		{
			name: "a refusal is seen in both shapes, and by errorType", view: "audit_overview", source: "ds_failed",
			columns: []string{"outcome", "principal", "method", "source_ip"},
			want: []string{
				"denied|sa-5kv8nq|kafka.CreateTopics|198.51.100.86", "denied|u-7rk2pd|schema-registry.Authorize|192.0.2.41",
				"denied|sa-5kv8nq|kafka.Produce|198.51.100.86", "not authenticated|None:UNKNOWN_USER|kafka.Authentication|203.0.113.199",
				"not authenticated|QX7LKD2NVB4RTZ6M|schema-registry.Authentication|203.0.113.199",
				"not authenticated|mara.lindqvist@example.com|SignIn|203.0.113.199", "failed|sa-5kv8nq|DeleteEnvironment|192.0.2.41",
			},
			not: []string{"denied|u-7rk2pd|mds.Authorize|192.0.2.41"},
		},
		{
			name: "dry runs on request", view: "audit_overview", source: "ds_failed", set: map[string]string{"dry_runs": "none"},
			columns: []string{"outcome", "principal", "method"}, want: []string{"denied|u-7rk2pd|mds.Authorize"},
		},
		{
			name: "filters", view: "audit_overview", source: "ds_failed", set: map[string]string{"principal": "sa-5kv8nq", "method": "kafka.Produce", "environment": "env-k3v9xq"},
			columns: []string{"outcome", "principal", "method"}, want: []string{"denied|sa-5kv8nq|kafka.Produce"}, exact: true,
		},
		{
			name: "who did what", view: "audit_overview", source: "ds_changes", columns: []string{"principal", "method", "resource", "outcome"},
			want: []string{
				"u-7rk2pd|DeleteKafkaCluster|lkc-q4z8wd|success", "u-7rk2pd|BindRoleForPrincipal|lkc-q4z8wd|success",
				"confluent.privileged|confluent.privileged.access|lkc-q4z8wd|success", "sa-5kv8nq|kafka.DeleteTopics|freight.orders.v1|denied",
				"u-7rk2pd|kafka.DeleteTopics|freight.orders.v1, freight.invoices.v2|success",
			},
			not: []string{"sa-5kv8nq|kafka.Produce|freight.orders.v1|success", "u-7rk2pd|ListFlinkRegions|*|success"},
		},
		{
			name: "snake_case", view: "audit_overview", source: "ds_activity", columns: []string{"method", "principal", "source_ip", "resource_type"},
			want: []string{"ListFlinkRegions|u-7rk2pd|192.0.2.41|FLINK_REGION"},
		},
		{
			name: "both spellings of a type are one resource", view: "audit_overview", source: "ds_map", columns: []string{"source", "target"},
			want: []string{"sa-5kv8nq|topic freight.orders.v1"}, not: []string{"sa-5kv8nq|Topic freight.orders.v1", "sa-5kv8nq|TOPIC freight.orders.v1"},
		},
		{
			name: "role bindings", view: "role_assignments", source: "ds_changes", columns: []string{"change", "role", "principal", "target"}, exact: true,
			want: []string{
				"given|CloudClusterAdmin|u-7rk2pd|u-9wm4xt", "given|OrganizationAdmin|u-7rk2pd|u-9wm4xt", "given|DeveloperWrite|u-7rk2pd|sa-5kv8nq",
				"taken away|-|u-7rk2pd|rb-6Xk9w", "given|ResourceOwner|u-7rk2pd|sa-5kv8nq", "taken away|-|u-7rk2pd|u-9wm4xt",
			},
		},
		{
			name: "strong roles", view: "role_assignments", source: "ds_strong", columns: []string{"role", "target"}, exact: true,
			want: []string{"CloudClusterAdmin|u-9wm4xt", "OrganizationAdmin|u-9wm4xt"},
		},
		{
			name: "who gave what to whom", view: "role_assignments", source: "ds_flow", set: map[string]string{"role": "OrganizationAdmin"},
			columns: []string{"source", "target", "value"}, exact: true, want: []string{"OrganizationAdmin|to u-9wm4xt|1", "by u-7rk2pd|OrganizationAdmin|1"},
		},
		{
			name: "the life of a key", view: "role_assignments", source: "ds_keys", columns: []string{"key", "owner", "created", "created_by", "deleted", "deleted_by"}, exact: true,
			want: []string{
				"ZT4HMB9XKE7VWR2P|sa-5kv8nq,u-7rk2pd|2026-11-23 11:57:00|u-7rk2pd||", // two events of testdata make the same key
				"QX7LKD2NVB4RTZ6M|sa-5kv8nq|||2026-11-23 11:37:00|u-7rk2pd",
			},
		},
		{
			name: "counters survive a restart", view: "pipeline_health", source: "ds_beats",
			columns: []string{"instance", "uptime_seconds", "delivered_delta", "filtered_delta", "dead_lettered_delta"}, exact: true,
			want: []string{"a|600|||", "a|660|100|10|1", "a|720|150|0|0", "a|10|30|4|0", "a|70|0|0|2", "b|60|7|0|0", "b|120|2|0|0"},
		},
		{name: "expired in Kafka before they were read", view: "pipeline_health", source: "ds_lost", columns: []string{"lost"}, exact: true, want: []string{"43"}},
		{name: "dead letters", view: "pipeline_health", source: "ds_dead", columns: []string{"dead_lettered"}, exact: true, want: []string{"3"}},
		{
			name: "state of the instances", view: "pipeline_health", source: "ds_instances", columns: []string{"instance", "state", "lag_records"}, exact: true,
			want: []string{"a|blocked: Splunk refuses the token|90", "b|silent for 9 minutes|0"},
		},
		{name: "now", view: "pipeline_health", source: "ds_now", columns: []string{"instances", "unwell", "lag_records", "lag_seconds"}, exact: true, want: []string{"2|2|90|180"}},
		{name: "why it was not ready", view: "pipeline_health", source: "ds_blocked", columns: []string{"instance", "reason", "heartbeats"}, exact: true, want: []string{"a|Splunk refuses the token|1"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			rows, err := p.run(views[tt.view], tt.source, tt.set)
			if err != nil {
				t.Fatal(err)
			}
			got := texts(rows, tt.columns...)
			if tt.exact {
				if diff := cmp.Diff(tt.want, got); diff != "" {
					t.Errorf("%s (-want +got):\n%s", tt.source, diff)
				}
				return
			}
			for _, w := range tt.want {
				if !slices.Contains(got, w) {
					t.Errorf("%s has no row %s:\n%s", tt.source, w, strings.Join(got, "\n"))
				}
			}
			for _, n := range tt.not {
				if slices.Contains(got, n) {
					t.Errorf("%s has the row %s", tt.source, n)
				}
			}
		})
	}
}

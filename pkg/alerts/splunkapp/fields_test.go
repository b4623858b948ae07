package splunkapp

import (
	"bytes"
	"flag"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"auditlog-forwarder/config/splunkapp"
	"auditlog-forwarder/pkg/alerts"
	"auditlog-forwarder/pkg/sigma/spl/spltest"
)

func update() bool { return flag.Lookup("update").Value.String() == "true" }

func TestMain(m *testing.M) {
	flag.Bool("update", false, "write the golden files anew")
	os.Exit(m.Run())
}

// cutoff is how far Splunk's automatic extraction reads.
const cutoff = 5000

// shortAndLong are the corpus as it is, and with so much before everything that
// nothing of it is within the cutoff.
func shortAndLong(t *testing.T) (short, long []spltest.Event) {
	t.Helper()
	all := corpus(t)
	at := time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)
	padding := `{"padding":"` + strings.Repeat("x", cutoff) + `",`
	for i, name := range slices.Sorted(maps.Keys(all)) {
		if testing.Short() && i%8 != 0 {
			continue // the race detector makes each of them slow
		}
		body := all[name]
		if len(body) >= longEvent {
			t.Fatalf("%s has %d bytes, too many for a short event", name, len(body))
		}
		e := spltest.Event{Raw: body, Time: at, IndexTime: at, Source: name, Sourcetype: "confluent:auditlog"}
		short = append(short, e)
		e.Raw = append([]byte(padding), body[1:]...)
		long = append(long, e)
	}
	return short, long
}

// calculate gives events the calculated fields as Splunk does: each from what
// was extracted, and none from another. Rows are by the name of the event.
func calculate(t *testing.T, search string, fields []alerts.Setting, over []spltest.Event, at int) map[string]spltest.Row {
	t.Helper()
	var text strings.Builder
	text.WriteString(search)
	for i, f := range fields {
		separator := ","
		if i == 0 {
			separator = "\n| eval"
		}
		fmt.Fprintf(&text, "%s calculated%d=%s", separator, i, f.Value)
	}
	rows, err := spltest.Run(text.String(), over, spltest.Options{Cutoff: at})
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]spltest.Row{}
	for _, row := range rows {
		fieldsOf := spltest.Row{}
		for i, f := range fields {
			if v := row[fmt.Sprintf("calculated%d", i)]; len(v) > 0 {
				fieldsOf[strings.TrimPrefix(f.Key, "EVAL-")] = v
			}
		}
		all[row["source"][0]] = fieldsOf
	}
	return all
}

// TestLongEventsHaveTheirFields holds that the fields which something asks for
// are the same in an event of any length.
func TestLongEventsHaveTheirFields(t *testing.T) {
	t.Parallel()
	c, err := alerts.Load([]string{alerts.Builtin}, "")
	if err != nil {
		t.Fatal(err)
	}
	fields, err := longFields(c, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	short, long := shortAndLong(t)
	rows, err := spltest.Run("*", short, spltest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]spltest.Row{}
	values := 0
	for _, row := range rows {
		asked := spltest.Row{}
		for _, f := range fields {
			if name := strings.TrimPrefix(f.Key, "EVAL-"); len(row[name]) > 0 {
				asked[name] = row[name]
				values += len(row[name])
			}
		}
		want[row["source"][0]] = asked
	}
	if values < 6*len(want) {
		t.Fatalf("the %d events have only %d values at the paths, too few to tell anything", len(want), values)
	}
	if diff := cmp.Diff(want, calculate(t, "*", fields, short, cutoff)); diff != "" {
		t.Errorf("short events (-extracted +calculated):\n%s", diff)
	}
	if diff := cmp.Diff(want, calculate(t, "*", fields, long, cutoff)); diff != "" {
		t.Errorf("long events (-extracted +calculated):\n%s", diff)
	}
	for name, row := range calculate(t, "*", []alerts.Setting{{Key: "EVAL-method", Value: "coalesce('data.methodName', 'data.method_name')"}}, long, cutoff) {
		if len(row) > 0 {
			t.Errorf("%s is not long: without calculated fields it has the method %v", name, row)
		}
	}
}

// TestCommonFields shows what the data models get of each event. Long events
// give them the same.
func TestCommonFields(t *testing.T) {
	t.Parallel()
	methods, err := readMethods(splunkapp.FS)
	if err != nil {
		t.Fatal(err)
	}
	fields, err := commonFields(methods)
	if err != nil {
		t.Fatal(err)
	}
	short, long := shortAndLong(t)
	got := calculate(t, "*", fields, short, cutoff)
	if diff := cmp.Diff(got, calculate(t, "*", fields, long, cutoff)); diff != "" {
		t.Errorf("fields (-short +long):\n%s", diff)
	}

	types := map[string][]string{}
	for _, s := range eventTypes(methods) {
		for name := range calculate(t, setting(s, "search"), nil, short, cutoff) {
			types[name] = append(types[name], s.Name)
		}
	}
	if testing.Short() {
		return // of the golden file only some events are there
	}
	var text bytes.Buffer
	for _, name := range slices.Sorted(maps.Keys(got)) {
		fmt.Fprintf(&text, "%s: %s\n", name, strings.Join(types[name], " "))
		for _, field := range slices.Sorted(maps.Keys(got[name])) {
			if field != "app" && field != "vendor_product" {
				fmt.Fprintf(&text, "  %s=%s\n", field, strings.Join(got[name][field], " | "))
			}
		}
	}
	golden := filepath.Join("testdata", "common-fields.txt")
	if update() {
		if err := os.WriteFile(golden, text.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), text.String()); diff != "" {
		t.Errorf("%s, anew with -update (-want +got):\n%s", golden, diff)
	}
}

func setting(s alerts.Stanza, key string) string {
	for _, setting := range s.Settings {
		if setting.Key == key {
			return setting.Value
		}
	}
	return ""
}

// TestReadmeTellsMissingFields runs the search by which the app's README tells
// whether long events have their fields, with and without Splunk's limit.
func TestReadmeTellsMissingFields(t *testing.T) {
	t.Parallel()
	readme := string(build(t, "").file(t, "README.md"))
	var search strings.Builder
	for line := range strings.Lines(readme) {
		if line = strings.TrimPrefix(line, "    "); search.Len() > 0 && strings.HasPrefix(line, "|") || strings.HasPrefix(line, "`confluent_audit_events` |") {
			search.WriteString(line)
		}
	}
	_, long := shortAndLong(t)
	for at, missing := range map[int]bool{0: false, cutoff: true} {
		rows, err := spltest.Run(search.String(), long, spltest.Options{
			Cutoff: at, Macros: map[string]spltest.Macro{"confluent_audit_events": {Definition: "*"}},
		})
		if err != nil || len(rows) != 1 {
			t.Fatalf("%s: %d rows, %v", search.String(), len(rows), err)
		}
		for _, column := range []string{"without_method", "without_resource"} {
			if got := rows[0][column]; len(got) != 1 || (got[0] != "0") != missing {
				t.Errorf("extraction up to %d bytes: %s is %v", at, column, got)
			}
		}
	}
}

// TestEveryPathHasAField holds that each field of audit events that something
// in the app asks for is calculated for long events.
func TestEveryPathHasAField(t *testing.T) {
	t.Parallel()
	p := build(t, "")
	props := string(p.file(t, "default/props.conf"))
	asked := regexp.MustCompile(`\bdata\.[A-Za-z0-9_.{}]*[A-Za-z0-9_}]`)
	for _, f := range p.Files {
		of := path.Base(f.Path)
		if !slices.Contains([]string{"eventtypes.conf", "macros.conf"}, of) && !strings.HasPrefix(f.Path, "default/data/ui/views/") {
			continue
		}
		found := asked.FindAllString(string(f.Data), -1)
		slices.Sort(found)
		for _, name := range slices.Compact(found) {
			if !strings.Contains(props, "\nEVAL-"+name+" = ") {
				t.Errorf("%s asks for %s, which long events do not have", of, name)
			}
		}
	}
	stanzas, err := readConf(string(p.file(t, "default/savedsearches.conf")))
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range stanzas {
		for _, name := range asked.FindAllString(s.of["search"], -1) {
			if !strings.Contains(props, "\nEVAL-"+name+" = ") {
				t.Errorf("%s asks for %s, which long events do not have", s.name, name)
			}
		}
	}
}

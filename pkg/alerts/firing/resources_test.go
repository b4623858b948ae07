package firing_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"auditlog-forwarder/pkg/alerts"
	"auditlog-forwarder/pkg/alerts/firing"
	"auditlog-forwarder/pkg/sigma/spl/spltest"
)

// TestAllResources: one request for two topics is told with both, on the stream
// and by the search, and what stands there twice once.
func TestAllResources(t *testing.T) {
	t.Parallel()
	read := func(name string) []byte {
		data, err := os.ReadFile(filepath.Join("..", "..", "..", "testdata", "events", name))
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	c := builtin(t)
	s := &searcher{c, macros(c)}
	a, err := c.Find("Topic deleted")
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		body []byte
		want string
	}{
		"several": {read("kafka.DeleteTopics.request.json"), "freight.orders.v1, freight.invoices.v2"},
		"one, twice": {[]byte(`{"type":"io.confluent.kafka.server/authorization","data":{"methodName":"kafka.DeleteTopics",` +
			`"authorizationInfo":{"granted":true,"resourceName":"orders"},"cloudResources":[{"resource":{"resourceId":"orders"}},{"resource":{"resourceId":null}}]}}`), "orders"},
		"none": {[]byte(`{"type":"io.confluent.kafka.server/request","data":{"methodName":"kafka.DeleteTopics","cloudResources":[]}}`), "unknown"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			end := time.Date(2026, 1, 16, 0, 0, 0, 0, time.UTC)
			at := end.Add(-time.Minute)
			var got []string
			for _, row := range s.run(t, a, spltest.Load([]spltest.Event{{Raw: tt.body, Sourcetype: "confluent:auditlog", Time: at, IndexTime: at}}, 0), end) {
				got = append(got, row["resources"][0])
			}
			if diff := cmp.Diff([]string{tt.want}, got); diff != "" {
				t.Errorf("the search (-want +got):\n%s", diff)
			}
			e, err := firing.New([]*alerts.Alert{a}, alerts.Subjects(), firing.Options{})
			if err != nil {
				t.Fatal(err)
			}
			e.Add(firing.Event{Body: tt.body, Time: at, Index: at})
			got = nil
			e.Finish(at, func(f firing.Firing) {
				_, told, _ := strings.Cut(f.Message, ": ")
				got = append(got, told)
			})
			if diff := cmp.Diff([]string{tt.want}, got); diff != "" {
				t.Errorf("the stream (-want +got):\n%s", diff)
			}
		})
	}
}

package hec

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"auditlog-forwarder/pkg/audit"
)

func TestRaw(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *Config) {
		c.Endpoint, c.Host, c.Source, c.Sourcetype = EndpointRaw, "a host", "src", "plain"
		c.Routes = []string{`topic=aud* -> index=audit source="a b&c"`, "topic=* -> index=rest"}
	})
	var b audit.Batch
	b.Topic = "audit"
	values := []string{`{"json":true}`, "text, no JSON", "ends itself\n", `"quoted"`}
	for _, v := range values {
		body, at, err := r.Append(b.Body, &audit.Record{Topic: b.Topic, Value: []byte(v)}, audit.Event{})
		if err != nil {
			t.Fatal(err)
		}
		if got := string(body[at : at+len(v)]); got != v {
			t.Errorf("the value is said to be %q, want %q", got, v)
		}
		b.Body, b.Ends = body, append(b.Ends, len(body))
	}
	if want := strings.Join([]string{values[0], "\n", values[1], "\n", values[2], values[3], "\n"}, ""); string(b.Body) != want {
		t.Errorf("body %q, want %q", b.Body, want)
	}
	if refused, err := r.Deliver(t.Context(), b); err != nil || len(refused) > 0 {
		t.Fatal(refused, err)
	}
	want := []string{values[0], values[1], "ends itself", values[3]}
	if got := r.bodies(); !slices.Equal(got, want) {
		t.Errorf("indexed %q, want %q", got, want)
	}
	if e := r.server.Events()[0]; !e.Raw || metaOf(e) != "a host|a b&c|plain|audit" || e.Channel == "" {
		t.Errorf("sent as %+v", e)
	}
	if n := r.metrics.timeFallback; counted(n) != 0 {
		t.Error("a fallback of the time was counted, though no time is sent")
	}
}

// TestRawRefused: on the raw endpoint Splunk names no event; the batch is
// halved until what it refuses stands alone.
func TestRawRefused(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *Config) { c.Endpoint = EndpointRaw })
	r.server.Poison(func(line []byte) bool { return string(line) == "poison" })
	var b audit.Batch
	for _, v := range []string{"one", "two", "poison", "three"} {
		body, _, err := r.Append(b.Body, &audit.Record{Value: []byte(v)}, audit.Event{})
		if err != nil {
			t.Fatal(err)
		}
		b.Body, b.Ends = body, append(b.Ends, len(body))
	}
	refused, err := r.Deliver(t.Context(), b)
	if err != nil || len(refused) != 1 || refused[0].Index != 2 {
		t.Fatal(refused, err)
	}
	if got := r.bodies(); !slices.Equal(got, []string{"one", "two", "three"}) {
		t.Errorf("indexed %q", got)
	}
}

func TestTarget(t *testing.T) {
	t.Parallel()
	raw := func(c *Config) { c.Endpoint = EndpointRaw }
	for _, tc := range []struct {
		name, base, topic string
		change            func(*Config)
		want              string
	}{
		{"event", "https://splunk:8088", "t", nil, "https://splunk:8088/services/collector/event"},
		{"below a path", "https://proxy/hec", "t", nil, "https://proxy/hec/services/collector/event"},
		{"with routes", "https://s", "t", func(c *Config) { c.Routes = []string{"method=a -> index=x"} }, "https://s/services/collector/event"},
		{"extracted time", "https://s", "t", func(c *Config) { c.Time, c.AutoExtractTimestamp = TimeNone, true }, "https://s/services/collector/event?auto_extract_timestamp=true"},
		{"formatted", "https://s", "t", func(c *Config) { c.Formatted, c.Index = true, "x" }, "https://s/services/collector/event"},
		{"raw", "https://s/p", "t", raw, "https://s/p/services/collector/raw?source=http%3AConfluent+Audit+Logs&sourcetype=confluent%3Aauditlog"},
		{"raw by topic", "https://s", "b&c", func(c *Config) {
			c.Endpoint, c.Source, c.Sourcetype = EndpointRaw, "", ""
			c.Routes = []string{"topic=a -> index=a", `topic=b* -> index=b host="x=y"`}
		}, "https://s/services/collector/raw?host=x%3Dy&index=b"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			base, err := url.Parse(tc.base)
			if err != nil {
				t.Fatal(err)
			}
			e := testEncoder(t, tc.change)
			for range 2 {
				if diff := cmp.Diff(tc.want, e.target(base, tc.topic)); diff != "" {
					t.Errorf("target (-want +got):\n%s", diff)
				}
			}
			if base.String() != tc.base {
				t.Errorf("the address itself became %s", base)
			}
		})
	}
}

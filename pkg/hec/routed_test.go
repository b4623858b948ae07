package hec

import (
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"auditlog-forwarder/pkg/audit"
)

// TestRoute: what a filter rule says of an event goes before routes and keys,
// and behind headers; what it leaves open stays as it is without it.
func TestRoute(t *testing.T) {
	t.Parallel()
	e := testEncoder(t, func(c *Config) {
		c.Host, c.Source, c.Sourcetype, c.Index = "h", "s", "st", "main"
		c.HostHeader, c.Routes = "host", []string{"method=m -> index=of_method source=method", "topic=* -> sourcetype=all"}
	})
	for _, tc := range []struct {
		name, method string
		headers      []audit.Header
		route        *audit.Route
		want         string
	}{
		{"no route", "m", nil, nil, "h|method|all|of_method"},
		{"all four", "m", nil, &audit.Route{Index: "i", Source: "o", Sourcetype: "p", Host: "q"}, "q|o|p|i"},
		{"index alone", "m", nil, &audit.Route{Index: "i"}, "h|method|all|i"},
		{"the same of another method", "n", nil, &audit.Route{Index: "i"}, "h|s|all|i"},
		{"a header goes first", "m", []audit.Header{header("host", "named")}, &audit.Route{Index: "i", Host: "q"}, "named|method|all|i"},
		{"an empty route", "m", nil, &audit.Route{}, "h|method|all|of_method"},
		{"quotes", "m", nil, &audit.Route{Source: "a \"b\"\n"}, "h|a \"b\"\n|all|of_method"},
		{"no UTF-8", "m", nil, &audit.Route{Source: "a\xff"}, "h|a\uFFFD|all|of_method"},
	} {
		rec := audit.Record{Topic: "t", Headers: tc.headers, Value: []byte(`{"data":{}}`)}
		for range 2 { // anew, and as it is remembered
			if _, got := encodedAs(t, e, rec, audit.Event{Method: []byte(tc.method), Route: tc.route}); metaOf(got) != tc.want {
				t.Errorf("%s: sent with %s, want %s", tc.name, metaOf(got), tc.want)
			}
		}
	}
}

// TestRouteIndexIsConfigured: an index that a rule names is the operator's, so
// its events wait for it.
func TestRouteIndexIsConfigured(t *testing.T) {
	t.Parallel()
	e, err := newEncoder(DefaultConfig(), []string{"security"}, prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	if !e.configured("security") || e.configured("other") {
		t.Errorf("security %t, other %t; want true and false", e.configured("security"), e.configured("other"))
	}
}

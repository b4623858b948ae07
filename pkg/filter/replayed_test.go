package filter

import (
	"testing"

	"auditlog-forwarder/pkg/audit"
)

// TestSummaryRoute: a summary that is sent again goes where its rule says, and
// no other rule counts, though it has what they look for.
func TestSummaryRoute(t *testing.T) {
	t.Parallel()
	f := withRules(t, Config{},
		rule("all", "m", "{action: route, route: {index: all}}"),
		rule("sums", "m", "{action: summarise, summarise: {by: data.methodName}, route: {index: sums}}"),
		rule("plain", "n", "{action: summarise, summarise: {by: data.methodName}}"))
	made := func(rule string) string {
		return `{"type":"auditlog-forwarder.summary.v1","source":"urn:auditlog-forwarder","data":{"methodName":"m"},"summary":{"rule":"` + rule + `"}}`
	}
	for _, tc := range []struct {
		value string
		is    bool
		index string
	}{
		{made("sums"), true, "sums"},
		{made("plain"), true, ""},
		{made("gone"), true, ""},
		{made("all"), true, ""}, // it does not summarise any more
		{`{"data":{"methodName":"m"}}`, false, ""},
		{`{"data":{"methodName":"m","note":{"type":"auditlog-forwarder.summary.v1"}}}`, false, ""},
	} {
		to, is := f.SummaryRoute([]byte(tc.value))
		if to == nil {
			to = &audit.Route{}
		}
		if is != tc.is || to.Index != tc.index {
			t.Errorf("%s: a summary %t, to %q; want %t, %q", tc.value, is, to.Index, tc.is, tc.index)
		}
	}
}

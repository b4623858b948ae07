package hec

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"auditlog-forwarder/pkg/creds"
	"auditlog-forwarder/pkg/hec/hectest"
)

func notice(index string) Notice {
	return Notice{
		Time: time.Date(2026, 11, 23, 1, 2, 3, 456_000_000, time.UTC), Index: index, Sourcetype: "mine",
		Event: json.RawMessage(`{"a":1}`),
	}
}

// TestNotify: what a notice does not say is as the configuration has it for
// events, and an endpoint that is away costs nothing but the try.
func TestNotify(t *testing.T) {
	t.Parallel()
	away, there := hectest.Start(t), hectest.Start(t)
	away.Pause()
	r := newRigOf(t, func(c *Config) { c.Index, c.Source, c.Sourcetype, c.Host = "audit", "a source", "theirs", "a host" }, away, there)
	for _, index := range []string{"", "ops"} {
		if err := r.Notify(t.Context(), notice(index)); err != nil {
			t.Fatal(err)
		}
	}
	got := there.Events()
	if len(got) != 2 {
		t.Fatalf("%d events", len(got))
	}
	for i, index := range []string{"audit", "ops"} {
		e := got[i]
		if e.Index != index || e.Source != "a source" || e.Sourcetype != "mine" || e.Host != "a host" || string(e.Event) != `{"a":1}` || e.RawTime != "1795395723.456" {
			t.Errorf("%+v", e)
		}
	}
}

// TestNotifyRefused: the error says why, and holds no token.
func TestNotifyRefused(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *Config) { c.Token = creds.NewSecret("not-the-token") })
	err := r.Notify(t.Context(), notice(""))
	if err == nil || !strings.Contains(err.Error(), "code 4") || strings.Contains(err.Error(), "not-the-token") {
		t.Errorf("%v", err)
	}
	if len(r.server.Events()) != 0 {
		t.Error("it was indexed")
	}
}

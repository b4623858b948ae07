package alerts_test

import (
	"testing"

	"auditlog-forwarder/pkg/alerts"
)

func TestBuiltin(t *testing.T) {
	t.Parallel()
	c, err := alerts.Load([]string{alerts.Builtin}, "")
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range c.Alerts {
		t.Log(c.Search(a))
	}
}

package firing_test

import (
	"testing"

	"auditlog-forwarder/pkg/alerts"
	"auditlog-forwarder/pkg/alerts/firing"
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

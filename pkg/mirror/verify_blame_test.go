package mirror

import (
	"errors"
	"fmt"
	"testing"

	"auditlog-forwarder/pkg/kafka"
)

// TestBlame: keys are those of the destination's section, and hosts stay.
func TestBlame(t *testing.T) {
	t.Parallel()
	cause := &kafka.Error{Servers: "kafka.example.com:9092", Security: "SSL", What: `the name "kafka.example.com" does not resolve`, Hint: "check kafka.bootstrap_servers and kafka.topics"}
	got := Leg{Section: "mirror"}.blame("destination", fmt.Errorf("look: %w", cause))
	want := `destination: kafka at kafka.example.com:9092 (SSL): the name "kafka.example.com" does not resolve; check mirror.bootstrap_servers and mirror.name`
	if got.Error() != want {
		t.Errorf("%v, want %s", got, want)
	}
	if got := (Leg{}).blame("source", cause); !errors.Is(got, cause) || got.Error() != "source: "+cause.Error() {
		t.Errorf("the source's: %v", got)
	}
}

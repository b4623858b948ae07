package app_test

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"go.uber.org/zap"

	"auditlog-forwarder/pkg/app"
)

// TestReplaySummaries: a summary that Splunk refused is sent again as it was, and
// to where its rule says; rules that its key would match leave it alone.
func TestReplaySummaries(t *testing.T) {
	t.Parallel()
	s, cfg := filtered(t)
	isSummary := func(event []byte) bool { return bytes.Contains(event, []byte(`"summary":{`)) }
	s.hec.Poison(isSummary)
	d := s.run(cfg)
	eventually(t, "four events and two dead letters", func() string {
		if got := d.Totals(); s.hec.Len() < 4 || got.DeadLettered < 2 {
			return fmt.Sprintf("%d events, %+v", s.hec.Len(), got)
		}
		return ""
	})
	d.cancel()
	<-d.ended
	s.hec.Poison(func([]byte) bool { return false })
	got, err := app.Replay(t.Context(), app.ReplayOptions{Config: cfg, Log: zap.NewNop()})
	if err != nil || got.Replayed != 2 {
		t.Fatalf("%+v, %v; want 2 replayed", got, err)
	}
	var indexes []string
	for _, e := range s.hec.Events() {
		if isSummary(e.Event) {
			indexes = append(indexes, e.Index)
		}
	}
	if !slices.Equal(indexes, []string{"sums", "sums"}) {
		t.Errorf("the summaries went to %q", indexes)
	}
}

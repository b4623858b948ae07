package app_test

import (
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// TestUntilOwes: a forwarder that was stopped has committed what it counted and
// had not sent. A run that ends sends it though there is nothing new, once, and
// does not take it for done before.
func TestUntilOwes(t *testing.T) {
	t.Parallel()
	s, cfg := filtered(t)
	rec := &kgo.Record{Topic: testTopic, Value: []byte(`{"id":"8","data":{"methodName":"many","who":"c"}}`), Timestamp: time.Now()}
	if err := s.client.ProduceSync(t.Context(), rec).FirstErr(); err != nil {
		t.Fatal(err)
	}
	d := s.run(cfg)
	eventually(t, "all is committed", func() string { return uncommitted(t, s.adm, testGroup, testTopic, []int64{9}) })
	d.cancel()
	<-d.ended
	sent := func() (n int) {
		for _, e := range s.hec.Events() {
			if text := string(e.Event); strings.Contains(text, `"summary"`) && strings.Contains(text, `"who":"c"`) {
				n++
			}
		}
		return n
	}
	if n := sent(); n != 0 {
		t.Fatalf("the forwarder sent %d summaries of its open window", n)
	}
	for _, run := range []string{"first", "second"} {
		again, _ := s.bounded(cfg, time.Time{})
		again.end()
		if n := sent(); n != 1 {
			t.Errorf("%d summaries after the %s run, want 1", n, run)
		}
	}
	if behind := uncommitted(t, s.adm, testGroup, testTopic, []int64{9}); behind != "" {
		t.Error(behind)
	}
}

package firing_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"auditlog-forwarder/pkg/alerts"
	"auditlog-forwarder/pkg/alerts/firing"
	"auditlog-forwarder/pkg/sigma/spl/spltest"
)

// plainAlert is without a condition, which tests set.
const plainAlert = `title: drawn
id: 00000000-0000-0000-0000-000000000001
description: drawn
level: low
logsource: {product: confluent, service: audit}
detection: {sel: {data.methodName: x}, condition: sel}
falsepositives: [none]
examples:
  - {name: a, fires: true, events: [{event: {"time": "2026-11-02T00:00:00Z", "data": {"methodName": "x"}}}]}
  - {name: b, fires: false, events: [{event: {"time": "2026-11-02T00:00:00Z"}}]}
`

// TestSearchesAgreeOnDrawn: drawn alerts on drawn events, some of which come late, some
// before their time and some without what they are grouped by, fire for the same groups at each run.
func TestSearchesAgreeOnDrawn(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip(slow)
	}
	file := filepath.Join(t.TempDir(), "drawn.yml")
	if err := os.WriteFile(file, []byte(plainAlert), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := alerts.Load([]string{file}, "")
	if err != nil {
		t.Fatal(err)
	}
	s := &searcher{c, macros(c)}
	rows := map[string]int{}
	for seed := range uint64(120) {
		rng := rand.New(rand.NewPCG(seed, 7))
		a := unsuppressed(c.Alerts[0])
		drawn(rng)(a)
		a.Suppress.For = 0
		var events []spltest.Event
		at := day()
		for range 5 + rng.IntN(25) {
			at = at.Add(time.Duration(rng.IntN(1200)) * time.Second)
			if rng.IntN(4) == 0 {
				at = at.Truncate(5 * time.Minute) // where windows begin and end
			}
			ev := spltest.Event{Time: at, IndexTime: at, Sourcetype: "confluent:auditlog"}
			switch rng.IntN(8) {
			case 0, 1:
				ev.IndexTime = at.Add(time.Duration(rng.IntN(7200)) * time.Second)
			case 2: // a clock that is fast
				ev.Time = at.Add(time.Duration(rng.IntN(7200)) * time.Second)
			}
			who := fmt.Sprintf(`,"authenticationInfo":{"principal":"User:%c","metadata":{"identifier":"k%d"}}`, 'a'+rng.IntN(2), rng.IntN(3))
			switch rng.IntN(12) {
			case 0, 1:
				who = ""
			case 2:
				who = `,"authenticationInfo":{"principal":"null","metadata":{"identifier":""}}`
			}
			ev.Raw = fmt.Appendf(nil, `{"data":{"methodName":"%c","clientAddress":[{"ip":"192.0.2.%d"}]%s}}`, 'x'+rng.IntN(5)/4, rng.IntN(30), who)
			events = append(events, ev)
		}
		told, loaded := stream(t, a, events, firing.Options{Align: day(), Since: day()}), spltest.Load(events, 0)
		last := at
		for _, ev := range events {
			last = later(last, ev.IndexTime)
		}
		for end := day().Add(a.Every); !end.After(last); end = end.Add(a.Every) {
			if absent := a.Condition.Absent; absent != nil && end.Add(-absent.For).Before(day()) {
				continue // not judged
			}
			rows[kind(a)] += len(told[end])
			s.agree(t, a, loaded, end, told[end])
		}
		if t.Failed() {
			t.Fatalf("seed %d: %+v", seed, a.Condition)
		}
	}
	for _, kind := range []string{"threshold", "new", "spike", "absent"} {
		if rows[kind] < 10 {
			t.Errorf("%s has %d rows in all, too few to say anything", kind, rows[kind])
		}
	}
}

package auditgen_test

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tidwall/gjson"

	"auditlog-forwarder/pkg/audit/auditgen"
)

func newGenerator(tb testing.TB, seed uint64) *auditgen.Generator {
	tb.Helper()
	g, err := auditgen.New(seed)
	if err != nil {
		tb.Fatal(err)
	}
	return g
}

func at() time.Time { return time.Date(2026, 11, 22, 9, 30, 0, 123456789, time.UTC) }

func TestNextRepeatsWithItsSeed(t *testing.T) {
	t.Parallel()
	run := func(seed uint64) (all []byte) {
		g := newGenerator(t, seed)
		for i := range 2000 {
			all = append(g.Next(all, at().Add(time.Duration(i)*time.Millisecond)), '\n')
		}
		return all
	}
	first := run(7)
	if !bytes.Equal(first, run(7)) {
		t.Error("the same seed gave different events")
	}
	if bytes.Equal(first, run(8)) {
		t.Error("different seeds gave the same events")
	}
}

func TestNextAppends(t *testing.T) {
	t.Parallel()
	event := newGenerator(t, 7).Next(nil, at())
	got := newGenerator(t, 7).Next([]byte("before:"), at())
	if diff := cmp.Diff("before:"+string(event), string(got)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestNextKeepsValidity holds that every event is one compact JSON object
// that the schema accepts, unless its template deviates on purpose.
func TestNextKeepsValidity(t *testing.T) {
	t.Parallel()
	deviates := map[string]bool{}
	for name := range deviations() {
		deviates[name] = true
	}
	s, g := schema(t), newGenerator(t, 1)
	invalid := 0
	for range 2500 {
		event := g.Next(nil, at())
		var compact bytes.Buffer
		if err := json.Compact(&compact, event); err != nil {
			t.Fatalf("%v: %s", err, event)
		}
		if !bytes.Equal(compact.Bytes(), event) {
			t.Fatalf("not compact: %s", event)
		}
		if err := validate(t, s, event); err != nil {
			invalid++
			method := gjson.GetBytes(event, "data.methodName").Str + gjson.GetBytes(event, "data.method_name").Str
			if !hasPrefix(deviates, method) {
				t.Errorf("%v: %s", err, event)
			}
		}
	}
	// Deviating templates have a weight of about 70 in 100,000.
	if invalid > 25 {
		t.Errorf("%d of 2500 events deviate from the schema, want a handful", invalid)
	}
}

func hasPrefix(names map[string]bool, method string) bool {
	for name := range names {
		if name == method || strings.HasPrefix(name, method+".") {
			return true
		}
	}
	return false
}

func TestNextIDsAreUniqueUUIDs(t *testing.T) {
	t.Parallel()
	form := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	seen := map[string]bool{}
	for seed := range uint64(3) {
		g := newGenerator(t, seed)
		for range 8000 {
			id := gjson.GetBytes(g.Next(nil, at()), "id").Str
			if !form.MatchString(id) {
				t.Fatalf("%q is not a UUID of version 4", id)
			}
			if seen[id] {
				t.Fatalf("id %s came twice", id)
			}
			seen[id] = true
		}
	}
}

func TestNextTimes(t *testing.T) {
	t.Parallel()
	g := newGenerator(t, 3)
	digits := map[int]int{}
	for range 20000 {
		s := gjson.GetBytes(g.Next(nil, at()), "time").Str
		when, err := time.Parse(time.RFC3339Nano, s)
		if err != nil {
			continue // an event without a time, or with the one that nobody can read
		}
		if early := at().Sub(when); early < 0 || early > 3*time.Second {
			t.Fatalf("time %s is %s before %s", s, early, at())
		}
		digits[max(0, len(s)-len("2006-01-02T15:04:05.Z"))]++
	}
	for _, n := range []int{0, 3, 9} {
		if digits[n] == 0 {
			t.Errorf("no time with %d digits: %v", n, digits)
		}
		delete(digits, n)
	}
	if len(digits) > 0 {
		t.Errorf("times with other numbers of digits: %v", digits)
	}
}

func TestNextMixAndSize(t *testing.T) {
	t.Parallel()
	const n = 60000
	g := newGenerator(t, 5)
	granted, bytesTotal, smallest, largest := 0, 0, 1<<30, 0
	methods := map[string]int{}
	var buf []byte
	for range n {
		buf = g.Next(buf[:0], at())
		method := gjson.GetBytes(buf, "data.methodName").Str
		methods[method]++
		if method == "mds.Authorize" && gjson.GetBytes(buf, "data.authorizationInfo.granted").Bool() {
			granted++
		}
		bytesTotal += len(buf)
		smallest, largest = min(smallest, len(buf)), max(largest, len(buf))
	}
	mean := bytesTotal / n
	t.Logf("mean %d bytes, from %d to %d; mds.Authorize granted %.1f %%; %d methods",
		mean, smallest, largest, 100*float64(granted)/n, len(methods))
	if mean < 1300 || mean > 1700 {
		t.Errorf("mean size %d bytes, want 1300 to 1700", mean)
	}
	if smallest < 500 || largest > 4096 {
		t.Errorf("sizes from %d to %d bytes, want 500 to 4096", smallest, largest)
	}
	if granted < n*85/100 || granted > n*90/100 {
		t.Errorf("%d of %d events are a granted mds.Authorize, want 85 %% to 90 %%", granted, n)
	}
	if len(methods) < 45 {
		t.Errorf("only %d methods: %v", len(methods), methods)
	}
}

// TestNextIsConsistent holds that a cluster is always in the same environment
// and a principal always has the same number and address.
func TestNextIsConsistent(t *testing.T) {
	t.Parallel()
	g := newGenerator(t, 11)
	place := regexp.MustCompile(`/environment=(env-\w+)/cloud-cluster=(lkc-\w+)/kafka=(lkc-\w+)`)
	envOf, numberOf := map[string]string{}, map[string]string{}
	orgs, inOrg := map[string]bool{}, regexp.MustCompile(`organization=([0-9a-f-]{36})`)
	for range 20000 {
		event := g.Next(nil, at())
		e := gjson.ParseBytes(event)
		if m := place.FindStringSubmatch(e.Get("subject").Str); m != nil {
			env, cloud, kafka := m[1], m[2], m[3]
			if cloud != kafka {
				t.Fatalf("two clusters in one name: %s", event)
			}
			if known := envOf[cloud]; known != "" && known != env {
				t.Fatalf("%s is in %s and in %s", cloud, known, env)
			}
			envOf[cloud] = env
		}
		id, number := e.Get("data.authenticationInfo.principalResourceId").Str, e.Get("data.authenticationInfo.principal").Str
		if id != "" {
			isNumber := strings.HasPrefix(number, "User:1") || strings.HasPrefix(number, "User:2")
			if known := numberOf[id]; isNumber && known != "" && known != number {
				t.Fatalf("%s is %s and %s", id, known, number)
			}
			if isNumber {
				numberOf[id] = number
			}
		}
		if m := inOrg.FindSubmatch(event); m != nil {
			orgs[string(m[1])] = true
		}
	}
	if len(envOf) != 8 || len(orgs) != 1 || len(numberOf) < 50 {
		t.Errorf("%d clusters, %d organisations, %d numbered principals; want 8, 1, at least 50", len(envOf), len(orgs), len(numberOf))
	}
}

func TestMalformed(t *testing.T) {
	t.Parallel()
	g := newGenerator(t, 2)
	g.Next(nil, at())
	for round := range 2 {
		text, short, empty, array, number := g.Malformed(nil), g.Malformed(nil), g.Malformed(nil), g.Malformed(nil), g.Malformed(nil)
		if json.Valid(text) {
			t.Errorf("round %d: %s is JSON", round, text)
		}
		if json.Valid(short) || !bytes.HasPrefix(short, []byte("{")) {
			t.Errorf("round %d: %s is not an event cut short", round, short)
		}
		if len(empty) != 0 {
			t.Errorf("round %d: %s is not empty", round, empty)
		}
		if !json.Valid(array) || array[0] != '[' {
			t.Errorf("round %d: %s is not an array", round, array)
		}
		if !json.Valid(number) || gjson.ParseBytes(number).Type != gjson.Number {
			t.Errorf("round %d: %s is not a number", round, number)
		}
	}
}

func BenchmarkNext(b *testing.B) {
	g := newGenerator(b, 1)
	var buf []byte
	total, now := 0, at()
	b.ReportAllocs()
	for b.Loop() {
		buf = g.Next(buf[:0], now)
		total += len(buf)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
	b.SetBytes(int64(total / b.N))
}

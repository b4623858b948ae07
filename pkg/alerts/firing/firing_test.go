package firing_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"auditlog-forwarder/pkg/alerts"
	"auditlog-forwarder/pkg/alerts/firing"
	"auditlog-forwarder/pkg/sigma"
)

// day is a Monday.
func day() time.Time { return time.Date(2026, 11, 2, 0, 0, 0, 0, time.UTC) }

func path(t testing.TB, s string) sigma.Path {
	t.Helper()
	p, err := sigma.ParsePath(s)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// subjects are those of the tests: names that there are, with paths that are short.
func subjects(t testing.TB) []alerts.Subject {
	return []alerts.Subject{
		{Name: "principal", Paths: []sigma.Path{path(t, "who.id"), path(t, "who")}, Trim: "User:"},
		{Name: "source_ip", Paths: []sigma.Path{path(t, "from{}.ip")}},
		{Name: "credential", Paths: []sigma.Path{path(t, "key")}},
	}
}

// rule is one that asks a single thing.
func rule(t testing.TB, asked string) *sigma.Rule {
	t.Helper()
	rules, err := sigma.Parse("r.yml", []byte("title: r\nlogsource: {product: confluent}\ndetection: {sel: {"+asked+"}, condition: sel}\n"))
	if err != nil {
		t.Fatal(err)
	}
	return rules[0]
}

// alert is one on events with m: x, with what change sets.
func alert(t testing.TB, change func(a *alerts.Alert)) *alerts.Alert {
	t.Helper()
	a := &alerts.Alert{Rule: rule(t, "m: x"), Name: "r", Every: time.Hour, LookBack: time.Hour}
	if change != nil {
		change(a)
	}
	return a
}

func evaluator(t testing.TB, opts firing.Options, list ...*alerts.Alert) *firing.Evaluator {
	t.Helper()
	if opts.Align.IsZero() {
		opts.Align = day()
	}
	e, err := firing.New(list, subjects(t), opts)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// told writes firings as lines: when, the group, count, distinct values and the message.
func told(f firing.Firing) string {
	var group []string
	for _, v := range f.Group {
		if v.Texts[0] != firing.Unknown {
			group = append(group, v.Subject+"="+strings.Join(v.Texts, ","))
		}
	}
	line := fmt.Sprintf("%s [%s] %d", f.At.Format("02 15:04"), strings.Join(group, " "), f.Count)
	if f.Distinct > 0 {
		line += fmt.Sprintf(" of %d", f.Distinct)
	}
	if f.Same {
		line += " (same)"
	}
	if f.Message != "" {
		line += ": " + f.Message
	}
	return line
}

func TestConditions(t *testing.T) {
	t.Parallel()
	type event struct {
		at   string // after day
		body string
	}
	x := func(at, rest string) event {
		if rest != "" {
			rest = "," + rest
		}
		return event{at, `{"m":"x"` + rest + `}`}
	}
	times := func(n int, from, apart time.Duration, rest string) (all []event) {
		for i := range n {
			all = append(all, x((from+time.Duration(i)*apart).String(), rest))
		}
		return all
	}
	const a, b, ip = `"who":"User:a"`, `"who":{"id":"b"}`, `,"from":[{"ip":"192.0.2.1"}]`
	for _, tt := range []struct {
		name   string
		change func(a *alerts.Alert)
		opts   firing.Options
		events []event
		until  string
		want   []string
	}{
		{
			"each event is an alert, told by the next run",
			func(a *alerts.Alert) { a.Message = "{principal} did it" },
			firing.Options{},
			[]event{x("59m59s", a), x("1h", b), {"1h", `{"m":"y"}`}, x("1h", `"who":[1]`)},
			"2h",
			[]string{"02 01:00 [principal=a] 1: a did it", "02 02:00 [principal=b] 1: b did it", "02 02:00 [] 1 (same): unknown did it"},
		},
		{
			"at once",
			nil,
			firing.Options{AtOnce: true},
			[]event{x("10m", ""), x("5m", "")},
			"10m",
			[]string{"02 00:05 [] 1", "02 00:10 [] 1"},
		},
		{
			"a run finds an event again that it looks back at",
			func(a *alerts.Alert) { a.LookBack = 2 * time.Hour },
			firing.Options{},
			[]event{x("10m", "")},
			"12h",
			[]string{"02 01:00 [] 1", "02 02:00 [] 1"},
		},
		{
			"nothing is told of runs that are not due",
			nil,
			firing.Options{},
			[]event{x("10m", "")},
			"59m", nil,
		},
		{
			"threshold by group",
			func(a *alerts.Alert) {
				a.Condition.Threshold = &alerts.Threshold{Count: 3, By: []string{"principal"}}
				a.Message = "{count} of {principal} from {source_ip}"
			},
			firing.Options{},
			[]event{
				x("10m", a+`,"from":[{"ip":"1.1.1.1"},{"ip":"2.2.2.2"}]`), x("20m", a+`,"from":[{"ip":"3.3.3.3"}]`), x("30m", a),
				x("10m", b), x("20m", b), x("1h", b),
			},
			"3h",
			[]string{"02 01:00 [principal=a] 3: 3 of a from 1.1.1.1, 3.3.3.3"},
		},
		{
			"threshold over a look-back longer than the time between runs",
			func(a *alerts.Alert) {
				a.Every, a.LookBack = 20*time.Minute, 30*time.Minute
				a.Condition.Threshold = &alerts.Threshold{Count: 2}
			},
			firing.Options{},
			[]event{x("10m", ""), x("30m", ""), x("45m", "")},
			"3h",
			// [30m,60m) has two; [10m,40m) too, its start included and its end not.
			[]string{"02 00:40 [] 2", "02 01:00 [] 2"},
		},
		{
			"threshold of distinct values",
			func(a *alerts.Alert) {
				a.Condition.Threshold = &alerts.Threshold{Count: 3, By: []string{"source_ip"}, Distinct: "credential", DistinctCount: 2}
				a.Message = "{distinct_count}"
			},
			firing.Options{},
			[]event{
				x("1m", `"key":"K1"`), x("2m", `"key":"K2"`), x("3m", `"key":"K1"`),
				x("1h1m", `"key":"K1"`), x("1h2m", `"key":"K1"`), x("1h3m", `"key":"K1"`),
			},
			"3h",
			[]string{"02 01:00 [] 3 of 2: 2"},
		},
		{
			"out of order, and across runs of Advance at once",
			func(a *alerts.Alert) { a.Condition.Threshold = &alerts.Threshold{Count: 2} },
			firing.Options{},
			[]event{x("3h10m", ""), x("10m", ""), x("3h", ""), x("20m", "")},
			"5h",
			[]string{"02 01:00 [] 2", "02 04:00 [] 2"},
		},
		{
			"new",
			func(a *alerts.Alert) {
				a.Condition.New = &alerts.New{By: []string{"principal", "source_ip"}, Within: 3 * time.Hour, Count: 1}
			},
			firing.Options{},
			[]event{x("10m", a+ip), x("50m", a+ip), x("1h", a+ip), x("2h", b+ip), x("2h", b), x("5h10m", a+ip), x("9h", a+ip)},
			"12h",
			// That at 1h is in the three hours before that at 5h10m no more. Of an event
			// without an address nothing new can be said.
			[]string{"02 01:00 [principal=a source_ip=192.0.2.1] 2", "02 03:00 [principal=b source_ip=192.0.2.1] 1", "02 06:00 [principal=a source_ip=192.0.2.1] 1", "02 10:00 [principal=a source_ip=192.0.2.1] 1"},
		},
		{
			"new with a count",
			func(a *alerts.Alert) {
				a.Condition.New = &alerts.New{By: []string{"principal"}, Within: 3 * time.Hour, Count: 2}
			},
			firing.Options{},
			[]event{x("10m", a), x("1h", a), x("1h1m", a), x("2h", b), x("2h30m", b)},
			"12h",
			[]string{"02 03:00 [principal=b] 2"},
		},
		{
			"spike over a quiet day",
			func(a *alerts.Alert) {
				a.Condition.Spike = &alerts.Spike{By: []string{"principal"}, Bin: 30 * time.Minute, Over: 24 * time.Hour, Count: 5, Deviations: 3}
			},
			firing.Options{},
			append(times(4, 2*time.Hour, time.Minute, b), times(9, 5*time.Hour, time.Minute, a)...), "24h",
			[]string{"02 06:00 [principal=a] 9"},
		},
		{
			"spike that is as every hour",
			func(a *alerts.Alert) {
				a.Condition.Spike = &alerts.Spike{Bin: time.Hour, Over: 24 * time.Hour, Count: 5, Deviations: 3}
			},
			firing.Options{Since: day()},
			times(48*6, 0, 10*time.Minute, ""), "48h",
			[]string{"02 01:00 [] 6", "02 02:00 [] 6"}, // of 24 hours at most two are above the mean by three deviations
		},
		{
			"absent",
			func(a *alerts.Alert) { a.Condition.Absent = &alerts.Absent{For: 2 * time.Hour}; a.Message = "none" },
			firing.Options{},
			[]event{x("30m", ""), x("1h", ""), {"5h", `{"m":"other"}`}, x("6h", "")},
			"7h",
			[]string{"02 04:00 [] 0: none", "02 05:00 [] 0: none", "02 06:00 [] 0: none"},
		},
		{
			"absent where nothing was ever seen",
			func(a *alerts.Alert) { a.Condition.Absent = &alerts.Absent{For: time.Hour} },
			firing.Options{},
			nil, "7h", nil,
		},
		{
			"absent from a given time on",
			func(a *alerts.Alert) { a.Condition.Absent = &alerts.Absent{For: time.Hour} },
			firing.Options{Since: day()},
			nil, "2h",
			[]string{"02 01:00 [] 0", "02 02:00 [] 0"},
		},
		{
			"suppressed by group",
			func(a *alerts.Alert) {
				a.Suppress = alerts.Suppress{For: 2 * time.Hour, By: []string{"principal"}}
				a.Show = []string{"credential"}
			},
			firing.Options{},
			[]event{x("1m", a+`,"key":1`), x("2m", a+`,"key":2`), x("2m", b), x("1h1m", a), x("2h1m", a), x("3h", a)},
			"12h",
			[]string{"02 01:00 [credential=1 principal=a] 1", "02 01:00 [principal=b] 1", "02 03:00 [principal=a] 1"},
		},
		{
			"suppressed whatever the group",
			func(a *alerts.Alert) {
				a.Condition.Threshold = &alerts.Threshold{Count: 1, By: []string{"principal"}}
				a.Suppress = alerts.Suppress{For: 2 * time.Hour}
			},
			firing.Options{},
			[]event{x("2m", b), x("1m", a), x("1h", b), x("2h", a)},
			"12h",
			// The rows of a run are one message.
			[]string{"02 01:00 [principal=a] 1", "02 01:00 [principal=b] 1 (same)", "02 03:00 [principal=a] 1"},
		},
		{
			"outside of working hours of another offset",
			func(a *alerts.Alert) {
				a.Hours = &alerts.Hours{From: 7 * time.Hour, To: 19 * time.Hour, Days: [7]bool{time.Monday: true, time.Tuesday: true}, Zone: alerts.Zone{From: time.Hour}}
			},
			firing.Options{},
			// 07:00 and 19:00 at +01:00 are 06:00 and 18:00; 48h is Wednesday.
			[]event{x("5h59m", ""), x("6h", ""), x("17h59m", ""), x("18h", ""), x("48h1m", ""), x("57h", "")},
			"96h",
			[]string{"02 06:00 [] 1", "02 19:00 [] 1", "04 01:00 [] 1", "04 10:00 [] 1"},
		},
		{
			"heartbeats are not audit events",
			func(a *alerts.Alert) { a.Source = alerts.Heartbeat },
			firing.Options{},
			[]event{x("1m", ""), x("1h1m", `"type":"auditlog-forwarder.heartbeat.v1"`), x("2h1m", `"type":[],"type":"auditlog-forwarder.heartbeat.v1"`)},
			"3h",
			[]string{"02 02:00 [] 1", "02 03:00 [] 1"},
		},
		{
			"a text null is none",
			func(a *alerts.Alert) { a.Message = "{principal}" },
			firing.Options{},
			[]event{x("1m", `"who":"null"`), x("1h", `"who":{"id":"null"}`), x("2h", `"who":""`), x("3h", `"who":0`)},
			"4h",
			[]string{"02 01:00 [] 1: unknown", "02 02:00 [] 1: unknown", "02 03:00 [] 1: unknown", "02 04:00 [principal=0] 1: 0"},
		},
		{
			"of many values the first ten in their order",
			func(a *alerts.Alert) {
				a.LookBack, a.Condition.Threshold = 2*time.Hour, &alerts.Threshold{Count: 12}
				a.Message = "{credential}"
				a.Show = []string{"credential"}
			},
			firing.Options{},
			[]event{
				x("1m", `"key":"l"`), x("2m", `"key":"k"`), x("3m", `"key":"j"`), x("4m", `"key":"i"`), x("5m", `"key":"h"`), x("6m", `"key":"g"`),
				x("61m", `"key":"f"`), x("62m", `"key":"e"`), x("63m", `"key":"d"`), x("64m", `"key":"c"`), x("65m", `"key":"b"`), x("66m", `"key":"a"`),
			},
			"2h",
			[]string{"02 02:00 [] 12: a, b, c, d, e, f, g, h, i, j"},
		},
		{
			"texts that would run into each other",
			func(a *alerts.Alert) {
				a.Condition.Threshold = &alerts.Threshold{Count: 1, By: []string{"principal", "credential"}}
			},
			firing.Options{},
			[]event{x("1m", `"who":"a","key":"bc"`), x("2m", `"who":"ab","key":"c"`), x("3m", `"who":"a\u0000","key":"c"`)},
			"1h",
			[]string{"02 01:00 [principal=a credential=bc] 1", "02 01:00 [principal=ab credential=c] 1 (same)", "02 01:00 [principal=a\x00 credential=c] 1 (same)"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			after := func(s string) time.Time {
				d, err := time.ParseDuration(s)
				if err != nil {
					t.Fatal(err)
				}
				return day().Add(d)
			}
			e := evaluator(t, tt.opts, alert(t, tt.change))
			for _, ev := range tt.events {
				e.Add(firing.Event{Body: []byte(ev.body), Time: after(ev.at)})
			}
			var got []string
			e.Advance(after(tt.until), func(f firing.Firing) { got = append(got, told(f)) })
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

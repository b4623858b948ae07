package mirror_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/twmb/franz-go/pkg/kgo"

	"auditlog-forwarder/pkg/mirror"
)

func span(first, last int64) *mirror.Span { return &mirror.Span{First: first, Last: last} }

func verify(t *testing.T, source, dest *cluster, change func(*mirror.VerifyOptions)) *mirror.VerifyReport {
	t.Helper()
	opts := mirror.VerifyOptions{Source: source.leg("x"), Destination: dest.leg("x"), Findings: 10, MaxBehind: 100 * 365 * 24 * time.Hour}
	if change != nil {
		change(&opts)
	}
	report, err := mirror.Verify(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// TestVerifyFindsDamage holds what is said of copies that are damaged.
func TestVerifyFindsDamage(t *testing.T) {
	t.Parallel()
	const n = 40
	type findings []mirror.Finding
	change := func(i int, f func(*kgo.Record)) func([]kgo.Record) []kgo.Record {
		return func(r []kgo.Record) []kgo.Record { f(&r[i]); return r }
	}
	changed := func(what string, at int64) findings {
		return findings{{Kind: mirror.Changed, Count: 1, Source: span(at, at), Destination: span(at, at), What: what}}
	}
	for name, tt := range map[string]struct {
		damage  func([]kgo.Record) []kgo.Record
		want    findings
		verdict mirror.Verdict
	}{
		"none": {func(r []kgo.Record) []kgo.Record { return r }, findings{}, mirror.Equal},
		"missing": {
			func(r []kgo.Record) []kgo.Record { return slices.Delete(r, 7, 10) },
			findings{{Kind: mirror.Missing, Count: 3, Source: span(7, 9)}},
			mirror.Different,
		},
		"missing at the start": {
			func(r []kgo.Record) []kgo.Record { return r[1:] },
			findings{{Kind: mirror.Missing, Count: 1, Source: span(0, 0)}},
			mirror.Different,
		},
		"doubled": {
			func(r []kgo.Record) []kgo.Record { return slices.Insert(r, 10, slices.Clone(r[5:10])...) },
			findings{{Kind: mirror.Doubled, Count: 5, Source: span(5, 9), Destination: span(10, 14), FirstCopy: span(5, 9)}},
			mirror.Different,
		},
		"swapped": {
			func(r []kgo.Record) []kgo.Record { r[4], r[5] = r[5], r[4]; return r },
			findings{{Kind: mirror.OutOfOrder, Count: 1, Source: span(5, 5), Destination: span(4, 4)}},
			mirror.Different,
		},
		"extra": {
			func(r []kgo.Record) []kgo.Record {
				return slices.Insert(r, 3, kgo.Record{Value: []byte("mine"), Timestamp: epoch()})
			},
			findings{{Kind: mirror.Extra, Count: 1, Destination: span(3, 3)}},
			mirror.Different,
		},
		"not copied yet": {
			func(r []kgo.Record) []kgo.Record { return r[:30] },
			findings{{Kind: mirror.NotCopied, Count: 10, Source: span(30, 39)}},
			mirror.Behind,
		},
		"nothing copied": {
			func([]kgo.Record) []kgo.Record { return nil },
			findings{{Kind: mirror.NotCopied, Count: 40, Source: span(0, 39)}},
			mirror.Behind,
		},
		"header": {
			change(6, func(r *kgo.Record) { r.Headers = []kgo.RecordHeader{{Key: "a", Value: []byte("2")}, {Key: "b"}} }),
			changed("headers", 6), mirror.Different,
		},
		"order of headers": {
			change(6, func(r *kgo.Record) { r.Headers = []kgo.RecordHeader{r.Headers[1], r.Headers[0]} }),
			changed("headers", 6), mirror.Different,
		},
		"header empty in place of nil": {
			change(6, func(r *kgo.Record) { r.Headers = []kgo.RecordHeader{r.Headers[0], {Key: "b", Value: []byte{}}} }),
			changed("headers", 6), mirror.Different,
		},
		"timestamp": {
			change(9, func(r *kgo.Record) { r.Timestamp = r.Timestamp.Add(time.Millisecond) }),
			changed("timestamp", 9), mirror.Different,
		},
		"timestamp of today": {
			change(9, func(r *kgo.Record) { r.Timestamp = time.Now() }),
			changed("timestamp", 9), mirror.Different,
		},
		"key empty in place of nil": {change(8, func(r *kgo.Record) { r.Key = []byte{} }), changed("key", 8), mirror.Different},
		"key nil in place of empty": {change(9, func(r *kgo.Record) { r.Key = nil }), changed("key", 9), mirror.Different},
		"value empty in place of nil": {
			change(n-1, func(r *kgo.Record) { r.Value = []byte{} }), changed("value", n-1), mirror.Different,
		},
		"value": {change(2, func(r *kgo.Record) { r.Value = []byte("other") }), changed("value", 2), mirror.Different},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			source, dest := fake(t, "source", 1), fake(t, "copy", 1)
			all := events(0, n)
			all[n-1].Value = nil
			source.write(all...)
			dest.write(tt.damage(slices.Clone(all))...)
			report := verify(t, source, dest, nil)
			got := report.Partitions[0]
			opts := cmp.Options{cmpopts.IgnoreUnexported(mirror.Finding{}), cmpopts.IgnoreFields(mirror.Finding{}, "Time")}
			if diff := cmp.Diff([]mirror.Finding(tt.want), got.Findings, opts); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
			if got.Verdict != tt.verdict || report.Verdict != tt.verdict || got.Error != "" {
				t.Errorf("verdict %s, of all %s (%s), want %s", got.Verdict, report.Verdict, got.Error, tt.verdict)
			}
			c := got.Counts
			if c.Source != n || c.Source != c.Same+c.Missing+c.Changed+c.NotCopied || c.Destination != c.Same+c.Doubled+c.Changed+c.Extra {
				t.Errorf("the counts do not add up: %+v", c)
			}
		})
	}
}

// TestVerifyRanges holds that the edges of a range are found in a copy whose
// offsets are others, and that what one side has no longer is not blamed.
func TestVerifyRanges(t *testing.T) {
	t.Parallel()
	offset := func(n int64) mirror.Point { return mirror.Point{Offset: &n} }
	minute := func(n int) mirror.Point { return mirror.Point{Time: epoch().Add(time.Duration(n) * time.Minute)} }
	for name, tt := range map[string]struct {
		copied               int // records of which the copy has none
		sourceGone, destGone int64
		from, to             mirror.Point
		want                 mirror.Counts
		verdict              mirror.Verdict
		notes                int
	}{
		"by offset":                        {from: offset(10), to: offset(20), want: mirror.Counts{Source: 10, Destination: 10, Same: 10}, verdict: mirror.Equal},
		"by time":                          {from: minute(10), to: minute(20), want: mirror.Counts{Source: 10, Destination: 10, Same: 10}, verdict: mirror.Equal},
		"from a time on":                   {from: minute(90), want: mirror.Counts{Source: 10, Destination: 10, Same: 10}, verdict: mirror.Equal},
		"up to a time":                     {to: minute(10), want: mirror.Counts{Source: 10, Destination: 15, Same: 10, Extra: 5}, verdict: mirror.Different},
		"after all":                        {from: minute(1000), verdict: mirror.Equal},
		"begun later":                      {copied: 30, to: offset(60), want: mirror.Counts{Source: 60, Destination: 35, Same: 30, Missing: 30, Extra: 5}, verdict: mirror.Different},
		"expired at the source":            {sourceGone: 50, want: mirror.Counts{Source: 50, Destination: 50, Same: 50}, verdict: mirror.Equal, notes: 1},
		"expired at the copy":              {destGone: 55, want: mirror.Counts{Source: 50, Destination: 50, Same: 50}, verdict: mirror.Equal, notes: 1},
		"expired at both":                  {sourceGone: 50, destGone: 65, want: mirror.Counts{Source: 40, Destination: 40, Same: 40}, verdict: mirror.Equal, notes: 1},
		"expired at the copy altogether":   {destGone: 105, verdict: mirror.Unknown, notes: 1},
		"expired at the source altogether": {sourceGone: 100, verdict: mirror.Unknown, notes: 1},
		"expired at the source from on":    {sourceGone: 50, from: offset(20), to: offset(60), want: mirror.Counts{Source: 10, Destination: 10, Same: 10}, verdict: mirror.Equal, notes: 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			source, dest := fake(t, "source", 1), fake(t, "copy", 1)
			all := events(0, 100)
			source.write(all...)
			for range 5 { // so that no offset is the same
				dest.write(kgo.Record{Value: []byte("mine"), Timestamp: epoch().Add(-time.Hour)})
			}
			dest.write(all[tt.copied:]...)
			if tt.sourceGone > 0 {
				source.expire(tt.sourceGone)
			}
			if tt.destGone > 0 {
				dest.expire(tt.destGone)
			}
			report := verify(t, source, dest, func(o *mirror.VerifyOptions) { o.From, o.To = tt.from, tt.to })
			p := report.Partitions[0]
			if diff := cmp.Diff(tt.want, p.Counts); diff != "" || p.Verdict != tt.verdict || len(p.Notes) != tt.notes {
				t.Errorf("verdict %s, want %s; notes %q, want %d; counts (-want +got):\n%s\n%+v", p.Verdict, tt.verdict, p.Notes, tt.notes, diff, p)
			}
		})
	}
}

// TestVerifyPartitions holds that no partition is left out in silence.
func TestVerifyPartitions(t *testing.T) {
	t.Parallel()
	source, dest := fake(t, "source", 2), fake(t, "copy", 3)
	all := events(0, 10)
	source.write(all...)
	dest.write(all...)
	for i := range all {
		all[i].Partition = 1
	}
	source.write(all...)
	if got := verify(t, source, dest, nil); got.Verdict != mirror.Behind || len(got.Notes) != 1 || len(got.Partitions) != 3 {
		t.Errorf("verdict %s, notes %q, %d partitions", got.Verdict, got.Notes, len(got.Partitions))
	}
	if got := verify(t, source, dest, func(o *mirror.VerifyOptions) { o.Partitions = []int32{0} }); got.Verdict != mirror.Equal {
		t.Errorf("partition 0 alone: %s", got.Verdict)
	}
	if got := verify(t, dest, source, nil); got.Verdict != mirror.Different || got.Total.Extra != 10 {
		t.Errorf("the other way round: %s, %+v", got.Verdict, got.Total)
	}
	for i := range all {
		all[i].Partition = 2
	}
	dest.write(all...)
	if got := verify(t, dest, source, func(o *mirror.VerifyOptions) { o.Partitions = []int32{2} }); got.Total.Missing != 10 {
		t.Errorf("a partition that the copy does not have: %s, %+v", got.Verdict, got.Total)
	}
	if got := verify(t, source, dest, func(o *mirror.VerifyOptions) { o.Partitions, o.MaxBehind = []int32{1}, time.Minute }); got.Verdict != mirror.TooBehind {
		t.Errorf("behind for days: %s", got.Verdict)
	}
	opts := mirror.VerifyOptions{Source: source.leg("x"), Destination: dest.leg("x"), Partitions: []int32{5}}
	if _, err := mirror.Verify(t.Context(), opts); err == nil {
		t.Error("a partition that nobody has: no error")
	}
}

// TestVerifyBeyondTheWindow holds that a hole or a repeat which is longer than
// what is remembered does not bring the two sides apart.
func TestVerifyBeyondTheWindow(t *testing.T) {
	t.Parallel()
	const n, window = 2000, 64
	source, hole, repeat := fake(t, "source", 1), fake(t, "copy", 1), fake(t, "copy", 1)
	all := events(0, n)
	source.batch(all)
	hole.batch(slices.Concat(all[:700], all[1200:]))
	repeat.batch(slices.Concat(all[:1200], all[700:]))
	small := func(o *mirror.VerifyOptions) { o.Window = window }
	if got := verify(t, source, hole, small); got.Total.Missing != 500 || got.Total.Wrong() != 500 || got.Total.Same != n-500 {
		t.Errorf("a hole of 500: %+v", got.Total)
	}
	if got := verify(t, source, repeat, small); got.Total.Doubled+got.Total.Extra != 500 || got.Total.Wrong() != 500 || got.Total.Same != n {
		t.Errorf("a repeat of 500: %+v", got.Total)
	}
	if got := verify(t, source, repeat, nil); got.Total.Doubled != 500 || got.Total.Wrong() != 500 {
		t.Errorf("a repeat of 500, remembered: %+v", got.Total)
	}
}

// TestVerifyWhileCopied holds that records which come meanwhile are no
// difference.
func TestVerifyWhileCopied(t *testing.T) {
	t.Parallel()
	source, dest := fake(t, "source", 1), fake(t, "copy", 1)
	all := events(0, 3000)
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for i := range all {
			select {
			case <-stop:
				return
			default:
				source.write(all[i])
				dest.write(all[i])
			}
		}
	}()
	for range 20 {
		if got := verify(t, source, dest, nil); got.Total.Wrong() > 0 {
			t.Errorf("while it is copied: %+v, %+v", got.Total, got.Partitions[0].Findings)
		}
	}
	close(stop)
	<-stopped
}

// TestVerifyItself: a topic is equal to itself, which says nothing of a copy.
func TestVerifyItself(t *testing.T) {
	t.Parallel()
	source := fake(t, "audit", 1)
	source.write(events(0, 3)...)
	for _, address := range []string{"127.0.0.1", "localhost"} {
		report, err := mirror.Verify(t.Context(), mirror.VerifyOptions{Source: source.leg("x"), Destination: source.by(address, "x")})
		if err == nil || !strings.Contains(err.Error(), "lead to one cluster") {
			t.Errorf("a topic and itself, at %s: %+v, %v", address, report, err)
		}
	}
}

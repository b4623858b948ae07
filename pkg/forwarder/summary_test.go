package forwarder

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/tidwall/gjson"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"auditlog-forwarder/pkg/audit"
	"auditlog-forwarder/pkg/summary"
)

// stretch is one life of a lane over given records.
type stretch struct {
	ledger
	notes []string
	f     *Forwarder
	logs  *observer.ObservedLogs
}

func noiseRecord(offset int64, who string, second int) *audit.Record {
	return &audit.Record{
		Topic: "audit", Offset: offset, Timestamp: time.Date(2026, 11, 1, 10, 0, second, 0, time.UTC),
		Value: fmt.Appendf(nil, `{"id":"e%d","data":{"methodName":"noise","who":%q}}`, offset, who),
	}
}

// runStretch runs a lane over records, and loses the partition after some time.
func runStretch(t *testing.T, claim Claim, rules string, length time.Duration, opts func(*Options), records ...*audit.Record) *stretch {
	t.Helper()
	core, logs := observer.New(zap.InfoLevel)
	s := &stretch{logs: logs}
	o := Options{
		Sink: s, DeadLetters: s, MaxEventBytes: 10_000, Log: zap.New(core), Registerer: prometheus.NewRegistry(),
		Summaries: summary.DefaultConfig(), Filter: newNoiseFilter(t, rules),
	}
	if opts != nil {
		opts(&o)
	}
	s.f = New(DefaultConfig(), o)
	in := make(chan *audit.Record, len(records))
	for _, r := range records {
		if r.Offset >= claim.Start {
			in <- r
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), length)
	defer cancel()
	claim.Topic, claim.HighWater = "audit", func() int64 { return 0 }
	claim.Mark = func(next int64, note string, committed func()) {
		s.marks, s.notes = append(s.marks, next), append(s.notes, note)
		if committed != nil {
			committed()
		}
	}
	ended := make(chan none)
	go func() {
		defer close(ended)
		if err := Run(ctx, s.f, claim, in, func(m, r *audit.Record) { *r = *m }); err != nil {
			t.Error(err)
		}
	}()
	<-ended
	if got := s.f.Totals(); got.Missing() != 0 || got.Unsettled != 0 {
		t.Errorf("the accounts do not add up: %+v", got)
	}
	return s
}

// brief is what a summary says in few words.
func (s *stretch) brief() (all []string) {
	for _, text := range s.sent {
		v := gjson.Parse(text)
		all = append(all, fmt.Sprintf("%s %d in [%d,%d]%s", v.Get("data.who").Str, v.Get("summary.count").Int(),
			v.Get("summary.first_offset").Int(), v.Get("summary.last_offset").Int(), strings.TrimPrefix(v.Get("summary.rules_changed").Raw, "false")))
	}
	return all
}

func (s *stretch) last() (next int64, note string) {
	return s.marks[len(s.marks)-1], s.notes[len(s.notes)-1]
}

func (s *stretch) want(t *testing.T, what string, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, s.brief()); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// TestQuietWindow: in a partition that falls silent the window's summaries go
// when its length and the grace are over, once; and the next owner, who reads
// the window again, sends only what is new.
func TestQuietWindow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		records := []*audit.Record{noiseRecord(5, "w1", 1), noiseRecord(6, "w2", 2), noiseRecord(7, "w1", 3)}
		claim := Claim{Start: 5, Committed: 5}
		early := runStretch(t, claim, "rules", 60*time.Second, nil, records...)
		early.want(t, "before its time")
		next, note := early.last()

		claim = Claim{Start: summary.Rewind(next, note), Committed: next, Note: note}
		first := runStretch(t, claim, "rules", 10*time.Minute, nil, records...)
		first.want(t, "a quiet window", "w1 2 in [5,7]", "w2 1 in [6,6]")
		if len(first.marks) != 1 || first.marks[0] != 8 {
			t.Errorf("marks %v, want 8 once", first.marks)
		}
		if got := first.f.Totals(); got.Read != 0 || got.Summaries != 2 || got.Accepted != 2 {
			t.Errorf("records that are read again are counted twice: %+v", got)
		}

		next, note = first.last()
		claim = Claim{Start: summary.Rewind(next, note), Committed: next, Note: note}
		again := runStretch(t, claim, "rules", 10*time.Minute, nil, records...)
		again.want(t, "nothing new")
		more := append(records, noiseRecord(8, "w2", 50), noiseRecord(9, "w3", 61))
		second := runStretch(t, claim, "rules", 30*time.Second, nil, more...)
		second.want(t, "a late record, and one of the next window", "w2 2 in [6,8]")
	})
}

// TestRulesChangeUnderAWindow: nothing of it is silent.
func TestRulesChangeUnderAWindow(t *testing.T) {
	t.Parallel()
	records := []*audit.Record{noiseRecord(5, "w1", 1), noiseRecord(6, "w2", 2), noiseRecord(7, "w1", 3), noiseRecord(8, "w1", 70)}
	for _, tc := range []struct {
		name, rules string
		filter      Filter
		records     []*audit.Record
		want        []string
		lost        float64
		says        string
	}{
		{"as before", "rules", nil, records, []string{"w1 2 in [5,7]", "w2 1 in [6,6]"}, 0, ""},
		{"others", "others", nil, records, []string{"w1 2 in [5,7]true", "w2 1 in [6,6]true"}, 0, "the rules have changed"},
		{"none", "", nil, records, nil, 3, "no rule summarises any more"},
		{"no filter", "", dropMethod("noise"), records, nil, 3, "no rule summarises any more"},
		{"a record is gone", "rules", nil, records[1:], []string{"w1 1 in [7,7]", "w2 1 in [6,6]"}, 1, "could not be read again"},
		{"one more", "rules", nil, append(slices.Clone(records[:2]), noiseRecord(6, "w3", 2), records[2], records[3]), []string{"w1 2 in [5,7]", "w2 1 in [6,6]", "w3 1 in [6,6]"}, 0, "were sent as well"},
		{"below the window", "rules", nil, append([]*audit.Record{noiseRecord(4, "w3", 0)}, records...), []string{"w1 2 in [5,7]", "w2 1 in [6,6]"}, 0, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				before := runStretch(t, Claim{Start: 4, Committed: 4}, "rules", 30*time.Second, nil, records[:3]...)
				next, note := before.last()
				claim := Claim{Start: 4, Committed: next, Note: note}
				after := runStretch(t, claim, tc.rules, 30*time.Second, func(o *Options) {
					if tc.filter != nil {
						o.Filter = tc.filter
					}
				}, tc.records...)
				if tc.rules != "" {
					got := after.brief()
					slices.Sort(got)
					if diff := cmp.Diff(tc.want, got); diff != "" {
						t.Errorf("(-want +got):\n%s", diff)
					}
				}
				if got := testutil.ToFloat64(after.f.metrics.unsummarised); got != tc.lost {
					t.Errorf("%v records told as lost, want %v", got, tc.lost)
				}
				if tc.says != "" && after.logs.FilterMessageSnippet(tc.says).Len() != 1 {
					t.Errorf("the log does not say that %s: %v", tc.says, after.logs.All())
				}
			})
		})
	}
}

// TestRulesChangeAfterAnEarlySummary: what was sent before is not counted again
// under other keys, or in windows that end elsewhere.
func TestRulesChangeAfterAnEarlySummary(t *testing.T) {
	t.Parallel()
	records := []*audit.Record{noiseRecord(5, "w1", 1), noiseRecord(6, "w2", 2), noiseRecord(7, "w1", 3)}
	later := append(slices.Clone(records), noiseRecord(8, "w1", 4), noiseRecord(9, "w2", 5))
	for _, tc := range []struct {
		name string
		opts func(*testing.T, *Options)
		want []string
	}{
		{"as before", nil, []string{"w1 3 in [5,8]", "w2 2 in [6,9]"}},
		{"other keys", func(t *testing.T, o *Options) {
			rule, err := summary.NewRule("noise", []string{"data.who"}, nil)
			if err != nil {
				t.Fatal(err)
			}
			o.Filter = whoFilter{noiseFilter{rule, "others"}}
		}, []string{"w1 1 in [8,8]true", "w2 1 in [9,9]true"}},
		{"fewer keys", func(_ *testing.T, o *Options) { o.Summaries.MaxKeys = 1 }, []string{"w1 1 in [8,8]true", "w2 1 in [9,9]true"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				first := runStretch(t, Claim{Start: 5, Committed: 5}, "rules", 10*time.Minute, nil, records...)
				first.want(t, "early", "w1 2 in [5,7]", "w2 1 in [6,6]")
				next, note := first.last()
				claim := Claim{Start: summary.Rewind(next, note), Committed: next, Note: note}
				between := runStretch(t, claim, "rules", 10*time.Second, nil, later...)
				next, note = between.last()
				claim = Claim{Start: summary.Rewind(next, note), Committed: next, Note: note}
				after := runStretch(t, claim, "rules", 10*time.Minute, func(o *Options) {
					if tc.opts != nil {
						tc.opts(t, o)
					}
				}, later...)
				after.want(t, tc.name, tc.want...)
				if got := testutil.ToFloat64(after.f.metrics.unsummarised); got != 0 {
					t.Errorf("%v records told as lost", got)
				}
			})
		})
	}
}

// whoFilter has a shorter key.
type whoFilter struct{ noiseFilter }

func (f whoFilter) Judge() Judge { return whoJudge{f.noiseFilter.Judge()} }

type whoJudge struct{ of Judge }

func (j whoJudge) Judge(rec *audit.Record, ev *audit.Event) Verdict {
	v := j.of.Judge(rec, ev)
	if v.Summary != nil {
		v.Summary.Values[0] = v.Summary.Values[1]
	}
	return v
}

// TestSummaryTooLong: an event whose key is too long to be counted is sent.
func TestSummaryTooLong(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		long := noiseRecord(5, strings.Repeat("x", summary.MaxKey), 1)
		s := runStretch(t, Claim{Start: 5, Committed: 5}, "rules", 10*time.Second, nil, long)
		if diff := cmp.Diff([]string{string(long.Value)}, s.sent); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

// BenchmarkLaneSummarises takes records that are summarised, by the judge of the
// tests; BenchmarkAdd in pkg/summary has the counting alone.
func BenchmarkLaneSummarises(b *testing.B) {
	l := &ledger{}
	f := New(DefaultConfig(), Options{
		Sink: l, DeadLetters: l, MaxEventBytes: 10_000, Log: zap.NewNop(), Registerer: prometheus.NewRegistry(),
		Summaries: summary.DefaultConfig(), Filter: newNoiseFilter(b, "rules"),
	})
	lane := f.newLane(b.Context(), Claim{Topic: "audit", Mark: func(int64, string, func()) {}, HighWater: func() int64 { return 0 }})
	defer lane.close()
	rec := noiseRecord(0, "w1", 1)
	b.ReportAllocs()
	for b.Loop() {
		rec.Offset++
		lane.take(rec)
		if !lane.hungry() {
			if err := lane.turn(); err != nil {
				b.Fatal(err)
			}
			lane.full = false
		}
	}
}

// TestBatchBehindSummaries: the lag is that of the oldest record, also in a batch
// that begins with summaries, which are made now.
func TestBatchBehindSummaries(t *testing.T) {
	t.Parallel()
	first, second := noiseRecord(5, "w1", 1), noiseRecord(6, "w1", 2)
	b := &batch{made: 1, first: second.Timestamp.Add(time.Hour)}
	b.add(first)
	b.add(second)
	if !b.first.Equal(first.Timestamp) {
		t.Errorf("the oldest record is of %v, want %v", b.first, first.Timestamp)
	}
}

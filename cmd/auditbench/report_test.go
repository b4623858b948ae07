package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSpread(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		values []float64
		want   spread
	}{
		{"one", []float64{3}, spread{3, 3, 3}},
		{"even", []float64{4, 1, 2, 3}, spread{2.5, 1, 4}},
		{"odd", []float64{9, 1, 2}, spread{2, 1, 9}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			var samples []sample
			for _, v := range tc.values {
				samples = append(samples, sample{Ratio: v})
			}
			got := spreadOf(samples, func(s sample) float64 { return s.Ratio })
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestRatiosAreOfTheSameRound gives a slow second round, in which the ratio
// stays what it was.
func TestRatiosAreOfTheSameRound(t *testing.T) {
	t.Parallel()
	for _, slow := range []float64{1, 3} {
		round := []sample{{Subject: subjectPlain, User: 4 * slow}, {Subject: baseline, User: 1 * slow, System: 1 * slow}}
		compare(round)
		if round[0].Ratio != 2 || round[1].Ratio != 1 {
			t.Errorf("%+v", round)
		}
	}
	alone := []sample{{Subject: subjectPlain, User: 4}}
	compare(alone)
	if alone[0].Ratio != 0 {
		t.Errorf("a ratio to nothing: %+v", alone)
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	within := sample{Subject: subjectPlain, CPUPerMillion: limitCPU, PeakBytes: limitPeak}
	for _, tc := range []struct {
		name       string
		partitions int32
		change     func(*sample)
		met        bool
		limits     int
	}{
		{"at the limits", 6, func(*sample) {}, true, 2},
		{"too slow", 6, func(s *sample) { s.CPUPerMillion += 0.1 }, false, 2},
		{"too large", 6, func(s *sample) { s.PeakBytes++ }, false, 2},
		{"gzip may take longer", 6, func(s *sample) { s.Subject, s.CPUPerMillion = subjectGzip, 20 }, true, 1},
		{"gzip may not be larger", 6, func(s *sample) { s.Subject, s.PeakBytes = subjectGzip, limitPeak+1 }, false, 1},
		{"more partitions take more memory", 12, func(s *sample) { s.PeakBytes *= 2 }, true, 1},
		{"the baseline has no limit", 6, func(s *sample) { s.Subject, s.CPUPerMillion, s.PeakBytes = baseline, 99, 1<<40 }, true, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s := within
			tc.change(&s)
			r := newReport(options{subjects: []string{s.Subject}, rounds: 1, partitions: tc.partitions}, filled{Events: 1e6, Bytes: 15e8}, []sample{s})
			if r.Met != tc.met || len(r.Limits) != tc.limits {
				t.Errorf("met %v by %+v; want %v by %d limits", r.Met, r.Limits, tc.met, tc.limits)
			}
			var b strings.Builder
			r.text(&b)
			if strings.Contains(b.String(), "EXCEEDED") == tc.met {
				t.Errorf("the text does not say so:\n%s", b.String())
			}
		})
	}
}

func TestText(t *testing.T) {
	t.Parallel()
	samples := []sample{
		{Subject: baseline, CPUPerMillion: 3, Ratio: 1, EventsPerSecond: 500_000, PeakBytes: 40e6},
		{Subject: subjectPlain, CPUPerMillion: 6, Ratio: 2, EventsPerSecond: 120_499, PeakBytes: 65e6},
		{Subject: baseline, CPUPerMillion: 5, Ratio: 1, EventsPerSecond: 300_000, PeakBytes: 40e6},
		{Subject: subjectPlain, CPUPerMillion: 8, Ratio: 1.6, EventsPerSecond: 100_000, PeakBytes: 66e6},
	}
	r := newReport(options{subjects: []string{baseline, subjectPlain}, rounds: 2, partitions: 6, compression: "none"}, filled{Events: 300_000, Bytes: 450_000_000}, samples)
	r.Go, r.System, r.CPUs = "go1.26", "linux/amd64", 2
	want := `300,000 events of 1500 bytes on average, 6 partitions, topic compression none; 2 rounds: median (range)
go1.26, linux/amd64, 2 CPUs

SUBJECT   CPU S PER MILLION   X COUNT               EVENTS/S                       PEAK MEMORY, MB
count     4.0 (3.0 to 5.0)    1.00                  400,000 (300,000 to 500,000)   40.0
plain     7.0 (6.0 to 8.0)    1.80 (1.60 to 2.00)   110,000 (100,000 to 120,000)   65.5 (65.0 to 66.0)

limit: at most 15 CPU seconds per million events of plain: 7.0, met
limit: at most 100 MB of memory of plain: 66.0, met
`
	var b strings.Builder
	r.text(&b)
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Error(diff)
	}
}

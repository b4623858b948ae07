package main

import (
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/dustin/go-humanize"
)

// The output formats.
const (
	outputText = "text"
	outputJSON = "json"
)

// The limits that the project set itself, for events of about 1.5 KB.
const (
	limitCPU        = 15.0             // CPU seconds per million events, without gzip
	limitPeak       = int64(100 * 1e6) // bytes, with and without gzip
	limitPartitions = 6
	fewEvents       = 100_000 // below, the start-up weighs more than noise
)

// sample is one subject in one round.
type sample struct {
	Subject         string  `json:"subject"`
	Round           int     `json:"round"`
	User            float64 `json:"user_seconds"`
	System          float64 `json:"system_seconds"`
	CPUPerMillion   float64 `json:"cpu_seconds_per_million"`
	Ratio           float64 `json:"cpu_ratio_to_count,omitempty"` // 0: count was not measured
	EventsPerSecond float64 `json:"events_per_second"`
	PeakBytes       int64   `json:"peak_bytes"`
	Delivered       int     `json:"delivered"`
	Requests        int     `json:"requests"`
	WireBytes       int64   `json:"wire_bytes"`
}

// CPU is user and system time in seconds.
func (s sample) CPU() float64 { return s.User + s.System }

// finish fills in what follows from the number of events read and the time in
// which those flowed that are timed.
func (s *sample) finish(events int, flowed time.Duration) {
	s.CPUPerMillion = s.CPU() / float64(events) * 1e6
	s.EventsPerSecond = float64(timed(events)) / max(flowed.Seconds(), 1e-3)
}

// compare sets the ratios of one round.
func compare(round []sample) {
	at := slices.IndexFunc(round, func(s sample) bool { return s.Subject == baseline })
	if at < 0 || round[at].CPU() == 0 {
		return
	}
	for i := range round {
		round[i].Ratio = round[i].CPU() / round[at].CPU()
	}
}

// spread is the median of several rounds and their range.
type spread struct {
	Median float64 `json:"median"`
	Min    float64 `json:"min"`
	Max    float64 `json:"max"`
}

func spreadOf(samples []sample, value func(sample) float64) spread {
	var all []float64
	for _, s := range samples {
		all = append(all, value(s))
	}
	slices.Sort(all)
	n := len(all)
	return spread{Median: (all[(n-1)/2] + all[n/2]) / 2, Min: all[0], Max: all[n-1]}
}

// show prints "median (min to max)".
func (s spread) show(number func(float64) string) string {
	if s.Min == s.Max {
		return number(s.Median)
	}
	return fmt.Sprintf("%s (%s to %s)", number(s.Median), number(s.Min), number(s.Max))
}

// row is one subject over all rounds.
type row struct {
	Subject         string `json:"subject"`
	CPUPerMillion   spread `json:"cpu_seconds_per_million"`
	Ratio           spread `json:"cpu_ratio_to_count"`
	EventsPerSecond spread `json:"events_per_second"`
	PeakBytes       spread `json:"peak_bytes"`
}

// limit is a limit and what was measured against it.
type limit struct {
	What     string  `json:"what"`
	Most     float64 `json:"most"`
	Measured float64 `json:"measured"`
	Met      bool    `json:"met"`
}

// report is the whole result.
type report struct {
	Events      int      `json:"events"`
	EventBytes  float64  `json:"event_bytes"` // on average
	Partitions  int32    `json:"partitions"`
	Compression string   `json:"topic_compression"`
	Rounds      int      `json:"rounds"`
	Go          string   `json:"go"`
	System      string   `json:"system"`
	CPUs        int      `json:"cpus"`
	Subjects    []row    `json:"subjects"`
	Limits      []limit  `json:"limits"`
	Met         bool     `json:"met"`
	Samples     []sample `json:"samples"`
}

func newReport(o options, full filled, samples []sample) report {
	r := report{
		Events: full.Events, EventBytes: float64(full.Bytes) / float64(full.Events),
		Partitions: o.partitions, Compression: o.compression, Rounds: o.rounds,
		Go: runtime.Version(), System: runtime.GOOS + "/" + runtime.GOARCH, CPUs: runtime.NumCPU(), Samples: samples,
	}
	for _, name := range o.subjects {
		own := slices.DeleteFunc(slices.Clone(samples), func(s sample) bool { return s.Subject != name })
		r.Subjects = append(r.Subjects, row{
			Subject:         name,
			CPUPerMillion:   spreadOf(own, func(s sample) float64 { return s.CPUPerMillion }),
			Ratio:           spreadOf(own, func(s sample) float64 { return s.Ratio }),
			EventsPerSecond: spreadOf(own, func(s sample) float64 { return s.EventsPerSecond }),
			PeakBytes:       spreadOf(own, func(s sample) float64 { return float64(s.PeakBytes) }),
		})
	}
	r.judge()
	return r
}

// judge holds the medians of CPU time and the peaks of memory against the
// limits.
func (r *report) judge() {
	for _, s := range r.Subjects {
		if s.Subject == subjectPlain {
			r.Limits = append(r.Limits, limit{
				What: "CPU seconds per million events of " + s.Subject, Most: limitCPU,
				Measured: s.CPUPerMillion.Median, Met: s.CPUPerMillion.Median <= limitCPU,
			})
		}
		if s.Subject != baseline && r.Partitions == limitPartitions {
			r.Limits = append(r.Limits, limit{
				What: "MB of memory of " + s.Subject, Most: float64(limitPeak) / 1e6,
				Measured: s.PeakBytes.Max / 1e6, Met: s.PeakBytes.Max <= float64(limitPeak),
			})
		}
	}
	r.Met = !slices.ContainsFunc(r.Limits, func(l limit) bool { return !l.Met })
}

// write prints the report.
func (r *report) write(w io.Writer, format string) error {
	var b strings.Builder
	if format == outputJSON {
		enc := json.NewEncoder(&b)
		enc.SetIndent("", "  ")
		if err := enc.Encode(r); err != nil {
			return fmt.Errorf("write the report: %w", err)
		}
	} else {
		r.text(&b)
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	return nil
}

func (r *report) text(b *strings.Builder) {
	rounds := "1 round"
	if r.Rounds > 1 {
		rounds = fmt.Sprintf("%d rounds: median (range)", r.Rounds)
	}
	fmt.Fprintf(b, "%s events of %.0f bytes on average, %d partitions, topic compression %s; %s\n%s, %s, %d CPUs\n\n",
		humanize.Comma(int64(r.Events)), r.EventBytes, r.Partitions, r.Compression, rounds, r.Go, r.System, r.CPUs)
	table := tabwriter.NewWriter(b, 0, 0, 3, ' ', 0)
	row := func(cells ...string) { _, _ = fmt.Fprintln(table, strings.Join(cells, "\t")) } // a Builder takes everything
	row("SUBJECT", "CPU S PER MILLION", "X COUNT", "EVENTS/S", "PEAK MEMORY, MB")
	number := func(f float64) string { return fmt.Sprintf("%.1f", f) }
	for _, s := range r.Subjects {
		ratio := "-"
		if s.Ratio.Max > 0 {
			ratio = s.Ratio.show(func(f float64) string { return fmt.Sprintf("%.2f", f) })
		}
		row(s.Subject, s.CPUPerMillion.show(number), ratio,
			s.EventsPerSecond.show(func(f float64) string { return humanize.Comma(int64(f/1000) * 1000) }),
			s.PeakBytes.show(func(f float64) string { return number(f / 1e6) }))
	}
	_ = table.Flush() // into a Builder
	fmt.Fprintln(b)
	for _, l := range r.Limits {
		verdict := "met"
		if !l.Met {
			verdict = "EXCEEDED"
		}
		fmt.Fprintf(b, "limit: at most %.0f %s: %.1f, %s\n", l.Most, l.What, l.Measured, verdict)
	}
	if r.Events < fewEvents {
		fmt.Fprintf(b, "With so few events the start-up weighs; %s or more tell the cost of an event.\n", humanize.Comma(fewEvents))
	}
}
